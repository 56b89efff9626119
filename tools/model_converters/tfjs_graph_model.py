# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading of TensorFlow.js graph models, without TensorFlow.

``NAME.json`` holds the graph and the manifest of its weights, which lie one
behind the other in binary files beside it.
"""
import json
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

_DTYPES = dict(
    float32=np.dtype('<f4'),
    float16=np.dtype('<f2'),
    int32=np.dtype('<i4'),
    uint16=np.dtype('<u2'),
    uint8=np.dtype('u1'),
    bool=np.dtype('?'))


def read_graph_model(path: Path) -> Dict[str, np.ndarray]:
    """The constants of a graph model.

    Args:
        path (Path): The file NAME.json.

    Returns:
        dict[str, np.ndarray]: The arrays by the names of their nodes, as
        TensorFlow stores them: a convolution (k, k, in, out), a depthwise
        one (k, k, in, 1). Quantised ones are decoded.

    Raises:
        OSError: If a file is missing or cannot be read.
        ValueError: If a file is something else, or is damaged.
    """
    try:
        model = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f'{path} is no JSON ({error}): give NAME.json of a '
                         'TensorFlow.js graph model') from error
    kind = model.get('format') if isinstance(model, dict) else 'none'
    # Early converters did not write the format.
    if kind not in ('graph-model', None) or 'modelTopology' not in model:
        raise ValueError(f'{path} is no TensorFlow.js graph model: it needs '
                         "format 'graph-model' and modelTopology")
    arrays = {}
    for group in _items(model, 'weightsManifest', f'{path}:'):
        files = [
            path.parent / str(name)
            for name in _items(group, 'paths', f'{path}: weightsManifest:')
        ]
        arrays.update(_read_group(path, group, files))
    return arrays


def _read_group(path: Path, group: dict,
                files: List[Path]) -> Dict[str, np.ndarray]:
    """The arrays of one group of the manifest."""
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f'there is no {file}, which {path} names for its weights: '
                'fetch all files of the model into one folder')
    data = b''.join(file.read_bytes() for file in files)
    arrays, start = {}, 0
    for entry in _items(group, 'weights', f'{path}: weightsManifest:'):
        try:
            name, shape = entry['name'], tuple(entry['shape'])
            quantisation = entry.get('quantization', {})
            stored = _DTYPES[quantisation.get('dtype', entry['dtype'])]
            size = int(np.prod(shape, dtype=np.int64)) * stored.itemsize
            wanted = _DTYPES[entry['dtype']]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f'{path}: weightsManifest: cannot read the entry {entry}: it '
                'needs name, shape and a dtype of '
                f'{", ".join(_DTYPES)}') from error
        if start + size <= len(data):
            values = np.frombuffer(data[start:start + size], stored)
            values = _decode(values, quantisation, wanted)
            arrays[name] = values.reshape(shape)
        start += size
    if start != len(data):
        raise ValueError(
            f'{", ".join(map(str, files))}: {len(data):,} bytes, but the '
            f'manifest in {path} says {start:,}: fetch both anew, from the '
            'same place')
    return arrays


def _decode(values: np.ndarray, quantisation: dict,
            wanted: np.dtype) -> np.ndarray:
    """Undo the quantisation: linear in integers, or half precision."""
    if 'scale' in quantisation:
        values = (
            values * float(quantisation['scale']) +
            float(quantisation.get('min', 0)))
        if wanted.kind == 'i':
            values = values.round()
    return values.astype(wanted)


def _items(parent: Any, field: str, where: str) -> list:
    """A list in the JSON."""
    items = parent.get(field) if isinstance(parent, dict) else None
    if not isinstance(items, list):
        raise ValueError(f'{where} {field} is no list: the file is damaged, '
                         'fetch it again')
    return items
