# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading of .caffemodel files, without Caffe.

A .caffemodel is a NetParameter message in the `encoding of protocol buffers
<https://protobuf.dev/programming-guides/encoding/>`_.
"""
from typing import Dict, Iterator, List, Tuple, Union

import numpy as np

# Numbers of the fields in caffe.proto: of the layers, and in these of their
# names and weights (LayerParameter, V1LayerParameter).
_LAYERS = {100: (1, 7), 2: (4, 6)}
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def read_caffemodel(data: bytes) -> Dict[str, List[np.ndarray]]:
    """Arrays of the layers that have some, for a convolution weight and bias,
    in the order of the file; a ValueError if the data ends too early or is
    something else."""
    layers = {}
    for number, layer in _fields(memoryview(data)):
        if number not in _LAYERS or isinstance(layer, int):
            continue
        name_field, blobs_field = _LAYERS[number]
        fields = list(_fields(layer))
        name = b''.join(v for key, v in fields if key == name_field)
        arrays = [_array(v) for key, v in fields if key == blobs_field]
        if arrays:
            layers[name.decode(errors='replace')] = arrays
    return layers


def _array(blob: memoryview) -> np.ndarray:
    """A BlobProto: its shape, or as until 2014 four sizes, and floats."""
    fields = list(_fields(blob))
    values = np.frombuffer(
        b''.join(value for key, value in fields if key == 5), '<f4')
    shape = [value for key, value in fields if key in (1, 2, 3, 4)]
    for key, value in fields:
        if key == 7:  # a message whose field 1 packs the sizes
            shape, sizes = [], dict(_fields(value)).get(1, b'')
            start = 0
            while start < len(sizes):
                size, start = _varint(sizes, start)
                shape.append(size)
    return values.reshape(shape)


def _fields(data: memoryview
            ) -> Iterator[Tuple[int, Union[int, memoryview]]]:
    """Fields of a message: their numbers and contents."""
    start = 0
    while start < len(data):
        tag, start = _varint(data, start)
        kind = tag & 7
        if kind == _VARINT:
            value, start = _varint(data, start)
        elif kind in (_BYTES, _FIXED64, _FIXED32):
            size = 8 if kind == _FIXED64 else 4
            if kind == _BYTES:
                size, start = _varint(data, start)
            value, start = data[start:start + size], start + size
            if start > len(data):
                raise ValueError(f'it ends in the middle of {size} bytes')
        else:
            raise ValueError(f'no protocol buffer at byte {start}')
        yield tag >> 3, value


def _varint(data: memoryview, start: int) -> Tuple[int, int]:
    """A variable-length integer, and where it ends."""
    value = 0
    for place in range(min(10, len(data) - start)):
        byte = data[start + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, start + place + 1
    raise ValueError(f'no number at byte {start}')
