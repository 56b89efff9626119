# Copyright (c) temporal_corr authors. All rights reserved.
import argparse
import math
import sys
from typing import Callable, Optional


def number(kind: type,
           low: float,
           high: float = math.inf) -> Callable[[str], float]:
    """A type of argparse: finite numbers of a kind, from low to high."""

    def read(text: str) -> float:
        value = kind(text)
        if not (low <= value <= high and math.isfinite(value)):
            raise argparse.ArgumentTypeError(
                f'{text} is not a number from {low:g} to {high:g}')
        return value

    read.__name__ = kind.__name__  # "invalid int value"
    return read


def run_command(main: Callable[[], Optional[int]]) -> None:
    """Run a tool, whose exit status is what ``main`` returns; what a user can
    mend ends it without a traceback."""
    try:
        status = main()
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    if status:
        sys.exit(status)
