# Copyright (c) temporal_corr authors. All rights reserved.
"""On what, with what and how something was measured."""
import math
import os
import platform
import subprocess
from pathlib import Path
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from projects.temporal_corr.engine.trained_videos_hook import video_ids

ROOT = Path(__file__).resolve().parents[1]
#: Changes elsewhere do not change what is measured.
CODE = ('benchmarks', 'configs', 'projects', 'studies', 'tools')


def describe_code() -> dict:
    """The version of the code.

    Returns:
        dict: ``commit`` (None outside of a repository) and ``dirty``, whether
        files of the code differ from it (None outside of one).
    """
    changes = _git('status', '--porcelain', '--untracked-files=no', '--',
                   *CODE)
    return dict(
        commit=_git('rev-parse', 'HEAD'),
        dirty=None if changes is None else bool(changes))


def _git(*args: str) -> Optional[str]:
    try:
        return subprocess.run(['git', '-C', ROOT, *args],
                              capture_output=True,
                              check=True,
                              text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def without_folders(path: str) -> str:
    """A path to be shown elsewhere: of an absolute one, the file's name."""
    return os.path.basename(path) if os.path.isabs(path) else str(path)


def describe_machine(num_threads: int) -> dict:
    """What computes.

    Args:
        num_threads (int): Threads of each process.

    Returns:
        dict: ``device``, the name of the GPU or CPU, ``num_threads``, and
        the versions of ``torch`` and ``python``.
    """
    gpu = torch.cuda.is_available()
    return dict(
        device=torch.cuda.get_device_name(0) if gpu else _cpu_name(),
        num_threads=num_threads,
        torch=torch.__version__,
        python=platform.python_version())


def _cpu_name() -> str:
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        lines = []
    names = [line.split(':', 1)[1].strip() for line in lines
             if line.startswith('model name')]  # yapf: disable
    return f'{os.cpu_count()} x {names[0] if names else platform.machine()}'


def describe_schedule(cfg: Config) -> dict:
    """How long and on how much a config trains.

    Args:
        cfg (Config): The config.

    Returns:
        dict: ``epochs`` (None if training goes by iterations),
        ``iterations``, ``batch_size``, ``optimizer``, ``lr`` (of the
        optimizer, before its schedule), ``train_videos`` (number; None if
        the data set knows none) and ``train_frames``.
    """
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    videos = video_ids(dataset)
    batch_size = cfg.train_dataloader.batch_size
    epochs = cfg.train_cfg.get('max_epochs')
    iterations = cfg.train_cfg.get('max_iters')
    if iterations is None:
        iterations = epochs * math.ceil(len(dataset) / batch_size)
    return dict(
        epochs=epochs,
        iterations=iterations,
        batch_size=batch_size,
        optimizer=cfg.optim_wrapper.optimizer.type,
        lr=cfg.optim_wrapper.optimizer.lr,
        train_videos=None if videos is None else len(videos),
        train_frames=len(dataset))
