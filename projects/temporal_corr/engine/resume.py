# Copyright (c) temporal_corr authors. All rights reserved.
import logging
import os
import os.path as osp
import re
from typing import Optional

from mmengine.logging import print_log

from .safe_loading import load_from_local

#: What a checkpoint holds that training can go on from.
RESUMABLE = ('state_dict', 'optimizer', 'meta', 'message_hub')


def find_resumable_checkpoint(*folders: str) -> Optional[str]:
    """The newest complete checkpoint that training can go on from.

    Looks at the files themselves, newest first, not at what
    ``last_checkpoint`` says: that file may be missing, empty or point to a
    checkpoint that is gone. A file that is cut off is skipped with a
    warning; so, silently, is one without an optimizer, such as the best
    checkpoint.

    Args:
        folders (str): Folders with checkpoints (``*.pth``). Those that do
            not exist are left out.

    Returns:
        str, optional: Path of the checkpoint, None if there is none.

    Raises:
        RuntimeError: If there are checkpoints, but none can be read: a new
            start in the same folder would replace them.
    """
    unreadable = []
    for path in _newest_first(folders):
        try:
            checkpoint = load_from_local(path, map_location='cpu')
        except (RuntimeError, OSError) as error:
            print_log(
                f'not resuming from {path}: {error}',
                logger='current',
                level=logging.WARNING)
            unreadable.append(path)
            continue
        if isinstance(checkpoint, dict) and set(RESUMABLE) <= set(checkpoint):
            return path
    if unreadable:
        raise RuntimeError(
            f'none of the {len(unreadable)} checkpoints to resume from can '
            f'be read, the newest being {unreadable[0]} (the reasons stand '
            'above). To start anew, move them away or choose another '
            '--work-dir')
    return None


def _newest_first(folders) -> list:
    """Checkpoint files by time, those of one time by the number in the name.

    Best checkpoints come last: they hold no optimizer, and need not be read
    where there is another.
    """
    paths = {
        osp.join(folder, name)
        for folder in folders if osp.isdir(folder)
        for name in os.listdir(folder) if name.endswith('.pth')
    }

    def age(path: str) -> tuple:
        name = osp.basename(path)
        numbers = re.findall(r'\d+', name)
        return (not name.startswith('best_'), os.stat(path).st_mtime_ns,
                int(numbers[-1]) if numbers else -1)

    return sorted(paths, key=age, reverse=True)
