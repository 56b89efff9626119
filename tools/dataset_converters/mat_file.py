# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading MATLAB files with errors that say what is wrong, and where."""
import warnings
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Tuple

import numpy as np
from scipy.io import loadmat


def load_mat(path: Path, names: Sequence[str]) -> Dict[str, np.ndarray]:
    """Read variables of a MATLAB file of version 7 or older, and no others.

    Raises:
        ValueError: If the file cannot be read or lacks a variable.
    """
    again = 'unpack or download this file again'
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            contents = loadmat(
                str(path), appendmat=False, variable_names=list(names))
    except NotImplementedError as error:
        raise ValueError(
            f'{path}: this MATLAB version (7.3?) cannot be read ({error}); '
            "save it again in MATLAB with save(..., '-v7')") from error
    # a damaged file surfaces in SciPy as any of a dozen unrelated types
    except Exception as error:
        raise ValueError(
            f'{path}: truncated or not a MATLAB file '
            f'({type(error).__name__}: {error}); {again}') from error
    for name in names:
        if name not in contents:
            raise ValueError(
                f'{path}: no variable {name!r} in the file; {again}')
    return contents


def numeric(contents: Mapping[str, np.ndarray], path: Path, name: str,
            shape: Tuple[Optional[int], ...]) -> np.ndarray:
    """Take one variable as finite float64 numbers of a known shape.

    Args:
        contents (Mapping[str, np.ndarray]): As :func:`load_mat` returns.
        path (Path): The file they were read from, for messages.
        name (str): The variable.
        shape (tuple): The expected shape; None stands for any length.

    Returns:
        np.ndarray: The variable in float64. Types differ between the files
        of one data set, and arithmetic in the small integer ones wraps.

    Raises:
        ValueError: If the type, the shape or a value is not as expected.
    """
    value, again = contents[name], 'download this file again'
    expected = ' x '.join('n' if s is None else str(s) for s in shape)
    if value.dtype.kind not in 'buif':
        raise ValueError(
            f'{path}: {name!r} is of type {value.dtype}, expected numbers '
            f'({expected}); {again}')
    if value.ndim == len(shape) - 1 and shape[-1] is None:
        # MATLAB drops the last axis of an array of one frame
        value = value[..., None]
    if value.ndim != len(shape) or any(
            want not in (None, got) for want, got in zip(shape, value.shape)):
        raise ValueError(
            f'{path}: {name!r} is {" x ".join(map(str, value.shape))}, '
            f'expected {expected}; {again}')
    value = value.astype(np.float64)
    if value.size == 0 or not np.isfinite(value).all():
        where = np.argwhere(~np.isfinite(value))[:1].tolist()
        raise ValueError(
            f'{path}: {name!r} ' + (
                f'holds NaN or infinity at index {where[0]}'
                if where else 'is empty') + f'; {again}')
    return value
