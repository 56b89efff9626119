# Copyright (c) temporal_corr authors. All rights reserved.
"""Every backbone that has a config, at its full size."""
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmpose.models import build_pose_estimator

CONFIGS = sorted(
    path for path in
    (Path(__file__).resolve().parents[2] /
     'projects/temporal_corr/configs').rglob('correlation_*jhmdb*.py')
    # heads of their own
    if not any(name in path.stem for name in ('openpose', 'movenet')))


def without_pretrained(config):
    """Removes every ``init_cfg``: weights would come from the network."""
    if isinstance(config, dict):
        config.pop('init_cfg', None)
        for value in config.values():
            without_pretrained(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            without_pretrained(value)


def model_config(path):
    config = Config.fromfile(path).model
    without_pretrained(config)
    return config


def single_frame_config(config):
    """The same settings for MMPose's own classes."""
    head = {
        key: value
        for key, value in config.head.items() if key not in (
            'temporal', 'refine_channels', 'refine_convs')
    }
    return dict(
        type='TopdownPoseEstimator',
        data_preprocessor=dict(
            config.data_preprocessor, type='PoseDataPreprocessor'),
        backbone=config.backbone,
        head=dict(head, type='HeatmapHead'))


def test_there_is_a_config_of_each_backbone():
    built = {model_config(path).backbone.type for path in CONFIGS}
    assert built >= {
        'ResNet', 'HRNet', 'MobileNetV2', 'LiteHRNet', 'CSPNeXt',
        'SwinTransformer'
    }


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_backbone(path, clip_batch):
    """Loads MMPose's weights, predicts as they do, steps and trains."""
    config = model_config(path)
    theirs = build_pose_estimator(single_frame_config(config)).eval()
    model = build_pose_estimator(config).eval()
    model.head.init_weights()

    # A checkpoint of the matching single-frame model loads.
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
    assert torch.isfinite(second).all()
    assert not torch.equal(second, alone)

    # A clip; batch statistics of one sample are no good, hence eval mode.
    model.loss(clip, samples)['loss_kpt'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
