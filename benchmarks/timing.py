# Copyright (c) temporal_corr authors. All rights reserved.
"""Durations of things that are measured in turns."""
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
    """Time functions in turns: A B A B ...

    What else happens on a machine meets all of them alike. With ``block`` a
    turn is as many calls in a row, A A A B B B ..., as a loop of one of them
    alone would be: a single call of less than a millisecond after another
    method's work is mostly a measurement of cold caches.

    Args:
        functions (dict[str, Callable]): What to call, without arguments.
        repeat (int): How often each is timed.
        clock (str): ``'wall'``, or ``'cpu'``: time of the processor, all
            threads of this process together.
        device (str): Where they work; a GPU is waited for.
            Defaults to 'cpu'.
        warm_up (int): Rounds before, which do not count. Defaults to 1.
        block (float): Seconds that a turn takes at the least; its mean
            counts. Defaults to 0, one call.

    Returns:
        dict[str, float]: Median seconds of a call.
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
