# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Callable, Dict, Optional

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
        in_channels (int): C, channels of the features.
        num_keypoints (int): P, number of keypoints.
        channels (int): Channels of the hidden maps. Defaults to 48.
        forget_bias (float): What the bias of the forget gate starts from.
            Defaults to 1, so that clips of a few frames begin by
            remembering.
    """

    def __init__(self,
                 in_channels: int,
                 num_keypoints: int,
                 channels: int = 48,
                 forget_bias: float = 1.):
        super().__init__()
        self.cell = ConvLSTMCell(
            in_channels + num_keypoints, channels, forget_bias=forget_bias)

    def forward(self,
                features: Tensor,
                single_frame: Callable[[Tensor], Tensor],
                memory: Optional[Dict[str, Tensor]] = None,
                mask: Optional[Tensor] = None) -> Dict[str, Tensor]:
        """One frame on.

        Args:
            features (Tensor): Features in shape (N, C, H, W).
            single_frame (Callable): Makes heatmaps in shape (N, P, H, W) of
                features; called where a sample has no previous ones.
            memory (dict, optional): ``h``, ``cell`` and ``heatmaps`` of the
                frame before in the current crop, zero for a sample where
                nothing is remembered. Defaults to None, for no sample.
            mask (Tensor, optional): False for samples where nothing is
                remembered, in shape (N, ); with ``memory`` only.

        Returns:
            dict: ``h`` and ``cell`` in shape (N, channels, H, W).
        """
        state = None
        if memory is None:
            heatmaps = single_frame(features)
        else:
            state = memory['h'], memory['cell']
            heatmaps = memory['heatmaps']
            # An exported graph has to hold for every mask.
            if torch.jit.is_tracing() or not bool(mask.all()):
                heatmaps = torch.where(mask[:, None, None, None], heatmaps,
                                       single_frame(features).to(heatmaps))
        x = torch.cat([features, heatmaps.to(features.dtype)], dim=1)
        h, cell = self.cell(x, state)
        return dict(h=h, cell=cell)
