# Copyright (c) temporal_corr authors. All rights reserved.
import pytest
from mmengine.runner import Runner

from projects.temporal_corr.datasets import SubJhmdbDataset  # noqa: F401

TRAIN_PIPELINE = [
    dict(
        type='ClipTransforms',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='GetBBoxCenterScale'),
            dict(type='RandomFlip'),
            dict(type='UniformBBoxTransform'),
            dict(type='CropAffine', input_size=(48, 64)),
        ]),
    dict(type='PackClipInputs')
]


def loader(ann_file, num_workers, sampler=None, **kwargs):
    kwargs = {**dict(clip_len=2, pipeline=TRAIN_PIPELINE), **kwargs}
    sampler = sampler or dict(type='DefaultSampler', shuffle=False)
    return Runner.build_dataloader(
        dict(
            batch_size=4,
            num_workers=num_workers,
            persistent_workers=num_workers > 0,
            sampler=sampler,
            dataset=dict(
                type='SubJhmdbDataset',
                ann_file=str(ann_file),
                data_root=str(ann_file.parent),
                **kwargs)),
        seed=5)


def epoch(data_loader):
    return [
        sample for batch in data_loader for sample in batch['data_samples']
    ]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_two_epochs_draw_different_clips(make_videos, num_workers):
    """MMEngine seeds a worker when it starts, the same each time, so workers
    must live on."""
    data_loader = loader(make_videos([12, 12]), num_workers)
    first, second = epoch(data_loader), epoch(data_loader)
    assert [s.img_id for s in first] == [s.img_id for s in second]
    exemplars = [[s.clip_frame_indices[0] for s in e] for e in (first, second)]
    assert exemplars[0] != exemplars[1]
    assert [s.flip for s in first] != [s.flip for s in second]
    crops = [[s.crops.tolist() for s in e] for e in (first, second)]
    assert all(a != b for a, b in zip(*crops))


def test_a_loader_of_the_same_seed_draws_the_same(make_videos):
    ann_file = make_videos([12, 12])
    first, second = (epoch(loader(ann_file, 2)) for _ in range(2))
    assert [s.crops.tolist() for s in first
            ] == [s.crops.tolist() for s in second]
    assert [s.clip_frame_indices for s in first
            ] == [s.clip_frame_indices for s in second]


def test_evaluation_order_through_workers(make_videos):
    data_loader = loader(
        make_videos([2, 4, 3]),
        2,
        test_mode=True,
        sampler=dict(type='VideoSampler', lanes=2),
        pipeline=TRAIN_PIPELINE[0]['transforms'][:2] +
        TRAIN_PIPELINE[0]['transforms'][-1:] + TRAIN_PIPELINE[1:])
    seen = [(s.video_id[-1], s.frame_index) for s in epoch(data_loader)]
    assert seen == [('2', 0), ('3', 0), ('2', 1), ('3', 1), ('2', 2),
                    ('3', 2), ('2', 3), ('1', 0), ('1', 1)]
