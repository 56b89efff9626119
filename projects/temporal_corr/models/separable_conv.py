# Copyright (c) temporal_corr authors. All rights reserved.
import torch.nn as nn


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
