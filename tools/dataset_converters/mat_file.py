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
        value = contents.get(name, np.array(None))
        if value.ndim == len(shape) - 1 and shape[-1] is None:
            # MATLAB drops the last axis of an array of one frame
            value = value[..., None]
        lengths = zip(shape, value.shape)
        if (value.dtype.kind not in 'buif' or value.ndim != len(shape)
                or any(want not in (None, got) for want, got in lengths)
                or not value.size):
            found = ' x '.join(map(str, value.shape))
            expected = ' x '.join('n' if s is None else str(s) for s in shape)
            raise ValueError(
                f'{path}: {name!r} is missing or of {value.dtype} {found}, '
                f'expected numbers {expected}; {again}')
        values.append(value.astype(np.float64))
        if not np.isfinite(values[-1]).all():
            where = np.argwhere(~np.isfinite(values[-1]))[0].tolist()
            raise ValueError(f'{path}: {name!r} holds NaN or infinity at '
                             f'index {where}; {again}')
    return values
