# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Callable, Dict, Optional, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor

from ..conv_lstm import ConvLSTMCell


class TemporalLSTM(BaseModule):
    """The recurrence of LSTM Pose Machines over any feature maps.

    "By integrating an LSTM module into the CPM, the LSTM Pose Machine
    propagates the hidden states as well as the output heatmaps through the
    temporal space" (Section 1). A convolutional LSTM sees the features of
    the current frame and the heatmaps of the previous one; in a first frame
    the heatmaps of a single-frame model stand in for them.

    Args:
        in_channels (int): C, channels of the features and, where there are
            any, of the centre maps.
        heatmap_channels (int): M, channels of the heatmaps.
        channels (int): Channels of the hidden maps. Defaults to 48.
        std (float, optional): See :class:`ConvLSTMCell`. Defaults to None.
    """

    def __init__(self,
                 in_channels: int,
                 heatmap_channels: int,
                 channels: int = 48,
                 std: Optional[float] = None):
        super().__init__()
        self.cell = ConvLSTMCell(
            in_channels + heatmap_channels, channels, std=std)

    def forward(self,
                features: Tensor,
                single_frame: Callable[[Optional[Tensor]], Tensor],
                memory: Optional[Dict[str, Tensor]] = None,
                mask: Optional[Tensor] = None,
                center_maps: Sequence[Tensor] = ()) -> Dict[str, Tensor]:
        """One frame on.

        Args:
            features (Tensor): Features in shape (N, C, H, W).
            single_frame (Callable): Makes heatmaps in shape (n, M, H, W) of
                the rows that a boolean (N, ) tells, of all for None; called
                where a sample has no previous ones.
            memory (dict, optional): ``h``, ``cell`` and ``heatmaps`` of the
                frame before in the current crop, zero for a sample where
                nothing is remembered. Defaults to None, for no sample.
            mask (Tensor, optional): False for samples where nothing is
                remembered, in shape (N, ); with ``memory`` only.
            center_maps (Sequence[Tensor]): Further input, each in shape
                (N, c, H, W). Defaults to ().

        Returns:
            dict: ``h`` and ``cell`` in shape (N, channels, H, W).
        """
        state = None
        if memory is None:
            heatmaps = single_frame(None)
        else:
            state = memory['h'], memory['cell']
            heatmaps = memory['heatmaps']
            if torch.jit.is_tracing():
                # An exported graph has to hold for every mask.
                heatmaps = torch.where(mask[:, None, None, None], heatmaps,
                                       single_frame(None))
            elif not bool(mask.all()):
                heatmaps = heatmaps.clone()
                heatmaps[~mask] = single_frame(~mask).to(heatmaps)
        x = torch.cat([features, heatmaps.to(features), *center_maps], dim=1)
        h, cell = self.cell(x, state)
        return dict(h=h, cell=cell)
