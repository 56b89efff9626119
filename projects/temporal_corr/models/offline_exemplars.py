# Copyright (c) temporal_corr authors. All rights reserved.
"""Exemplars of labelled frames, taken before a recorded video is run through.

Shapes: P keypoints, C channels.
"""
from typing import Dict, List, Optional, Tuple, Union

import torch
from torch import Tensor

#: Of one person in one video the exemplars (P, C) by labelled frame: unit
#: vectors, zero for a keypoint that was not to be seen.
LabelledFrames = Dict[int, Tensor]


def nearest_exemplars(known: LabelledFrames, frame_index: int) -> Tensor:
    """Of each keypoint the exemplar that is closest in time to a frame,
    (P, C), of those that were seen as far as there are any."""
    numbers = sorted(known)
    exemplars = torch.stack([known[number] for number in numbers])
    numbers = torch.tensor(numbers, device=exemplars.device)
    distance = (numbers - frame_index).abs().float()[:, None]
    unseen = (exemplars == 0).all(dim=-1)
    row = distance.masked_fill(unseen, torch.inf).argmin(dim=0)
    return exemplars[row, torch.arange(len(row), device=row.device)]


def labelled_positions(total: int, frames: Union[str, int]) -> List[int]:
    """Which of the frames of a video are labelled, 0 ... total - 1: 'first',
    'middle', or every so many from the first."""
    single = dict(first=0, middle=(total - 1) // 2)
    if frames in single:
        return [single[frames]]
    if isinstance(frames, int) and frames > 0:
        return list(range(0, total, frames))
    raise ValueError(
        "test_cfg.memory.frames must be 'first', 'middle' or a positive "
        f'integer (every so many frames), got {frames!r}')


def offline_options(source: str = 'labels',
                    frames: Union[str, int] = 'first',
                    crop_shift: Optional[Tuple[float, float]] = None) -> dict:
    """Options of ``test_cfg.memory=dict(policy='offline', ...)``.

    Args:
        source (str): ``'labels'``, the annotations of some frames of each
            video; there is no other.
        frames (str | int): ``'first'``, ``'middle'``, or every so many
            frames. Defaults to ``'first'``.
        crop_shift (tuple, optional): How the crops of the labelled frames are
            shifted, in place of the dataset's own ``crop_shift``, so that the
            position in the crop gives no hint. Defaults to None.

    Raises:
        ValueError: If a value is not known.
    """
    if source != 'labels':
        raise ValueError("test_cfg.memory.source must be 'labels', got "
                         f'{source!r}')
    labelled_positions(1, frames)
    return dict(frames=frames, crop_shift=crop_shift)
