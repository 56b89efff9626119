# Copyright (c) temporal_corr authors. All rights reserved.
import os
import os.path as osp
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple, Union

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.utils import mkdir_or_exist
from mmpose.registry import HOOKS

from .safe_loading import CheckpointError, not_finite

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


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """A CheckpointHook whose checkpoints survive SIGKILL at any moment.

    A checkpoint appears under its name only when it is complete, and an
    outdated one, also the best, is removed only after the new one is there.
    Weights that are not finite are not saved. ``backend_args`` defaults to
    :class:`AtomicLocalBackend` for local files.
    """

    def before_train(self, runner) -> None:
        """Choose the backend, and remove unfinished files of killed runs."""
        root = str(self.out_dir or runner.work_dir)
        if (self.backend_args in (None, dict(backend='local'))
                and self.file_client_args is None and '://' not in root):
            self.backend_args = dict(backend='atomic')
        self._forget_other_runs(runner, root)
        super().before_train(runner)
        if is_main_process() and osp.isdir(self.out_dir):
            for name in os.listdir(self.out_dir):
                if name.endswith(TEMPORARY_SUFFIX):
                    os.remove(osp.join(self.out_dir, name))

    def _forget_other_runs(self, runner, root: str) -> None:
        """Leave alone what a run in another folder wrote.

        A checkpoint names the files that its run is going to replace. If the
        run is resumed in another folder they stay, there and here; if its
        folder was moved, they moved along.
        """
        if root != runner.work_dir:
            root = osp.join(root, osp.basename(osp.normpath(runner.work_dir)))
        start = osp.dirname(runner._load_from or '')
        elsewhere = osp.realpath(start) != osp.realpath(root)
        info = runner.message_hub.runtime_info
        for key in list(info):
            if elsewhere and key.startswith(('best_', 'keep_ckpt_ids')):
                del info[key]
            elif key.startswith('best_ckpt'):
                info[key] = osp.join(root, osp.basename(info[key]))

    def _removals_deferred(self):
        return getattr(self.file_backend, 'removals_deferred', nullcontext)()

    def after_train_epoch(self, runner) -> None:
        """Save a checkpoint, then remove the outdated one."""
        with self._removals_deferred():
            super().after_train_epoch(runner)

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        """Save a checkpoint, then remove the outdated one."""
        with self._removals_deferred():
            super().after_train_iter(runner, *args, **kwargs)

    def after_val_epoch(self, runner, metrics) -> None:
        """Save the best checkpoint, then remove the one that was best."""
        with self._removals_deferred():
            super().after_val_epoch(runner, metrics)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Raise a CheckpointError if weights are not finite: usable
        checkpoints would be replaced by them."""
        names = not_finite(checkpoint['state_dict'])
        if names:
            raise CheckpointError(
                f'the training diverged: NaN or infinity in {names} after '
                f'iteration {runner.iter}, which is not saved. Go on from the '
                f'last checkpoint in {self.out_dir} with a lower learning '
                'rate')
