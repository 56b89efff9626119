# Copyright (c) temporal_corr authors. All rights reserved.
"""MoveNet's layers, the configs with the head that remembers, and what is new
in them."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.cnn import fuse_conv_bn
from mmengine.config import Config
from mmpose.models import build_pose_estimator
from mmpose.models.backbones import MobileNetV2
from torch.nn import functional as F

from projects.temporal_corr.models import (FoldedMobileNetV2, HeatmapBCELoss,
                                           HeatmapBranch, SeparableFPN)
from projects.temporal_corr.models.heads.temporal_correlation_head import \
    FeatureProjection

CONFIGS = sorted((Path(__file__).resolve().parents[2] /
                  'projects/temporal_corr/configs/movenet').glob('*jhmdb*'))


@torch.no_grad()
def test_backbone_is_mobilenet_with_folded_norms():
    """What is MoveNet's own is compared in the tests of its converter."""
    trained = MobileNetV2(widen_factor=.25, out_indices=(1, 2, 3, 7))
    for name, buffer in trained.named_buffers():
        if name.endswith('running_mean'):
            buffer.normal_(0, .1)
        elif name.endswith('running_var'):
            buffer.uniform_(.5, 2)
    trained.eval()
    fused = fuse_conv_bn(trained)
    # its padding is PyTorch's here, to be compared
    folded = FoldedMobileNetV2(widen_factor=.25, conv_cfg=None)
    folded.load_state_dict(fused.state_dict(), strict=True)
    images = torch.rand(2, 3, 64, 64)
    assert [level.shape[2] for level in folded(images)] == [16, 8, 4, 2]
    for level, expected in zip(folded(images), fused(images)):
        torch.testing.assert_close(level, expected)


@pytest.mark.parametrize('stages, first_trained', [
    (8, []), (7, ['conv2.conv.weight']),
    (1, ['layer2.0.conv.0.conv.weight']), (-1, ['conv1.conv.weight'])])
def test_frozen_stages(stages, first_trained):
    backbone = FoldedMobileNetV2(.25, frozen_stages=stages)
    # before training begins, when the optimizer is built, and after
    for _ in range(2):
        trained = [
            name for name, parameter in backbone.named_parameters()
            if parameter.requires_grad
        ]
        assert trained[:1] == first_trained
        backbone.train()


def test_pyramid_and_branch():
    """Which levels are passed on. An untrained branch predicts little, as
    HeatmapHead's final layer."""
    feats = [torch.rand(2, 8, 16 >> i, 24 >> i) for i in range(3)]
    neck = SeparableFPN((8, 8, 8), (4, 5), 7, passed_levels=(1, ))
    passed, *_, finest = neck(feats)
    assert passed is feats[1]
    branch = HeatmapBranch(7, 3, mid_channels=12)
    branch.init_weights()
    assert 0 < branch(finest).abs().max() < .05


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config(path, clip_batch):
    """Scores from 0 to 1; what is remembered changes the next frame. Every
    parameter of the head has a gradient, backbone and neck none where they
    are frozen."""
    model = build_pose_estimator(Config.fromfile(path).model)
    model.init_weights()
    temporal = model.head.temporal
    if temporal is not None:
        temporal.mask_rate = 0.
    if model.head.refinement is not None:
        # maps that matter from the start
        torch.nn.init.normal_(model.head.refinement.conv2.weight)
    model.eval()
    frame = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        heatmaps, memory = model.step(frame)
        again, _ = model.step(frame, memory)
    assert heatmaps.shape == (1, 15, 16, 16)
    assert heatmaps.min() >= 0 and heatmaps.max() <= 1
    assert torch.equal(heatmaps, again) == (temporal is None)
    if path.stem.startswith('correlation'):
        assert memory['exemplars'].shape == (1, 15, 64)
    frames = 0 if temporal is None else 3 if temporal.unroll else 2
    clips, samples = clip_batch(2, frames, keypoints=15)
    model.train().loss(clips, samples)['loss_kpt'].backward()
    for name, parameter in model.named_parameters():
        trained = 'unfrozen' in path.stem or name.startswith('head.')
        assert (parameter.grad is not None) == trained, name


def test_projection_is_a_convolution_of_all_levels():
    """Resized first and concatenated, as one would write it down."""
    layer = FeatureProjection((3, 5), 4)
    layer.init_weights()
    fine, coarse = torch.rand(2, 5, 8, 6), torch.rand(2, 3, 4, 3)
    found = layer((coarse, fine), (8, 6))
    resized = F.interpolate(
        coarse, (8, 6), mode='bilinear', align_corners=False)
    weight = torch.cat([conv.weight for conv in layer.convs], dim=1)
    wanted = F.conv2d(
        torch.cat([resized, fine], 1), weight, layer.convs[0].bias)
    torch.testing.assert_close(found, wanted)


def test_binary_cross_entropy():
    """By numpy, a keypoint of weight 0 adding nothing."""
    logits, target = torch.randn(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    weights = torch.tensor([[1., 1., 0.], [1., 0., 1.]])
    found = HeatmapBCELoss()(logits, target, weights)
    scores = 1 / (1 + np.exp(-logits.double().numpy()))
    goal = target.double().numpy()
    cells = -(goal * np.log(scores) + (1 - goal) * np.log(1 - scores))
    wanted = (cells * weights.numpy()[..., None, None]).mean()
    assert found.item() == pytest.approx(wanted, rel=1e-5)
