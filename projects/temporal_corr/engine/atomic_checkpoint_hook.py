# Copyright (c) temporal_corr authors. All rights reserved.
import os
import os.path as osp
from contextlib import nullcontext

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmpose.registry import HOOKS

from .atomic_backend import TEMPORARY_SUFFIX
from .safe_loading import CheckpointError, not_finite


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
