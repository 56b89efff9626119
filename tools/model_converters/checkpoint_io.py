# Copyright (c) temporal_corr authors. All rights reserved.
"""Checking of weights and writing of checkpoints for the converters."""
import textwrap
from pathlib import Path
from typing import Iterable, List, Mapping, Tuple

import torch
from torch import Tensor

from projects.temporal_corr.video_io.output_files import output_path, replacing


def find_faults(found: Mapping[str, Tensor],
                expected: Mapping[str, Tuple[int, ...]],
                foreign: Iterable[str] = ()) -> List[str]:
    """What is wrong with parameters of expected shapes, one line for each kind
    of fault; ``foreign`` are names that were not expected."""
    faults = {
        'missing': [name for name in expected if name not in found],
        'of other shapes': [
            f'{name} is {tuple(found[name].shape)}, not {tuple(shape)}'
            for name, shape in expected.items()
            if name in found and found[name].shape != shape
        ],
        'not finite': [
            name for name in expected
            if name in found and not torch.isfinite(found[name]).all()
        ],
        'not of this network': list(foreign)
    }
    return [
        f'\n  {len(names)} {fault}: ' +
        textwrap.shorten('; '.join(names), 300, placeholder=' ...')
        for fault, names in faults.items() if names
    ]


def save_checkpoint(checkpoint: dict, path: Path, source: Path) -> None:
    """Write a checkpoint, completely or not at all, and never over the file
    that it was made of."""
    target = output_path(str(path), ('.pth', '.pt'), [str(source)])
    with replacing(target) as temporary, open(temporary, 'wb') as file:
        torch.save(checkpoint, file)
