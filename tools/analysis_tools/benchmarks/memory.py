# Copyright (c) temporal_corr authors. All rights reserved.
"""What is held of a person, and whether a long video adds to it."""
import sys
from typing import List

import torch

from projects.temporal_corr.models.memory import TrackFrame, TrackMemory

from .fresh_process import run_fresh
from .held_bytes import held_bytes
from .models import build_model, load_config
from .report import Goal, Row
from .settings import Settings

SECTION = 'Memory'
VALUES = (
    ('OpenPose 368x368', 'openpose_4xb5-60k_jhmdb-368x368', 128, (46, 46)),
    ('ResNet-50 256x192', 'res50_8xb32-20e_jhmdb-256x192', 256, (64, 48)),
)
#: Its recurrence on the second of them.
RECURRENCE = 'lstm_res50_8xb32-20e_jhmdb-256x192'
#: The paper's opponent, whose crop is as large as OpenPose's.
OPPONENT = ('lstm_lstm-pm_1xb4-100k_jhmdb-368x368', 32, (46, 46))
NUM_FRAMES, SAMPLE_EVERY = 10000, 500
#: Frames after which the process has all that it needs.
SETTLED = 2000


def measure(settings: Settings) -> List[Row]:
    """Bytes a person beside those of the previous heatmaps and of LSTM Pose
    Machines, and the growth of the process over a video of 10,000 frames."""
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
    rows.append(
        Row(SECTION, 'a person, exemplars of OpenPose / LSTM Pose Machines',
            'bytes', rows[0].ours, value_bytes(*OPPONENT)))
    rows.append(
        Row(SECTION, 'a person, ResNet-50 256x192: exemplars / LSTM', 'bytes',
            rows[1].ours, value_bytes(RECURRENCE, *VALUES[1][2:])))
    return rows + long_video()


@torch.no_grad()
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


def long_video() -> List[Row]:
    """Memory over a long video, in a fresh process: one that did other
    things before would grow into what they left."""
    print('A long video in a fresh process', file=sys.stderr)
    found = run_fresh('stream', NUM_FRAMES, SAMPLE_EVERY)
    held, resident = found['held'], found['resident']
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
        settled = resident[SETTLED // SAMPLE_EVERY - 1]
        rows.append(
            Row(SECTION,
                f'growth of the process, frames {SETTLED} to {NUM_FRAMES}',
                'MB', (resident[-1] - settled) / 10**6,
                goal=Goal(1, 'ours'),
                details=dict(every=SAMPLE_EVERY, resident_bytes=resident)))
    return rows
