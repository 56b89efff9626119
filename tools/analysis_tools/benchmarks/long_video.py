# Copyright (c) temporal_corr authors. All rights reserved.
"""A video of many frames, predicted by a tiny model as a test run does."""
import sys
from typing import Dict, List

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmengine.utils import track_iter_progress
from mmpose.structures import PoseDataSample

from .held_bytes import held_bytes
from .models import build_model, load_config
from .process_memory import memory_bytes

INPUT_SIZE = 48, 64
CONFIG = 'correlation_res18_1xb16-2e-finetune_jhmdb-128x96'
TINY = {
    'model.backbone.num_stages': 1,
    'model.backbone.strides': (1, ),
    'model.backbone.dilations': (1, ),
    'model.backbone.out_indices': (0, ),
    'model.backbone.base_channels': 8,
    'model.backbone.stem_channels': 8,
    'model.head.in_channels': 8,
    'model.head.deconv_out_channels': None,
    'model.head.deconv_kernel_sizes': None,
    'model.head.refine_channels': 8,
}


@torch.no_grad()
def predict_long_video(num_frames: int, every: int) -> Dict[str, List]:
    """Predict a video, and look at the memory now and then.

    Args:
        num_frames (int): Frames of the video, a multiple of ``every``.
        every (int): Frames between two looks.

    Returns:
        dict: ``resident``, bytes of the process (None where the system does
        not tell), and ``held``, bytes of the model's memory.
    """
    model = build_model(load_config(CONFIG, TINY))
    width, height = INPUT_SIZE
    inputs = torch.randn(1, 3, height, width)
    resident, held = [], []
    for start in track_iter_progress(
            list(range(0, num_frames, every)), file=sys.stderr):
        for index in range(start, start + every):
            model.predict(inputs, [_sample(index)])
        resident.append(memory_bytes('VmRSS'))
        held.append(held_bytes(model.memory))
    print(file=sys.stderr)
    return dict(resident=resident, held=held)


def _sample(index: int) -> PoseDataSample:
    """What a pipeline packs of a frame of a video without end."""
    sample = PoseDataSample(
        metainfo=dict(
            video_id='video',
            frame_index=index,
            previous_frame_index=index - 1,
            is_first=index == 0,
            is_last=False,
            input_size=INPUT_SIZE,
            input_center=np.float32(INPUT_SIZE) / 2,
            input_scale=np.float32(INPUT_SIZE)))
    sample.gt_instances = InstanceData(
        bboxes=np.float32([[0, 0, *INPUT_SIZE]]),
        bbox_scores=np.ones(1, dtype=np.float32))
    return sample
