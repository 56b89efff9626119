# Copyright (c) temporal_corr authors. All rights reserved.
"""Files of weights for the tests of the converter, written independently."""
import struct

import numpy as np
import openpose_reference as reference
import torch


def varint(value):
    encoded = b''
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def field(number, payload):
    """A field of bytes, a text or a message."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def blob(array, legacy=False):
    array = np.ascontiguousarray(array, '<f4')
    data = field(5, array.tobytes())
    if not legacy:
        return field(7, field(1, b''.join(map(varint, array.shape)))) + data
    # num, channels, height, width, as Caffe wrote them until 2014
    sizes = (1, ) * (4 - array.ndim) + array.shape
    return b''.join(
        varint(i << 3) + varint(size)
        for i, size in enumerate(sizes, start=1)) + data


def caffemodel(layers, legacy=False):
    """{name: arrays} as a NetParameter, ReLUs and a data layer between."""
    content = [field(1, b'net')]
    kind, name_field, blobs_field = (2, 4, 6) if legacy else (100, 1, 7)
    convolution = varint(5 << 3) + varint(4) if legacy else field(
        2, b'Convolution')
    for name, arrays in layers.items():
        message = field(name_field, name.encode()) + convolution
        message += b''.join(
            field(blobs_field, blob(array, legacy)) for array in arrays)
        content.append(field(kind, message))
        if not legacy:
            relu = field(1, f'relu_{name}'.encode()) + field(2, b'ReLU')
            # loss_weight, a float (wire type 5)
            relu += varint(5 << 3 | 5) + struct.pack('<f', 1.)
            content.append(field(kind, relu))
    return b''.join(content)


def sequential_places():
    """{Caffe name: name in nn.Sequential}, counted by hand."""
    places = dict(
        zip((layer[0] for layer in reference.EXTRACTOR if layer != 'pool'),
            (f'model0.{i}'
             for i in (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25))))
    for stage in range(1, 7):
        for number, branch in enumerate(('L1', 'L2'), start=1):
            for i, name in enumerate(reference.stage_names(stage, branch)):
                places[name] = f'model{stage}_{number}.{2 * i}'
    return places


def state_dict(weights, rename):
    return {
        f'{rename(name)}.{parameter}': tensor
        for name, pair in weights.items()
        for parameter, tensor in zip(('weight', 'bias'), pair)
    }


def hollow(shapes, rename=str):
    """A state dict of zeros that takes no space."""
    names = {}
    for name, shape in shapes.items():
        names[f'{rename(name)}.weight'] = torch.zeros(1).expand(shape)
        names[f'{rename(name)}.bias'] = torch.zeros(1).expand(shape[0])
    return names
