# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Tuple

import torch.nn as nn
from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class LSTMPoseMachineExtractor(BaseBackbone):
    """The feature extractor of LSTM Pose Machines, that of CPM.

    Three 9x9 convolutions of 128 channels, each with a ReLU and a 3x3 max
    pooling of stride 2 behind it, and a 5x5 convolution of 32 with a ReLU.
    "LSTM Pose Machines", CVPR'2018; parameters have their names there
    (``conv1`` ... ``conv4``).

    It also returns its input, for the head's network for single images.

    Args:
        channels (int): Channels of conv1 to conv3. Defaults to 128.
        out_channels (int): Channels of conv4. Defaults to 32.
        init_cfg (dict | list, optional): Initialisation. Defaults to the
            published Gaussian N(0, 0.01).
    """

    def __init__(self,
                 channels: int = 128,
                 out_channels: int = 32,
                 init_cfg=dict(type='Normal', layer='Conv2d', std=0.01)):
        super().__init__(init_cfg=init_cfg)
        self.conv1 = nn.Conv2d(3, channels, 9, padding=4)
        self.conv2 = nn.Conv2d(channels, channels, 9, padding=4)
        self.conv3 = nn.Conv2d(channels, channels, 9, padding=4)
        self.conv4 = nn.Conv2d(channels, out_channels, 5, padding=2)
        self.relu = nn.ReLU(inplace=True)
        # As Caffe, which counts windows that reach over the end: 368, 184,
        # 92, 46.
        self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        """The frames (N, 3, 8 H, 8 W), BGR, (pixel - 128) / 256, as they are,
        and features (N, out_channels, H, W)."""
        frames = x
        for conv in (self.conv1, self.conv2, self.conv3):
            x = self.pool(self.relu(conv(x)))
        return frames, self.relu(self.conv4(x))
