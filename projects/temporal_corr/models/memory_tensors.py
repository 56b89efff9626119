# Copyright (c) temporal_corr authors. All rights reserved.
"""What is remembered, as tensors with names.

A value (see :mod:`.memory`) is nested; the inputs and outputs of an exported
model are a flat list of named tensors.
"""
from typing import Any, Dict, Iterator, Tuple

from torch import Tensor

from .memory import map_value


def flatten_memory(memory: Any) -> Dict[str, Tensor]:
    """Name the tensors of a value.

    Args:
        memory: None, a tensor, or a tuple or dict of values.

    Returns:
        dict: Nothing for None, ``exemplars`` for a tensor, else
        ``memory_NAME`` for the entries of a dict and ``memory_NUMBER`` for
        those of a tuple, ``memory_NUMBER_NAME`` for a dict in a tuple.

    Raises:
        ValueError: If two tensors would have the same name.
    """
    if memory is None:
        return {}
    if isinstance(memory, Tensor):
        return dict(exemplars=memory)
    named: Dict[str, Tensor] = {}
    for name, tensor in _tensors(memory, 'memory'):
        if name in named:
            raise ValueError(f'two tensors of the memory are called {name}: '
                             'rename a key of its dicts')
        named[name] = tensor
    return named


def unflatten_memory(like: Any, named: Dict[str, Tensor]) -> Any:
    """Put named tensors back into a value.

    Args:
        like: A value that is built like it.
        named (dict): Tensors by the names of :func:`flatten_memory`; others
            are ignored.

    Returns:
        The value.

    Raises:
        KeyError: If a tensor is missing.
    """
    if like is None:
        return None
    # map_value visits the tensors in the order of _tensors.
    tensors = iter([named[name] for name in flatten_memory(like)])
    return map_value(lambda _: next(tensors), like)


def _tensors(value: Any, name: str) -> Iterator[Tuple[str, Tensor]]:
    if isinstance(value, dict):
        parts = value.items()
    elif isinstance(value, (tuple, list)):
        parts = enumerate(value)
    else:
        yield name, value
        return
    for key, part in parts:
        yield from _tensors(part, f'{name}_{key}')
