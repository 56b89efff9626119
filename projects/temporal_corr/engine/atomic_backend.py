# Copyright (c) temporal_corr authors. All rights reserved.
import os
import os.path as osp
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple, Union

from mmengine.fileio import LocalBackend, register_backend
from mmengine.utils import mkdir_or_exist

TEMPORARY_SUFFIX = '.incomplete'


@register_backend('atomic')
class AtomicLocalBackend(LocalBackend):
    """Local files that are complete or absent, whenever the process dies:
    written under a temporary name, flushed to the disk, and renamed. Use it
    with ``backend_args=dict(backend='atomic')``."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._deferred: Optional[Dict[str, Tuple[int, int]]] = None

    def put(self, obj: bytes, filepath: Union[str, Path]) -> None:
        """Write bytes to a file, completely or not at all."""
        filepath = str(filepath)
        mkdir_or_exist(osp.dirname(osp.abspath(filepath)))
        temporary = filepath + TEMPORARY_SUFFIX
        with open(temporary, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, filepath)

    def put_text(self,
                 obj: str,
                 filepath: Union[str, Path],
                 encoding: str = 'utf-8') -> None:
        """Write text to a file, completely or not at all."""
        self.put(obj.encode(encoding), filepath)

    def remove(self, filepath: Union[str, Path]) -> None:
        """Remove a file, inside of :meth:`removals_deferred` at its end."""
        if self._deferred is None:
            super().remove(filepath)
        else:
            self._deferred[str(filepath)] = _identity(filepath)

    @contextmanager
    def removals_deferred(self) -> Iterator[None]:
        """Keep files that are removed inside until the end of the block; all
        if it fails, and those that were written anew in the meantime."""
        self._deferred = {}
        try:
            yield
            removals = self._deferred
        finally:
            self._deferred = None
        for path, identity in removals.items():
            if osp.isfile(path) and _identity(path) == identity:
                self.remove(path)


def _identity(path: Union[str, Path]) -> Tuple[int, int]:
    """Changes when a file is replaced."""
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns
