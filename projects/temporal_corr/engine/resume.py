# Copyright (c) temporal_corr authors. All rights reserved.
import logging
import os
import os.path as osp
import re
from typing import Optional

from mmengine.logging import print_log

from .safe_loading import (CheckpointError, check_finite, load_checkpoint,
                           load_from_local)

#: What a checkpoint needs for training to resume from it.
RESUMABLE = ('state_dict', 'optimizer', 'meta', 'message_hub')


def load_resumable(path: str) -> dict:
    """Load a checkpoint (path or URL) to resume from; a CheckpointError if
    that is not possible."""
    checkpoint = load_checkpoint(path)
    lacking = [key for key in RESUMABLE if key not in checkpoint]
    if lacking:
        raise CheckpointError(
            f'the checkpoint {path} holds no {", ".join(lacking)}, as '
            'training needs to go on: best_*.pth and published files hold '
            'weights alone. Resume from an epoch_*.pth or iter_*.pth, or '
            f'begin anew with these weights: --cfg-options load_from={path}')
    check_finite(checkpoint['state_dict'], path)
    return checkpoint


def describe_finished(checkpoint: dict, train_cfg: dict) -> str:
    """A message if the training of a checkpoint has reached the end of
    ``train_cfg``, or ''."""
    for name, unit in (('max_epochs', 'epoch'), ('max_iters', 'iter')):
        end, done = train_cfg.get(name), checkpoint['meta'].get(unit, 0)
        if end is not None and done >= end:
            return (f'{unit} {done} of {end} is done: to go on, raise '
                    f'train_cfg.{name}')
    return ''


def find_resumable_checkpoint(*folders: str) -> Optional[str]:
    """Path of the newest complete checkpoint to resume from, or None.

    Goes by the files (``*.pth``) of the folders, not by ``last_checkpoint``,
    which may be missing, empty or outdated. A file that is cut off or
    diverged is skipped with a warning; one without an optimizer, such as the
    best checkpoint, without. A RuntimeError if none of several can be read: a
    new start in the same folder would replace them.
    """

    def age(path: str) -> tuple:
        """By time, then by the number in the name; the best, which need not
        be read where there is another, last."""
        name = osp.basename(path)
        numbers = re.findall(r'\d+', name)
        return (not name.startswith('best_'), os.stat(path).st_mtime_ns,
                int(numbers[-1]) if numbers else -1)

    paths = {
        osp.join(folder, name)
        for folder in folders if osp.isdir(folder)
        for name in os.listdir(folder) if name.endswith('.pth')
    }
    unreadable = []
    for path in sorted(paths, key=age, reverse=True):
        try:
            checkpoint = load_from_local(path, map_location='cpu')
            check_finite(checkpoint.get('state_dict', {}), path)
        except (RuntimeError, OSError) as error:
            print_log(
                f'not resuming from {path}: {error}',
                logger='current',
                level=logging.WARNING)
            unreadable.append(path)
            continue
        if set(RESUMABLE) <= set(checkpoint):
            return path
    if unreadable:
        raise RuntimeError(
            f'none of the {len(unreadable)} checkpoints to resume from can '
            f'be read, the newest being {unreadable[0]} (the reasons stand '
            'above). To start anew, move them away or choose another '
            '--work-dir')
    return None
