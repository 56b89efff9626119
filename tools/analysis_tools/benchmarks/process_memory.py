# Copyright (c) temporal_corr authors. All rights reserved.
"""Memory of a process, as Linux counts it."""
from typing import Optional


def memory_bytes(field: str, pid='self') -> Optional[int]:
    """A figure of ``/proc/PID/status`` or ``/proc/PID/smaps_rollup``.

    Unlike ``ru_maxrss``, ``VmHWM`` starts anew with each program.

    Args:
        field (str): ``VmRSS`` (resident), ``VmHWM`` (its peak) or
            ``Private_Dirty`` (written to, and shared with nobody).
        pid: Process id. Defaults to 'self'.

    Returns:
        int | None: Bytes; None where the system does not tell.
    """
    name = 'status' if field.startswith('Vm') else 'smaps_rollup'
    try:
        with open(f'/proc/{pid}/{name}', encoding='utf-8') as file:
            for line in file:
                if line.startswith(f'{field}:'):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return None
