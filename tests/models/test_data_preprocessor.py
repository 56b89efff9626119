# Copyright (c) temporal_corr authors. All rights reserved.
"""Clips are normalised as MMPose normalises their frames."""
import pytest
import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import projects.temporal_corr.models  # noqa: F401

SETTINGS = dict(
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True)


def samples(count):
    return [PoseDataSample(metainfo=dict(img_id=i)) for i in range(count)]


@pytest.mark.parametrize('settings', [
    SETTINGS,
    dict(SETTINGS, bgr_to_rgb=False),
    dict(mean=[0.5], std=[2.], rgb_to_bgr=True),
    dict(),
], ids=['BGR to RGB', 'as it is', 'one mean', 'nothing'])  # yapf: disable
@pytest.mark.parametrize('stacked', [False, True], ids=['list', 'tensor'])
def test_equals_mmpose_frame_by_frame(settings, stacked):
    """Exactly: clips of three frames (as many as channels), single frames,
    and what samples are told of the input. The pixels stay as they are."""
    clips = torch.randint(0, 256, (2, 3, 3, 8, 6), dtype=torch.uint8)
    before = clips.clone()
    ours = MODELS.build(dict(type='ClipDataPreprocessor', **settings))
    theirs = PoseDataPreprocessor(**settings)

    def run(tensor):
        return ours(dict(inputs=tensor if stacked else list(tensor),
                         data_samples=samples(2)))  # yapf: disable

    result = run(clips)
    assert result['inputs'].shape == clips.shape
    for number in range(clips.shape[1]):
        frames = clips[:, number]
        wanted = theirs(dict(inputs=list(frames), data_samples=samples(2)))
        assert torch.equal(result['inputs'][:, number], wanted['inputs'])
        assert torch.equal(run(frames)['inputs'], wanted['inputs'])
    for one, two in zip(result['data_samples'], wanted['data_samples']):
        assert one.metainfo == two.metainfo
    assert torch.equal(clips, before)
    assert ours(dict(inputs=list(clips)))['data_samples'] is None
