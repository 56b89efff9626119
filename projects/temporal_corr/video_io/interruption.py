# Copyright (c) temporal_corr authors. All rights reserved.
import signal
from types import FrameType
from typing import Optional


class Interruption:
    """Lets a loop end in order when it is interrupted, as a context manager.

    The first Ctrl-C (SIGINT) or SIGTERM is noted; the loop asks for it after
    each round, and what it has done so far can be finished. The second one
    is a KeyboardInterrupt at once.

    Attributes:
        requested (bool): Whether the loop is to end.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.requested = False

    def __enter__(self) -> 'Interruption':
        self._handlers = {
            number: signal.signal(number, self._note)
            for number in self.SIGNALS
        }
        return self

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(self, error_type, error, traceback) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
