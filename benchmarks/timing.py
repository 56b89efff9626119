# Copyright (c) temporal_corr authors. All rights reserved.
"""Durations of things that are measured in turns."""
import math
import time
from typing import Callable, Dict, NamedTuple

import numpy as np
import torch


class Durations(NamedTuple):
    """How long each repetition took, in seconds.

    Attributes:
        wall (np.ndarray): By the clock on the wall, in shape (repeat, ).
        cpu (np.ndarray): Of the processor, all threads of this process
            together, in shape (repeat, ).
    """
    wall: np.ndarray
    cpu: np.ndarray

    def median(self, clock: str) -> float:
        """The median by ``'wall'`` or ``'cpu'``."""
        return float(np.median(getattr(self, clock)))

    def describe(self) -> dict:
        """Repetitions, and of each clock median and quartiles."""
        summary = dict(repetitions=len(self.wall))
        for clock in self._fields:
            lower, median, upper = np.percentile(
                getattr(self, clock), (25, 50, 75)).tolist()
            summary[clock] = dict(median=median, quartiles=[lower, upper])
        return summary


def interleave(functions: Dict[str, Callable],
               repeat: int,
               device: str = 'cpu',
               warm_up: int = 1,
               block: float = 0.) -> Dict[str, Durations]:
    """Time functions in turns: A B A B ...

    What else happens on a machine meets all of them alike. With ``block`` a
    turn is as many calls in a row, A A A B B B ..., as a loop of one of them
    alone would be: a single call of less than a millisecond after another
    method's work is mostly a measurement of cold caches.

    Args:
        functions (dict[str, Callable]): What to call, without arguments.
        repeat (int): How often each is timed.
        device (str): Where they work; a GPU is waited for.
            Defaults to 'cpu'.
        warm_up (int): Rounds before, which do not count. Defaults to 1.
        block (float): Seconds that a turn takes at the least; its mean
            counts. Defaults to 0, one call.

    Returns:
        dict[str, Durations]: How long each call took.
    """
    found = {name: [] for name in functions}
    calls = dict.fromkeys(functions, 1)

    def clocks():
        if device.startswith('cuda'):
            torch.cuda.synchronize(device)
        return np.array([time.perf_counter(), time.process_time()])

    for turn in range(-warm_up, repeat):
        for name, function in functions.items():
            start = clocks()
            for _ in range(calls[name]):
                function()
            seconds = (clocks() - start) / calls[name]
            if turn >= 0:
                found[name].append(seconds)
            else:
                calls[name] = max(math.ceil(block / seconds[0]), 1)
    return {name: Durations(*np.array(seconds).T)
            for name, seconds in found.items()}  # yapf: disable
