# Copyright (c) temporal_corr authors. All rights reserved.
"""Items, clips and crops; how files are read is in test_annotations.py."""
import copy
import pickle

import numpy as np
import pytest
from mmpose.datasets.datasets import JhmdbDataset

from projects.temporal_corr.datasets import SubJhmdbDataset, VideoCocoDataset


@pytest.mark.parametrize('published', [True, False],
                         ids=['published numbering', 'our numbering'])
def test_reads_what_mmpose_reads(make_videos, read, published):
    ann_file = make_videos([4, 1, 3], published=published)
    ours, theirs = read(ann_file), read(ann_file, JhmdbDataset)
    assert len(ours) == len(theirs) == 8
    for i in range(8):
        item, expected = ours.get_data_info(i), theirs.get_data_info(i)
        for key in ('img_id', 'id', 'img_path', 'bbox', 'bbox_score',
                    'keypoints', 'keypoints_visible', 'area', 'flip_indices',
                    'dataset_keypoint_weights'):
            np.testing.assert_array_equal(item[key], expected[key], key)
            assert np.asarray(item[key]).dtype == np.asarray(
                expected[key]).dtype


@pytest.mark.parametrize('stride, first, second', [
    (1, [0, 1, 2, 3, 4, 5, 6], [0, 1]), (3, [0, 3, 6], [0]),
    (10, [0], [0])])  # yapf: disable
def test_places_in_the_video(read, stride, first, second):
    dataset = read([7, 2], frame_stride=stride)
    keys = ('video_id', 'frame_index', 'previous_frame_index', 'is_first',
            'is_last', 'track_id')
    expected = [(f'frames/clip{number}', frame, before, before < 0,
                 frame == frames[-1], 0)
                for number, frames in ((1, first), (2, second))
                for frame, before in zip(frames, [-1, *frames])]
    infos = map(dataset.get_data_info, range(len(dataset)))
    assert [tuple(info[key] for key in keys) for info in infos] == expected
    assert {name: len(items) for name, items in dataset.videos} == {
        'frames/clip1': len(first), 'frames/clip2': len(second)}


@pytest.mark.parametrize('subset', [
    lambda dataset: copy.deepcopy(dataset(indices=[0, 1, 2, 3, 4])),
    lambda dataset: pickle.loads(pickle.dumps(dataset().get_subset(5))),
], ids=['copied', 'pickled'])
def test_a_subset_ends_its_videos(read, subset):
    dataset = subset(lambda **kwargs: read([3, 4], **kwargs))
    assert [v.tolist() for _, v in dataset.videos] == [[0, 1, 2], [3, 4]]
    assert dataset.get_data_info(4)['is_last'], 'else memory is never freed'
    # in another order time stays
    dataset = dataset.get_subset([4, 0, 3, 2])
    assert [v.tolist() for _, v in dataset.videos] == [[1, 3], [2, 0]]
    item = dataset.get_data_info(3)
    assert (item['previous_frame_index'], item['frame_index']) == (0, 2)


@pytest.mark.parametrize('length, current, count', [
    (30, 15, 10), (30, 0, 10), (30, 29, 10), (30, 2, 10), (30, 27, 10),
    (11, 5, 10), (5, 2, 10), (2, 1, 10), (30, 15, 1), (30, 29, 3)
])
@pytest.mark.parametrize('stride', [1, 2])
def test_exemplars_are_drawn_from_the_closest(read, length, current, count,
                                              stride):
    """Against a sort of all other frames by their distance in time."""
    np.random.seed(0)
    dataset = read(
        [1, (length - 1) * stride + 1],
        clip_len=2,
        exemplar_range=count,
        frame_stride=stride)
    others = [i for i in range(length) if i != current]
    closest = sorted(others, key=lambda i: (abs(i - current), i))[:count]
    clips = [dataset.draw_clip(1 + current) for _ in range(300)]
    assert {last for _, last in clips} == {1 + current}
    assert {first - 1 for first, _ in clips} == set(closest)


@pytest.mark.parametrize('stride, item, wanted', [
    (1, 6, [4, 5, 6]),
    (1, 1, [0, 0, 1]),
    (1, 0, [0, 0, 0]),
    (2, 3, [2, 4, 6]),
])
def test_consecutive_clips(read, stride, item, wanted):
    """Kept frames in time, up to the current one; where the video begins the
    first is repeated. The same at each access."""
    dataset = read([2, 8], clip_len=3, clip_sampling='consecutive',
                   frame_stride=stride)  # yapf: disable
    item += len(dataset.videos[0][1])
    for _ in range(2):
        assert dataset[item]['frame_index'] == wanted
        assert dataset[item]['video_id'] == ['frames/clip2'] * 3


def test_long_clips_and_short_videos(make_videos, read):
    """Different exemplars, oldest first, the current frame last; other ones
    at each access, by numpy's seed."""
    dataset = read([12], clip_len=4)
    drawn = []
    for seed in (3, None, 3):
        np.random.seed(seed)
        drawn.append([dataset[5]['frame_index'] for _ in range(50)])
    assert drawn[0] == drawn[2] != drawn[1]
    assert drawn[0][:10] != drawn[0][10:20]
    for *exemplars, current in drawn[0]:
        assert current == 5 and 5 not in exemplars
        assert exemplars == sorted(set(exemplars)) and len(exemplars) == 3
    ann_file = make_videos([1, 2])
    dataset = read(ann_file, clip_len=4)
    assert dataset[0]['frame_index'] == [0, 0, 0, 0]
    assert dataset[1]['frame_index'] == [1, 1, 1, 0]
    tested = read(ann_file, clip_len=4, test_mode=True)
    assert tested[2]['frame_index'] == 1, 'a frame alone'


@pytest.mark.parametrize('kwargs', [
    dict(clip_sampling='random'),
    dict(crop='image'),
    dict(bbox_file='boxes.json'),
    dict(data_mode='bottomup'),
    dict(filter_cfg=dict(bbox_score_thr=0.5)),
], ids=lambda kwargs: next(iter(kwargs)))
def test_refused_arguments(kwargs):
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        SubJhmdbDataset(lazy_init=True, **kwargs)
    with pytest.raises(ValueError, match='metainfo'):
        VideoCocoDataset(lazy_init=True)


# --- crops --------------------------------------------------------------


def boxes(data):
    """Of video 1, frames 0 and 1 alike, 2 elsewhere (x, y, w, h from 1); of
    video 2 one that leaves the image."""
    for annotation, box in zip(data['annotations'],
                               ([11, 6, 20, 24], [11, 6, 20, 24],
                                [21, 3, 30, 38], [-3, 40, 90, 20],
                                [11, 6, 20, 24])):
        annotation['bbox'] = box


@pytest.fixture
def videos(make_videos):
    return make_videos([3, 2], edit=boxes)


def crop_pipeline(size, scale=None, type='GetCropCenterScale'):
    step = dict(type=type)
    if scale:
        step = dict(type='GetBBoxCenterFixedScale', input_size=(size, size),
                    image_scale=scale)  # yapf: disable
    return [
        dict(type='LoadVideoFrame'), step,
        dict(type='CropAffine', input_size=(size, size)),
        dict(type='PackClipInputs')
    ]


@pytest.mark.parametrize('crop, stride, pipeline, matrix', [
    # 20 x 24 around (20, 17), padded by 1.25 to 30 x 30: 96 / 30 = 3.2
    ('box', 1, crop_pipeline(96), [[3.2, 0, 48 - 64], [0, 3.2, 48 - 54.4]]),
    # (10, 2) to (50, 40), padded to 50 x 50 around (30, 21): 96 / 50
    ('video', 1, crop_pipeline(96),
     [[1.92, 0, 48 - 57.6], [0, 1.92, 48 - 40.32]]),
    # frame 2 is not kept: the box of frame 0
    ('video', 3, crop_pipeline(96), [[3.2, 0, 48 - 64], [0, 3.2, 48 - 54.4]]),
    # 64 x 48 to 96 x 72, and 12 rows above and below; no padding of 1.25
    ('frame', 1, crop_pipeline(96), [[1.5, 0, 0], [0, 1.5, 12]]),
    # a fixed scale: around the middle of the boxes' union, (30, 21)
    ('video', 1, crop_pipeline(48, .5), [[.5, 0, 24 - 15], [0, .5, 24 - 10.5]]
     ),
    # the frame at half the size, 32 x 24, in the middle of 48 x 48
    ('frame', 1, crop_pipeline(48, .5), [[.5, 0, 8], [0, .5, 12]]),
])  # yapf: disable
def test_what_is_cropped(videos, read, crop, stride, pipeline, matrix):
    options = dict(pipeline=pipeline, test_mode=True)
    dataset = read(videos, crop=crop, frame_stride=stride, **options)
    sample = dataset[0]['data_samples']
    np.testing.assert_allclose(sample.crops[0], matrix, atol=1e-4)
    # the annotated person is where it was, as large as it was
    default = read(videos, **options)[0]['data_samples'].gt_instances
    for key in ('bboxes', 'bbox_size', 'keypoints'):
        np.testing.assert_array_equal(sample.gt_instances[key], default[key])
    if crop != 'box':
        last = dataset[len(dataset.videos[0][1]) - 1]['data_samples']
        np.testing.assert_array_equal(last.crops, sample.crops)


def test_the_crop_of_a_video_ends_with_its_images(videos, read):
    """As boxes do in MMPose: the last pixels of 64 x 48 are 63 and 47."""
    item = read(videos, crop='video').get_data_info(3)
    assert item['crop_box'].tolist() == [[0, 5, 63, 47]]


@pytest.mark.parametrize('crop, moved', [
    # (10, 5) to (30, 29): the larger side is 24
    ('box', [[12.4, 2.6, 32.4, 26.6]]),
    # (10, 2) to (50, 40): 40
    ('video', [[14, -2, 54, 36]]),
    # 64 x 48
    ('frame', [[6.4, -6.4, 70.4, 41.6]]),
])
def test_crops_are_shifted(videos, read, crop, moved):
    """By a tenth to the right and up; nothing else is."""
    dataset = read(videos, crop=crop, crop_shift=(0.1, -0.1))
    # another shift of the same data set, which stays as it is
    other = dataset.shifted([0, 0]).get_data_info(0)
    plain = read(videos, crop=crop).get_data_info(0)
    np.testing.assert_array_equal(
        other.get('crop_box'), plain.get('crop_box'))
    item = dataset.get_data_info(0)
    np.testing.assert_allclose(item.pop('crop_box'), moved, rtol=1e-5)
    for key, value in read(videos).get_data_info(0).items():
        np.testing.assert_array_equal(item[key], value, key)


def test_crops_that_cannot_be_made(videos, read):
    """The paper's 1.2 times 320 x 240 does not fit into 368 x 368; here
    64 x 48 into 72 x 72. 72 / 64 does, and the video's box is another
    matter."""
    read(videos, crop='frame', pipeline=crop_pipeline(72, 1.125))[0]
    read(videos, crop='video', pipeline=crop_pipeline(72, 1.2))[0]
    with pytest.raises(ValueError, match='image_scale.*1.125'):
        read(videos, crop='frame', pipeline=crop_pipeline(72, 1.2))
    steps = crop_pipeline(48, type='GetBBoxCenterScale')
    for steps in (steps, [dict(type='ClipTransforms', transforms=steps[:3])]):
        with pytest.raises(ValueError, match='GetCropCenterScale'):
            read(videos, crop='video', pipeline=steps)
        with pytest.raises(ValueError, match='GetCropCenterScale'):
            read(videos, pipeline=steps).shifted((0.1, 0))
