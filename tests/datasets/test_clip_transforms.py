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


def clip_pipeline(*draws):
    return [
        dict(
            type='ClipTransforms',
            transforms=[
                *LOAD, *draws, CROP,
                dict(type='GenerateTarget', encoder=CODEC)
            ])
    ]


def random_pipeline(**kwargs):
    return clip_pipeline(
        dict(type='RandomFlip', prob=0.5),
        dict(type='UniformBBoxTransform', **kwargs))


@pytest.mark.parametrize('each_frame', [False, True])
def test_random_parameters_of_a_clip(read, each_frame):
    """One draw for all frames, each on its own box; with each_frame all but
    the flip are drawn anew."""
    pipeline = random_pipeline(each_frame=each_frame, shift_factor=0.2)
    dataset = read([12], clip_len=3, pipeline=pipeline)
    np.random.seed(0)
    flips, rotations = set(), set()
    for i in range(60):
        results = dataset[i % 12]
        assert len(set(results['flip'])) == 1
        flips.add(results['flip'][0])
        box = np.concatenate(results['bbox'])
        shift = np.concatenate([
            np.stack(results['input_center']) -
            (box[:, :2] + box[:, 2:]) / 2,
            np.stack(results['input_scale']),
            np.reshape(results['bbox_rotation'], (3, 1))
        ], axis=1)  # yapf: disable
        spread = np.ptp(shift, axis=0) > 1e-4
        assert spread.all() if each_frame else not spread.any()
        assert len(np.unique(box, axis=0)) == 3
        rotations.add(shift[0, -1])
    assert flips == {False, True}
    assert len(rotations) > 50, 'drawn anew for each clip'


@pytest.mark.parametrize('clip_len', [1, 2, 4])
def test_each_packed_frame_is_the_frame_it_says(make_videos, read, clip_len):
    """Images, targets and crops against each frame passed alone; a joint
    that is hidden weighs nothing."""

    def hide(data):
        for annotation in data['annotations']:
            annotation['keypoints'][2] = 0.

    ann_file = make_videos([12], edit=hide)
    pipeline = clip_pipeline() + [PACK]  # nothing random
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
    items = [single[frame] for frame in sample.clip_frame_indices]
    frames = [item['data_samples'] for item in items]
    assert sample.clip_frame_indices[-1] == 7 and len(items) == clip_len
    wanted = dict(
        crops=[frame.crops[0] for frame in frames],
        previous_heatmaps=[frame.gt_fields.heatmaps for frame in frames[:-1]],
        previous_weights=[frame.gt_instance_labels.keypoint_weights[0]
                          for frame in frames[:-1]])  # yapf: disable
    for name, parts in wanted.items():
        assert torch.equal(sample.get(name), torch.stack(parts)), name
    assert torch.equal(packed['inputs'],
                       torch.stack([item['inputs'] for item in items]))
    assert sample.previous_heatmaps.dtype == torch.float32
    assert sample.previous_weights.dtype == torch.float32
    assert sample.previous_weights[:, 1:].any(dim=1).all()
    assert not sample.previous_weights[:, 0].any()
    assert not sample.previous_heatmaps[:, 0].any()


def test_packed_test_items(read):
    packed = read([3], pipeline=[*LOAD, CROP, PACK], test_mode=True)[2]
    sample = packed['data_samples']
    assert packed['inputs'].shape == (3, 64, 48)
    assert sample.crops.shape == (1, 2, 3)
    np.testing.assert_array_equal(sample.gt_instances.bbox_size, [[20.5, 24.]])
    place = dict(
        video_id='frames/clip1',
        frame_index=2,
        is_first=False,
        is_last=True,
        previous_frame_index=1,
        track_id=0)
    assert place.items() <= sample.metainfo.items()
    for key in ('img_path', 'input_size', 'input_center', 'input_scale',
                'flip_indices', 'ori_shape'):
        assert key in sample.metainfo, 'MMPose decodes with it'
    pipeline = [*LOAD, dict(CROP, type='TopdownAffine'), PACK]
    with pytest.raises(KeyError, match='crop'):
        read([2], pipeline=pipeline, test_mode=True)[0]


def test_packed_items_of_the_openpose_network(read):
    """Heatmaps with a background, fields and centre maps; the channels are
    those of the data set's keypoints, and all is mirrored and shifted."""
    codec = dict(
        type='PartAffinityField', input_size=(64, 64), heatmap_size=(8, 8))
    transforms = [
        LOAD[0],
        dict(type='GetBBoxCenterFixedScale', input_size=(64, 64)),
        dict(type='RandomFlip', prob=1.0),
        dict(type='UniformBBoxTransform'),
        dict(type='CropAffine', input_size=(64, 64), pad_value=128),
        dict(type='GenerateCenterMap', heatmap_size=(8, 8), sigma=5.),
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
    for tensor, shape in ((sample.center_maps, (2, 1, 8, 8)),
                          (sample.gt_fields.heatmaps, (16, 8, 8)),
                          (sample.gt_fields.pafs, (28, 8, 8)),
                          (sample.previous_heatmaps, (1, 16, 8, 8)),
                          (sample.previous_weights, (1, 15))):
        assert tensor.shape == shape and tensor.dtype == torch.float32
    raw = read([6]).get_data_info(3)
    matrix = sample.crops[-1].numpy()

    def assert_peak(heatmap, place):
        x, y = matrix @ [63 - place[0], place[1], 1]
        peak = heatmap.argmax().item()
        assert abs(8 * (peak % 8) + 3.5 - x) <= 4.01
        assert abs(8 * (peak // 8) + 3.5 - y) <= 4.01
        return x, y

    # channel 4, the right wrist, was the left wrist before the flip: joint
    # 12 of the file
    wrist = assert_peak(sample.gt_fields.heatmaps[4], raw['keypoints'][0, 12])
    np.testing.assert_allclose(
        sample.gt_instances.transformed_keypoints[0, 4], wrist, atol=1e-3)
    assert_peak(sample.center_maps[-1], raw['bbox'].reshape(2, 2).mean(axis=0))


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
    dataset = read([3], pipeline=random_pipeline(), clip_len=2)
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


@pytest.mark.parametrize('num_workers', [0, 2])
def test_epochs_draw_different_clips(make_videos, num_workers):
    """MMEngine seeds a worker when it starts, the same each time, so workers
    must live on; a loader of the same seed draws the same."""
    ann_file = make_videos([12, 12])

    def epochs(number):
        loader = Runner.build_dataloader(
            dict(
                batch_size=4,
                num_workers=num_workers,
                persistent_workers=num_workers > 0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                dataset=dict(
                    type='SubJhmdbDataset',
                    ann_file=str(ann_file),
                    data_root=str(ann_file.parent),
                    clip_len=2,
                    pipeline=random_pipeline() + [PACK])),
            seed=5)
        return [[sample for batch in loader
                 for sample in batch['data_samples']] for _ in range(number)]

    first, second = epochs(2)
    assert [s.img_id for s in first] == [s.img_id for s in second]
    for values in (lambda s: s.clip_frame_indices, lambda s: s.flip):
        assert list(map(values, first)) != list(map(values, second))
    assert not any(torch.equal(a.crops, b.crops)
                   for a, b in zip(first, second))
    if num_workers:
        for a, b in zip(first, *epochs(1)):
            assert torch.equal(a.crops, b.crops)
            assert a.clip_frame_indices == b.clip_frame_indices
