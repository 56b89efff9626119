# Copyright (c) temporal_corr authors. All rights reserved.
"""The backbone with folded norms, the separable pyramid and the branch."""
import pytest
import torch
from mmcv.cnn import fuse_conv_bn
from mmpose.models.backbones import MobileNetV2

from projects.temporal_corr.models import (FoldedMobileNetV2, HeatmapBranch,
                                           SeparableFPN)


@torch.no_grad()
def test_backbone_is_mobilenet_with_folded_norms():
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


@torch.no_grad()
def test_backbone_pads_right_and_below():
    # at stride 2 the first pixel that counts is (0, 0), not (-1, -1)
    backbone = FoldedMobileNetV2(widen_factor=.25)
    conv = backbone.conv1.conv
    conv.weight.zero_()
    conv.weight[:, 0, 0, 0] = 1
    images = torch.arange(64.).reshape(1, 1, 8, 8).repeat(1, 3, 1, 1)
    assert (conv(images)[0, 0] == images[0, 0, ::2, ::2]).all()


@pytest.mark.parametrize('last_channels, widen_factor, channels', [
    (None, 1.75, 2240),
    (1280, 1.75, 1280),
    (40, 1., 40),
])
def test_last_channels(last_channels, widen_factor, channels):
    with torch.device('meta'):
        backbone = FoldedMobileNetV2(widen_factor, last_channels=last_channels)
        feats = backbone(torch.empty(1, 3, 64, 64))
    assert feats[-1].shape[1] == backbone.out_channel == channels


def test_frozen_stages():
    for stages, first_trained in ((8, None), (7, 'conv2.conv.weight'),
                                  (1, 'layer2.0.conv.0.conv.weight'),
                                  (-1, 'conv1.conv.weight')):
        backbone = FoldedMobileNetV2(.25, frozen_stages=stages)
        # before training begins, when the optimizer is built, and after
        for _ in range(2):
            trained = [
                name for name, parameter in backbone.named_parameters()
                if parameter.requires_grad
            ]
            assert trained[:1] == ([first_trained] if first_trained else [])
            backbone.train()
    with pytest.raises(ValueError, match='frozen_stages'):
        FoldedMobileNetV2(.25, frozen_stages=9)


def test_no_gradients_below_frozen_layers():
    backbone = FoldedMobileNetV2(.25, last_channels=40, frozen_stages=8)
    neck = SeparableFPN((8, 8, 16, 40), (4, 5, 6),
                        7,
                        passed_levels=(0, 1),
                        frozen=True)
    branch = HeatmapBranch(7, 3, mid_channels=12)
    backbone.train()
    feats = neck.train()(backbone(torch.rand(1, 3, 64, 64)))
    assert not any(level.requires_grad for level in feats)
    branch(feats[-1]).sum().backward()
    assert branch.expand.depthwise.weight.grad is not None


def test_pyramid_levels():
    feats = [
        torch.rand(2, channels, 16 >> i, 24 >> i)
        for i, channels in enumerate((8, 9, 16, 40))
    ]
    neck = SeparableFPN((8, 9, 16, 40), (4, 5, 6), 7, passed_levels=(1, ))
    outs = neck(feats)
    # coarse to fine: each level has the channels of the sum below
    assert [tuple(level.shape[1:]) for level in outs[1:]] == [(5, 4, 6),
                                                              (4, 8, 12),
                                                              (7, 16, 24)]
    assert outs[0] is feats[1]
    with pytest.raises(ValueError, match='lateral_channels=.4, 5.*1 for'):
        SeparableFPN((8, 9), (4, 5), 7)


def test_untrained_branch_predicts_little():
    # as HeatmapHead's final layer, so that training starts gently
    branch = HeatmapBranch(7, 3, mid_channels=12)
    branch.init_weights()
    heatmaps = branch(torch.rand(1, 7, 16, 16))
    assert 0 < heatmaps.abs().max() < .05
    assert branch.in_channels == 7
