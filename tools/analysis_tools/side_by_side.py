# Copyright (c) temporal_corr authors. All rights reserved.
"""Commands that depend on each other, some of them at a time."""
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional

#: Seconds between two looks at the processes.
INTERVAL = 0.2
#: Lines of a failed command's log that are shown.
TAIL = 15


@dataclass
class Piece:
    """One command.

    Attributes:
        title (str): What it is called on the screen.
        kind (str): Pieces of one kind take about the same time.
        command (Callable): Gives the arguments of the process; called when
            the process is about to start.
        log (Path): File for the output of the process.
        finish (Callable): Called with the seconds taken after success. What
            it returns is shown; an exception is a failure.
        needs (Piece | None): The piece that must have succeeded before.
    """
    title: str
    kind: str
    command: Callable[[], List[str]]
    log: Path
    finish: Callable[[float], str]
    needs: Optional['Piece'] = None


class SideBySide:
    """Runs pieces in their order, several at a time.

    A piece that fails takes those with it that need it, and no others.

    Args:
        pieces (list[Piece]): The pieces; one comes after what it needs.
        jobs (int): How many processes run at a time.
        env (dict): Environment of the processes.
        save (Callable): Called after each piece that succeeded.
    """

    def __init__(self, pieces: List[Piece], jobs: int, env: Dict[str, str],
                 save: Callable[[], None]):
        self.waiting = list(pieces)
        self.total = len(pieces)
        self.jobs, self.env, self.save = jobs, env, save
        self.running: Dict[int, tuple] = {}
        self.failed: List[Piece] = []
        self.skipped: List[Piece] = []
        self.seconds = defaultdict(list)
        self.began = time.monotonic()

    def run(self) -> None:
        """Run all; :attr:`failed` and :attr:`skipped` say what did not."""
        try:
            while self.waiting or self.running:
                self._start()
                time.sleep(INTERVAL)
                self._collect()
        finally:
            processes = [process for process, _, _ in self.running.values()]
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()

    def _start(self) -> None:
        """Start what can be started."""
        busy = [piece for _, piece, _ in self.running.values()]
        lost = self.failed + self.skipped
        for piece in list(self.waiting):
            if any(piece.needs is other for other in lost):
                self.waiting.remove(piece)
                self.skipped.append(piece)
                lost.append(piece)
                say(f'{self._count()} {piece.title}: skipped, as '
                    f'"{piece.needs.title}" failed')
            elif len(busy) < self.jobs and not any(
                    piece.needs is other for other in busy + self.waiting):
                self.waiting.remove(piece)
                busy.append(piece)
                self._launch(piece)

    def _launch(self, piece: Piece) -> None:
        piece.log.parent.mkdir(parents=True, exist_ok=True)
        with open(piece.log, 'w', encoding='utf-8') as log:
            process = subprocess.Popen(
                piece.command(),
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT)
        self.running[process.pid] = process, piece, time.monotonic()
        say(f'        {piece.title} ... {piece.log}')

    def _collect(self) -> None:
        """See which processes ended."""
        for pid, (process, piece, start) in list(self.running.items()):
            if process.poll() is None:
                continue
            del self.running[pid]
            seconds = time.monotonic() - start
            try:
                if process.returncode:
                    raise RuntimeError(f'exit status {process.returncode}')
                said = piece.finish(seconds)
            except Exception as error:  # whatever it is, the others go on
                self.failed.append(piece)
                text = piece.log.read_text(encoding='utf-8', errors='replace')
                tail = '\n'.join(f'    {line}'
                                 for line in text.splitlines()[-TAIL:])
                say(f'{self._count()} {piece.title}: FAILED, '
                    f'{type(error).__name__}: {error}; the end of '
                    f'{piece.log}:\n{tail}')
                continue
            self.seconds[piece.kind].append(seconds)
            self.save()
            say(f'{self._count()} {piece.title}: {said} in '
                f'{duration(seconds)}; {self._time()}')

    def _count(self) -> str:
        ended = self.total - len(self.waiting) - len(self.running)
        return f'[{ended}/{self.total}]'

    def _time(self) -> str:
        """Time used and, by the pieces that ended, time left."""
        now = time.monotonic()
        left, unknown = 0, False
        open_pieces = [(piece, 0) for piece in self.waiting]
        open_pieces += [(piece, now - start)
                        for _, piece, start in self.running.values()]
        for piece, spent in open_pieces:
            known = self.seconds[piece.kind]
            unknown |= not known
            if known:
                left += max(sum(known) / len(known) - spent, 0)
        used = f'{duration(now - self.began)} used'
        if unknown and not left:
            return used
        return (f'{used}, {"more than" if unknown else "about"} '
                f'{duration(left / self.jobs)} left')


def say(line: str) -> None:
    """Print a line at once, into a pipe, too.

    Args:
        line (str): The line.
    """
    print(line, flush=True)


def duration(seconds: float) -> str:
    """Seconds as people say them.

    Args:
        seconds (float): Seconds.

    Returns:
        str: Such as '1:02:03' or '4:05' or '6 s'.
    """
    seconds = round(seconds)
    if seconds < 60:
        return f'{seconds} s'
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return (f'{hours}:{minutes:02d}:{seconds:02d}'
            if hours else f'{minutes}:{seconds:02d}')
