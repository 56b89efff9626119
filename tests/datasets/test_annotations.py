# Copyright (c) temporal_corr authors. All rights reserved.
"""Annotation files as others write them: read for what they say, or refused
with the file, the entry, the field and the remedy."""
import random

import numpy as np
import pytest
from PIL import Image

from projects.temporal_corr.datasets import SubJhmdbDataset, VideoCocoDataset

NAMES = list(SubJhmdbDataset(lazy_init=True).metainfo['keypoint_name2id'])
NAN = float('nan')


def every(kind, **values):
    """Sets fields of all entries; a function is given the entry."""

    def edit(data):
        for entry in data[kind]:
            for field, value in values.items():
                entry[field] = value(entry) if callable(value) else value

    return edit


def rows(annotation):
    return np.reshape(annotation['keypoints'], (-1, 3))


def reorder(order):
    """The file's keypoints in another order, which it says."""

    def edit(data):
        data['categories'][0]['keypoints'] = [NAMES[i] for i in order]
        for entry in data['annotations']:
            entry['keypoints'] = rows(entry)[order].ravel().tolist()

    return edit


def more_keypoints(data):
    """A tail before all others."""
    data['categories'][0]['keypoints'] = ['tail', *NAMES]
    for entry in data['annotations']:
        entry['keypoints'] = [9., 9., 2, *entry['keypoints']]


def a_dog(data):
    data['categories'] += [dict(id=2, name='dog', keypoints=['tail'])]
    data['categories'][0]['keypoints'] = list(NAMES)
    for i in (0, 2):
        entry = dict(data['annotations'][i])
        entry.update(category_id=2, keypoints=[1, 2, 2], id=-1 - i)
        data['annotations'].append(entry)


def a_bicycle_and_a_crowd(data):
    data['categories'].append(dict(id=2, name='bicycle'))
    data['annotations'] += [
        dict(id=-1, image_id=10001, category_id=2, bbox=[1, 1, 5, 5]),
        dict(data['annotations'][0], id=-2, iscrowd=1)
    ]


def shuffle(data):
    for kind in ('images', 'annotations'):
        random.Random(kind).shuffle(data[kind])


SAME = {
    'out of order': shuffle,
    # the same set of names, nothing else shows it
    'sides swapped': reorder([0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14,
                              13]),
    'spelling': every('categories', keypoints=[
        name.replace('_', ' ').title() for name in NAMES]),
    'more keypoints': more_keypoints,
    '2 of category dog': a_dog,
    '1 of category bicycle, 1 of crowds': a_bicycle_and_a_crowd,
    'no categories': lambda data: data.pop('categories'),
    'no names': every('categories', keypoints=None),
    'nested': every('annotations', keypoints=lambda e: rows(e).tolist()),
    'null fields': every('annotations', track_id=None, category_id=None,
                         iscrowd=None),
    'identity as text': every('annotations', track_id='0'),
    'numbers as text': every(
        'images', id=lambda e: str(e['id']),
        vid_id=lambda e: f'0000{e["vid_id"]}',
        frame_id=lambda e: float(e['frame_id']), nframes='3'),
    'backslashes': every(
        'images', file_name=lambda e: e['file_name'].replace('/', '\\')),
}  # yapf: disable


@pytest.mark.parametrize('name', SAME)
def test_read_for_what_it_says(make_videos, read, name, messages):
    """The same data set, written by other programs; what is left out is
    told."""
    expected = read([3])
    dataset = read(make_videos([3], edit=SAME[name]))
    for i in range(3):
        item, wanted = dataset.get_data_info(i), expected.get_data_info(i)
        for key in ('img_id', 'img_path', 'track_id', 'frame_index',
                    'keypoints', 'keypoints_visible', 'bbox', 'bbox_size'):
            np.testing.assert_array_equal(item[key], wanted[key])
    told = [text.split('left out: ')[1] for _, text in messages]
    assert [text.split(' (')[0] for text in told] == [name] * (
        'category' in name)


def test_unlabelled_keypoints_and_degenerate_boxes(make_videos, read):
    """COCO: 0 not labelled, 1 labelled but hidden, 2 visible."""

    def edit(data):
        people = data['annotations']
        people[0]['keypoints'][:9] = [None, None, 0, 30, 20, 1, 31, 21, 2]
        people[1]['bbox_released'] = [10., 10., 0., 24.]
        people[2]['bbox_released'] = [10., 10., -3., -4.]

    dataset = read(make_videos([3], edit=edit))
    items = [dataset.get_data_info(i) for i in range(3)]
    assert items[0]['keypoints_visible'][0, :3].tolist() == [0, 1, 1]
    assert items[0]['keypoints'][0, 1:3].tolist() == [[29, 19], [30, 20]]
    sizes = [item['bbox_size'][0].tolist() for item in items]
    assert sizes == [[20.5, 24.], [0, 0], [0, 0]]
    box = items[1]['bbox'][0]
    assert box[2] > box[0], 'bbox stays fit for cropping'


@pytest.mark.parametrize('told, shift', [(None, 0), ('1-based', 1)])
def test_keypoints_of_coco_with_video_fields(make_videos, read, told, shift):
    """COCO's coordinates count from 0; a file may say otherwise."""
    stored = {}

    def edit(data):
        data['info'] = dict(coordinates=told)
        stored.update(data['annotations'][0])

    item = read(
        make_videos([2], num_keypoints=17, edit=edit),
        VideoCocoDataset,
        metainfo=dict(from_file='configs/_base_/datasets/coco.py'),
    ).get_data_info(0)
    np.testing.assert_allclose(
        item['keypoints'][0], rows(stored)[:, :2] - shift, rtol=1e-5)
    x, y, w, h = stored['bbox']
    np.testing.assert_allclose(
        item['bbox'][0], [x - shift, y - shift, x + w - shift, y + h - shift],
        rtol=1e-5)


def put(**lists):
    return lambda data: data.update(lists)


def frame(**values):
    """Of the second frame of the first video."""
    return lambda data: data['images'][1].update(values)


def person(**values):
    return lambda data: data['annotations'][1].update(values)


def visibility(value):
    return lambda data: data['annotations'][1]['keypoints'].__setitem__(
        5, value)


def names(*categories):
    return put(categories=[
        dict(id=i, name='person', keypoints=keypoints)
        for i, keypoints in enumerate(categories, start=1)
    ])


def shares(data):
    """Coordinates as YOLO and Label Studio write them."""
    for entry in data['annotations']:
        entry['keypoints'] = (rows(entry) / [64, 48, 1]).ravel().tolist()


def gap(data):
    data['images'].pop(1)
    data['annotations'].pop(1)


def renumber(data):
    """frame_id from the last file to the first."""
    for i, entry in enumerate(data['images'][:3]):
        entry['frame_id'] = 3 - i


KEYPOINTS, BOX = '"keypoints" of image 10002', '"bbox" of image 10002'


@pytest.mark.parametrize('edit, message', [
    # lists and entries
    (put(images=[]), 'no "images"'),
    (put(annotations=None), 'no "annotations"'),
    (lambda data: data['images'].append(None), r'images\[5\] is None'),
    (put(categories=[None]), r'categories\[0\] is None'),
    # categories and what coordinates count from
    (names(['nose', *NAMES[1:]]), r'\[0\].keypoints lacks neck and has nose'),
    (names(NAMES, NAMES[::-1]), r'categories\[0\] and categories\[1\]'),
    (names([*NAMES, 'neck']), r'keypoints\[15\] is neck, as'),
    (put(info=dict(coordinates='relative')), "info.coordinates is 'relative'"),
    # fields of images
    (every('images', vid_id=None), 'image 10001 has no "vid_id"'),
    (frame(vid_id='first'), 'image 10002 has an unusable .*"vid_id"'),
    (frame(id=None), r'images\[1\] has no "id"'),
    (frame(height=0), '"height" of image 10002 is 0'),
    (frame(file_name=['a']), 'image 10002 .*"file_name"'),
    # who is in which image
    (frame(id=10001), r'images\[1\].id is 10001, as images\[0\]'),
    (lambda data: data['annotations'].pop(1), 'image 10002 has no annotation'),
    (person(image_id=10001), 'image 10001 is annotated twice'),
    (lambda data: data['images'].pop(-1), 'belongs to image 20002'),
    (person(id=None), 'annotation of image 10002 has no "id"'),
    (person(track_id='p1'), "image 10002: annotation.track_id is 'p1'"),
    # time
    (frame(frame_id=1), 'video 1 has frame 1 twice'),
    (gap, 'video 1 has frame 1 and then 3'),
    (every('images', nframes=2), 'frame 3 of a video of 2'),
    (frame(file_name='other/00002.png'), 'folder of its own'),
    (every('images', file_name=lambda e: f'clip/{e["id"]}.png'),
     'another video than 2.*folder of its own'),
    (frame(file_name='frames/clip1/00001.png'),
     '"file_name" of image 10002 .*another image'),
    (renumber, '"frame_id" of image 1000. is before .*"file_name" is after'),
    # numbers
    (person(keypoints=[1.] * 39), f'{KEYPOINTS} should .*45.* has 39'),
    (person(keypoints=[NAN] * 45), f'{KEYPOINTS} is not finite'),
    (person(keypoints=[10**400] * 45), KEYPOINTS),
    (person(keypoints=[[5., 5.]] * 15), KEYPOINTS),
    (visibility(0.5), f'{KEYPOINTS} has the visibility 0.5 of belly'),
    (visibility(True), f'{KEYPOINTS} .*True'),
    (person(bbox=[NAN] * 4), f'{BOX} is not finite'),
    (person(bbox=[[5, 5], [9, 9]]), BOX),
    (person(bbox=[100., 5., 9., 9.]), f'{BOX} .* covers nothing'),
    (person(bbox=[5, 5, -9, 9]), BOX),
    (shares, '"keypoints" .*0 to 1'),
    (every('annotations', bbox=[.3, .2, .3, .5]), '"bbox" .*0 to 1'),
    (person(keypoints=[500., 400., 2.] * 15), f'{KEYPOINTS} lies outside'),
])  # yapf: disable
def test_what_cannot_be_read_is_named(make_videos, read, edit, message):
    ann_file = make_videos([3, 2], edit=edit)
    with pytest.raises(ValueError, match=message) as error:
        read(ann_file)
    assert str(ann_file) in str(error.value)
    assert any(remedy in str(error.value)
               for remedy in ('dataset_converters', 'number the people',
                              'Remove the duplicate'))


def test_missing_files(make_videos, read):
    """Frames in the middle of a video are looked for, too, and hidden files
    are none of them."""
    ann_file = make_videos([5])
    with pytest.raises(
            FileNotFoundError,
            match='Sub4_test.json.*converters.*JHMDB_SPLIT, which is 1, 2 or'):
        read(ann_file.with_name('Sub4_test.json'))
    frames = ann_file.parent / 'frames/clip1'
    (frames / '._00001.png').write_bytes(b'Mac OS X')
    assert len(read(ann_file)) == 5
    (frames / '00002.png').unlink()
    (frames / '00003.png').unlink()
    with pytest.raises(
            FileNotFoundError, match='00002.png.*2 such.*data_root'):
        read(ann_file)
    assert len(read(ann_file, frame_stride=4)) == 2
    (frames / '00001.png').write_bytes(b'')
    with pytest.raises(ValueError, match='00001.png is not a readable image'):
        read(ann_file, frame_stride=4)


def test_pictures_are_as_large_as_they_are_loaded(make_videos, read):
    """Turned as their EXIF says, and any other size is refused."""
    name = 'frames/clip1/turned.jpg'
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (64, 48)).save(make_videos([1]).parent / name, exif=exif)
    right = every('images', file_name=name, width=48, height=64)
    assert len(read(make_videos([1], edit=right))) == 1
    wrong = make_videos([1], edit=every('images', file_name=name))
    with pytest.raises(ValueError, match='"width" and "height".*is 48x64'):
        read(wrong)
    assert len(read(wrong, check_files=False)) == 1
