# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional, Tuple

import torch
import torch.nn as nn
from torch import Tensor

#: Order of the gates in the channels of the two convolutions.
GATES = ('g', 'i', 'f', 'o')


class ConvLSTMCell(nn.Module):
    """A convolutional LSTM as that of LSTM Pose Machines (CVPR 2018).

    ``g = tanh``, ``i``, ``f`` and ``o = sigmoid`` of a convolution of the
    input plus one of the hidden maps h before, with one bias per channel;
    ``cell = f * cell + i * g``, ``h = o * tanh(cell)``. No peepholes.

    Before the first frame there is neither h nor cell. Zeros are the same
    to the last bit but the sign of zero: the convolution of h has no bias
    of its own, and f has nothing to forget. So rows of a batch that begin
    may stand beside others that go on.

    Args:
        in_channels (int): Channels of the input.
        channels (int): Channels of h and cell. Defaults to 48, the
            published ones.
        kernel_size (int): Of all convolutions, odd. Defaults to 3.
        forget_bias (float): What the bias of f starts from. Above 0 a cell
            forgets slowly at first. Defaults to 0.
    """

    def __init__(self,
                 in_channels: int,
                 channels: int = 48,
                 kernel_size: int = 3,
                 forget_bias: float = 0.):
        super().__init__()
        self.channels = channels
        self.forget_bias = forget_bias
        settings = dict(kernel_size=kernel_size, padding=kernel_size // 2)
        width = len(GATES) * channels
        self.conv_x = nn.Conv2d(in_channels, width, **settings)
        self.conv_h = nn.Conv2d(channels, width, bias=False, **settings)
        self.init_weights()

    def init_weights(self) -> None:
        """Xavier for the filters, zero for all biases but that of f."""
        for conv in (self.conv_x, self.conv_h):
            # Each gate has filters of its own.
            for filters in conv.weight.chunk(len(GATES)):
                nn.init.xavier_uniform_(filters)
        nn.init.zeros_(self.conv_x.bias)
        self.forget().fill_(self.forget_bias)

    def forget(self) -> Tensor:
        """The bias of the forget gate in shape (channels, ), to change."""
        biases = self.conv_x.bias.detach().chunk(len(GATES))
        return biases[GATES.index('f')]

    def forward(
        self,
        x: Tensor,
        state: Optional[Tuple[Tensor, Tensor]] = None
    ) -> Tuple[Tensor, Tensor]:
        """One frame on.

        Args:
            x (Tensor): Input in shape (N, in_channels, H, W).
            state (tuple[Tensor], optional): h and cell of the frame before,
                (N, channels, H, W) each. Defaults to None, the first frame.

        Returns:
            tuple[Tensor]: h and cell of this frame, float32 under autocast,
            as they are carried on.
        """
        gates = self.conv_x(x)
        if state is not None:
            gates = gates + self.conv_h(state[0])
        gates = gates.to(torch.promote_types(gates.dtype, torch.float32))
        g, i, f, o = gates.chunk(len(GATES), dim=1)
        cell = torch.sigmoid(i) * torch.tanh(g)
        if state is not None:
            cell = cell + torch.sigmoid(f) * state[1]
        return torch.sigmoid(o) * torch.tanh(cell), cell
