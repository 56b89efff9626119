# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional, Sequence, Tuple

import torch.nn as nn
from mmengine.model import BaseModule
from torch import Tensor


class PAFBranch(BaseModule):
    """One branch of a stage: convolutions with ReLU between them.

    Maps that a stage sees in addition have filters of their own, added to
    the output of the first convolution. That equals concatenating the maps
    with the input ("additional convolutional filters are added to compensate
    the increased input channels"), but the first convolution stays loadable
    as it was trained, and the added filters have an initialisation and a
    learning rate of their own.

    Args:
        layers (Sequence[tuple]): Name, output channels and kernel size of
            each convolution.
        in_channels (int): Channels of the input.
        map_channels (int): Channels of the maps of the past, 0 for none.
        center_map (bool): Whether the branch sees a centre map.
    """

    def __init__(self, layers: Sequence[tuple], in_channels: int,
                 map_channels: int, center_map: bool):
        super().__init__()
        _, width, kernel = layers[0]
        extra = dict(padding=kernel // 2, bias=False)
        self.maps_conv = nn.Conv2d(map_channels, width, kernel, **
                                   extra) if map_channels else None
        self.center_conv = nn.Conv2d(1, width, kernel, **
                                     extra) if center_map else None
        self.layer_names = [name for name, _, _ in layers]
        for name, out_channels, kernel in layers:
            self.add_module(
                name,
                nn.Conv2d(
                    in_channels, out_channels, kernel, padding=kernel // 2))
            in_channels = out_channels
        self.relu = nn.ReLU(inplace=True)

    def init_weights(self) -> None:
        """"The added convolutional filters are initialized with a zero-mean
        and 0.01 std Gaussian distribution", however the others start."""
        super().init_weights()
        for added in (self.maps_conv, self.center_conv):
            if added is not None:
                nn.init.normal_(added.weight, mean=0., std=0.01)

    def forward(self,
                x: Tensor,
                maps: Optional[Tensor] = None,
                center_maps: Optional[Tensor] = None) -> Tensor:
        """Run the branch on (N, in_channels, H, W), with maps of the past (N,
        P, H, W) and centre maps (N, 1, H, W); None equals zero maps."""
        first, *others = (getattr(self, name) for name in self.layer_names)
        x = first(x)
        if maps is not None and self.maps_conv is not None:
            x = x + self.maps_conv(maps)
        if center_maps is not None and self.center_conv is not None:
            x = x + self.center_conv(center_maps)
        for conv in others:
            x = conv(self.relu(x))
        return x


class PAFStage(BaseModule):
    """A stage of OpenPose: branch ``L1`` gives PAFs, ``L2`` heatmaps.

    Stage 1 is four 3x3 convolutions (conv5_1 ... conv5_3, conv5_4 is 1x1)
    and the prediction, the others are five 7x7 convolutions, a 1x1 and the
    prediction (Mconv1 ... Mconv7). No ReLU on the predictions.

    Args:
        number (int): 1 for the first stage.
        in_channels (int): Channels of the input.
        channels (int): Channels inside of the stage.
        paf_channels (int): Channels of the PAFs.
        heatmap_channels (int): Channels of the heatmaps.
        map_channels (int): Channels of the maps of the past, 0 for none.
        center_map (bool): Whether the stage sees a centre map.
    """

    def __init__(self, number: int, in_channels: int, channels: int,
                 paf_channels: int, heatmap_channels: int, map_channels: int,
                 center_map: bool):
        super().__init__()
        for branch, out_channels in (('L1', paf_channels), ('L2',
                                                            heatmap_channels)):
            if number == 1:
                widths = [(channels, 3)] * 3 + [(4 * channels, 1)]
                pattern = f'conv5_{{}}_CPM_{branch}'
            else:
                widths = [(channels, 7)] * 5 + [(channels, 1)]
                pattern = f'Mconv{{}}_stage{number}_{branch}'
            layers = [(pattern.format(i), *width)
                      for i, width in enumerate([*widths, (out_channels, 1)],
                                                start=1)]
            self.add_module(
                branch,
                PAFBranch(layers, in_channels, map_channels, center_map))

    def forward(self, *inputs: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
        """Heatmaps and PAFs, by both branches."""
        return self.L2(*inputs), self.L1(*inputs)
