# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmpose.registry import MODELS
from torch import Tensor

from ..correlation import detection_scores
from .previous_heatmaps import identity_crops
from .temporal_module import TemporalModule

#: The gates in the order of their channels in the two convolutions, with the
#: published initial biases: in and out rather open, little forgotten.
GATES = dict(g=0., i=1.4, f=1., o=0.2)


@MODELS.register_module()
class ConvLSTM(TemporalModule):
    """The recurrence of LSTM Pose Machines over any feature maps.

    A convolutional LSTM sees the features of the current frame and the
    heatmaps of the previous one, in a first frame those of a single-frame
    model. The maps are its hidden maps h.
    Remembers ``heatmaps``, their ``crops``, ``h`` and ``cell``, and carries
    all of them into the current crop.

    Args:
        channels (int): Channels of h and of the cell. Defaults to 48, as
            published.
        extra_channels (int): Channels of further inputs (background and
            centre maps). Defaults to 0.
        std (float, optional): Standard deviation of the filters at the
            start. Defaults to None, Xavier's; 0.01 is the published one.
        carry (bool): Whether maps are carried, and heatmaps are detection
            scores. The published network does neither. Defaults to True.
        kwargs: Arguments of :class:`TemporalModule`; ``mask_rate`` is not
            used, as all clips begin with a first frame.
    """

    name = 'lstm'
    unroll = True

    def __init__(self,
                 channels: int = 48,
                 extra_channels: int = 0,
                 std: Optional[float] = None,
                 carry: bool = True,
                 **kwargs):
        self.carries_maps = carry
        super().__init__(**kwargs)
        self.map_channels = channels
        inputs = self.in_channels + self.num_keypoints + extra_channels
        self.cell = ConvLSTMCell(inputs, channels, std)

    def maps(self,
             features,
             memory,
             crops,
             single_frame,
             extra: Sequence[Tensor] = ()):
        """Hidden maps h; ``extra`` are further inputs, the state is h and cell
        of the frame."""
        state = None
        if memory is None:
            heatmaps = single_frame()
        else:
            mask = (memory['heatmaps'] != 0).flatten(1).any(dim=1)
            if self.carries_maps:
                memory = self.carry(memory, crops, mask)
            state = memory['h'], memory['cell']
            heatmaps = memory['heatmaps']
            # An exported graph has to hold for every mask.
            if torch.jit.is_tracing() or not mask.all():
                heatmaps = torch.where(mask[:, None, None, None], heatmaps,
                                       single_frame())
        features = self.intermediate(features)
        x = torch.cat([features, heatmaps.to(features), *extra], dim=1)
        h, cell = self.cell(x, state)
        return h, dict(h=h, cell=cell)

    def update(self, memory, features, heatmaps, crops, state):
        memory = dict(heatmaps=heatmaps)
        if self.carries_maps:
            memory = dict(
                heatmaps=detection_scores(heatmaps),
                crops=identity_crops(heatmaps) if crops is None else crops)
        return dict(memory, h=state['h'], cell=state['cell'])


class ConvLSTMCell(nn.Module):
    """A convolutional LSTM as that of LSTM Pose Machines (CVPR 2018).

    ``g = tanh``, ``i``, ``f`` and ``o = sigmoid`` of a 3x3 convolution of the
    input plus one of the hidden maps h before, with one bias per channel;
    ``cell = f * cell + i * g``, ``h = o * tanh(cell)``. No peepholes.

    Before the first frame there is neither h nor cell. Zeros are the same,
    as the convolution of h has no bias, so that rows of a batch that begin
    can be mixed with others that go on. (In the published network it has one,
    which the bias of the input takes over here but in first frames.)
    """

    def __init__(self,
                 in_channels: int,
                 channels: int = 48,
                 std: Optional[float] = None):
        super().__init__()
        self.channels = channels
        self.std = std
        width = len(GATES) * channels
        self.conv_x = nn.Conv2d(in_channels, width, 3, padding=1)
        self.conv_h = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.init_weights()

    def init_weights(self) -> None:
        """Filters by ``std``, biases as published."""
        for conv in (self.conv_x, self.conv_h):
            # Each gate has filters of its own.
            for filters in conv.weight.chunk(len(GATES)):
                if self.std is None:
                    nn.init.xavier_uniform_(filters)
                else:
                    nn.init.normal_(filters, std=self.std)
        with torch.no_grad():
            biases = torch.tensor(list(GATES.values()))
            self.conv_x.bias.copy_(biases.repeat_interleave(self.channels))

    def forward(
        self,
        x: Tensor,
        state: Optional[Tuple[Tensor, Tensor]] = None
    ) -> Tuple[Tensor, Tensor]:
        """h and cell, (N, channels, H, W) each, of an input and those of the
        frame before, None for a first frame; float32 under autocast, too."""
        gates = self.conv_x(x)
        if state is not None:
            gates = gates + self.conv_h(state[0])
        gates = gates.to(torch.promote_types(gates.dtype, torch.float32))
        g, i, f, o = gates.chunk(len(GATES), dim=1)
        cell = torch.sigmoid(i) * torch.tanh(g)
        if state is not None:
            cell = cell + torch.sigmoid(f) * state[1]
        return torch.sigmoid(o) * torch.tanh(cell), cell
