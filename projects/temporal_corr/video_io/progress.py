# Copyright (c) temporal_corr authors. All rights reserved.
import sys
import time
from typing import Iterable, Iterator, Optional

#: Seconds between the lines in a file, and between those of a terminal.
LOG_SECONDS, TERMINAL_SECONDS = 30., 0.1


class Progress:
    """Reports how many items are done: one line, in a log one now and then.

    A context manager.

    Args:
        total (int, optional): How many there are. Defaults to None, not
            known.
        unit (str): What is counted. Defaults to ``'frames'``.
    """

    def __init__(self, total: Optional[int] = None, unit: str = 'frames'):
        self._unit = unit
        self._total = f'/{total}' if total else ''
        self._done = 0
        self._start = self._told = time.monotonic()

    def update(self) -> None:
        """One more is done."""
        self._done += 1
        terminal = sys.stderr.isatty()
        wait = TERMINAL_SECONDS if terminal else LOG_SECONDS
        if time.monotonic() - self._told >= wait:
            self._tell('' if terminal else '\n')

    def __enter__(self) -> 'Progress':
        return self

    def __exit__(self, error_type, error, traceback) -> None:
        self._total = ''  # what a header tells is no count
        self._tell('\n')

    def _tell(self, end: str) -> None:
        self._told = time.monotonic()
        rate = self._done / max(self._told - self._start, 1e-9)
        start = '\r' if sys.stderr.isatty() else ''
        print(
            f'{start}{self._done}{self._total} {self._unit}, '
            f'{rate:.1f} per second',
            end=end,
            file=sys.stderr,
            flush=True)


def track(items: Iterable,
          total: Optional[int] = None,
          unit: str = 'frames') -> Iterator:
    """Iterate, and report how many of ``total``, by default
    ``len(items)``, are done."""
    with Progress(len(items) if total is None else total, unit) as progress:
        for item in items:
            yield item
            progress.update()
