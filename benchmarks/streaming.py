# Copyright (c) temporal_corr authors. All rights reserved.
"""Processing one frame: temporal models beside the same single-frame one."""
from typing import List

import torch

from projects.temporal_corr.models import keypoint_exemplars

from .models import build_model, load_config
from .report import make_row
from .timing import interleave

SECTION = 'Streaming step: correlation / single frame'
#: Name, end of the configs' names, usual repetitions, the wanted increase
#: (None for no goal), and whether so many repetitions can tell it from noise.
NETWORKS = (
    ('ResNet-50 256x192', 'res50_8xb32-20e_jhmdb-256x192', 25, 0.03, True),
    ('OpenPose 368x368', 'openpose_4xb5-60k_jhmdb-368x368', 3, 0.01, False),
    ('MoveNet Lightning 192x192',
     'movenet-lightning_1xb16-8e-finetune_jhmdb-192x192', 50, None, True),
    ('MoveNet Thunder 256x256',
     'movenet-thunder_1xb16-8e-finetune_jhmdb-256x256', 25, None, True),
)


@torch.no_grad()
def measure(args) -> List[dict]:
    """Interleaved steps of both models, and the added work alone.

    One percent of a step that takes seconds is lost in the noise of a few
    repetitions. So the added work is also measured by itself, as a share of
    the single-frame step: exemplars, maps, scale layer and the added filters.
    The goal for OpenPose is on that alone.
    """
    rows = []
    for name, config, usual, increase, resolved in NETWORKS:
        cfg = load_config(f'single_{config}')
        single = build_model(cfg, args.device)
        frame = torch.randn(
            1, 3, *cfg.codec.input_size[::-1], device=args.device)
        functions, added = dict(single=lambda: single.step(frame)), {}
        methods = ('correlation', 'lstm') if resolved else ('correlation', )
        for method in methods:
            model = build_model(load_config(f'{method}_{config}'), args.device)
            functions[method], added[method] = step_and_added(model, frame)
        steps = interleave(functions, args.repeat or usual, args.clock,
                           args.device)
        added = interleave(added, args.repeat or 50, args.clock, args.device)
        rows += [
            make_row(SECTION, f'{name}, step', 'ms', steps['correlation'],
                     steps['single'],
                     1 + increase if resolved and increase else None),
            make_row(SECTION, f'{name}, added work / whole step', 'ms',
                     added['correlation'], steps['single'], increase)
        ]
        if 'lstm' in added:
            rows.append(
                make_row(SECTION, f'{name}, added work of an LSTM / whole '
                         'step', 'ms', added['lstm'], steps['single']))
    return rows


def step_and_added(model: torch.nn.Module, frame: torch.Tensor) -> tuple:
    """Functions of a model: a step with memory, and what it does beyond a
    single-frame model: maps, added filters, and exemplars if it has them."""
    _, memory = model.step(frame)
    head = model.head
    features = head.features(model.extract_feat(frame))
    heatmaps = torch.rand(
        1, head.num_keypoints, *features.shape[2:], device=features.device)
    filters = [module for name, module in head.named_modules()
               if name.endswith('maps_conv')]  # yapf: disable

    def added():
        if 'exemplars' in memory:
            keypoint_exemplars(features, heatmaps)
        maps, _ = head.temporal.maps(features, memory, None, None)
        for conv in filters:
            conv(maps)

    return lambda: model.step(frame, memory), added
