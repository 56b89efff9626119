# Copyright (c) temporal_corr authors. All rights reserved.
"""What is held of a person, and whether a long video adds to it."""
import sys
from typing import Any, List

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmengine.utils import track_iter_progress
from mmpose.structures import PoseDataSample

from projects.temporal_corr.models.memory import (TrackFrame, TrackMemory,
                                                  map_value)

from .models import build_model, load_config
from .process_memory import memory_bytes
from .report import Goal, Row
from .settings import Settings

SECTION = 'Memory'
VALUES = (
    ('OpenPose 368x368', 'openpose_4xb5-60k_jhmdb-368x368', 128, (46, 46)),
    ('ResNet-50 256x192', 'res50_8xb32-20e_jhmdb-256x192', 256, (64, 48)),
)
INPUT_SIZE = 48, 64
NUM_FRAMES, SAMPLE_EVERY = 10000, 500
#: Frames after which the process has all that it needs.
SETTLED = 2000


def measure(settings: Settings) -> List[Row]:
    """Bytes a person beside those of the previous heatmaps, and the growth
    of the process over a video of 10,000 frames."""
    rows = []
    for name, config, channels, shape in VALUES:
        ours, other = (
            value_bytes(f'{method}_{config}', channels, shape)
            for method in ('correlation', 'heatmap'))
        rows.append(
            Row(SECTION,
                f'a person, {name}: exemplars / previous heatmaps',
                'bytes',
                ours,
                other))
    return rows + long_video()


def value_bytes(config: str, channels: int, shape) -> int:
    """Bytes that TrackMemory holds of a person.

    Args:
        config (str): Name of the config.
        channels (int): C of the feature maps.
        shape (tuple[int, int]): Height and width of the maps.

    Returns:
        int: The bytes of the storages, not only of what is seen of them.
    """
    head = build_model(load_config(config)).head
    # Two people, so that a view of the batch would show.
    value = head.remember(
        torch.rand(2, channels, *shape),
        torch.rand(2, head.num_keypoints, *shape), None)
    memory = TrackMemory()
    frames = [
        TrackFrame('video', 0, True, False, track_id=person)
        for person in range(2)
    ]
    memory.remember(frames, value)
    return held_bytes(memory) // 2


def held_bytes(memory: TrackMemory) -> int:
    """Bytes of all tensors that a memory holds on to.

    Args:
        memory (TrackMemory): The memory.

    Returns:
        int: Bytes.
    """
    storages: List[Any] = []
    for entry in memory._entries.values():
        map_value(lambda part: storages.append(part.untyped_storage()),
                  entry.value)
    return sum({
        storage.data_ptr(): storage.nbytes()
        for storage in storages
    }.values())


@torch.no_grad()
def long_video() -> List[Row]:
    """Predict one long video with a tiny model, as a test run does."""
    model = build_model(
        load_config(
            'correlation_res18_1xb16-2e-finetune_jhmdb-128x96', {
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
            }))
    width, height = INPUT_SIZE
    inputs = torch.randn(1, 3, height, width)
    resident, held = [], []
    print('A long video', file=sys.stderr)
    for index in track_iter_progress(list(range(NUM_FRAMES)),
                                     file=sys.stderr):
        model.predict(inputs, [_sample(index)])
        if (index + 1) % SAMPLE_EVERY == 0:
            resident.append(memory_bytes('VmRSS'))
            held.append(held_bytes(model.memory))
    print(file=sys.stderr)
    rows = [
        Row(SECTION,
            f'TrackMemory after {NUM_FRAMES} / {SAMPLE_EVERY} frames',
            'bytes',
            held[-1],
            held[0],
            goal=Goal(1.),
            details=dict(every=SAMPLE_EVERY, bytes=held))
    ]
    if resident[0] is not None:
        settled = resident[SETTLED // SAMPLE_EVERY - 1:]
        rows.append(
            Row(SECTION,
                f'process after {NUM_FRAMES} / {SETTLED} frames',
                'MiB',
                settled[-1] / 2**20,
                settled[0] / 2**20,
                goal=Goal(1.01),
                details=dict(every=SAMPLE_EVERY, resident_bytes=resident)))
    return rows


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
