# Copyright (c) temporal_corr authors. All rights reserved.
"""One frame on: temporal models beside the same single-frame model."""
from typing import List

import torch

from projects.temporal_corr.models import keypoint_exemplars

from .models import build_model, load_config
from .report import Goal, Row, duration_row
from .settings import Settings
from .timing import interleave

SECTION = 'Streaming step: correlation / single frame'
#: The first of them with the recurrence of LSTM Pose Machines.
LSTM = 'lstm_res50_8xb32-20e_jhmdb-256x192'
#: Name, end of the configs' names, usual repetitions, the wanted increase,
#: and whether so many repetitions can tell it from noise.
NETWORKS = (
    ('ResNet-50 256x192', 'res50_8xb32-20e_jhmdb-256x192', 25, 0.03, True),
    ('OpenPose 368x368', 'openpose_4xb5-60k_jhmdb-368x368', 3, 0.01, False),
)


def measure(settings: Settings) -> List[Row]:
    """Steps of both models in turns, and what the correlation adds, alone.

    A hundredth of steps that take seconds, of which few can be repeated,
    drowns in the noise of the machine. So the added work is measured by
    itself, too: exemplars, maps, scale layer and the added filters, as a
    share of the single-frame step. The goal for OpenPose is on that alone.
    """
    rows = []
    for name, config, usual, increase, resolved in NETWORKS:
        repeat = settings.repetitions(usual)
        single, correlation = (
            load_config(f'{method}_{config}')
            for method in ('single', 'correlation'))
        width, height = single.codec.input_size
        rows += _compare(
            name,
            build_model(single, settings.device),
            build_model(correlation, settings.device),
            torch.randn(1, 3, height, width, device=settings.device), repeat,
            increase, resolved, settings)
    return rows + [_recurrence(settings)]


@torch.no_grad()
def _compare(name: str, single, correlation, frame, repeat: int,
             increase: float, resolved: bool,
             settings: Settings) -> List[Row]:
    _, memory = correlation.step(frame)
    steps = interleave(
        dict(
            single=lambda: single.step(frame),
            correlation=lambda: correlation.step(frame, memory)), repeat,
        settings.device)
    head = correlation.head
    features = head.features(correlation.extract_feat(frame))
    heatmaps = torch.rand(
        1, head.num_keypoints, *features.shape[2:], device=features.device)
    filters = [
        module for path, module in head.named_modules()
        if path.endswith('maps_conv')
    ]

    def added():
        keypoint_exemplars(features, heatmaps)
        maps = head.maps(features, memory, None)
        for conv in filters:
            conv(maps)

    alone = interleave(
        dict(added=added), settings.repetitions(50), settings.device)['added']
    return [
        duration_row(SECTION, f'{name}, step', steps['correlation'],
                     steps['single'], settings.clock,
                     Goal(1 + increase) if resolved else None),
        duration_row(
            SECTION, f'{name}, added work / whole step', alone,
            steps['single'], settings.clock, Goal(increase))
    ]


@torch.no_grad()
def _recurrence(settings: Settings) -> Row:
    """What the LSTM adds in place of the correlation, alone."""
    name, config, usual, _, _ = NETWORKS[0]
    cfg = load_config(f'single_{config}')
    width, height = cfg.codec.input_size
    single = build_model(cfg, settings.device)
    lstm = build_model(load_config(LSTM), settings.device)
    frame = torch.randn(1, 3, height, width, device=settings.device)
    _, memory = lstm.step(frame)
    head = lstm.head
    features = head.features(lstm.extract_feat(frame))
    durations = interleave(
        dict(
            single=lambda: single.step(frame),
            added=lambda: head.refinement.maps_conv(
                head.maps(features, memory, None))),
        settings.repetitions(usual), settings.device)
    return duration_row(SECTION, f'{name}, added work of an LSTM / whole step',
                        durations['added'], durations['single'],
                        settings.clock)
