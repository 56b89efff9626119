# Copyright (c) temporal_corr authors. All rights reserved.
"""Frames decoded, augmented and packed: ours beside MMPose's pipeline."""
from typing import List

import cv2
import numpy as np
from mmpose.registry import DATASETS

from .models import ANN_FILE, load_config, synthetic_jhmdb
from .report import make_row
from .timing import interleave

SECTION = "Data loading, one worker: ours / MMPose's single frames"
#: Frames of a repetition.
NUM_FRAMES = 48


def measure(args) -> List[dict]:
    """Clips of two frames and frames alone, beside MMPose's data set and
    transforms on the same images."""
    files = dict(
        data_root=synthetic_jhmdb(args.work_dir), ann_file=ANN_FILE)
    cfg = load_config('correlation_res50_8xb32-20e_jhmdb-256x192')
    ours = dict(cfg.train_dataloader.dataset, **files)
    pipeline = [
        dict(type='LoadImage'),
        dict(type='GetBBoxCenterScale'),
        dict(type='RandomFlip', direction='horizontal'),
        dict(type='RandomBBoxTransform'),
        dict(type='TopdownAffine', input_size=cfg.codec['input_size']),
        dict(type='GenerateTarget', encoder=cfg.codec),
        dict(type='PackPoseInputs')
    ]
    configs = {
        'clips of two frames': ours,
        'frames alone': dict(ours, clip_len=1),
        'MMPose': dict(type='JhmdbDataset', data_mode='topdown',
                       pipeline=pipeline, **files)
    }  # yapf: disable
    rng = np.random.default_rng(0)

    def reader(dataset):
        count = NUM_FRAMES // getattr(dataset, 'clip_len', 1)

        def read():
            for index in rng.integers(len(dataset), size=count).tolist():
                dataset[index]

        return read

    threads = cv2.getNumThreads()
    # As MMEngine's workers.
    cv2.setNumThreads(0)
    times = interleave({name: reader(DATASETS.build(config))
                        for name, config in configs.items()},
                       args.repeat or 9, 'cpu')  # yapf: disable
    cv2.setNumThreads(threads)
    return [make_row(SECTION, f'{name} 256x192', 'frames/s',
                     NUM_FRAMES / times[name], NUM_FRAMES / times['MMPose'],
                     0.95, at_least=True)
            for name in times if name != 'MMPose']  # yapf: disable
