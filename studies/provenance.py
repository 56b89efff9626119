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
from mmpose.registry import DATASETS, METRICS

from projects.temporal_corr.engine.trained_videos_hook import video_ids

ROOT = Path(__file__).resolve().parents[1]
#: Changes elsewhere do not change what is measured.
CODE = ('benchmarks', 'configs', 'projects', 'studies', 'tools')


def describe_code() -> dict:
    """The version of the code: ``commit``, and ``dirty``, whether its files
    differ from it; both None outside of a repository."""
    changes = _git('status', '--porcelain', '--untracked-files=no', '--',
                   *CODE)
    return dict(
        commit=_git('rev-parse', 'HEAD'),
        dirty=None if changes is None else bool(changes))


def _git(*args: str) -> Optional[str]:
    result = subprocess.run(['git', '-C', ROOT, *args], text=True,
                            capture_output=True)
    return None if result.returncode else result.stdout.strip()


def without_folders(path: str) -> str:
    """A path to be shown elsewhere: of an absolute one, the file's name."""
    return os.path.basename(path) if os.path.isabs(path) else str(path)


def describe_machine(num_threads: int) -> dict:
    """What computes: ``device``, the name of the GPU or CPU, ``num_threads``
    of each process, and the versions of ``torch`` and ``python``."""
    if torch.cuda.is_available():
        device = torch.cuda.get_device_name(0)
    else:
        info = Path('/proc/cpuinfo')
        lines = info.read_text().splitlines() if info.is_file() else []
        names = [line.split(':', 1)[1].strip() for line in lines
                 if line.startswith('model name')]  # yapf: disable
        device = f'{os.cpu_count()} x {[*names, platform.machine()][0]}'
    return dict(
        device=device,
        num_threads=num_threads,
        torch=torch.__version__,
        python=platform.python_version())


def describe_schedule(cfg: Config) -> dict:
    """How long and on how much a config trains: ``epochs`` (None if training
    goes by iterations), ``iterations``, ``batch_size``, ``optimizer``, ``lr``
    (of the optimizer, before its schedule), ``train_videos`` (number; None
    if the data set knows none) and ``train_frames``."""
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


def describe_test(run: dict, cfg: Config) -> dict:
    """What a reader needs to know of a test, by its config and what
    ``TrainedVideosHook.describe_test`` says of it: ``ann_file``, ``videos``
    and ``frames`` (numbers), ``leaked_videos`` (how many of them the model
    was trained on, None if the checkpoint does not say) and ``thr``, the
    threshold of PCK."""
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    metric = cfg.test_evaluator
    metric = metric[0] if isinstance(metric, (list, tuple)) else metric
    videos, trained = run['test_videos'], run['train_videos']
    return dict(
        ann_file=run['ann_file'] and os.path.basename(run['ann_file']),
        videos=videos and len(videos),
        frames=run['num_frames'],
        leaked_videos=None if None in (videos, trained) else len(
            set(videos) & set(trained)),
        # Built, it knows its default.
        thr=getattr(METRICS.build(metric), 'thr', None))
