# Copyright (c) temporal_corr authors. All rights reserved.
"""Annotation files as others write them: read for what they say, or refused
with the file, the entry, the field and the remedy."""
import json
import random

import mmcv
import numpy as np
import pytest
from PIL import Image

from projects.temporal_corr.datasets import SubJhmdbDataset, VideoCocoDataset

NAMES = list(SubJhmdbDataset(lazy_init=True).metainfo['keypoint_name2id'])
NAN = float('nan')


def read(ann_file, **kwargs):
    return SubJhmdbDataset(
        ann_file=str(ann_file), data_root=str(ann_file.parent), **kwargs)


def change(kind, index, **values):
    return lambda data: data[kind][index].update(values)


def every(kind, **values):
    """Sets fields of all entries; a function is given the entry."""

    def edit(data):
        for entry in data[kind]:
            for field, value in values.items():
                entry[field] = value(entry) if callable(value) else value

    return edit


def nested(annotation):
    return np.reshape(annotation['keypoints'], (-1, 3)).tolist()


def reorder(order):
    """The file's keypoints in another order, which it says."""

    def edit(data):
        data['categories'][0]['keypoints'] = [NAMES[i] for i in order]
        for entry in data['annotations']:
            rows = np.reshape(entry['keypoints'], (-1, 3))[order]
            entry['keypoints'] = rows.ravel().tolist()

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
    entry = data['annotations'][0]
    data['annotations'] += [
        dict(id=-1, image_id=10001, category_id=2, bbox=[1, 1, 5, 5]),
        dict(entry, id=-2, iscrowd=1)
    ]


def shuffle(data):
    for kind in ('images', 'annotations'):
        random.Random(kind).shuffle(data[kind])


@pytest.mark.parametrize('edit', [
    shuffle,
    reorder(list(range(15))[::-1]),
    # left and right swapped: the same set of names, nothing else shows it
    reorder([0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13]),
    every('categories', keypoints=[n.replace('_', ' ').title()
                                   for n in NAMES]),
    more_keypoints,
    a_dog,
    a_bicycle_and_a_crowd,
    lambda data: data.pop('categories'),
    every('categories', keypoints=None),
    every('annotations', keypoints=nested),
    every('annotations', track_id=None),
    every('annotations', track_id='0'),
    every('annotations', category_id=None, iscrowd=None, scores=None),
    every('images', id=lambda e: str(e['id']),
          vid_id=lambda e: f'0000{e["vid_id"]}',
          frame_id=lambda e: float(e['frame_id']), nframes='3'),
    every('annotations', image_id=lambda e: float(e['image_id'])),
    every('images', file_name=lambda e: e['file_name'].replace('/', '\\')),
], ids=['out of order', 'reversed', 'sides swapped', 'spelling',
        'more keypoints', 'two kinds', 'other categories', 'no categories',
        'no names', 'nested', 'no identity', 'identity as text',
        'null fields', 'numbers as text', 'ids as floats',
        'backslashes'])  # yapf: disable
def test_read_for_what_it_says(make_videos, edit):
    """The same data set, written by other programs."""
    expected = read(make_videos([3]))
    expected = [expected.get_data_info(i) for i in range(3)]
    dataset = read(make_videos([3], edit=edit))
    for i in range(3):
        item = dataset.get_data_info(i)
        for key in ('img_id', 'img_path', 'track_id', 'frame_index'):
            assert item[key] == expected[i][key]
        for key in ('keypoints', 'keypoints_visible', 'bbox', 'bbox_size'):
            np.testing.assert_array_equal(item[key], expected[i][key])


def test_what_was_left_out_is_counted_once(make_videos, messages):
    read(make_videos([3], edit=a_dog))
    read(make_videos([3], edit=a_bicycle_and_a_crowd))
    first, second = [text for _, text in messages if 'left out' in text]
    assert '3 of 5' in first and '2 of category dog' in first
    assert '3 of 5' in second
    assert '1 of category bicycle, 1 of crowds' in second


@pytest.mark.parametrize('key', ['track_id', 'object_id'])
def test_identities_in_attributes(make_videos, key):
    """Where CVAT and SLEAP write them."""
    edit = every('annotations', track_id=None, attributes={key: 7})
    assert read(make_videos([2], edit=edit)).get_data_info(0)['track_id'] == 7


def test_keypoints_that_are_not_labelled(make_videos):
    """COCO: 0 not labelled, 1 labelled but hidden, 2 visible."""

    def edit(data):
        keypoints = data['annotations'][0]['keypoints']
        keypoints[:9] = [None, None, 0, 30, 20, 1, 31, 21, 2]

    item = read(make_videos([1], edit=edit)).get_data_info(0)
    assert item['keypoints_visible'][0, :3].tolist() == [0, 1, 1]
    np.testing.assert_array_equal(item['keypoints'][0, 1:3],
                                  [[29, 19], [30, 20]])


def test_size_of_filled_boxes(make_videos):

    def degenerate(data):
        data['annotations'][1]['bbox_released'] = [10., 10., 0., 24.]
        data['annotations'][2]['bbox_released'] = [10., 10., -3., -4.]

    dataset = read(make_videos([3], edit=degenerate))
    sizes = [dataset.get_data_info(i)['bbox_size'] for i in range(3)]
    np.testing.assert_array_equal(
        np.concatenate(sizes), [[20.5, 24.], [0, 0], [0, 0]])
    box = dataset.get_data_info(1)['bbox'][0]
    assert box[2] > box[0], 'bbox stays fit for cropping'


COCO = ['nose', 'left_eye', 'right_eye', 'left_ear', 'right_ear',
        'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow',
        'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee',
        'right_knee', 'left_ankle', 'right_ankle']  # yapf: disable


@pytest.mark.parametrize('told, shift', [(None, 0), ('1-based', 1),
                                         ('0-based', 0)])
def test_keypoints_of_coco_with_video_fields(make_videos, told, shift):
    """COCO's coordinates count from 0; a file may say otherwise."""

    def edit(data):
        data['categories'][0]['keypoints'] = COCO
        data['info'] = dict(coordinates=told)

    ann_file = make_videos([2], num_keypoints=17, edit=edit)
    raw = json.loads(ann_file.read_text())['annotations'][0]
    dataset = VideoCocoDataset(
        ann_file=str(ann_file),
        data_root=str(ann_file.parent),
        metainfo=dict(from_file='configs/_base_/datasets/coco.py'))
    item = dataset.get_data_info(0)
    assert list(dataset.metainfo['keypoint_name2id']) == COCO
    expected = np.reshape(raw['keypoints'], (-1, 3))[:, :2] - shift
    np.testing.assert_allclose(item['keypoints'][0], expected, rtol=1e-5)
    x, y, w, h = raw['bbox']
    np.testing.assert_allclose(
        item['bbox'][0], [x - shift, y - shift, x + w - shift, y + h - shift],
        rtol=1e-5)


def drop(kind, field):

    def edit(data):
        for entry in data[kind]:
            del entry[field]

    return edit


def without(kind, index):
    return lambda data: data[kind].pop(index)


def visibility(value):

    def edit(data):
        data['annotations'][1]['keypoints'][5] = value

    return edit


def of_frame(**values):
    """Of the second frame of the first video."""
    return change('images', 1, **values)


def of_person(**values):
    return change('annotations', 1, **values)


def names(*categories):
    return lambda data: data.update(categories=[
        dict(id=i, name='person', keypoints=keypoints)
        for i, keypoints in enumerate(categories, start=1)
    ])


def shares(data, boxes=True):
    """Coordinates as YOLO and Label Studio write them."""
    for entry in data['annotations']:
        rows = np.reshape(entry['keypoints'], (-1, 3)) / [64, 48, 1]
        entry['keypoints'] = rows.ravel().tolist()
        if boxes:
            entry['bbox'] = [.3, .2, .3, .5]


def gap(data):
    data['images'].pop(1)
    data['annotations'].pop(1)


def renumber(data):
    """frame_id from the last file to the first."""
    for i, entry in enumerate(data['images'][:3]):
        entry['frame_id'] = 3 - i


def one_folder(data):
    for image in data['images'][3:]:
        image['file_name'] = image['file_name'].replace('clip2', 'clip1')


KEYPOINTS, BOX = '"keypoints" of image 10002', '"bbox" of image 10002'


@pytest.mark.parametrize('edit, message', [
    # lists and entries
    (lambda data: data['images'].clear(), 'no "images"'),
    (lambda data: data.update(annotations=None), 'no "annotations"'),
    (lambda data: data.update(annotations=[]), 'no "annotations"'),
    (lambda data: data.update(images={'1': {}}), 'images is a dict'),
    (lambda data: data['images'].append(None), r'images\[5\] is None'),
    (lambda data: data['annotations'].insert(0, None),
     r'annotations\[0\] is None'),
    (lambda data: data.update(categories=[None]), r'categories\[0\] is None'),
    # categories and what coordinates count from
    (names(['nose', *NAMES[1:]]), r'\[0\].keypoints lacks neck and has nose'),
    (names(NAMES, NAMES[::-1]), r'categories\[0\] and categories\[1\]'),
    (names('neck'), r'categories\[0\].keypoints'),
    (names([*NAMES, 'neck']), r'keypoints\[15\] is neck, as'),
    (lambda data: data.update(info=dict(coordinates='relative')),
     "info.coordinates is 'relative'"),
    (lambda data: data.update(info=dict(coordinates=[0])),
     'info.coordinates is'),
    # fields of images
    (drop('images', 'vid_id'), 'image 10001 has no "vid_id"'),
    (drop('images', 'frame_id'), 'image 10001 has no "frame_id"'),
    (drop('images', 'nframes'), 'image 10001 has no "nframes"'),
    (of_frame(vid_id='first'), 'image 10002 has an unusable .*"vid_id"'),
    (of_frame(frame_id='second'), 'image 10002 .*"frame_id"'),
    (of_frame(id=None), r'images\[1\] has no "id"'),
    (of_frame(id=True), 'unusable .*"id"'),
    (of_frame(width=None), 'image 10002 has no "width"'),
    (of_frame(height=0), '"height" of image 10002 is 0'),
    (of_frame(file_name=None), 'image 10002 has no "file_name"'),
    (of_frame(file_name=['a']), 'image 10002 .*"file_name"'),
    # who is in which image
    (of_frame(id=10001), r'images\[1\].id is 10001, as images\[0\]'),
    (without('annotations', 1), 'image 10002 has no annotation'),
    (of_person(image_id=10001), 'image 10001 is annotated twice'),
    (without('images', -1), 'belongs to image 20002'),
    (of_person(id=None), 'annotation of image 10002 has no "id"'),
    (of_person(track_id='p1'), "image 10002: annotation.track_id is 'p1'"),
    (of_person(track_id=1.5), 'image 10002: annotation.track_id is 1.5'),
    # time
    (of_frame(frame_id=1), 'video 1 has frame 1 twice'),
    (gap, 'video 1 has frame 1 and then 3'),
    (change('images', 2, frame_id=9), 'video 1 has frame 2 and then 9'),
    (change('images', 2, nframes=2), 'frame 3 of a video of 2'),
    (of_frame(file_name='other/00002.png'), 'folder of its own'),
    (one_folder, 'another video than 2.*folder of its own'),
    (of_frame(file_name='frames/clip1/00001.png'),
     '"file_name" of image 10002 .*another image'),
    (renumber, '"frame_id" of image 1000. is before .*"file_name" is after'),
    # numbers
    (of_person(keypoints=[1.] * 39), f'{KEYPOINTS} should .*45.* has 39'),
    (of_person(keypoints=[NAN] * 45), f'{KEYPOINTS} is not finite'),
    (of_person(keypoints=None), KEYPOINTS),
    (of_person(keypoints=[]), KEYPOINTS),
    (of_person(keypoints={}), KEYPOINTS),
    (of_person(keypoints=[10**400] * 45), KEYPOINTS),
    (of_person(keypoints=[[5., 5.]] * 15), KEYPOINTS),
    (visibility(-1), f'{KEYPOINTS} has the visibility -1 of belly'),
    (visibility(0.5), f'{KEYPOINTS} has the visibility 0.5 of belly'),
    (visibility(True), f'{KEYPOINTS} .*True'),
    (visibility('2'), KEYPOINTS),
    (visibility(None), f'{KEYPOINTS} is not finite'),
    (of_person(bbox=[NAN] * 4), f'{BOX} is not finite'),
    (of_person(bbox=[1., 2.]), BOX),
    (of_person(bbox=None), BOX),
    (of_person(bbox=[[5, 5], [9, 9]]), BOX),
    (of_person(bbox=[100., 5., 9., 9.]), f'{BOX} .* covers nothing'),
    (of_person(bbox=[5, 5, 0, 9]), BOX),
    (of_person(bbox=[5, 5, -9, 9]), BOX),
    (shares, '0 to 1'),
    (lambda data: shares(data, boxes=False), '0 to 1'),
    (of_person(keypoints=[500., 400., 2.] * 15), f'{KEYPOINTS} lies outside'),
])  # yapf: disable
def test_what_cannot_be_read_is_named(make_videos, edit, message):
    ann_file = make_videos([3, 2], edit=edit)
    with pytest.raises(ValueError, match=message) as error:
        read(ann_file)
    assert str(ann_file) in str(error.value)
    assert any(remedy in str(error.value)
               for remedy in ('dataset_converters', 'number the people',
                              'Remove the duplicate'))


def test_missing_and_truncated_files(make_videos):
    """Frames in the middle of a video are looked for, too, and hidden files
    are none of them."""
    ann_file = make_videos([5])
    with pytest.raises(
            FileNotFoundError,
            match='Sub4_test.json.*converters.*JHMDB_SPLIT, which is 1, 2 or'):
        read(ann_file.with_name('Sub4_test.json'))
    text = ann_file.read_bytes()
    ann_file.write_bytes(text[:len(text) // 2])
    with pytest.raises(ValueError, match='videos.json is not a complete'):
        read(ann_file)
    ann_file.write_bytes(text)
    frames = ann_file.parent / 'frames/clip1'
    (frames / '._00001.png').write_bytes(b'Mac OS X')
    (frames / 'Thumbs.db').write_bytes(b'Windows')
    assert len(read(ann_file)) == 5
    (frames / '00002.png').unlink()
    (frames / '00003.png').unlink()
    with pytest.raises(
            FileNotFoundError, match='00002.png.*2 such.*data_root'):
        read(ann_file)
    assert len(read(ann_file, check_files=False)) == 5
    assert len(read(ann_file, frame_stride=4)) == 2
    (frames / '00001.png').write_bytes(b'')
    with pytest.raises(ValueError, match='00001.png is not a readable image'):
        read(ann_file, frame_stride=4)


@pytest.mark.parametrize('scale', [2, .5])
def test_annotated_at_another_size(make_videos, scale):
    """A file that is right in itself, about pictures that are not these."""

    def edit(data):
        for image in data['images']:
            image.update(width=int(64 * scale), height=int(48 * scale))
        for entry in data['annotations']:
            rows = np.reshape(entry['keypoints'], (-1, 3)) * [scale, scale, 1]
            entry['keypoints'] = rows.ravel().tolist()
            entry['bbox'] = [scale * v for v in entry['bbox']]

    ann_file = make_videos([2], edit=edit)
    with pytest.raises(ValueError, match='"width" and "height".*64x48'):
        read(ann_file)
    assert len(read(ann_file, check_files=False)) == 2


@pytest.mark.parametrize('orientation', range(1, 9))
@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif', '.webp'])
def test_pictures_are_as_large_as_they_are_loaded(make_videos, orientation,
                                                  suffix):
    """Turned by EXIF or not: the size is the one that the loader gives, and
    the other one is refused."""
    sizes = {}

    def edit(data):
        image = data['images'][0]
        image['file_name'] = f'frames/clip1/turned{suffix}'
        image.update(width=sizes['w'], height=sizes['h'])

    path = make_videos([1]).parent / f'frames/clip1/turned{suffix}'
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new('RGB', (64, 48)).save(path, exif=exif)
    h, w = mmcv.imread(str(path)).shape[:2]
    if suffix == '.jpg':
        assert (w, h) == ((48, 64) if orientation > 4 else (64, 48))
    sizes.update(w=w, h=h)
    assert len(read(make_videos([1], edit=edit))) == 1
    sizes.update(w=h, h=w)
    with pytest.raises(ValueError, match=f'is {w}x{h}'):
        read(make_videos([1], edit=edit))
