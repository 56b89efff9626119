# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Any, List

from projects.temporal_corr.models.memory import TrackMemory, map_value


def held_bytes(memory: TrackMemory) -> int:
    """Bytes of all tensors that a memory holds on to.

    Args:
        memory (TrackMemory): The memory.

    Returns:
        int: Bytes.
    """
    storages: List[Any] = []
    for entry in memory._entries.values():
        map_value(lambda part: storages.append(part.untyped_storage()),
                  entry.value)
    return sum({
        storage.data_ptr(): storage.nbytes()
        for storage in storages
    }.values())
