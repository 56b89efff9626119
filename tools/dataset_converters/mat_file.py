# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading MATLAB files with errors that say what is wrong, and where."""
import warnings
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Tuple

import numpy as np
from converter_io import ConversionError
from scipy.io import loadmat


def load_mat(path: Path, names: Sequence[str]) -> Dict[str, np.ndarray]:
    """Read variables of a MATLAB file.

    Args:
        path (Path): A .mat file of version 7 or older.
        names (Sequence[str]): The variables to read, and no others.

    Returns:
        Dict[str, np.ndarray]: The variables by name.

    Raises:
        ConversionError: If the file cannot be read or lacks a variable.
    """
    again = 'unpack or download this file again'
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            contents = loadmat(
                str(path), appendmat=False, variable_names=list(names))
    except FileNotFoundError:
        raise ConversionError(f'{path}: no such file; {again}') from None
    except NotImplementedError as error:
        raise ConversionError(
            f'{path}: this MATLAB version (7.3?) cannot be read ({error}); '
            "save it again in MATLAB with save(..., '-v7')") from error
    # a damaged file surfaces in SciPy as any of a dozen unrelated types
    except Exception as error:
        raise ConversionError(
            f'{path}: truncated or not a MATLAB file '
            f'({type(error).__name__}: {error}); {again}') from error
    for name in names:
        if name not in contents:
            raise ConversionError(
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
        ConversionError: If the type, the shape or a value is not as
            expected.
    """
    value = contents[name]
    expected = ' x '.join('n' if s is None else str(s) for s in shape)
    if value.dtype.kind not in 'buif':
        raise ConversionError(
            f'{path}: {name!r} is of type {value.dtype}, expected numbers '
            f'({expected}); download this file again')
    if value.ndim == len(shape) - 1 and shape[-1] is None:
        # MATLAB drops the last axis of an array of one frame
        value = value[..., None]
    if value.ndim != len(shape) or any(
            want not in (None, got) for want, got in zip(shape, value.shape)):
        found = ' x '.join(map(str, value.shape))
        raise ConversionError(
            f'{path}: {name!r} is {found}, expected {expected}; download '
            'this file again')
    if value.size == 0:
        raise ConversionError(
            f'{path}: {name!r} is empty; download this file again')
    value = value.astype(np.float64)
    if not np.isfinite(value).all():
        raise ConversionError(
            f'{path}: {name!r} holds NaN or infinity at index '
            f'{np.argwhere(~np.isfinite(value))[0].tolist()}; download this '
            'file again')
    return value
