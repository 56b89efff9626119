# Copyright (c) temporal_corr authors. All rights reserved.
"""LSTM Pose Machines layer by layer, to check the models against.

Plain functions of tensors and of weights by name, which share no code with
the project. Layers of the network for single images bear their number, those
of every frame a prime.
"""
import math

import torch
import torch.nn.functional as F

#: (name, in, out, kernel) of all convolutions.
LAYERS = [(f'conv{number}{mark}', *shape)
          for mark in ('', "'")
          for number, shape in enumerate(
              [(3, 128, 9), (128, 128, 9), (128, 128, 9), (128, 32, 5)],
              start=1)]
LAYERS += [('conv5', 32, 512, 9), ('conv6', 512, 512, 1),
           ('conv7', 512, 15, 1)]
LAYERS += [(f'{gate}_x', 32 + 15 + 1, 48, 3) for gate in 'gifo']
LAYERS += [(f'{gate}_h', 48, 48, 3) for gate in 'gifo']
LAYERS += [('M1', 48, 128, 11), ('M2', 128, 128, 11), ('M3', 128, 128, 11),
           ('M4', 128, 128, 1), ('M5', 128, 15, 1)]


def random_weights(seed=0):
    """{name: (weight, bias)} that keep values around 1. The convolutions of
    h have no bias: there is one for each gate."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, inputs, outputs, kernel in LAYERS:
        shape = (outputs, inputs, kernel, kernel)
        std = math.sqrt(2 / (inputs * kernel * kernel))
        bias = 0.1 * torch.randn(outputs, generator=generator)
        weights[name] = (std * torch.randn(shape, generator=generator),
                         None if name.endswith('_h') else bias)
    return weights


def conv(x, weights, name):
    weight, bias = weights[name]
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def extract(x, weights, mark):
    for number in (1, 2, 3):
        x = F.relu(conv(x, weights, f'conv{number}{mark}'))
        # Windows of 3 every 2, cut off at the end.
        height, width = ((size + 1) // 2 for size in x.shape[-2:])
        x = F.pad(x, (0, 2, 0, 2), value=-math.inf)
        x = F.max_pool2d(x, 3, stride=2)[..., :height, :width]
    return F.relu(conv(x, weights, f'conv4{mark}'))


def lstm(x, weights, h=None, cell=None):
    """h and cell after an input, None for those before a first one."""
    gates = {}
    for gate in 'gifo':
        gates[gate] = conv(x, weights, f'{gate}_x')
        if h is not None:
            gates[gate] = gates[gate] + conv(h, weights, f'{gate}_h')
    new = torch.tanh(gates['g']) * torch.sigmoid(gates['i'])
    cell = new if cell is None else torch.sigmoid(gates['f']) * cell + new
    return torch.sigmoid(gates['o']) * torch.tanh(cell), cell


def frames(images, center_map, weights):
    """Heatmaps of the network for single images, and h, cell and heatmaps of
    each frame; ``images`` is a list of (N, 3, H, W)."""
    x = extract(images[0], weights, '')
    for name in ('conv5', 'conv6'):
        x = F.relu(conv(x, weights, name))
    initial = previous = conv(x, weights, 'conv7')
    state, outputs = (), []
    for image in images:
        x = torch.cat([extract(image, weights, "'"), previous, center_map], 1)
        state = lstm(x, weights, *state)
        x = state[0]
        for name in ('M1', 'M2', 'M3', 'M4'):
            x = F.relu(conv(x, weights, name))
        previous = conv(x, weights, 'M5')
        outputs.append((*state, previous))
    return initial, outputs
