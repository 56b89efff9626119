# Copyright (c) temporal_corr authors. All rights reserved.
"""OpenPose's MPI network, layer by layer, to check the models against.

Plain functions of tensors and of weights under their Caffe names, which
share no code with the project.
"""
import math

import torch
import torch.nn.functional as F

EXTRACTOR = (('conv1_1', 3, 64), ('conv1_2', 64, 64), 'pool',
             ('conv2_1', 64, 128), ('conv2_2', 128, 128), 'pool',
             ('conv3_1', 128, 256), ('conv3_2', 256, 256),
             ('conv3_3', 256, 256), ('conv3_4', 256, 256), 'pool',
             ('conv4_1', 256, 512), ('conv4_2', 512, 512),
             ('conv4_3_CPM', 512, 256), ('conv4_4_CPM', 256, 128))
PAF_CHANNELS, HEATMAP_CHANNELS = 28, 16
OUTPUTS = dict(L1=PAF_CHANNELS, L2=HEATMAP_CHANNELS)


def layer_shapes():
    """Shapes of all 92 kernels, (out, in, k, k), by their Caffe names."""
    shapes = {
        layer[0]: (layer[2], layer[1], 3, 3)
        for layer in EXTRACTOR if layer != 'pool'
    }
    for branch, outputs in OUTPUTS.items():
        for i in (1, 2, 3):
            shapes[f'conv5_{i}_CPM_{branch}'] = (128, 128, 3, 3)
        shapes[f'conv5_4_CPM_{branch}'] = (512, 128, 1, 1)
        shapes[f'conv5_5_CPM_{branch}'] = (outputs, 512, 1, 1)
    for stage in (2, 3, 4, 5, 6):
        for branch, outputs in OUTPUTS.items():
            name = f'Mconv{{}}_stage{stage}_{branch}'
            shapes[name.format(1)] = (128, 172, 7, 7)
            for i in (2, 3, 4, 5):
                shapes[name.format(i)] = (128, 128, 7, 7)
            shapes[name.format(6)] = (128, 128, 1, 1)
            shapes[name.format(7)] = (outputs, 128, 1, 1)
    return shapes


def random_weights(seed=0):
    """{name: (weight, bias)}, of a size that keeps values around 1."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, shape in layer_shapes().items():
        std = math.sqrt(2 / (shape[1] * shape[2] * shape[3]))
        weights[name] = (std * torch.randn(shape, generator=generator),
                         0.1 * torch.randn(shape[0], generator=generator))
    return weights


def convolve(x, weights, name, added=None):
    """A convolution that keeps the size.

    ``added`` is (maps, kernel), maps concatenated with the input and the
    kernel's additional input channels.
    """
    weight, bias = weights[name]
    if added is not None:
        maps, kernel = added
        x = torch.cat([x, maps], dim=1)
        weight = torch.cat([weight, kernel], dim=1)
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)


def extract(image, weights):
    """I, (N, 128, H, W), of normalised images (N, 3, 8 H, 8 W)."""
    x = image
    for layer in EXTRACTOR:
        if layer == 'pool':
            x = F.max_pool2d(x, kernel_size=2, stride=2)
        else:
            x = F.relu(convolve(x, weights, layer[0]))
    return x


def run_branch(x, weights, names, added=None):
    """Convolutions with ReLU between them, none behind the last."""
    for i, name in enumerate(names):
        x = convolve(x, weights, name, added if i == 0 else None)
        if i < len(names) - 1:
            x = F.relu(x)
    return x


def stage_names(stage, branch):
    if stage == 1:
        return [f'conv5_{i}_CPM_{branch}' for i in range(1, 6)]
    return [f'Mconv{i}_stage{stage}_{branch}' for i in range(1, 8)]


def run_stages(features, weights, added=None):
    """[(heatmaps, PAFs) of Stage 1, ..., of Stage 6].

    ``added`` is {(stage, branch): (maps, kernel)}, see :func:`convolve`.
    """
    added = added or {}
    outputs, x = [], features
    for stage in range(1, 7):
        pafs, heatmaps = (
            run_branch(x, weights, stage_names(stage, branch),
                       added.get((stage, branch)))
            for branch in ('L1', 'L2'))
        outputs.append((heatmaps, pafs))
        x = torch.cat([pafs, heatmaps, features], dim=1)
    return outputs


def scaled_correlation(features, previous, heatmaps, scale, bias):
    """Correlation maps by the letter of Eq. (1), one keypoint at a time.

    ``features`` and ``previous`` are I of the current and of the previous
    frame, ``heatmaps`` the weights B of the latter.
    """
    maps = torch.empty(heatmaps.shape)
    for n in range(len(maps)):
        for p in range(maps.shape[1]):
            exemplar = (heatmaps[n, p] * previous[n]).sum(dim=(1, 2))
            exemplar = exemplar / exemplar.norm()
            similarity = (exemplar[:, None, None] * features[n]).sum(dim=0)
            maps[n, p] = scale[p] * similarity + bias[p]
    return maps
