# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading of .caffemodel files, without Caffe.

OpenCV's importer reads the weights, but only of layers that a prototxt
names, and silently: a layer that is not in the file is left empty, others
are skipped. So the names are read here first, from the file itself.

A .caffemodel is a NetParameter message in the `encoding of protocol buffers
<https://protobuf.dev/programming-guides/encoding/>`_.
"""
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import cv2
import numpy as np

# Numbers of the fields (layer, its name, its weights) in caffe.proto.
_FORMATS = (
    (100, 1, 7),  # NetParameter.layer: LayerParameter
    (2, 4, 6),  # NetParameter.layers: V1LayerParameter
)
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def layers_with_weights(data: bytes) -> List[str]:
    """Names of the layers of a .caffemodel that have weights.

    Args:
        data (bytes): Contents of the file.

    Returns:
        list[str]: The names, in the order of the file.

    Raises:
        ValueError: If the data ends too early or is something else.
    """
    names = []
    for number, start, end in _fields(data, 0, len(data)):
        for layer_field, name_field, blobs_field in _FORMATS:
            if number != layer_field:
                continue
            name, has_weights = '', False
            for inner, inner_start, inner_end in _fields(data, start, end):
                if inner == name_field:
                    name = data[inner_start:inner_end].decode(
                        errors='replace')
                has_weights |= inner == blobs_field
            if has_weights:
                names.append(name)
    return names


def read_weights(data: bytes,
                 names: Sequence[str],
                 prototxt: Optional[Path] = None
                 ) -> Dict[str, List[np.ndarray]]:
    """Weights of a .caffemodel.

    Args:
        data (bytes): Contents of the file.
        names (Sequence[str]): Layers to be read, which have weights.
        prototxt (Path, optional): Description of the network. Defaults to
            None: one is made of ``names``.

    Returns:
        dict[str, list[np.ndarray]]: For each layer its arrays as they are
        stored, for a convolution the weight and the bias.

    Raises:
        RuntimeError: If OpenCV has no importer or cannot read the files.
    """
    if not hasattr(cv2.dnn, 'readNetFromCaffe'):
        raise RuntimeError(
            f'OpenCV {cv2.__version__} cannot read Caffe models any more: '
            "run this converter where 'opencv-python<5' is installed")
    description = (
        _describe(names) if prototxt is None else prototxt.read_bytes())
    try:
        net = cv2.dnn.readNetFromCaffe(description, data)
    except cv2.error as error:
        raise RuntimeError(
            'OpenCV cannot read '
            f"{prototxt or 'it'}: {error.err or error}") from error
    unknown = sorted(set(names) - set(net.getLayerNames()))
    if unknown:
        raise RuntimeError(
            f'{prototxt} has no layer {", ".join(unknown[:4])}: it describes '
            'another network; give the one that came with the weights, or '
            'leave --prototxt out')
    return {name: _params(net, name) for name in names}


def _params(net: 'cv2.dnn.Net', name: str) -> List[np.ndarray]:
    """All arrays of a layer: OpenCV does not tell how many there are."""
    arrays = []
    try:
        while True:
            arrays.append(net.getParam(name, len(arrays)))
    except cv2.error:
        return arrays


def _describe(names: Sequence[str]) -> bytes:
    """A prototxt with a convolution of each name: shapes are the file's."""
    layers = ''.join(f'''
layer {{
  name: "{name}" type: "Convolution" bottom: "image" top: "{name}"
  convolution_param {{ num_output: 1 kernel_size: 1 }}
}}''' for name in names)
    return f'''input: "image"
input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 8
{layers}'''.encode()


def _fields(data: bytes, start: int,
            end: int) -> Iterator[Tuple[int, int, int]]:
    """Fields of a message: number, and where the content starts and ends."""
    while start < end:
        tag, start = _varint(data, start, end)
        kind = tag & 7
        if kind == _VARINT:
            stop = _varint(data, start, end)[1]
        elif kind == _BYTES:
            size, start = _varint(data, start, end)
            stop = start + size
        elif kind in (_FIXED64, _FIXED32):
            stop = start + (8 if kind == _FIXED64 else 4)
        else:
            raise ValueError(f'no protocol buffer at byte {start}')
        if stop > end:
            raise ValueError(f'it ends at byte {end}, in the middle of '
                             f'{stop - start} bytes')
        yield tag >> 3, start, stop
        start = stop


def _varint(data: bytes, start: int, end: int) -> Tuple[int, int]:
    """A variable-length integer, and where it ends."""
    value = 0
    for place in range(min(10, end - start)):
        byte = data[start + place]
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, start + place + 1
    raise ValueError(f'no number at byte {start}')
