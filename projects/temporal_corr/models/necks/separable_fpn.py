# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Sequence, Tuple

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class SeparableFPN(BaseModule):
    """A feature pyramid of depthwise separable convolutions.

    Top-down: the map above, upsampled bilinearly by two, is added to the
    lateral of a level, a 1x1 convolution, and a separable convolution takes
    the sum to the channels of the level below.

    Args:
        in_channels (Sequence[int]): Channels of the backbone's maps, from
            the finest to the coarsest, each of half the size.
        lateral_channels (Sequence[int]): Channels in which each level but
            the coarsest is added up.
        out_channels (int): Channels of the finest map that is returned.
        passed_levels (Sequence[int]): Indices of maps of the backbone that
            are returned as they are, before those of the pyramid.
            Defaults to ().
        frozen (bool): Whether the neck is not trained. Defaults to False.
        init_cfg (dict | list, optional): Initialisation. Defaults to Kaiming
            for all convolutions.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 lateral_channels: Sequence[int],
                 out_channels: int,
                 passed_levels: Sequence[int] = (),
                 frozen: bool = False,
                 init_cfg=dict(type='Kaiming', layer='Conv2d')):
        super().__init__(init_cfg=init_cfg)
        # The coarsest map is added to the level below.
        sums = (*lateral_channels, lateral_channels[-1])
        self.passed_levels = tuple(passed_levels)
        self.laterals = nn.ModuleList(
            nn.Conv2d(channels, width, 1)
            for channels, width in zip(in_channels, sums))
        self.merges = nn.ModuleList(
            separable_conv(width, below)
            for width, below in zip(sums, (out_channels, *sums[:-2])))
        if frozen:
            self.requires_grad_(False)

    def forward(self, feats: Sequence[Tensor]) -> Tuple[Tensor, ...]:
        """The maps of ``passed_levels``, then those of the pyramid but its
        top, the finest, (N, out_channels, H, W), last."""
        outs = [feats[level] for level in self.passed_levels]
        x = self.laterals[-1](feats[-1])
        for level in reversed(range(len(self.merges))):
            lateral = self.laterals[level](feats[level])
            x = F.interpolate(
                x, lateral.shape[2:], mode='bilinear', align_corners=False)
            x = self.merges[level](x + lateral)
            outs.append(x)
        return tuple(outs)


def separable_conv(in_channels: int, out_channels: int) -> nn.Sequential:
    """A depthwise separable convolution as TensorFlow builds it: 3x3 without
    bias, 1x1, ReLU.

    Nothing stands between its two convolutions, neither a bias nor an
    activation, which mmcv's DepthwiseSeparableConvModule cannot leave out.
    """
    layers = nn.Sequential()
    layers.add_module(
        'depthwise',
        nn.Conv2d(
            in_channels,
            in_channels,
            3,
            padding=1,
            groups=in_channels,
            bias=False))
    layers.add_module('pointwise', nn.Conv2d(in_channels, out_channels, 1))
    layers.add_module('relu', nn.ReLU(inplace=True))
    return layers
