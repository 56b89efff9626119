# Copyright (c) temporal_corr authors. All rights reserved.
"""Time and memory of work in a process of its own."""
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Callable, Optional


def run_fresh(task: Callable, *args) -> dict:
    """Do a task in a new process, whose memory holds nothing of others.

    Args:
        task (Callable): Function of a module; it returns a dict.
        args: Its arguments.

    Returns:
        dict: What it returns, ``cpu`` seconds, and ``added``, bytes at its
        peak beyond those of the process before, all imports done (None where
        the system does not tell).
    """
    with ProcessPoolExecutor(1, mp_context=get_context('spawn')) as pool:
        return pool.submit(_measured, task, *args).result()


def _measured(task: Callable, *args) -> dict:
    before, start = memory_bytes('VmRSS'), time.process_time()
    found = task(*args)
    return dict(
        found,
        cpu=time.process_time() - start,
        added=before and memory_bytes('VmHWM') - before)


def memory_bytes(field: str) -> Optional[int]:
    """Memory of this process, as Linux counts it.

    Args:
        field (str): ``VmRSS`` (resident), ``VmHWM`` (its peak) or
            ``Private_Dirty`` (written to, and shared with nobody).

    Returns:
        int | None: Bytes; None where the system does not tell.
    """
    name = 'status' if field.startswith('Vm') else 'smaps_rollup'
    try:
        with open(f'/proc/self/{name}', encoding='utf-8') as file:
            for line in file:
                if line.startswith(f'{field}:'):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
