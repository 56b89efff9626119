# Copyright (c) temporal_corr authors. All rights reserved.
"""Clips through the pipeline and the loader, to what a model is given."""
import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image

import projects.temporal_corr.codecs  # noqa: F401

CODEC = dict(
    type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1.5)
LOAD = [dict(type='LoadVideoFrame'), dict(type='GetBBoxCenterScale')]
CROP = dict(type='CropAffine', input_size=(48, 64))
PACK = dict(type='PackClipInputs')
TEST_PIPELINE = [*LOAD, CROP, PACK]


def clip_pipeline(flip=0.5, **draw):
    transforms = [
        *LOAD,
        dict(type='RandomFlip', prob=flip),
        dict(type='UniformBBoxTransform', **draw),
        CROP,
        dict(type='GenerateTarget', encoder=CODEC),
    ]
    return [dict(type='ClipTransforms', transforms=transforms)]


@pytest.mark.parametrize('each_frame', [False, True])
def test_random_parameters_of_a_clip(read, each_frame):
    """One draw for all frames, each on its own box; with each_frame all but
    the flip are drawn anew."""
    pipeline = clip_pipeline(each_frame=each_frame, shift_factor=0.2)
    dataset = read([12], clip_len=3, pipeline=pipeline)
    np.random.seed(0)
    flips, drawn = set(), []
    for i in range(60):
        results = dataset[i % 12]
        assert len(set(results['flip'])) == 1
        flips.add(results['flip'][0])
        box = np.concatenate(results['bbox'])
        # boxes are 20.5 x 24 in every frame, padded by 1.25; the aspect
        # ratio 3:4 makes them 27.33 high
        scale = np.stack(results['input_scale'])[:, 1] / (1.25 * 20.5 * 4 / 3)
        shift = (np.stack(results['input_center']) -
                 (box[:, :2] + box[:, 2:]) / 2) / (1.25 * box[0, 2:] -
                                                   1.25 * box[0, :2])
        rotation = np.concatenate(results['bbox_rotation'])
        drawn.append(np.column_stack([scale, rotation, shift]))
        spread = np.ptp(drawn[-1], axis=0) > 1e-4
        assert spread.all() if each_frame else not spread.any()
        assert len(np.unique(box, axis=0)) == 3
    assert flips == {False, True}
    drawn = np.array(drawn)
    assert len(np.unique(drawn[:, 0, 1])) > 50, 'drawn anew for each clip'
    low, high = drawn.min(axis=(0, 1)), drawn.max(axis=(0, 1))
    for minimum, maximum, end in zip(low, high, (.3, 40, .2, .2)):
        middle = 1 if end == .3 else 0
        assert middle - end - 1e-5 <= minimum < middle - .7 * end
        assert middle + .7 * end < maximum <= middle + end + 1e-5


@pytest.mark.parametrize('clip_len', [1, 2, 4])
def test_each_packed_frame_is_the_frame_it_says(make_videos, read, clip_len):
    """Images, targets and crops against each frame passed alone; a joint
    that is hidden weighs nothing."""

    def hide(data):
        for annotation in data['annotations']:
            annotation['keypoints'][2] = 0.

    ann_file = make_videos([12], edit=hide)
    pipeline = clip_pipeline(flip=0.0) + [PACK]
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


def test_packed_test_items(read):
    packed = read([3], pipeline=TEST_PIPELINE, test_mode=True)[2]
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
    pipeline = [*LOAD, dict(CROP, type='TopdownAffine'), PACK]
    with pytest.raises(KeyError, match='crop'):
        read([2], pipeline=pipeline, test_mode=True)[0]


def test_packed_items_of_the_openpose_network(read):
    """Heatmaps with a background, fields and center maps; the channels are
    those of the data set's keypoints."""
    codec = dict(
        type='PartAffinityField', input_size=(64, 64), heatmap_size=(8, 8))
    transforms = [
        LOAD[0],
        dict(type='GetBBoxCenterFixedScale', input_size=(64, 64)),
        dict(type='RandomFlip', prob=1.0),
        dict(type='UniformBBoxTransform'),
        dict(type='CropAffine', input_size=(64, 64), pad_value=128),
        dict(type='GenerateCenterMap', heatmap_size=(8, 8)),
        dict(type='GenerateTarget', encoder=codec)
    ]
    sample = read(
        [6],
        clip_len=2,
        pipeline=[
            dict(type='ClipTransforms', transforms=transforms),
            dict(PACK, pack_transformed=True)
        ],
        metainfo=dict(from_file='configs/_base_/datasets/sub_jhmdb_mpi.py')
    )[3]['data_samples']
    assert sample.center_maps.shape == (2, 1, 8, 8)
    assert sample.center_maps.dtype == torch.float32
    assert sample.gt_fields.heatmaps.shape == (16, 8, 8)
    assert sample.gt_fields.pafs.shape == (28, 8, 8)
    assert sample.previous_heatmaps.shape == (1, 16, 8, 8)
    assert sample.previous_weights.shape == (1, 15)
    # channel 4, the right wrist, was the left wrist before the flip: joint
    # 12 of the file
    x, y = read([6]).get_data_info(3)['keypoints'][0, 12]
    x, y = sample.crops[-1].numpy() @ [63 - x, y, 1]
    np.testing.assert_allclose(
        sample.gt_instances.transformed_keypoints[0, 4], [x, y], atol=1e-3)
    peak = sample.gt_fields.heatmaps[4].argmax().item()
    assert abs(8 * (peak % 8) + 3.5 - x) <= 4.01
    assert abs(8 * (peak // 8) + 3.5 - y) <= 4.01


def two_pictures(path):
    images = [Image.new('RGB', (64, 48), (0, 0, i)) for i in (0, 9)]
    images[0].save(path, save_all=True, append_images=images[1:])


@pytest.mark.parametrize('damage, kind, message', [
    (lambda path: path.unlink(), FileNotFoundError, 'missing'),
    (lambda path: path.write_bytes(path.read_bytes()[:50]), ValueError,
     'cannot be read'),
    (lambda path: path.write_bytes(b''), ValueError, 'cannot be read'),
    (two_pictures, ValueError, 'holds 2 pictures'),
], ids=['missing', 'truncated', 'empty', 'several'])
def test_unreadable_images_are_named(read, tmp_path, damage, kind, message):
    dataset = read([3], pipeline=clip_pipeline(), clip_len=2)
    damage(tmp_path / 'frames/clip1/00002.png')
    with pytest.raises(
            kind,
            match=f'frames/clip1/00002.png of frame 1 .from 0. of video '
            f'frames/clip1 .*{message}.*data_root'):
        dataset[1]


def test_a_clip_needs_clip_transforms(read):
    """MMPose's own words would be "`` occurs when loading [...]"."""
    pipeline = [dict(type='LoadImage'), dict(type='PackClipInputs')]
    with pytest.raises(TypeError, match='ClipTransforms'):
        read([3], clip_len=2, pipeline=pipeline)
    # of the same videos, frames
    read([3], clip_len=1, pipeline=pipeline[:1])[0]
    read([3], clip_len=2, pipeline=pipeline[:1], test_mode=True)[0]


# --- through workers ----------------------------------------------------


def epochs(ann_file, number, num_workers=2, sampler=None, **kwargs):
    """The samples of so many epochs, in batches of four."""
    loader = Runner.build_dataloader(
        dict(
            batch_size=4,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            sampler=sampler or dict(type='DefaultSampler', shuffle=False),
            dataset=dict(
                type='SubJhmdbDataset',
                ann_file=str(ann_file),
                data_root=str(ann_file.parent),
                **kwargs)),
        seed=5)
    return [[sample for batch in loader for sample in batch['data_samples']]
            for _ in range(number)]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_epochs_draw_different_clips(make_videos, num_workers):
    """MMEngine seeds a worker when it starts, the same each time, so workers
    must live on; a loader of the same seed draws the same."""
    ann_file = make_videos([12, 12])
    options = dict(clip_len=2, pipeline=clip_pipeline() + [PACK])
    first, second = epochs(ann_file, 2, num_workers, **options)
    assert [s.img_id for s in first] == [s.img_id for s in second]
    for values in (lambda s: s.clip_frame_indices, lambda s: s.flip):
        assert list(map(values, first)) != list(map(values, second))
    assert not any(torch.equal(a.crops, b.crops)
                   for a, b in zip(first, second))
    if num_workers:
        again, = epochs(ann_file, 1, num_workers, **options)
        for a, b in zip(first, again):
            assert torch.equal(a.crops, b.crops)
            assert a.clip_frame_indices == b.clip_frame_indices


def test_evaluation_order_through_workers(make_videos):
    samples, = epochs(
        make_videos([2, 4, 3]), 1, test_mode=True, pipeline=TEST_PIPELINE,
        sampler=dict(type='VideoSampler', lanes=2))  # yapf: disable
    seen = [(s.video_id[-1], s.frame_index) for s in samples]
    assert seen == [('2', 0), ('3', 0), ('2', 1), ('3', 1), ('2', 2),
                    ('3', 2), ('2', 3), ('1', 0), ('1', 1)]
