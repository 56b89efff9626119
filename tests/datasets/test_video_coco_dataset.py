# Copyright (c) temporal_corr authors. All rights reserved.
"""Items, clips and crops; how files are read is in test_annotations.py."""
import copy
import pickle

import numpy as np
import pytest
from mmpose.datasets.datasets import JhmdbDataset

from projects.temporal_corr.datasets import (PennActionDataset,
                                             SubJhmdbDataset, VideoCocoDataset)


def read(ann_file, **kwargs):
    return SubJhmdbDataset(
        ann_file=str(ann_file), data_root=str(ann_file.parent), **kwargs)


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
        for key in ('img_id', 'id', 'img_path', 'bbox', 'bbox_score',
                    'keypoints', 'keypoints_visible', 'area', 'flip_indices',
                    'dataset_keypoint_weights'):
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
    assert [(name, items.tolist()) for name, items in dataset.videos
            ] == [('frames/clip1', [0, 1, 2]), ('frames/clip2', [3])]


@pytest.mark.parametrize('stride, first, second', [
    (1, [0, 1, 2, 3, 4, 5, 6], [0, 1]),
    (2, [0, 2, 4, 6], [0]),
    (3, [0, 3, 6], [0]),
    (10, [0], [0]),
])
def test_frame_stride(make_videos, stride, first, second):
    dataset = read(make_videos([7, 2]), frame_stride=stride)
    infos = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [i['frame_index'] for i in infos] == first + second
    infos = infos[:len(first)]
    assert [i['previous_frame_index'] for i in infos] == [-1] + first[:-1]
    assert [i['is_last'] for i in infos] == [False] * (len(first) - 1) + [True]


@pytest.mark.parametrize('subset', [
    lambda path: read(path, lazy_init=True, indices=5),
    lambda path: read(path).get_subset(5),
    lambda path: pickle.loads(pickle.dumps(read(path).get_subset(5))),
    lambda path: copy.deepcopy(read(path, indices=[0, 1, 2, 3, 4])),
], ids=['lazy', 'get_subset', 'pickled', 'copied'])
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
        dataset.get_subset([1, 1])


def closest(length, current, count):
    """The frames closest in time, by sorting all of them."""
    others = [i for i in range(length) if i != current]
    return sorted(others, key=lambda i: (abs(i - current), i))[:count]


@pytest.mark.parametrize('length, current, count', [
    (30, 15, 10), (30, 0, 10), (30, 29, 10), (30, 2, 10), (30, 27, 10),
    (11, 5, 10), (5, 2, 10), (2, 1, 10), (30, 15, 1), (30, 29, 3)
])
@pytest.mark.parametrize('stride', [1, 2])
def test_exemplars_are_drawn_from_the_closest(make_videos, length, current,
                                              count, stride):
    np.random.seed(0)
    dataset = read(
        make_videos([1, (length - 1) * stride + 1]),
        clip_len=2,
        exemplar_range=count,
        frame_stride=stride)
    clips = [dataset.draw_clip(1 + current) for _ in range(300)]
    assert {last for _, last in clips} == {1 + current}
    assert {first - 1 for first, _ in clips
            } == set(closest(length, current, count))


@pytest.mark.parametrize('stride, item, wanted', [
    (1, 6, [4, 5, 6]),
    (1, 2, [0, 1, 2]),
    (1, 1, [0, 0, 1]),
    (1, 0, [0, 0, 0]),
    (2, 3, [2, 4, 6]),
    (2, 1, [0, 0, 2]),
])
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


def test_exemplars_change_between_accesses_and_follow_the_seed(make_videos):
    dataset = read(make_videos([20]), clip_len=2)

    def draw():
        return [dataset[i]['frame_index'] for i in range(20)]

    np.random.seed(3)
    first, second = draw(), draw()
    assert first != second
    np.random.seed(3)
    assert draw() == first


def test_long_clips_and_short_videos(make_videos):
    """Different exemplars, oldest first, the current frame last."""
    dataset = read(make_videos([12]), clip_len=4)
    for _ in range(50):
        *exemplars, current = dataset[5]['frame_index']
        assert current == 5 and 5 not in exemplars
        assert exemplars == sorted(set(exemplars)) and len(exemplars) == 3
    ann_file = make_videos([1, 2])
    dataset = read(ann_file, clip_len=4)
    assert dataset[0]['frame_index'] == [0, 0, 0, 0]
    assert dataset[1]['frame_index'] == [1, 1, 1, 0]
    tested = read(ann_file, clip_len=4, test_mode=True)
    assert tested[2]['frame_index'] == 1, 'a frame alone'


@pytest.mark.parametrize('kwargs', [
    dict(frame_stride=0),
    dict(clip_len=1.5),
    dict(exemplar_range=0),
    dict(clip_sampling='random'),
    dict(crop='image'),
    dict(bbox_file='boxes.json'),
    dict(data_mode='bottomup'),
    dict(sample_interval=2),
    dict(filter_cfg=dict(bbox_score_thr=0.5)),
], ids=lambda kwargs: next(iter(kwargs)))
def test_refused_arguments(kwargs):
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        SubJhmdbDataset(lazy_init=True, **kwargs)
    with pytest.raises(ValueError, match='metainfo'):
        VideoCocoDataset(lazy_init=True)


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


def fixed_scale(side, scale):
    step = dict(
        type='GetBBoxCenterFixedScale',
        input_size=(side, side),
        image_scale=scale)
    return crop_pipeline(step, (side, side))


@pytest.mark.parametrize('crop, matrix', [
    # around the middle of the boxes' union, (30, 21), at half the size
    ('video', [[.5, 0, 24 - 15], [0, .5, 24 - 10.5]]),
    # the frame at half the size, 32 x 24, in the middle of 48 x 48
    ('frame', [[.5, 0, 8], [0, .5, 12]]),
])
def test_a_fixed_scale_stays_fixed(make_videos, crop, matrix):
    dataset = read(
        make_videos([3], edit=two_boxes),
        crop=crop,
        pipeline=fixed_scale(48, .5))
    np.testing.assert_allclose(
        dataset[0]['data_samples'].crops[0], matrix, atol=1e-5)


def test_frames_that_the_input_cannot_hold(make_videos):
    """The paper's 1.2 times 320 x 240 does not fit into 368 x 368 either;
    here 64 x 48 into 72 x 72. 72 / 64 does, and the video's box is another
    matter."""
    ann_file = make_videos([2])
    read(ann_file, crop='frame', pipeline=fixed_scale(72, 1.125))[0]
    read(ann_file, crop='video', pipeline=fixed_scale(72, 1.2))[0]
    with pytest.raises(ValueError, match='image_scale.*1.125'):
        read(ann_file, crop='frame', pipeline=fixed_scale(72, 1.2))


@pytest.mark.parametrize('clip', [False, True], ids=['frames', 'clips'])
def test_a_crop_that_nobody_makes_is_refused(make_videos, clip):
    ann_file = make_videos([2])
    steps = crop_pipeline(dict(type='GetBBoxCenterScale'), (48, 48))
    if clip:
        steps = [dict(type='ClipTransforms', transforms=steps[:3])]
    with pytest.raises(ValueError, match='GetCropCenterScale'):
        read(ann_file, crop='video', pipeline=steps)
    with pytest.raises(ValueError, match='GetCropCenterScale'):
        read(ann_file, pipeline=steps).shifted((0.1, 0))


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
    with pytest.raises(ValueError, match='crop_shift to be two numbers'):
        read(make_videos([2])).shifted(shift)
