# Copyright (c) temporal_corr authors. All rights reserved.
from dataclasses import dataclass
from pathlib import Path
from typing import Optional


@dataclass(frozen=True)
class Settings:
    """What all measurements share.

    Attributes:
        device (str): Where models run, ``'cpu'`` or ``'cuda:0'``.
        num_threads (int): Threads of this process.
        work_dir (Path): Folder for synthetic data, kept between runs.
        penn_labels (Path, optional): Folder that holds ``labels/`` of Penn
            Action. None for synthetic label files.
        repeat (int, optional): Repetitions of everything. None for each
            measurement's own number.
    """
    device: str
    num_threads: int
    work_dir: Path
    penn_labels: Optional[Path] = None
    repeat: Optional[int] = None

    def repetitions(self, usual: int) -> int:
        """int: How often to repeat what is usually repeated so often."""
        return usual if self.repeat is None else self.repeat

    @property
    def clock(self) -> str:
        """str: What decides. On one thread of a busy machine processor time
        is what the work takes; elsewhere it is the wall clock."""
        alone = self.num_threads == 1 and self.device == 'cpu'
        return 'cpu' if alone else 'wall'
