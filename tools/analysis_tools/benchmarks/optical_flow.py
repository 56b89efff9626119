# Copyright (c) temporal_corr authors. All rights reserved.
"""Exemplars and correlation maps beside what a user would do instead."""
import sys
from functools import partial
from typing import Callable, Dict, List, Tuple

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from synthetic.clip import make_clip

from projects.temporal_corr.models import correlation_maps, keypoint_exemplars

from .report import Goal, Row, duration_row
from .settings import Settings
from .timing import interleave

SECTION = 'Exemplars + maps / dense optical flow, one thread'
DIS = 'DIS {}'
PRESETS = ('ultrafast', 'fast', 'medium')
MEDIUM = DIS.format('medium')
#: Seconds of a turn: one method runs for so long before the next.
BLOCK = 0.02
CARRYING = 'carrying the heatmaps along, which comes on top of a flow'
KEYPOINTS = 15
#: Name, input (w, h), channels of I, maps (w, h), wanted share of each flow.
SIZES = (
    ('OpenPose 368x368', (368, 368), 128, (46, 46), {
        DIS.format('ultrafast'): 1.,
        MEDIUM: 1 / 40
    }),
    ('ResNet-50 256x192', (192, 256), 256, (48, 64), {
        MEDIUM: 1 / 6
    }),
)


def measure(settings: Settings) -> List[Row]:
    """In turns, on two frames of a synthetic video. Carrying the heatmaps
    along the flow is a row of its own, that comes on top of each flow.

    A turn is as many calls as fit into :data:`BLOCK`, as in a program that
    uses the one method or the other. One row of each size has turns of a
    single call, for which caches are cold.

    The last row of a size tells what there is to gain: the two matrix
    products alone beside a large square product of the same number of
    operations, which is about the best that the machine does.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return [
            row for size in SIZES for row in _measure_size(settings, *size)
        ]
    finally:
        cv2.setNumThreads(threads)


@torch.no_grad()
def _measure_size(settings: Settings, name: str, size: Tuple[int, int],
                  channels: int, map_size: Tuple[int, int],
                  shares: Dict[str, float]) -> List[Row]:
    frames = make_clip(0, 0, (2, 2), size).frames
    shape = map_size[::-1]
    features = torch.randn(1, channels, *shape, device=settings.device)
    heatmaps = torch.rand(1, KEYPOINTS, *shape, device=settings.device)

    def correlate():
        return correlation_maps(features,
                                keypoint_exemplars(features, heatmaps))

    flows = flow_methods(frames, settings.device)
    flow = next(iter(flows.values()))()
    exemplars = keypoint_exemplars(features, heatmaps)
    flat, weights = features.flatten(2), heatmaps.flatten(2)

    def products():
        return weights @ flat.transpose(1, 2), exemplars @ flat

    cells = map_size[0] * map_size[1]
    side = round((2 * KEYPOINTS * channels * cells)**(1 / 3))
    square = torch.randn(side, side, device=settings.device)
    repeat = settings.repetitions(25)
    times = interleave({
        'ours': correlate,
        **flows,
        CARRYING: lambda: carry_along(heatmaps, flow, size),
        'products': products,
        'square': lambda: square @ square
    }, repeat, settings.device, warm_up=2, block=BLOCK)
    cold = interleave({'ours': correlate, **flows}, repeat, settings.device)
    ours, alone, square = (
        times.pop(key) for key in ('ours', 'products', 'square'))
    rows = [
        duration_row(SECTION, f'{name} / {other}', ours, durations,
                     settings.clock,
                     Goal(shares[other]) if other in shares else None)
        for other, durations in times.items()
    ]
    return rows + [
        duration_row(SECTION, f'{name}, one call with cold caches / {MEDIUM}',
                     cold['ours'], cold[MEDIUM], settings.clock),
        duration_row(
            SECTION, f'{name}, its matrix products alone / the best of this '
            'machine (a square product)', alone, square, settings.clock)
    ]


def flow_methods(frames: np.ndarray, device: str) -> Dict[str, Callable]:
    """Dense optical flow between two frames, by its name.

    Args:
        frames (np.ndarray): Two BGR frames, uint8 in shape (2, H, W, 3).
        device (str): RAFT is among them where this is a GPU.

    Returns:
        dict[str, Callable]: Functions that return a flow in pixels, in
        shape (H, W, 2) (RAFT: what its network returns).
    """
    first, second = (
        cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames)
    methods = {}
    for preset in PRESETS:
        method = cv2.DISOpticalFlow_create(
            getattr(cv2, f'DISOPTICAL_FLOW_PRESET_{preset.upper()}'))
        methods[DIS.format(preset)] = partial(method.calc, first, second,
                                              None)
    # OpenCV's own example of parameters.
    methods['Farneback'] = partial(cv2.calcOpticalFlowFarneback, first,
                                   second, None, 0.5, 3, 15, 3, 5, 1.2, 0)
    if device.startswith('cuda'):
        from torchvision.models.optical_flow import raft_small
        network = raft_small(weights=None).to(device).eval()
        pair = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2)
        pair = pair.float() / 127.5 - 1
        methods['RAFT-small (random weights)'] = partial(
            network, pair[:1], pair[1:])
    else:
        print('RAFT-small is timed on a GPU only', file=sys.stderr)
    return methods


def carry_along(heatmaps: torch.Tensor, flow: np.ndarray,
                size: Tuple[int, int]) -> torch.Tensor:
    """Warp the previous heatmaps to the current frame.

    Args:
        heatmaps (Tensor): Heatmaps in shape (N, P, H, W).
        flow (np.ndarray): From the current to the previous frame, in
            pixels, in shape (height, width, 2).
        size (tuple[int, int]): Width and height of the frames.

    Returns:
        Tensor: Heatmaps in shape (N, P, H, W), zero from outside.
    """
    height, width = heatmaps.shape[2:]
    cells = cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA)
    # A whole frame is 2 in the coordinates of grid_sample.
    shift = torch.from_numpy(cells * (2 / np.float32(size)))
    identity = torch.eye(2, 3, device=heatmaps.device)[None]
    grid = F.affine_grid(identity, (1, 1, height, width), align_corners=False)
    grid = (grid + shift.to(heatmaps)).expand(len(heatmaps), -1, -1, -1)
    return F.grid_sample(heatmaps, grid, align_corners=False)
