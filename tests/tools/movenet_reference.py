# Copyright (c) temporal_corr authors. All rights reserved.
"""MoveNet's graph as files, and evaluated from them without its converter."""
import json

import numpy as np
import torch
import torch.nn.functional as F

#: Block 0 is expanded_conv; the others are called block_1 to block_16.
STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
CHANNELS = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160,
            320)
FUNCTION = 'StatefulPartitionedCall/'
NETWORK = FUNCTION + 'center_net_feature_extractor/model_1/'


def random_arrays(seed=0):
    """Random weights under the names that Lightning's have."""
    rng = np.random.default_rng(seed)
    arrays = {FUNCTION + 'stack_4': np.arange(34).reshape(17, 2).astype('i4')}

    def conv(name, bias, *shape):
        fan_in = shape[0] * shape[1] * (1 if shape[3] == 1 else shape[2])
        arrays[name] = rng.normal(0, (2 / fan_in)**.5, shape).astype('f4')
        if bias:
            outputs = shape[2] if shape[3] == 1 else shape[3]
            arrays[bias] = rng.normal(0, .1, outputs).astype('f4')

    def folded(layer, *shape):
        layer = NETWORK + layer
        conv(layer + '_weights', layer + '_bn_offset', *shape)

    def plain(layer, *shape):
        conv(layer + '/Conv2D/ReadVariableOp',
             layer + '/BiasAdd/ReadVariableOp', *shape)

    folded('model/Conv1/Conv2D', 3, 3, 3, 32)
    before = 32
    for number, channels in enumerate(CHANNELS):
        name = f'model/block_{number}' if number else 'model/expanded_conv'
        hidden = before * 6 if number else before
        if number:
            folded(name + '_expand/Conv2D', 1, 1, before, hidden)
        folded(name + '_depthwise/depthwise', 3, 3, hidden, 1)
        folded(name + '_project/Conv2D', 1, 1, hidden, channels)
        before = channels
    folded('model/Conv_1/Conv2D', 1, 1, before, 1280)
    for end, inputs, width in (('', 1280, 64), ('_1', 64, 64), ('_2', 32, 32),
                               ('_3', 24, 24)):
        plain(f'{NETWORK}conv2d{end}', 1, 1, inputs, width)
    for end, width, below in (('', 64, 32), ('_1', 32, 24), ('_2', 24, 24)):
        scope = f'separable_conv2d{end}/separable_conv2d'
        conv(f'{NETWORK}{scope}/ReadVariableOp', '', 3, 3, width, 1)
        folded(scope, 1, 1, width, below)
    for branch, number, outputs in (('kpt_heatmap_0', 4, 17), ('kpt_offset_0',
                                                               6, 34)):
        scope = f'{FUNCTION}{branch}/separable_conv2d_{number}/'
        conv(scope + 'separable_conv2d/ReadVariableOp', '', 3, 3, 24, 1)
        conv(scope + 'separable_conv2d/ReadVariableOp_1',
             scope + 'BiasAdd/ReadVariableOp', 1, 1, 24, 96)
        plain(f'{FUNCTION}{branch}/conv2d_{number + 1}', 1, 1, 96, outputs)
    return arrays


def write_graph_model(path, arrays, shards=1, **changes):
    """Write PATH.json and its weights; returns the path of the JSON."""
    data = b''.join(array.tobytes() for array in arrays.values())
    size = -(-len(data) // shards)
    names = [f'{path.name}{i}.bin' for i in range(shards)]
    for i, name in enumerate(names):
        (path.parent / name).write_bytes(data[i * size:(i + 1) * size])
    weights = [
        dict(name=name, shape=array.shape, dtype=array.dtype.name)
        for name, array in arrays.items()
    ]
    model = dict(
        format='graph-model',
        modelTopology=dict(node=[]),
        weightsManifest=[dict(paths=names, weights=weights)])
    json_path = path.with_suffix('.json')
    json_path.write_text(json.dumps(dict(model, **changes)))
    return json_path


def evaluate(arrays, images):
    """Heatmaps of images (N, 3, H, W) in [-1, 1], in double precision."""

    def conv(x, name, bias='', stride=1):
        weight = torch.from_numpy(arrays[name]).double()
        depthwise = weight.shape[3] == 1
        weight = weight.permute(2, 3, 0, 1) if depthwise else weight.permute(
            3, 2, 0, 1)
        if weight.shape[2] == 3:
            # SAME: sizes are even here
            x = F.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))
        return F.conv2d(
            x,
            weight,
            torch.from_numpy(arrays[bias]).double() if bias else None,
            stride,
            groups=len(weight) if depthwise else 1)

    def folded(x, layer, stride=1):
        layer = NETWORK + layer
        return conv(x, layer + '_weights', layer + '_bn_offset', stride)

    def plain(x, layer):
        return conv(x, layer + '/Conv2D/ReadVariableOp',
                    layer + '/BiasAdd/ReadVariableOp')

    x = F.relu6(folded(images.double(), 'model/Conv1/Conv2D', 2))
    levels = {}
    for number, stride in enumerate(STRIDES):
        name = f'model/block_{number}' if number else 'model/expanded_conv'
        y = x
        if number:
            y = F.relu6(folded(y, name + '_expand/Conv2D'))
        y = F.relu6(folded(y, name + '_depthwise/depthwise', stride))
        y = folded(y, name + '_project/Conv2D')
        x = x + y if stride == 1 and x.shape == y.shape else y
        levels[number] = x
    x = plain(F.relu6(folded(x, 'model/Conv_1/Conv2D')), NETWORK + 'conv2d')
    for end, up, block in (('', '_1', 9), ('_1', '_2', 5), ('_2', '_3', 2)):
        x = twice(twice(x, 2), 3)
        x = x + plain(levels[block], f'{NETWORK}conv2d{up}')
        scope = f'separable_conv2d{end}/separable_conv2d'
        x = conv(x, f'{NETWORK}{scope}/ReadVariableOp')
        x = F.relu(folded(x, scope))
    scope = FUNCTION + 'kpt_heatmap_0/separable_conv2d_4/'
    x = conv(x, scope + 'separable_conv2d/ReadVariableOp')
    x = F.relu(
        conv(x, scope + 'separable_conv2d/ReadVariableOp_1',
             scope + 'BiasAdd/ReadVariableOp'))
    return plain(x, FUNCTION + 'kpt_heatmap_0/conv2d_5').sigmoid()


def twice(x, dim):
    """Bilinear: new pixels lie a quarter to both sides of an old one."""
    last = x.shape[dim] - 1
    index = torch.arange(last + 1)
    left = x.index_select(dim, (index - 1).clamp(min=0))
    right = x.index_select(dim, (index + 1).clamp(max=last))
    both = torch.stack([.75 * x + .25 * left, .75 * x + .25 * right], dim + 1)
    return both.flatten(dim, dim + 1)
