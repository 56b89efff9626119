# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional

import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor


class TemporalRefinement(BaseModule):
    """A residual block in which features and maps of the past meet.

    ``features + conv2(relu(conv1(features) + maps_conv(maps)))``, with
    further 3x3 convolutions between the two. One 1x1 convolution instead of
    the block could only add the maps up.

    The filters for the maps are a convolution of their own: adding its
    output equals concatenating the maps with the features ("more
    convolutional filters are added to handle the additional input
    channels", Section 3), but keeps ``conv1`` loadable from a model without
    maps and gives the added filters an initialisation and learning rate of
    their own. ``conv2`` starts at zero, so that the block starts as
    identity.

    Args:
        in_channels (int): C, channels of the feature maps.
        channels (int): Channels inside of the block.
        map_channels (int): P, channels of the maps; 0 for a block without
            (the single-frame variant). Defaults to 0.
        num_convs (int): Number of 3x3 convolutions, 3 in the paper's Stage
            1. Defaults to 1.
        maps_std (float): Standard deviation with which the filters for the
            maps start. Defaults to 0.01.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int,
                 map_channels: int = 0,
                 num_convs: int = 1,
                 maps_std: float = 0.01):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.maps_conv = nn.Conv2d(
            map_channels, channels, 3, padding=1,
            bias=False) if map_channels else None
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1)
            for _ in range(num_convs - 1))
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, in_channels, 1)
        self._register_load_state_dict_pre_hook(self._leave_other_depth)
        self.maps_std = maps_std
        self.init_weights()

    def init_weights(self) -> None:
        """Kaiming for the 3x3 convolutions, a Gaussian for the filters of
        the maps ("The added convolutional filters are initialized with a
        zero-mean and 0.01 std Gaussian distribution"), zero for conv2."""
        for conv in (self.conv1, *self.convs):
            nn.init.kaiming_normal_(conv.weight, nonlinearity='relu')
            nn.init.zeros_(conv.bias)
        if self.maps_conv is not None:
            nn.init.normal_(self.maps_conv.weight, mean=0., std=self.maps_std)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def _leave_other_depth(self, state_dict: dict, prefix: str, *args) -> None:
        """Do not load half of a block: one of another depth is another block,
        and this one starts as identity."""
        depth = sum(
            key.startswith(f'{prefix}convs.') and key.endswith('.weight')
            for key in state_dict)
        if depth != len(self.convs):
            for key in [key for key in state_dict if key.startswith(prefix)]:
                del state_dict[key]

    def forward(self, features: Tensor, maps: Optional[Tensor] = None):
        """Refine features (N, C, H, W) by maps of the past (N, P, H, W); None
        equals zero maps."""
        hidden = self.conv1(features)
        if maps is not None:
            hidden = hidden + self.maps_conv(maps)
        for conv in self.convs:
            hidden = conv(self.relu(hidden))
        return features + self.conv2(self.relu(hidden))
