# Copyright (c) temporal_corr authors. All rights reserved.
import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor

from ..backbones.lstm_pose_machine_extractor import LSTMPoseMachineExtractor


class InitialNetwork(BaseModule):
    """The network for single images that a first frame starts from: an
    extractor of its own, a 9x9 and two 1x1 convolutions (conv1 to conv7).

    Args:
        out_channels (int): Channels of the heatmaps.
        channels (int): See :class:`LSTMPoseMachineExtractor`.
        width (int): Channels of conv5 and conv6.
    """

    def __init__(self, out_channels: int, channels: int, width: int):
        super().__init__()
        self.extractor = LSTMPoseMachineExtractor(channels)
        in_channels = self.extractor.conv4.out_channels
        self.conv5 = nn.Conv2d(in_channels, width, 9, padding=4)
        self.conv6 = nn.Conv2d(width, width, 1)
        self.conv7 = nn.Conv2d(width, out_channels, 1)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5)

    def forward(self, frames: Tensor) -> Tensor:
        """Heatmaps (N, out_channels, H, W) of frames (N, 3, 8 H, 8 W)."""
        x = self.extractor(frames)[-1]
        for conv in (self.conv5, self.conv6):
            x = self.dropout(self.relu(conv(x)))
        return self.conv7(x)
