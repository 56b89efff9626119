# Copyright (c) temporal_corr authors. All rights reserved.
import os
import os.path as osp
from contextlib import nullcontext
from typing import Optional

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmpose.registry import HOOKS

from .atomic_backend import TEMPORARY_SUFFIX, AtomicLocalBackend
from .safe_loading import CheckpointError, not_finite


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """A CheckpointHook whose checkpoints survive SIGKILL at any moment.

    MMEngine's writes checkpoints in place and removes the outdated one
    before. Here a checkpoint, and ``last_checkpoint``, appears under its name
    only when it is complete, and an outdated one is removed only after the
    new one is there; so with the best checkpoint. Storage other than local
    files is left to its own backend.

    Args:
        backend_args (dict, optional): Storage backend. Defaults to None,
            :class:`AtomicLocalBackend` for local files
        **kwargs: Arguments of :class:`mmengine.hooks.CheckpointHook`.
    """

    def __init__(self,
                 *args,
                 backend_args: Optional[dict] = None,
                 **kwargs) -> None:
        super().__init__(*args, backend_args=backend_args, **kwargs)

    def before_train(self, runner) -> None:
        """Choose the backend, remove what a killed run left unfinished.

        Args:
            runner (Runner): The runner of the training process.
        """
        root = str(self.out_dir or runner.work_dir)
        if (self.backend_args in (None, dict(backend='local'))
                and self.file_client_args is None and '://' not in root):
            self.backend_args = dict(backend='atomic')
        self._forget_other_runs(runner, root)
        super().before_train(runner)
        if is_main_process():
            _remove_incomplete(self.out_dir)
            _remove_incomplete(runner.work_dir)

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

    def _save_checkpoint_with_step(self, runner, step: int,
                                   meta: dict) -> None:
        """Save a checkpoint, then point to it, then remove an outdated one.

        Args:
            runner (Runner): The runner of the training process.
            step (int): Epoch or iteration, for the name.
            meta (dict): Meta information of the checkpoint.

        Raises:
            CheckpointError: If weights are not finite: checkpoints that can
                be used would give way to them.
        """
        names = not_finite(runner.model.state_dict())
        if names:
            raise CheckpointError(
                f'the training diverged: NaN or infinity in {names} at step '
                f'{step}, which is not saved. Go on from the last checkpoint '
                f'in {self.out_dir} with a lower learning rate')
        outdated = None
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated = self.keep_ckpt_ids.popleft()
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids',
                                           list(self.keep_ckpt_ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args)
        if not is_main_process():
            return
        AtomicLocalBackend().put_text(
            self.last_ckpt, osp.join(runner.work_dir, 'last_checkpoint'))
        if outdated is not None:
            path = self.file_backend.join_path(
                self.out_dir, self.filename_tmpl.format(outdated))
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        """Save the best checkpoint, then remove the one that was best.

        Args:
            runner (Runner): The runner of the training process.
            metrics (dict): Evaluation results.
        """
        keep = getattr(self.file_backend, 'removals_deferred', nullcontext)
        with keep():
            super()._save_best_checkpoint(runner, metrics)


def _remove_incomplete(folder: str) -> None:
    """Remove temporary files of a run that was killed while it wrote."""
    if osp.isdir(folder):
        for name in os.listdir(folder):
            if name.endswith(TEMPORARY_SUFFIX):
                os.remove(osp.join(folder, name))
