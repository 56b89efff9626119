# Copyright (c) temporal_corr authors. All rights reserved.
import json
import os
from typing import IO, Any, Optional, Sequence

import numpy as np

from .output_files import output_path, temporary_path


class ListFile:
    """A JSON file with a list that grows, as a context manager.

    Entries go to the disk as they come, so that a long video takes no more
    memory than a short one. Appears under its name when it is complete, and
    not at all if an error ends the block.

    Args:
        path (str): A .json file.
        before (str): JSON up to the first entry.
        inputs (Sequence[str]): Files that it must not replace. Defaults to
            none.

    Raises:
        ValueError: If the path does not end with .json, or would replace an
            input.
    """

    def __init__(self, path: str, before: str, inputs: Sequence[str] = ()):
        self.path = output_path(path, ('.json', ), inputs)
        self.num_entries = 0
        self._before = before
        self._temporary = temporary_path(self.path)
        self._file: Optional[IO] = None

    def __enter__(self) -> 'ListFile':
        self._file = open(self._temporary, 'w', encoding='utf-8')
        self._file.write(self._before)
        return self

    def append(self, entry: Any) -> None:
        """Add an entry, of anything with numbers and names in it.

        Args:
            entry: The entry.

        Raises:
            RuntimeError: If a number in it is NaN or infinite, which JSON
                does not know.
        """
        try:
            text = dumps(entry)
        except ValueError as error:
            raise RuntimeError(
                f'entry {self.num_entries} (from 0) of {self.path} would hold '
                'numbers that are not finite: does the checkpoint?') from error
        comma = ',' if self.num_entries else ''
        self._file.write(f'{comma}\n{text}')
        self.num_entries += 1

    def after(self) -> str:
        """JSON from the last entry on."""
        return '\n]}\n'

    def __exit__(self, error_type, error, traceback) -> None:
        try:
            with self._file:
                self._file.write(self.after())
            if error_type is None:
                os.replace(self._temporary, self.path)
        finally:
            self._temporary.unlink(missing_ok=True)


def dumps(value: Any) -> str:
    """JSON of anything with finite numbers and names in it."""
    return json.dumps(value, default=_plain, allow_nan=False)


def _plain(value: Any) -> Any:
    """What stands in JSON for what is none of Python's own types."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (set, tuple)):
        return list(value)
    return str(value)
