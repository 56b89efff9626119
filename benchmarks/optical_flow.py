# Copyright (c) temporal_corr authors. All rights reserved.
"""Exemplars and correlation maps beside dense optical flow."""
from functools import partial
from pathlib import Path
from typing import Callable, Dict, List, Sequence

import cv2
import numpy as np
import torch

from projects.temporal_corr.models import correlation_maps, keypoint_exemplars

from .models import synthetic_jhmdb
from .report import make_row
from .timing import interleave

SECTION = 'Exemplars + maps / dense optical flow, one thread'
#: Name, input (w, h), channels of I, maps (w, h), wanted share of each flow.
SIZES = (
    ('OpenPose 368x368', (368, 368), 128, (46, 46), {
        'DIS ultrafast': 1.,
        'DIS medium': 1 / 40
    }),
    ('ResNet-50 256x192', (192, 256), 256, (48, 64), {
        'DIS medium': 1 / 6
    }),
)


@torch.no_grad()
def measure(args) -> List[dict]:
    """On two frames of a synthetic video, in blocks of 20 ms, as in a program
    that uses one of the methods. One row of each size has single calls, for
    which caches are cold."""
    folder = Path(synthetic_jhmdb(args.work_dir)) / 'Rename_Images'
    images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
              for path in sorted(folder.rglob('*.png'))[:2]]  # yapf: disable
    threads, rows = cv2.getNumThreads(), []
    cv2.setNumThreads(1)
    for name, size, channels, map_size, bounds in SIZES:
        features, heatmaps = (
            torch.rand(1, c, *map_size[::-1], device=args.device)
            for c in (channels, 15))

        def correlate():
            return correlation_maps(features,
                                    keypoint_exemplars(features, heatmaps))

        functions = dict(
            ours=correlate,
            **flow_methods([cv2.resize(image, size) for image in images]))
        warm = interleave(functions, args.repeat or 25, args.clock,
                          args.device, 2, 0.02)
        cold = interleave(functions, args.repeat or 25, args.clock,
                          args.device)
        rows += [make_row(SECTION, f'{name} / {other}', 'ms', warm['ours'],
                          warm[other], bounds.get(other))
                 for other in warm if other != 'ours']  # yapf: disable
        rows.append(
            make_row(
                SECTION, f'{name}, one call with cold caches / DIS medium',
                'ms', cold['ours'], cold['DIS medium']))
    cv2.setNumThreads(threads)
    return rows


def flow_methods(images: Sequence[np.ndarray]) -> Dict[str, Callable]:
    """DIS flow between two grey images, uint8 in shape (H, W), by preset:
    functions that return it in pixels, in shape (H, W, 2)."""
    return {
        f'DIS {preset}': partial(
            cv2.DISOpticalFlow_create(
                getattr(cv2, f'DISOPTICAL_FLOW_PRESET_{preset.upper()}')).calc,
            *images, None)
        for preset in ('ultrafast', 'fast', 'medium')
    }
