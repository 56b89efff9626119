# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading of TensorFlow.js graph models, without TensorFlow.

``NAME.json`` holds the graph and the manifest of its weights, which lie one
behind the other in binary files beside it.
"""
import json
from pathlib import Path
from typing import Dict, List

import numpy as np

_DTYPES = dict(
    float32=np.dtype('<f4'),
    float16=np.dtype('<f2'),
    int32=np.dtype('<i4'),
    uint16=np.dtype('<u2'),
    uint8=np.dtype('u1'),
    bool=np.dtype('?'))


def read_graph_model(path: Path) -> Dict[str, np.ndarray]:
    """The constants of the graph model NAME.json by the names of their nodes,
    as TensorFlow stores them: a convolution (k, k, in, out), a depthwise one
    (k, k, in, 1). Quantised ones are decoded. A ValueError if a file is
    something else, or is damaged.
    """
    try:
        model = json.loads(path.read_bytes())
        # Early converters did not write the format.
        if model.get('format') not in ('graph-model', None):
            raise ValueError(f'its format is {model["format"]}')
        model['modelTopology']
        groups = [([path.parent / name for name in group['paths']],
                   [_parse(entry) for entry in group['weights']])
                  for group in model['weightsManifest']]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is no TensorFlow.js graph model ({error!r}): it needs '
            'modelTopology and weightsManifest, a list of groups with paths '
            'and weights, each with name, shape and a dtype of '
            f'{", ".join(_DTYPES)}. Give NAME.json as published, or fetch it '
            'again') from error
    arrays = {}
    for files, entries in groups:
        arrays.update(_read_group(path, files, entries))
    return arrays


def _parse(entry: dict) -> dict:
    """An entry of the manifest with its types and its size in bytes."""
    shape, quantisation = tuple(entry['shape']), entry.get('quantization', {})
    stored = _DTYPES[quantisation.get('dtype', entry['dtype'])]
    return dict(
        name=entry['name'],
        shape=shape,
        stored=stored,
        wanted=_DTYPES[entry['dtype']],
        size=int(np.prod(shape, dtype=np.int64)) * stored.itemsize,
        quantisation=quantisation)


def _read_group(path: Path, files: List[Path],
                entries: List[dict]) -> Dict[str, np.ndarray]:
    """The arrays of one group of the manifest."""
    data = b''.join(file.read_bytes() for file in files)
    size = sum(entry['size'] for entry in entries)
    if size != len(data):
        raise ValueError(
            f'{", ".join(map(str, files))}: {len(data):,} bytes, but the '
            f'manifest in {path} says {size:,}: fetch both anew, from the '
            'same place')
    arrays, start = {}, 0
    for entry in entries:
        end = start + entry['size']
        values = np.frombuffer(data[start:end], entry['stored'])
        arrays[entry['name']] = _decode(values, **entry)
        start = end
    return arrays


def _decode(values: np.ndarray, quantisation: dict, wanted: np.dtype,
            shape: tuple, **_) -> np.ndarray:
    """Undo the quantisation: linear in integers, or half precision."""
    if 'scale' in quantisation:
        values = (
            values * float(quantisation['scale']) +
            float(quantisation.get('min', 0)))
        if wanted.kind == 'i':
            values = values.round()
    return values.astype(wanted).reshape(shape)
