# Copyright (c) temporal_corr authors. All rights reserved.
import copy
import pickle
import random

import numpy as np
import pytest
from mmpose.datasets.datasets import JhmdbDataset

from projects.temporal_corr.datasets import PennActionDataset, SubJhmdbDataset


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
