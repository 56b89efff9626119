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

    MMEngine's writes checkpoints in place and removes the outdated one
    before. Here a checkpoint appears under its name only when it is complete,
    and an outdated one is removed only after the new one is there; so with
    the best checkpoint. Weights that are not finite are not saved. Storage
    other than local files is left to its own backend.

    Args:
        *args, **kwargs: Those of :class:`mmengine.hooks.CheckpointHook`.
            ``backend_args`` defaults to :class:`AtomicLocalBackend` for local
            files.
    """

    def before_train(self, runner) -> None:
        """Choose the backend, remove what a killed run left unfinished."""
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

        A checkpoint says which files of its run are to be replaced. Of a run
        that goes on here they are not: neither those there nor those of the
        same names here; and the best of this run is kept here, too. Of a run
        whose folder was moved, they moved along.
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
        """Save a checkpoint if it is time, then remove an outdated one."""
        with self._removals_deferred():
            super().after_train_epoch(runner)

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        """Save a checkpoint if it is time, then remove an outdated one."""
        with self._removals_deferred():
            super().after_train_iter(runner, *args, **kwargs)

    def after_val_epoch(self, runner, metrics) -> None:
        """Save the best checkpoint, then remove the one that was best."""
        with self._removals_deferred():
            super().after_val_epoch(runner, metrics)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Refuse weights that are not finite: checkpoints that can be used
        would give way to them.

        Raises:
            CheckpointError: If there are.
        """
        names = not_finite(checkpoint['state_dict'])
        if names:
            raise CheckpointError(
                f'the training diverged: NaN or infinity in {names} after '
                f'iteration {runner.iter}, which is not saved. Go on from the '
                f'last checkpoint in {self.out_dir} with a lower learning '
                'rate')
