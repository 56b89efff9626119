# Copyright (c) temporal_corr authors. All rights reserved.
"""Bytes that the memory holds of a person."""
from typing import List

import torch

from projects.temporal_corr.models import TrackFrame, TrackMemory

from .models import build_model, load_config
from .report import make_row

SECTION = 'Memory'
#: End of the configs' names, channels and shape (h, w) of the feature maps.
OPENPOSE = 'openpose_4xb5-60k_jhmdb-368x368', 128, (46, 46)
RESNET = 'res50_8xb32-20e_jhmdb-256x192', 256, (64, 48)
LSTM_PM = 'lstm-pm_1xb4-100k_jhmdb-368x368', 32, (46, 46)


def measure(args) -> List[dict]:
    """Bytes a person beside those of the previous heatmaps and of LSTMs."""
    openpose, resnet = (value_bytes('correlation', *network)
                        for network in (OPENPOSE, RESNET))
    return [
        make_row(SECTION, f'a person, {name}', 'bytes', ours, other)
        for name, ours, other in (
            ('OpenPose 368x368: exemplars / previous heatmaps', openpose,
             value_bytes('heatmap', *OPENPOSE)),
            ('ResNet-50 256x192: exemplars / previous heatmaps', resnet,
             value_bytes('heatmap', *RESNET)),
            ('exemplars of OpenPose / LSTM Pose Machines', openpose,
             value_bytes('lstm', *LSTM_PM)),
            ('ResNet-50 256x192: exemplars / LSTM', resnet,
             value_bytes('lstm', *RESNET)))
    ]


def held_bytes(memory: TrackMemory) -> int:
    """Bytes of all storages that a memory holds on to."""
    storages = [
        part.untyped_storage() for entry in memory._entries.values()
        for part in entry.value.values()
    ]
    return sum({x.data_ptr(): x.nbytes() for x in storages}.values())


@torch.no_grad()
def value_bytes(method: str, config: str, channels: int, shape) -> int:
    """Bytes of the storages that TrackMemory holds of a person, for feature
    maps of ``channels`` channels and a shape (h, w)."""
    head = build_model(load_config(f'{method}_{config}')).head
    temporal, state = head.temporal, None
    # LSTM Pose Machines remember the background, too.
    background = int(temporal.unroll and not temporal.carries_maps)
    # Two people, so that a view of the batch would show.
    heatmaps = torch.rand(2, head.num_keypoints + background, *shape)
    if temporal.unroll:
        hidden = torch.rand(2, temporal.map_channels, *shape)
        state = dict(h=hidden, cell=hidden)
    value = temporal.update(None, torch.rand(2, channels, *shape), heatmaps,
                            None, state)
    memory = TrackMemory()
    memory.remember([
        TrackFrame('video', 0, True, False, track_id=person)
        for person in range(2)
    ], value)
    return held_bytes(memory) // 2
