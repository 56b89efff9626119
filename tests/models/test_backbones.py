# Copyright (c) temporal_corr authors. All rights reserved.
"""Every backbone that has a config, at its full size."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpose.models import build_pose_estimator

CONFIGS = [
    path for path in sorted(
        (Path(__file__).resolve().parents[2] /
         'projects/temporal_corr/configs').rglob('correlation_*jhmdb*.py'))
    # heads of their own
    if not any(name in path.stem for name in ('openpose', 'movenet'))
]


def test_there_is_a_config_of_each_backbone():
    built = {Config.fromfile(path).model.backbone.type for path in CONFIGS}
    assert built >= {
        'ResNet', 'HRNet', 'MobileNetV2', 'LiteHRNet', 'CSPNeXt',
        'SwinTransformer'
    }


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_backbone(path, clip_batch):
    """Loads MMPose's weights, predicts as they do, steps and trains."""
    config = Config.fromfile(path).model
    theirs = dict(config.head, type='HeatmapHead')
    for name in ('temporal', 'refine_channels', 'refine_convs'):
        theirs.pop(name, None)
    theirs = build_pose_estimator(
        dict(
            type='TopdownPoseEstimator',
            backbone=config.backbone,
            head=theirs)).eval()
    model = build_pose_estimator(config).eval()
    model.head.init_weights()
    result = model.load_state_dict(theirs.state_dict(), strict=False)
    assert result.unexpected_keys == []
    prefixes = tuple('head.' + p for p in model.head.temporal_parameters)
    assert all(key.startswith(prefixes) for key in result.missing_keys)

    # Two frames.
    width, height = config.head.decoder.input_size
    columns, rows = config.head.decoder.heatmap_size
    keypoints = config.head.out_channels
    clip, samples = clip_batch(1, 2, (height, width), keypoints)
    with torch.no_grad():
        first, memory = model.step(clip[:, 0])
        wanted = theirs(clip[:, 0], None, mode='tensor')
        torch.testing.assert_close(first, wanted, atol=1e-6, rtol=1e-5)
        torch.nn.init.normal_(model.head.refinement.conv2.weight)
        second, _ = model.step(clip[:, 1], memory)
        alone, _ = model.step(clip[:, 1])
    assert first.shape == second.shape == (1, keypoints, rows, columns)
    channels = model.head.final_layer.in_channels
    assert memory['exemplars'].shape == (1, keypoints, channels)
    assert torch.isfinite(second).all() and not torch.equal(second, alone)

    # A clip; batch statistics of one sample are no good, hence eval mode.
    model.loss(clip, samples)['loss_kpt'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
