# Copyright (c) temporal_corr authors. All rights reserved.
"""Numbers on a command line."""
import argparse
import math
from typing import Callable

#: Rates that a video file can be written with.
LEAST_FPS, MOST_FPS = 0.01, 65535.


def number(kind: type,
           least: float = -1e9,
           most: float = 1e9) -> Callable[[str], float]:
    """A type of argparse for numbers in a range; never NaN nor infinite.

    Args:
        kind (type): ``int`` or ``float``.
        least (float): The least that is allowed. Defaults to -1e9.
        most (float): The most that is allowed. Defaults to 1e9.

    Returns:
        callable: Turns the text into the number.
    """

    def parse(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            words = dict(int='an integer').get(kind.__name__, 'a number')
            raise argparse.ArgumentTypeError(
                f'{text} must be {words} from {least:g} to {most:g}')
        return value

    return parse


frame_rate = number(float, LEAST_FPS, MOST_FPS)
