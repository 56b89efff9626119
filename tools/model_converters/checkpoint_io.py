# Copyright (c) temporal_corr authors. All rights reserved.
"""What the converters do alike: checking weights, writing a checkpoint."""
import textwrap
from pathlib import Path
from typing import Iterable, List, Mapping, Tuple

import torch
from torch import Tensor

from projects.temporal_corr.video_io.output_files import output_path, replacing


def find_faults(found: Mapping[str, Tensor],
                expected: Mapping[str, Tuple[int, ...]],
                foreign: Iterable[str] = ()) -> List[str]:
    """What is wrong with weights that were read.

    Args:
        found (Mapping[str, Tensor]): The parameters by name.
        expected (Mapping[str, tuple]): The shape of each that is needed.
        foreign (Iterable[str]): Names that are none of these.

    Returns:
        list[str]: One line for each kind of fault.
    """
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
    """Write a checkpoint; it is there when it is complete.

    Args:
        checkpoint (dict): ``meta`` and ``state_dict``.
        path (Path): Where it is to go.
        source (Path): What it was made of, which it must not replace.
    """
    target = output_path(str(path), ('.pth', '.pt'), [str(source)])
    with replacing(target) as temporary, open(temporary, 'wb') as file:
        torch.save(checkpoint, file)
