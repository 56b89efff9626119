# Copyright (c) temporal_corr authors. All rights reserved.
"""Frames decoded, augmented and packed: ours beside MMPose's pipeline."""
from typing import List

import cv2
import numpy as np
from mmpose.registry import DATASETS

from .models import load_config
from .report import Goal, Row
from .settings import Settings
from .synthetic_videos import ANN_FILE, synthetic_jhmdb
from .timing import interleave

SECTION = "Data loading, one worker: ours / MMPose's single frames"
CONFIG = 'correlation_res50_8xb32-20e_jhmdb-256x192'
#: Frames of a repetition.
NUM_FRAMES = 48


def measure(settings: Settings) -> List[Row]:
    """Clips of two frames and frames alone, beside MMPose's data set and
    transforms on the same images."""
    root = str(synthetic_jhmdb(settings.work_dir))
    cfg = load_config(CONFIG)
    ours = dict(cfg.train_dataloader.dataset, data_root=root,
                ann_file=ANN_FILE)
    datasets = {
        'clips of two frames': DATASETS.build(ours),
        'frames alone': DATASETS.build(dict(ours, clip_len=1)),
        'MMPose': DATASETS.build(mmpose_dataset(root, cfg.codec)),
    }
    rng = np.random.default_rng(0)
    threads = cv2.getNumThreads()
    # As MMEngine's workers.
    cv2.setNumThreads(0)
    try:
        times = interleave(
            {
                name: _reader(dataset, rng)
                for name, dataset in datasets.items()
            }, settings.repetitions(9))
    finally:
        cv2.setNumThreads(threads)
    clock = 'cpu'
    rates = {
        name: NUM_FRAMES / durations.median(clock)
        for name, durations in times.items()
    }
    return [
        Row(SECTION,
            f'{name} 256x192',
            'frames/s',
            rates[name],
            rates['MMPose'],
            goal=Goal(0.95, at_least=True),
            details=dict(
                frames=NUM_FRAMES,
                clock=clock,
                ours_seconds=times[name].describe(),
                other_seconds=times['MMPose'].describe()))
        for name in datasets if name != 'MMPose'
    ]


def mmpose_dataset(data_root: str, codec: dict) -> dict:
    """Config of MMPose's data set with MMPose's pipeline.

    Args:
        data_root (str): Data root of JHMDB's layout.
        codec (dict): Config of the codec.

    Returns:
        dict: Its config.
    """
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='RandomBBoxTransform'),
        dict(type='TopdownAffine', input_size=codec['input_size']),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='PackPoseInputs')
    ]
    return dict(
        type='JhmdbDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file=ANN_FILE,
        pipeline=pipeline)


def _reader(dataset, rng: np.random.Generator):
    """Reads NUM_FRAMES frames anywhere in the data set."""
    count = NUM_FRAMES // getattr(dataset, 'clip_len', 1)

    def read():
        for index in rng.integers(len(dataset), size=count).tolist():
            dataset[index]

    return read
