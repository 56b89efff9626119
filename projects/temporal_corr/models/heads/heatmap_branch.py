# Copyright (c) temporal_corr authors. All rights reserved.
import torch.nn as nn
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor

from ..necks.separable_fpn import separable_conv


@MODELS.register_module()
class HeatmapBranch(BaseModule):
    """Heatmaps from features by two layers, in place of one convolution:
    ``final_layer=dict(type='HeatmapBranch')``.

    Args:
        in_channels (int): C, channels of the features.
        out_channels (int): P, number of keypoints.
        kernel_size (int): Kernel of the final convolution. Defaults to 1.
        mid_channels (int): Channels of the separable convolution.
            Defaults to 96.
        init_cfg (dict | list, optional): Initialisation. Defaults to Kaiming
            and, for the final convolution, N(0, 0.001) as in HeatmapHead.
    """

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 kernel_size: int = 1,
                 mid_channels: int = 96,
                 init_cfg=dict(
                     type='Kaiming',
                     layer='Conv2d',
                     override=dict(type='Normal', name='final', std=0.001))):
        super().__init__(init_cfg=init_cfg)
        self.in_channels = in_channels
        self.expand = separable_conv(in_channels, mid_channels)
        self.final = nn.Conv2d(
            mid_channels, out_channels, kernel_size, padding=kernel_size // 2)

    def forward(self, features: Tensor) -> Tensor:
        """Heatmaps, or their logits, (N, P, H, W) of features (N, C, H, W)."""
        return self.final(self.expand(features))
