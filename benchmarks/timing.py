# Copyright (c) temporal_corr authors. All rights reserved.
"""Interleaved timing of functions."""
import math
import time
from typing import Callable, Dict

import numpy as np
import torch


def interleave(functions: Dict[str, Callable],
               repeat: int,
               clock: str,
               device: str = 'cpu',
               warm_up: int = 1,
               block: float = 0.) -> Dict[str, float]:
    """Time functions alternately: A B A B ...

    Other load on the machine affects all of them alike. With ``block``, in
    seconds, each is called several times in a row, A A A B B B ..., for at
    least that long, and their mean counts: a single call of less than a
    millisecond after another method mostly measures cold caches.

    The median seconds of a call, by the clock ``'wall'``, or ``'cpu'``: CPU
    time of all threads of this process. A GPU is synchronized.
    """
    read = dict(cpu=time.process_time, wall=time.perf_counter)[clock]
    found = {name: [] for name in functions}
    calls = dict.fromkeys(functions, 1)

    def now():
        if device.startswith('cuda'):
            torch.cuda.synchronize(device)
        return read()

    for turn in range(-warm_up, repeat):
        for name, function in functions.items():
            start = now()
            for _ in range(calls[name]):
                function()
            seconds = (now() - start) / calls[name]
            if turn >= 0:
                found[name].append(seconds)
            else:
                calls[name] = max(math.ceil(block / seconds), 1)
    return {name: float(np.median(x)) for name, x in found.items()}
