# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest
import torch
from mmpose.registry import TRANSFORMS
from PIL import Image

import projects.temporal_corr.codecs  # noqa: F401
from projects.temporal_corr.datasets import SubJhmdbDataset

CODEC = dict(
    type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1.5)


def frame_transforms(use_udp=False, flip=0.5):
    return [
        dict(type='LoadVideoFrame'),
        dict(type='GetBBoxCenterScale'),
        dict(type='RandomFlip', prob=flip),
        dict(type='UniformBBoxTransform'),
        dict(type='CropAffine', input_size=(48, 64), use_udp=use_udp),
        dict(type='GenerateTarget', encoder=CODEC),
    ]


def clip_pipeline(**kwargs):
    return [dict(type='ClipTransforms', transforms=frame_transforms(**kwargs))]


TEST_PIPELINE = [
    dict(type='LoadVideoFrame'),
    dict(type='GetBBoxCenterScale'),
    dict(type='CropAffine', input_size=(48, 64)),
    dict(type='PackClipInputs'),
]


def read(ann_file, **kwargs):
    return SubJhmdbDataset(
        ann_file=str(ann_file), data_root=str(ann_file.parent), **kwargs)


def transform_points(matrix, points):
    return points @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.parametrize('use_udp', [False, True], ids=['msra', 'udp'])
@pytest.mark.parametrize('flip', [0.0, 1.0], ids=['as is', 'flipped'])
def test_crop_maps_keypoints_to_the_input(make_videos, use_udp, flip):
    """From the stored keypoints, mirrored here by hand, to the input."""
    dataset = read(
        make_videos([12]),
        clip_len=2,
        pipeline=clip_pipeline(use_udp=use_udp, flip=flip))
    np.random.seed(0)
    for i in range(12):
        results = dataset[i]
        for t, frame in enumerate(results['frame_index']):
            points = dataset.get_data_info(frame)['keypoints'][0]
            if flip:
                points = points[results['flip_indices'][t]]
                points[:, 0] = 63 - points[:, 0]  # images are 64 wide
            mapped = transform_points(results['crop'][t], points)
            np.testing.assert_allclose(
                mapped, results['transformed_keypoints'][t][0], atol=1e-3)
            assert results['crop'][t].dtype == np.float32


def test_frames_of_a_clip_share_the_random_parameters(make_videos):
    dataset = read(
        make_videos([12]), clip_len=3, pipeline=clip_pipeline())
    np.random.seed(0)
    flips, rotations, factors = set(), [], []
    for i in range(60):
        results = dataset[i % 12]
        assert len(set(results['flip'])) == 1
        rotation = np.concatenate(results['bbox_rotation'])
        assert np.ptp(rotation) == 0
        # boxes are 20.5 x 24 in every frame, padded by 1.25; their centres
        # differ from frame to frame
        scale = np.stack(results['input_scale'])
        np.testing.assert_allclose(scale, scale[:1].repeat(3, 0), rtol=1e-5)
        centers = np.stack(results['input_center'])
        assert len(np.unique(centers, axis=0)) == 3, 'each on its own box'
        flips.add(results['flip'][0])
        rotations.append(float(rotation[0]))
        factors.append(float(scale[0, 1]) / (24 * 1.25))
    assert flips == {False, True}
    assert len(set(rotations)) > 50, 'drawn anew for each clip'
    assert 30 < np.abs(rotations).max() <= 40
    # the aspect ratio 3:4 makes the box 27.33 high
    factors = np.array(factors) * 24 / (20.5 * 4 / 3)
    assert 0.7 - 1e-6 <= factors.min() < 0.8
    assert 1.2 < factors.max() <= 1.3 + 1e-6


def test_frames_can_be_left_to_differ(make_videos):
    pipeline = clip_pipeline()
    pipeline[0]['share_random_params'] = False
    dataset = read(make_videos([12]), clip_len=2, pipeline=pipeline)
    assert np.ptp(np.concatenate(dataset[5]['bbox_rotation'])) > 0


def test_frames_can_differ_in_all_but_the_flip(make_videos):
    """Scale, rotation and shift of each frame are drawn anew."""
    pipeline = clip_pipeline()
    pipeline[0]['transforms'][3].update(each_frame=True, shift_factor=0.2)
    dataset = read(make_videos([12]), clip_len=3, pipeline=pipeline)
    np.random.seed(0)
    flips, shifts = set(), []
    for i in range(60):
        results = dataset[i % 12]
        assert len(set(results['flip'])) == 1
        flips.add(results['flip'][0])
        box = np.concatenate(results['bbox'])
        shift = np.stack(results['input_center']) - (box[:, :2] +
                                                     box[:, 2:]) / 2
        for values in (np.concatenate(results['bbox_rotation']),
                       np.stack(results['input_scale'])[:, 0],
                       *np.round(shift.T, 3)):
            assert len(set(values)) == 3
        shifts.append(np.abs(shift).max(axis=0))
    assert flips == {False, True}
    # 0.2 of 1.25 times the box, 20.5 x 24
    largest = np.max(shifts, axis=0)
    assert (largest <= 0.25 * np.array([20.5, 24]) + 1e-4).all()
    assert (largest > 0.22 * np.array([20.5, 24])).all()


@pytest.mark.parametrize('clip_len', [1, 2, 4])
def test_each_packed_frame_is_the_frame_it_says(make_videos, clip_len):
    """Images, targets and crops against each frame passed alone; a joint
    that is hidden weighs nothing."""

    def hide(data):
        for annotation in data['annotations']:
            annotation['keypoints'][2] = 0.

    ann_file = make_videos([12], edit=hide)
    pipeline = clip_pipeline(flip=0.0) + [dict(type='PackClipInputs')]
    del pipeline[0]['transforms'][3]  # nothing random
    single = read(ann_file, pipeline=pipeline)
    packed = read(ann_file, clip_len=clip_len, pipeline=pipeline)[7]
    sample, alone = packed['data_samples'], single[7]['data_samples']
    assert sample.frame_index == 7 and sample.video_id == 'frames/clip1'
    assert packed['inputs'].dtype == torch.uint8
    np.testing.assert_array_equal(sample.gt_instances.keypoints,
                                  alone.gt_instances.keypoints)
    assert torch.equal(sample.gt_fields.heatmaps, alone.gt_fields.heatmaps)
    if clip_len == 1:
        assert torch.equal(packed['inputs'], single[7]['inputs'])
        assert 'previous_heatmaps' not in sample
        return
    assert len(packed['inputs']) == len(sample.crops) == clip_len
    assert sample.clip_frame_indices[-1] == 7
    for tensor in (sample.previous_heatmaps, sample.previous_weights):
        assert len(tensor) == clip_len - 1 and tensor.dtype == torch.float32
    for t, frame in enumerate(sample.clip_frame_indices):
        alone = single[frame]
        assert torch.equal(packed['inputs'][t], alone['inputs'])
        alone = alone['data_samples']
        assert torch.equal(sample.crops[t], alone.crops[0])
        if t < clip_len - 1:
            assert torch.equal(sample.previous_heatmaps[t],
                               alone.gt_fields.heatmaps)
            weights = sample.previous_weights[t]
            assert torch.equal(weights[None],
                               alone.gt_instance_labels.keypoint_weights)
            assert weights[0] == 0 and weights.any()
            assert not sample.previous_heatmaps[t, 0].any()


def test_packed_test_items(make_videos):
    dataset = read(make_videos([3]), pipeline=TEST_PIPELINE, test_mode=True)
    packed = dataset[2]
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 64, 48)
    assert sample.crops.shape == (1, 2, 3)
    np.testing.assert_array_equal(sample.gt_instances.bbox_size, [[20.5, 24.]])
    meta = sample.metainfo
    assert (meta['video_id'], meta['frame_index'], meta['is_first'],
            meta['is_last'], meta['previous_frame_index'],
            meta['track_id']) == ('frames/clip1', 2, False, True, 1, 0)
    for key in ('img_path', 'input_size', 'input_center', 'input_scale',
                'flip_indices', 'ori_shape'):
        assert key in meta, 'MMPose decodes with it'


@pytest.mark.parametrize('clip_len', [1, 2])
def test_packed_items_of_the_openpose_network(make_videos, clip_len):
    """Heatmaps with a background, fields and center maps; the channels are
    those of the data set's keypoints."""
    codec = dict(
        type='PartAffinityField', input_size=(64, 64), heatmap_size=(8, 8))
    pipeline = clip_pipeline(flip=1.0) + [
        dict(type='PackClipInputs', pack_transformed=True)
    ]
    transforms = pipeline[0]['transforms']
    transforms[1:2] = [
        dict(type='GetBBoxCenterFixedScale', input_size=(64, 64))
    ]
    transforms[-2:] = [
        dict(type='CropAffine', input_size=(64, 64), pad_value=128),
        dict(type='GenerateCenterMap', heatmap_size=(8, 8)),
        dict(type='GenerateTarget', encoder=codec)
    ]
    dataset = read(
        make_videos([6]),
        clip_len=clip_len,
        pipeline=pipeline,
        metainfo=dict(
            from_file='configs/_base_/datasets/sub_jhmdb_mpi.py'))
    np.random.seed(0)
    sample = dataset[3]['data_samples']
    assert sample.center_maps.shape == (clip_len, 1, 8, 8)
    assert sample.center_maps.dtype == torch.float32
    assert sample.gt_fields.heatmaps.shape == (16, 8, 8)
    assert sample.gt_fields.pafs.shape == (28, 8, 8)
    assert sample.gt_instance_labels.keypoint_weights.shape == (1, 15)
    if clip_len == 2:
        assert sample.previous_heatmaps.shape == (1, 16, 8, 8)
        assert sample.previous_weights.shape == (1, 15)
        frame = sample.clip_frame_indices[-1]
    else:
        frame = sample.frame_index
    # channel 4, the right wrist, was the left wrist before the flip: joint
    # 12 of the file
    stored = read(make_videos([6])).get_data_info(frame)['keypoints'][0]
    mirrored = [63 - stored[12, 0], stored[12, 1]]
    x, y = transform_points(sample.crops[-1].numpy(), np.array(mirrored))
    np.testing.assert_allclose(
        sample.gt_instances.transformed_keypoints[0, 4], [x, y], atol=1e-3)
    peak = sample.gt_fields.heatmaps[4].argmax().item()
    assert abs(8 * (peak % 8) + 3.5 - x) <= 4.01
    assert abs(8 * (peak // 8) + 3.5 - y) <= 4.01


def test_more_meta_keys():
    pack = TRANSFORMS.build(
        dict(type='PackClipInputs', meta_keys=('bbox_score', 'img_path')))
    assert 'bbox_score' in pack.meta_keys and 'video_id' in pack.meta_keys
    assert len(set(pack.meta_keys)) == len(pack.meta_keys)


def test_packing_without_a_crop_names_the_remedy(make_videos):
    pipeline = [dict(transform) for transform in TEST_PIPELINE]
    pipeline[2]['type'] = 'TopdownAffine'
    dataset = read(make_videos([2]), pipeline=pipeline, test_mode=True)
    with pytest.raises(KeyError, match='CropAffine'):
        dataset[0]


def two_pictures(path):
    images = [Image.new('RGB', (64, 48), (0, 0, i)) for i in (0, 9)]
    images[0].save(path, save_all=True, append_images=images[1:])


@pytest.mark.parametrize('damage, kind, message', [
    (lambda path: path.unlink(), FileNotFoundError, 'missing'),
    (lambda path: path.write_bytes(path.read_bytes()[:50]), ValueError,
     'cannot be read'),
    (lambda path: path.write_bytes(b''), ValueError, 'cannot be read'),
    (lambda path: two_pictures(path), ValueError, 'holds 2 pictures'),
], ids=['missing', 'truncated', 'empty', 'several'])
@pytest.mark.parametrize('clip_len', [1, 2], ids=['frame', 'clip'])
def test_unreadable_images_are_named(make_videos, tmp_path, damage, kind,
                                     message, clip_len):
    dataset = read(
        make_videos([3]), pipeline=clip_pipeline(), clip_len=clip_len)
    damage(tmp_path / 'frames/clip1/00002.png')
    with pytest.raises(
            kind,
            match=f'frames/clip1/00002.png of frame 1 .from 0. of video '
            f'frames/clip1 .*{message}.*data_root'):
        dataset[1]


@pytest.mark.parametrize('pipeline', [
    frame_transforms()[:1],
    frame_transforms(),
    [dict(type='LoadImage'), dict(type='PackClipInputs')],
    [dict(type='mmcv.LoadImageFromFile')],
    [*clip_pipeline(), dict(type='PackPoseInputs')],
], ids=['ours', 'mixed', "MMPose's", "MMCV's", 'packing'])
def test_a_clip_needs_clip_transforms(pipeline, make_videos):
    """MMPose's own words would be "`` occurs when loading [...]"."""
    videos = make_videos([3])
    with pytest.raises(TypeError, match='ClipTransforms'):
        read(videos, clip_len=2, pipeline=pipeline)[0]
    # of the same videos, frames
    read(videos, clip_len=1, pipeline=pipeline[:1])[0]
    read(videos, clip_len=2, pipeline=pipeline[:1], test_mode=True)[0]
