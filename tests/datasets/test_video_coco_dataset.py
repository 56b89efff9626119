# Copyright (c) temporal_corr authors. All rights reserved.
import codecs
import copy
import json
import pickle
import random

import mmcv
import numpy as np
import pytest
from mmengine.logging import MMLogger
from mmpose.datasets.datasets import JhmdbDataset
from PIL import Image

from projects.temporal_corr.datasets import (PennActionDataset,
                                             SubJhmdbDataset, VideoCocoDataset)


def read(ann_file, **kwargs):
    return SubJhmdbDataset(
        ann_file=str(ann_file), data_root=str(ann_file.parent), **kwargs)


def frames_of(dataset, video):
    return [
        dataset.get_data_info(i)['frame_index']
        for i in dataset.videos[video][1].tolist()
    ]


@pytest.mark.parametrize('published', [True, False],
                         ids=['published numbering', 'our numbering'])
def test_reads_what_mmpose_reads(make_videos, published):
    ann_file = make_videos([4, 1, 3], published=published)
    ours = read(ann_file)
    theirs = JhmdbDataset(
        ann_file=str(ann_file), data_root=str(ann_file.parent))
    assert len(ours) == len(theirs) == 8
    for i in range(8):
        item, expected = ours.get_data_info(i), theirs.get_data_info(i)
        assert item['img_id'] == expected['img_id']
        assert item['id'] == expected['id']
        assert item['img_path'] == expected['img_path']
        for key in ('bbox', 'bbox_score', 'keypoints', 'keypoints_visible',
                    'area', 'flip_indices', 'dataset_keypoint_weights'):
            np.testing.assert_array_equal(item[key], expected[key], key)
            assert np.asarray(item[key]).dtype == np.asarray(
                expected[key]).dtype


def test_places_in_the_video(make_videos):
    dataset = read(make_videos([3, 1]))
    rows = [dataset.get_data_info(i) for i in range(4)]
    keys = ('video_id', 'frame_index', 'previous_frame_index', 'is_first',
            'is_last', 'track_id')
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ('frames/clip1', 0, -1, True, False, 0),
        ('frames/clip1', 1, 0, False, False, 0),
        ('frames/clip1', 2, 1, False, True, 0),
        ('frames/clip2', 0, -1, True, True, 0),
    ]
    assert [name for name, _ in dataset.videos
            ] == ['frames/clip1', 'frames/clip2']
    assert [v.tolist() for _, v in dataset.videos] == [[0, 1, 2], [3]]


def test_frames_out_of_order_are_sorted(make_videos):

    def shuffle(data):
        random.Random(0).shuffle(data['images'])
        random.Random(1).shuffle(data['annotations'])

    expected = read(make_videos([4, 3]))
    expected = [expected.get_data_info(i) for i in range(7)]
    dataset = read(make_videos([4, 3], edit=shuffle))
    for i in range(7):
        item = dataset.get_data_info(i)
        assert item['img_path'] == expected[i]['img_path']
        np.testing.assert_array_equal(item['keypoints'],
                                      expected[i]['keypoints'])


@pytest.mark.parametrize('stride, first, second', [
    (1, [0, 1, 2, 3, 4, 5, 6], [0, 1]),
    (2, [0, 2, 4, 6], [0]),
    (3, [0, 3, 6], [0]),
    (10, [0], [0]),
])
def test_frame_stride(make_videos, stride, first, second):
    dataset = read(make_videos([7, 2]), frame_stride=stride)
    assert frames_of(dataset, 0) == first
    assert frames_of(dataset, 1) == second
    assert len(dataset) == len(first) + len(second)
    infos = [dataset.get_data_info(i) for i in range(len(first))]
    assert [i['previous_frame_index'] for i in infos] == [-1] + first[:-1]
    assert [i['is_last'] for i in infos] == [False] * (len(first) - 1) + [True]


@pytest.mark.parametrize('subset', [
    lambda path: read(path, indices=5),
    lambda path: read(path, lazy_init=True, indices=5),
    lambda path: read(path).get_subset(5),
    lambda path: read(path).get_subset([0, 1, 2, 3, 4]),
    lambda path: pickle.loads(pickle.dumps(read(path).get_subset(5))),
    lambda path: copy.deepcopy(read(path, indices=[0, 1, 2, 3, 4])),
], ids=['indices', 'lazy', 'get_subset', 'list', 'pickled', 'copied'])
def test_a_subset_ends_its_videos(make_videos, subset):
    dataset = subset(make_videos([3, 4]))
    assert len(dataset) == 5
    assert [v.tolist() for _, v in dataset.videos] == [[0, 1, 2], [3, 4]]
    assert dataset.get_data_info(4)['is_last'], 'else memory is never freed'


def test_a_subset_in_another_order_keeps_time(make_videos):
    dataset = read(make_videos([3, 4])).get_subset([5, 0, 3, 2])
    assert [v.tolist() for _, v in dataset.videos] == [[1, 3], [2, 0]]
    assert dataset.get_data_info(0)['previous_frame_index'] == 0
    assert dataset.get_data_info(3)['previous_frame_index'] == 0
    assert dataset.get_data_info(3)['frame_index'] == 2
    with pytest.raises(ValueError, match='twice'):
        read(make_videos([3])).get_subset([1, 1])


def closest(length, current, count):
    """The frames closest in time, by sorting all of them."""
    others = [i for i in range(length) if i != current]
    return sorted(others, key=lambda i: (abs(i - current), i))[:count]


@pytest.mark.parametrize('length, current, count', [
    (30, 15, 10), (30, 0, 10), (30, 29, 10), (30, 2, 10), (30, 27, 10),
    (11, 5, 10), (5, 2, 10), (2, 1, 10), (30, 15, 1), (30, 29, 3)
])
def test_exemplars_are_drawn_from_the_closest(make_videos, length, current,
                                              count):
    np.random.seed(0)
    dataset = read(
        make_videos([3, length]), clip_len=2, exemplar_range=count)
    clips = [dataset.draw_clip(3 + current) for _ in range(300)]
    assert {last for _, last in clips} == {3 + current}
    assert {first - 3 for first, _ in clips
            } == set(closest(length, current, count))


@pytest.mark.parametrize('stride, item, wanted', [
    (1, 6, [4, 5, 6]),
    (1, 2, [0, 1, 2]),
    (1, 1, [0, 0, 1]),
    (1, 0, [0, 0, 0]),
    (2, 3, [2, 4, 6]),
    (2, 1, [0, 0, 2]),
], ids=['amid', 'just enough', 'one too few', 'first', 'strided',
        'strided, at the start'])
def test_consecutive_clips(make_videos, stride, item, wanted):
    """Kept frames in time, up to the current one; where the video begins the
    first is repeated. The same at each access."""
    dataset = read(
        make_videos([2, 8]),
        clip_len=3,
        clip_sampling='consecutive',
        frame_stride=stride)
    before = len(dataset.videos[0][1])
    for _ in range(3):
        clip = dataset.draw_clip(before + item)
        infos = [dataset.get_data_info(index) for index in clip]
        assert [info['frame_index'] for info in infos] == wanted
        assert {info['video_id'] for info in infos} == {'frames/clip2'}


def test_unknown_clip_sampling(make_videos):
    with pytest.raises(ValueError, match="clip_sampling.*'random'"):
        read(make_videos([2]), clip_sampling='random')


def test_exemplars_of_strided_frames(make_videos):
    dataset = read(make_videos([30]), clip_len=2, frame_stride=2)
    drawn = {dataset.draw_clip(7)[0] for _ in range(300)}
    assert drawn == set(closest(15, 7, 10))


def test_exemplars_change_between_accesses_and_follow_the_seed(make_videos):
    dataset = read(make_videos([20]), clip_len=2)

    def draw():
        return [dataset[i]['frame_index'] for i in range(20)]

    np.random.seed(3)
    first, second = draw(), draw()
    assert first != second
    np.random.seed(3)
    assert draw() == first


def test_a_video_of_one_frame_is_its_own_exemplar(make_videos):
    dataset = read(make_videos([1]), clip_len=2)
    assert dataset[0]['frame_index'] == [0, 0]


def test_longer_clips(make_videos):
    """Different exemplars, oldest first, the current frame last."""
    dataset = read(make_videos([12]), clip_len=4)
    for _ in range(50):
        *exemplars, current = dataset[5]['frame_index']
        assert current == 5 and 5 not in exemplars
        assert exemplars == sorted(set(exemplars)) and len(exemplars) == 3
    short = read(make_videos([2]), clip_len=4)
    assert short[0]['frame_index'] == [1, 1, 1, 0]


def test_testing_gives_single_frames(make_videos):
    dataset = read(make_videos([5]), clip_len=2, test_mode=True)
    assert dataset[3]['frame_index'] == 3


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


def drop(field):

    def edit(data):
        for image in data['images']:
            del image[field]

    return edit


def change(kind, index, **values):

    def edit(data):
        data[kind][index].update(values)

    return edit


NAN = float('nan')


@pytest.mark.parametrize('edit, message', [
    (drop('vid_id'), 'image 10001 has no "vid_id"'),
    (drop('frame_id'), 'image 10001 has no "frame_id"'),
    (drop('nframes'), 'image 10001 has no "nframes"'),
    (change('images', 2, vid_id='first'), 'image 10003 has an unusable '
     '"vid_id"'),
    (change('images', 1, frame_id=1), 'video 1 has frame 1 twice'),
    (change('images', 1, id=10001), 'image 10001 is listed twice'),
    (lambda data: (data['images'].pop(1), data['annotations'].pop(1)),
     'video 1 has frame 1 and then 3'),
    (change('images', 2, frame_id=9), 'video 1 has frame 2 and then 9'),
    (change('images', 2, nframes=2), 'frame 3 of a video of 2'),
    (lambda data: data['annotations'].pop(1), 'image 10002 has no annotation'),
    (change('annotations', 1, image_id=10001), 'image 10001 is annotated '
     'twice'),
    (lambda data: data['images'].pop(), 'belongs to image 20002'),
    (change('annotations', 1, keypoints=[1.] * 39), '"keypoints" of image '
     '10002 should be 45 numbers, but has 39'),
    (change('annotations', 1, keypoints=[NAN] * 45), '"keypoints" of image '
     '10002 is not finite'),
    (change('annotations', 1, bbox=[NAN] * 4), '"bbox" of image 10002 is '
     'not finite'),
    (change('annotations', 1, bbox=[100., 5., 9., 9.]), '"bbox" of image '
     '10002 .* covers nothing'),
    (change('annotations', 1, bbox=[1., 2.]), '"bbox" of image 10002'),
    (lambda data: data['annotations'][1].pop('bbox'), '"bbox" of image 10002'),
    (change('images', 1, file_name='other/00002.png'), 'folder of its own'),
    (lambda data: data['images'].clear(), 'holds no "images"'),
])
def test_unusable_annotations_are_named(make_videos, edit, message):
    ann_file = make_videos([3, 2], edit=edit)
    with pytest.raises(ValueError, match=message) as error:
        read(ann_file)
    assert str(ann_file) in str(error.value)
    assert 'tools/dataset_converters' in str(error.value) or (
        'Remove the duplicate' in str(error.value)
        or 'Correct the source' in str(error.value))


def test_two_videos_in_one_folder(make_videos):

    def merge(data):
        for image in data['images'][3:]:
            image['file_name'] = image['file_name'].replace('clip2', 'clip1')

    with pytest.raises(ValueError, match='video 2 .* folder of its own'):
        read(make_videos([3, 2], edit=merge))


def test_missing_and_truncated_files(make_videos, tmp_path):
    ann_file = make_videos([3])
    with pytest.raises(
            FileNotFoundError,
            match='Sub4_test.json.*converters.*JHMDB_SPLIT, which is 1, 2 or'):
        read(ann_file.with_name('Sub4_test.json'))
    text = ann_file.read_text()
    ann_file.write_text(text[:len(text) // 2])
    with pytest.raises(ValueError, match='videos.json is not a complete'):
        read(ann_file)
    ann_file.write_text(text)
    (tmp_path / 'frames/clip1/00003.png').unlink()
    with pytest.raises(FileNotFoundError, match='00003.png.*data_root'):
        read(ann_file)
    assert len(read(ann_file, check_files=False)) == 3


@pytest.mark.parametrize('kwargs', [
    dict(frame_stride=0),
    dict(clip_len=0),
    dict(clip_len=1.5),
    dict(exemplar_range=0),
    dict(bbox_file='boxes.json'),
    dict(data_mode='bottomup'),
    dict(sample_interval=2),
    dict(filter_cfg=dict(bbox_score_thr=0.5)),
], ids=lambda kwargs: next(iter(kwargs)))
def test_refused_arguments(kwargs):
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        SubJhmdbDataset(lazy_init=True, **kwargs)


@pytest.mark.parametrize('dataset, evaluated', [
    (SubJhmdbDataset(lazy_init=True), 15),
    (PennActionDataset(lazy_init=True), 13),
    (PennActionDataset(lazy_init=True, num_keypoints=15), 13),
], ids=['sub-JHMDB', 'Penn', 'Penn with neck and belly'])
def test_metainfo(dataset, evaluated):
    meta = dataset.metainfo
    names = list(meta['keypoint_name2id'])
    assert list(meta['pck_groups']) == [
        'Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank'
    ]
    grouped = [name for group in meta['pck_groups'].values() for name in group]
    assert len(grouped) == len(set(grouped)) == 13
    assert set(grouped) <= set(names)
    assert len(meta.get('eval_keypoints', names)) == evaluated
    for index, name in meta['keypoint_id2name'].items():
        mirrored = meta['keypoint_id2name'][meta['flip_indices'][index]]
        swapped = name.replace('right', '?').replace('left', 'right')
        assert mirrored == swapped.replace('?', 'left')
    assert len(meta['sigmas']) == len(names) == meta['num_keypoints']
    assert len(meta['dataset_keypoint_weights']) == len(names)


def test_metainfo_from_a_path_inside_the_repository(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    path = 'configs/_base_/datasets/penn_action.py'
    dataset = PennActionDataset(
        lazy_init=True, metainfo=dict(from_file=path))
    assert dataset.metainfo['dataset_name'] == 'penn_action'
    assert 'pck_groups' in dataset.metainfo


NAMES = list(SubJhmdbDataset(lazy_init=True).metainfo['keypoint_name2id'])


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


def other_spelling(data):
    data['categories'][0]['keypoints'] = [
        name.replace('_', ' ').title() for name in NAMES
    ]


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


@pytest.mark.parametrize('edit', [
    reorder(list(range(15))[::-1]),
    # left and right swapped: the same set of names, nothing else shows it
    reorder([0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13]),
    other_spelling,
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
], ids=['reversed', 'sides swapped', 'spelling', 'more keypoints', 'two kinds',
        'other categories', 'no categories', 'no names', 'nested',
        'no identity', 'identity as text', 'null fields', 'numbers as text',
        'ids as floats', 'backslashes'])  # yapf: disable
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


def test_what_was_left_out_is_counted_once(make_videos, caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        read(make_videos([3], edit=a_dog))
        read(make_videos([3], edit=a_bicycle_and_a_crowd))
    finally:
        logger.removeHandler(caplog.handler)
    lines = [r.getMessage() for r in caplog.records if 'left out' in r.msg]
    assert ['3 of 5' in line for line in lines] == [True, True]
    assert '2 of category dog' in lines[0]
    assert '1 of category bicycle, 1 of crowds' in lines[1]


def test_identities_in_attributes(make_videos):
    """Where CVAT and SLEAP write them."""
    for key in ('track_id', 'object_id'):
        edit = every('annotations', track_id=None, attributes={key: 7})
        assert read(make_videos([2], edit=edit)).get_data_info(
            0)['track_id'] == 7


def test_marks_of_the_byte_order(make_videos):
    ann_file = make_videos([2])
    ann_file.write_bytes(codecs.BOM_UTF8 + ann_file.read_bytes())
    assert len(read(ann_file)) == 2


def test_keypoints_that_are_not_labelled(make_videos):
    """COCO: 0 not labelled, 1 labelled but hidden, 2 visible."""

    def edit(data):
        keypoints = data['annotations'][0]['keypoints']
        keypoints[:9] = [None, None, 0, 30, 20, 1, 31, 21, 2]

    item = read(make_videos([1], edit=edit)).get_data_info(0)
    assert item['keypoints_visible'][0, :3].tolist() == [0, 1, 1]
    np.testing.assert_array_equal(item['keypoints'][0, 1:3],
                                  [[29, 19], [30, 20]])


def visibility(value):

    def edit(data):
        data['annotations'][1]['keypoints'][5] = value

    return edit


def replaced_name(data):
    data['categories'][0]['keypoints'] = ['nose', *NAMES[1:]]


def two_orders(data):
    data['categories'] = [
        dict(id=1, name='person', keypoints=NAMES),
        dict(id=2, name='person', keypoints=NAMES[::-1])
    ]


def shares(data):
    """Coordinates as YOLO and Label Studio write them."""
    for entry in data['annotations']:
        rows = np.reshape(entry['keypoints'], (-1, 3)) / [64, 48, 1]
        entry['keypoints'] = rows.ravel().tolist()
        entry['bbox'] = [.3, .2, .3, .5]


def shares_in_keypoints(data):
    box = data['annotations'][0]['bbox']
    shares(data)
    every('annotations', bbox=box)(data)


def far_away(data):
    data['annotations'][1]['keypoints'] = [500., 400., 2.] * 15


def renumber(data):
    """frame_id from the last file to the first."""
    for i, entry in enumerate(data['images'][:3]):
        entry['frame_id'] = 3 - i


@pytest.mark.parametrize('edit, message', [
    (replaced_name, r'categories\[0\].keypoints lacks neck and has nose'),
    (two_orders, r'categories\[0\] and categories\[1\]'),
    (every('categories', keypoints='neck'), r'categories\[0\].keypoints'),
    (every('categories', keypoints=[*NAMES, 'neck']), 'neck twice'),
    (lambda data: data.update(categories=[None]), r'categories\[0\] is None'),
    (visibility(-1), 'belly in "keypoints" of image 10002 is -1'),
    (visibility(0.5), 'belly in "keypoints" of image 10002 is 0.5'),
    (visibility(True), '"keypoints" of image 10002 .*True'),
    (visibility('2'), '"keypoints" of image 10002'),
    (visibility(None), '"keypoints" of image 10002 is not finite'),
    (change('annotations', 1, keypoints=None), '"keypoints" of image 10002'),
    (change('annotations', 1, keypoints=[]), '"keypoints" of image 10002'),
    (change('annotations', 1, keypoints={}), '"keypoints" of image 10002'),
    (change('annotations', 1, keypoints=[10**400] * 45), '"keypoints" of '
     'image 10002'),
    (change('annotations', 1, keypoints=[[5., 5.]] * 15), '"keypoints" of '
     'image 10002'),
    (change('annotations', 1, bbox=None), '"bbox" of image 10002'),
    (change('annotations', 1, bbox=[5, 5, 0, 9]), '"bbox" of image 10002'),
    (change('annotations', 1, bbox=[5, 5, -9, 9]), '"bbox" of image 10002'),
    (change('annotations', 1, bbox=[[5, 5], [9, 9]]), '"bbox" of image 10002'),
    (change('annotations', 1, track_id='p1'),
     "image 10002: annotation.track_id is 'p1'"),
    (change('annotations', 1, track_id=1.5),
     'image 10002: annotation.track_id is 1.5'),
    (change('annotations', 1, id=None),
     'annotation of image 10002 has no "id"'),
    (change('images', 1, id=None), r'images\[1\] has no "id"'),
    (change('images', 1, id=True), 'unusable "id"'),
    (change('images', 1, frame_id='second'), 'image 10002 .*"frame_id"'),
    (change('images', 1, width=None), 'image 10002 has no "width"'),
    (change('images', 1, height=0), '"height" of image 10002 is 0'),
    (change('images', 1, file_name=None), 'image 10002 has no "file_name"'),
    (change('images', 1, file_name=['a']), 'image 10002 .*"file_name"'),
    (change('images', 1, file_name='frames/clip1/00001.png'),
     'images 10001 and 10002 have the same "file_name"'),
    (renumber, '"frame_id" of image 1000. is before .*"file_name" is after'),
    (lambda data: data['images'].append(None), r'images\[5\] is None'),
    (lambda data: data['annotations'].insert(0, None),
     r'annotations\[0\] is None'),
    (lambda data: data.update(images={'1': {}}), 'images is a dict'),
    (lambda data: data.update(annotations=None), 'no "annotations"'),
    (lambda data: data.update(annotations=[]), 'no "annotations"'),
    (lambda data: data.update(info=dict(coordinates='relative')),
     "info.coordinates is 'relative'"),
    (lambda data: data.update(info=dict(coordinates=[0])),
     'info.coordinates is'),
    (shares, '0 to 1'),
    (shares_in_keypoints, '0 to 1'),
    (far_away, '"keypoints" of image 10002 lie outside'),
])  # yapf: disable
def test_what_cannot_be_read_is_named(make_videos, edit, message):
    ann_file = make_videos([3, 2], edit=edit)
    with pytest.raises(ValueError, match=message) as error:
        read(ann_file)
    assert str(ann_file) in str(error.value)
    assert any(remedy in str(error.value) for remedy in (
        'tools/dataset_converters', 'Correct the source', 'number the people'))


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

    first = make_videos([1])
    path = first.parent / f'frames/clip1/turned{suffix}'
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


def test_half_an_archive(make_videos, tmp_path):
    """Frames in the middle of a video are looked for, too, and hidden files
    are none of them."""
    ann_file = make_videos([5])
    (tmp_path / 'frames/clip1/._00001.png').write_bytes(b'Mac OS X')
    (tmp_path / 'frames/clip1/Thumbs.db').write_bytes(b'Windows')
    assert len(read(ann_file)) == 5
    (tmp_path / 'frames/clip1/00002.png').unlink()
    (tmp_path / 'frames/clip1/00003.png').unlink()
    with pytest.raises(FileNotFoundError, match='00002.png.*2 such'):
        read(ann_file)
    assert len(read(ann_file, frame_stride=4)) == 2
    (tmp_path / 'frames/clip1/00001.png').write_bytes(b'')
    with pytest.raises(ValueError, match='00001.png is not a readable image'):
        read(ann_file, frame_stride=4)


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


def test_the_general_data_set_needs_names():
    with pytest.raises(ValueError, match='metainfo'):
        VideoCocoDataset(lazy_init=True)


def two_boxes(data):
    """Of video 1, frames 0 and 1 alike, 2 elsewhere (x, y, w, h from 1)."""
    for row, box in enumerate(([11, 6, 20, 24], [11, 6, 20, 24],
                               [21, 3, 30, 38])):
        data['annotations'][row]['bbox'] = box


def crop_pipeline(step, input_size):
    return [
        dict(type='LoadVideoFrame'), step,
        dict(type='CropAffine', input_size=input_size),
        dict(type='PackClipInputs')
    ]


@pytest.mark.parametrize('crop, stride, matrix', [
    # 20 x 24 around (20, 17), padded by 1.25 to 30 x 30: 96 / 30 = 3.2
    ('box', 1, [[3.2, 0, 48 - 64], [0, 3.2, 48 - 54.4]]),
    # (10, 2) to (50, 40), padded to 50 x 50 around (30, 21): 96 / 50
    ('video', 1, [[1.92, 0, 48 - 57.6], [0, 1.92, 48 - 40.32]]),
    ('video', 2, [[1.92, 0, 48 - 57.6], [0, 1.92, 48 - 40.32]]),
    # frame 2 is not kept: the box of frame 0
    ('video', 3, [[3.2, 0, 48 - 64], [0, 3.2, 48 - 54.4]]),
    # 64 x 48 to 96 x 72, and 12 rows above and below; no padding of 1.25
    ('frame', 1, [[1.5, 0, 0], [0, 1.5, 12]]),
])
def test_what_a_crop_is_made_of(make_videos, crop, stride, matrix):
    ann_file = make_videos([3, 2], edit=two_boxes)
    pipeline = crop_pipeline(dict(type='GetCropCenterScale'), (96, 96))
    dataset = read(
        ann_file,
        crop=crop,
        frame_stride=stride,
        pipeline=pipeline,
        test_mode=True)
    sample = dataset[0]['data_samples']
    np.testing.assert_allclose(sample.crops[0], matrix, atol=1e-4)
    # the annotated person is where it was, as large as it was
    as_ever = read(ann_file, pipeline=pipeline, test_mode=True)
    as_ever = as_ever[0]['data_samples'].gt_instances
    for key in ('bboxes', 'bbox_size', 'keypoints'):
        np.testing.assert_array_equal(sample.gt_instances[key], as_ever[key])
    if crop != 'box' and stride < 3:
        last = dataset[len(dataset.videos[0][1]) - 1]['data_samples']
        np.testing.assert_array_equal(last.crops, sample.crops)


def test_the_crop_of_a_video_ends_with_its_images(make_videos):
    """As boxes do in MMPose: the last pixels of 64 x 48 are 63 and 47."""

    def edit(data):
        data['annotations'][1]['bbox'] = [-3, 40, 90, 20]
        data['annotations'][0]['bbox'] = [11, 6, 20, 24]

    dataset = read(make_videos([2], edit=edit), crop='video')
    box = dataset.get_data_info(0)['crop_box']
    assert box.tolist() == [[0, 5, 63, 47]] and box.dtype == np.float32


@pytest.mark.parametrize('crop', ['video', 'frame'])
def test_clips_are_cropped_alike(make_videos, crop):
    """Whatever the boxes, also mirrored: the crop is one and the same."""
    frame = [
        dict(type='LoadVideoFrame'),
        dict(type='GetCropCenterScale'),
        dict(type='RandomFlip', prob=1.),
        dict(type='CropAffine', input_size=(96, 96)),
    ]
    dataset = read(
        make_videos([3], edit=two_boxes),
        crop=crop,
        clip_len=3,
        pipeline=[dict(type='ClipTransforms', transforms=frame)])
    np.random.seed(0)
    first, *others = dataset[1]['crop']
    for other in others:
        np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize('crop, matrix', [
    # around the middle of the boxes' union, (30, 21), at half the size
    ('video', [[.5, 0, 24 - 15], [0, .5, 24 - 10.5]]),
    # the frame at half the size, 32 x 24, in the middle of 48 x 48
    ('frame', [[.5, 0, 8], [0, .5, 12]]),
])
def test_a_fixed_scale_stays_fixed(make_videos, crop, matrix):
    step = dict(
        type='GetBBoxCenterFixedScale', input_size=(48, 48), image_scale=.5)
    dataset = read(
        make_videos([3], edit=two_boxes),
        crop=crop,
        pipeline=crop_pipeline(step, (48, 48)))
    np.testing.assert_allclose(
        dataset[0]['data_samples'].crops[0], matrix, atol=1e-5)


def test_frames_that_the_input_cannot_hold(make_videos):
    """The paper's 1.2 times 320 x 240 does not fit into 368 x 368 either;
    here 64 x 48 into 72 x 72. 72 / 64 does."""
    ann_file = make_videos([2])
    for scale, fits in ((1.2, False), (1.125, True)):
        step = dict(
            type='GetBBoxCenterFixedScale',
            input_size=(72, 72),
            image_scale=scale)
        arguments = dict(
            crop='frame', pipeline=crop_pipeline(step, (72, 72)))
        if fits:
            read(ann_file, **arguments)[0]
        else:
            with pytest.raises(ValueError, match='image_scale.*1.125'):
                read(ann_file, **arguments)
            # which is no matter of the video's box
            read(ann_file, **dict(arguments, crop='video'))[0]


@pytest.mark.parametrize('clip', [False, True], ids=['frames', 'clips'])
def test_a_crop_that_nobody_makes_is_refused(make_videos, clip):
    steps = crop_pipeline(dict(type='GetBBoxCenterScale'), (48, 48))
    if clip:
        steps = [dict(type='ClipTransforms', transforms=steps[:3])]
    with pytest.raises(ValueError, match='GetCropCenterScale'):
        read(make_videos([2]), crop='video', pipeline=steps)
    with pytest.raises(ValueError, match="'box', 'video' or 'frame'"):
        read(make_videos([2]), crop='image')


@pytest.mark.parametrize('crop, moved', [
    # (10, 5) to (30, 29): the larger side is 24
    ('box', [[12.4, 2.6, 32.4, 26.6]]),
    # (10, 2) to (50, 40): 40
    ('video', [[14, -2, 54, 36]]),
    # 64 x 48
    ('frame', [[6.4, -6.4, 70.4, 41.6]]),
])
def test_crops_are_shifted(make_videos, crop, moved):
    """By a tenth to the right and up; nothing else is."""
    ann_file = make_videos([3], edit=two_boxes)
    dataset = read(ann_file, crop=crop, crop_shift=(0.1, -0.1))
    item, as_ever = dataset.get_data_info(0), read(ann_file).get_data_info(0)
    np.testing.assert_allclose(item.pop('crop_box'), moved, rtol=1e-5)
    assert item['bbox'].tolist() == [[10, 5, 30, 29]]
    for key in as_ever:
        np.testing.assert_array_equal(item[key], as_ever[key], key)
    # another shift of the same data set, which stays as it is
    other = dataset.shifted([0, 0]).get_data_info(0)
    plain = read(ann_file, crop=crop).get_data_info(0)
    np.testing.assert_array_equal(
        other.get('crop_box'), plain.get('crop_box'))
    np.testing.assert_allclose(
        dataset.get_data_info(0)['crop_box'], moved, rtol=1e-5)


@pytest.mark.parametrize('shift', [0.1, (0.1, ), (0.1, float('nan'))])
def test_no_shifts_of_crops(make_videos, shift):
    ann_file = make_videos([2])
    for make in (lambda: read(ann_file, crop_shift=shift),
                 lambda: read(ann_file).shifted(shift)):
        with pytest.raises(ValueError, match='crop_shift to be two numbers'):
            make()


def test_a_shift_that_nobody_makes_is_refused(make_videos):
    steps = crop_pipeline(dict(type='GetBBoxCenterScale'), (48, 48))
    dataset = read(make_videos([2]), pipeline=steps)
    with pytest.raises(ValueError, match='GetCropCenterScale'):
        dataset.shifted((0.1, 0))
