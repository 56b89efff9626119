# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Tuple

import torch.nn as nn
from mmpose.models.backbones.base_backbone import BaseBackbone
from mmpose.registry import MODELS
from torch import Tensor

#: Layers by their Caffe names; width in multiples of ``base_channels``.
LAYERS = (('conv1_1', 1), ('conv1_2', 1), ('pool1', None), ('conv2_1', 2),
          ('conv2_2', 2), ('pool2', None), ('conv3_1', 4), ('conv3_2', 4),
          ('conv3_3', 4), ('conv3_4', 4), ('pool3', None), ('conv4_1', 8),
          ('conv4_2', 8), ('conv4_3_CPM', 4))


@MODELS.register_module()
class OpenPoseExtractor(BaseBackbone):
    """The feature extractor of OpenPose: VGG-19 to conv4_2, and two more.

    "The output of the feature extractor with the size of H x W x C is
    selected as the intermediate feature maps" (Section 3): conv4_4_CPM, C =
    128 channels at stride 8. All convolutions are 3x3 with a ReLU behind
    them; parameters have OpenPose's names (``conv1_1`` ... ``conv4_4_CPM``).

    Args:
        base_channels (int): Channels of conv1_1; the others are multiples.
            OpenPose's is the default, 64; less makes a small network.
        out_channels (int): C, channels of conv4_4_CPM. Defaults to 128.
        init_cfg (dict | list, optional): Initialisation. Defaults to the
            Gaussian N(0, 0.01) of OpenPose, which only starts well where
            pretrained weights are loaded on top of it.
    """

    def __init__(self,
                 base_channels: int = 64,
                 out_channels: int = 128,
                 init_cfg=dict(type='Normal', layer='Conv2d', std=0.01)):
        super().__init__(init_cfg=init_cfg)
        in_channels = 3
        for name, factor in (*LAYERS, ('conv4_4_CPM', None)):
            if name.startswith('pool'):
                self.add_module(name, nn.MaxPool2d(2, stride=2))
                continue
            width = base_channels * factor if factor else out_channels
            self.add_module(name, nn.Conv2d(in_channels, width, 3, padding=1))
            in_channels = width
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tuple[Tensor]:
        """I (N, C, H, W) of frames (N, 3, 8 H, 8 W), BGR, (pixel - 128) /
        256."""
        for name, layer in self.named_children():
            if name.startswith('pool'):
                x = layer(x)
            elif name.startswith('conv'):
                x = self.relu(layer(x))
        return (x, )
