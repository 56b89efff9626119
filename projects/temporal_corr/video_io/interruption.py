# Copyright (c) temporal_corr authors. All rights reserved.
import signal


class Interruption:
    """Lets a loop end in order when it is interrupted, as a context manager.

    The first Ctrl-C (SIGINT) or SIGTERM is noted in ``requested``, for which
    the loop asks after each round, and what it has done so far can be
    finished. The second one is a KeyboardInterrupt at once.
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

    def _note(self, number, frame) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(self, error_type, error, traceback) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
