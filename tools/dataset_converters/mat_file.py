# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading MATLAB files with errors that say what is wrong, and where."""
import warnings
from pathlib import Path
from typing import List, Optional, Tuple

import numpy as np
from scipy.io import loadmat


def read_mat(path: Path,
             **shapes: Tuple[Optional[int], ...]) -> List[np.ndarray]:
    """Read variables of a MATLAB file as finite float64 numbers, in order.

    Types differ between the files of a data set, and arithmetic in the small
    integer ones wraps. ``shapes`` of the variables by their names, where None
    stands for any length; a ValueError if they are others.
    """
    again = 'unpack or download this file again'
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            contents = loadmat(
                str(path), appendmat=False, variable_names=list(shapes))
    except NotImplementedError as error:
        raise ValueError(
            f'{path}: this MATLAB version (7.3?) cannot be read ({error}); '
            "save it again in MATLAB with save(..., '-v7')") from error
    # a damaged file surfaces in SciPy as any of a dozen unrelated types
    except Exception as error:
        raise ValueError(
            f'{path}: truncated or not a MATLAB file '
            f'({type(error).__name__}: {error}); {again}') from error
    values = []
    for name, shape in shapes.items():
        try:
            values.append(_numbers(contents.get(name), shape))
        except ValueError as error:
            raise ValueError(f'{path}: {name!r} {error}; {again}') from None
    return values


def _numbers(value: Optional[np.ndarray],
             shape: Tuple[Optional[int], ...]) -> np.ndarray:
    expected = ' x '.join('n' if s is None else str(s) for s in shape)
    if value is None:
        raise ValueError('is not in the file')
    if value.dtype.kind not in 'buif':
        raise ValueError(
            f'is of type {value.dtype}, expected numbers ({expected})')
    if value.ndim == len(shape) - 1 and shape[-1] is None:
        # MATLAB drops the last axis of an array of one frame
        value = value[..., None]
    if value.ndim != len(shape) or any(
            want not in (None, got) for want, got in zip(shape, value.shape)):
        raise ValueError(
            f'is {" x ".join(map(str, value.shape))}, expected {expected}')
    value = value.astype(np.float64)
    if value.size == 0:
        raise ValueError('is empty')
    if not np.isfinite(value).all():
        where = np.argwhere(~np.isfinite(value))[0].tolist()
        raise ValueError(f'holds NaN or infinity at index {where}')
    return value
