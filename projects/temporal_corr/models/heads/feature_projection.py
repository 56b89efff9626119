# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Sequence, Tuple

import torch.nn as nn
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor


class FeatureProjection(BaseModule):
    """Feature maps of several levels, projected to one map of a size.

    A 1x1 convolution of all levels, resized and concatenated: as resizing
    commutes with it, each level is projected at its own size and the sum
    taken, which costs a fraction.

    Args:
        in_channels (Sequence[int]): Channels of the levels.
        channels (int): Channels of the projection.
        init_cfg (dict | list, optional): Initialisation. Defaults to
            Xavier's.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 channels: int,
                 init_cfg=dict(type='Xavier', layer='Conv2d')):
        super().__init__(init_cfg=init_cfg)
        self.channels = channels
        # One bias for the sum.
        self.convs = nn.ModuleList(
            nn.Conv2d(width, channels, 1, bias=not level)
            for level, width in enumerate(in_channels))

    def forward(self, feats: Sequence[Tensor], size: Tuple[int,
                                                           int]) -> Tensor:
        """Project maps (N, C_i, H_i, W_i) to (N, channels, *size)."""
        total = 0.
        for conv, level in zip(self.convs, feats):
            level = conv(level)
            if level.shape[2:] != size:
                level = F.interpolate(
                    level, size, mode='bilinear', align_corners=False)
            total = total + level
        return total
