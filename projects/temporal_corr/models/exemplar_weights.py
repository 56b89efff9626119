# Copyright (c) temporal_corr authors. All rights reserved.
"""The weights B of Eq. (1) in training: what an exemplar is extracted with.

"Ground truth heatmaps are used as weight to extract keypoint features so
that the model would be more dependent on the input correlation maps"
(Implementation details). In test the weights are predictions, with their
errors. These functions put such errors into the ground truth, so that a
model learns how far it can trust its exemplars.

Shapes: N samples, P keypoints, heatmaps (N, P, H, W).
"""
from typing import Callable, Dict, Optional, Sequence, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.dist import get_rank, get_world_size
from torch import Tensor


def rank_draw(draw: Callable, *size: int, **kwargs) -> Tensor:
    """Random numbers that differ between the processes of a training.

    MMEngine seeds all ranks alike: each takes its own part of one draw.

    Args:
        draw (Callable): ``torch.rand`` or ``torch.randn``.
        size: Shape of this rank's part.
        kwargs: Further arguments of ``draw``.

    Returns:
        Tensor: Numbers in shape ``size``.
    """
    return draw(get_world_size(), *size, **kwargs)[get_rank()]


def shift_heatmaps(heatmaps: Tensor, std: float) -> Tensor:
    """Move each heatmap at random: a keypoint found beside its place.

    Args:
        heatmaps (Tensor): Heatmaps in shape (N, P, H, W).
        std (float): Standard deviation in cells, in x and in y.

    Returns:
        Tensor: Heatmaps in shape (N, P, H, W), bilinear, zero outside.
    """
    count, keypoints, height, width = heatmaps.shape
    planes = heatmaps.flatten(0, 1)[:, None]
    offset = std * rank_draw(
        torch.randn, len(planes), 2, device=heatmaps.device)
    theta = torch.eye(2, 3, device=heatmaps.device).repeat(len(planes), 1, 1)
    # affine_grid counts in half widths, and from where a value comes.
    theta[:, :, 2] = -2 * offset / offset.new_tensor([width, height])
    grid = F.affine_grid(theta, list(planes.shape), align_corners=False)
    moved = F.grid_sample(
        planes, grid.to(planes.dtype), align_corners=False)
    return moved.view(count, keypoints, height, width)


def swap_sides(heatmaps: Tensor, flip_indices: Sequence[int],
               rate: float) -> Tensor:
    """Exchange left and right of some samples' keypoints, pair by pair.

    Args:
        heatmaps (Tensor): Heatmaps in shape (N, P, H, W).
        flip_indices (Sequence[int]): The mirror image of each keypoint.
        rate (float): Share of the pairs.

    Returns:
        Tensor: Heatmaps in shape (N, P, H, W).
    """
    partner = torch.as_tensor(flip_indices, device=heatmaps.device)
    chosen = rank_draw(
        torch.rand, *heatmaps.shape[:2], device=heatmaps.device) < rate
    # Both of a pair do as the first.
    first = torch.minimum(partner, torch.arange(len(partner)).to(partner))
    return torch.where(chosen[:, first, None, None], heatmaps[:, partner],
                       heatmaps)


def drop_keypoints(heatmaps: Tensor, rate: float) -> Tensor:
    """Zero the heatmaps of some keypoints: keypoints that were not found.

    Args:
        heatmaps (Tensor): Heatmaps in shape (N, P, H, W).
        rate (float): Share of the keypoints.

    Returns:
        Tensor: Heatmaps in shape (N, P, H, W).
    """
    keep = rank_draw(
        torch.rand, *heatmaps.shape[:2], device=heatmaps.device) >= rate
    return heatmaps * keep[:, :, None, None].to(heatmaps.dtype)


def check_errors(errors: dict) -> None:
    """Reject errors of training exemplars that are not known.

    Args:
        errors (dict): ``train_cfg.exemplars``, see :func:`errors_at`:
            ``predicted_rate``, the share of the samples whose weights are
            the model's own heatmaps, or an argument of
            :func:`exemplar_weights`.

    Raises:
        ValueError: If there is no such error, or a value cannot be one. The
            message names the field.
    """
    known = ('predicted_rate', 'shift', 'swap_rate', 'drop_rate')
    for name, value in errors.items():
        where = f'train_cfg.exemplars.{name}'
        if name not in known:
            raise ValueError(f'there is no {where}: choose from '
                             f'{", ".join(known)}')
        highest = torch.inf if name == 'shift' else 1.
        numbers = value if isinstance(value, (list, tuple)) else [value] * 2
        if len(numbers) != 2 or not all(
                isinstance(number, (int, float)) and 0 <= number <= highest
                for number in numbers):
            raise ValueError(
                f'{where} must be a number from 0 to {highest:g}, or two of '
                'them, the first for the beginning of the training and the '
                f'second for its end, got {value!r}')


def errors_at(errors: Dict[str, Union[float, Tuple[float, float]]],
              progress: float) -> Dict[str, float]:
    """The errors at some point of a training.

    Args:
        errors (dict): See :func:`check_errors`; a pair changes linearly
            from its first to its second number over the training.
        progress (float): Share of the training that is done, 0 to 1.

    Returns:
        dict: A number for each argument.
    """
    found = {}
    for name, value in errors.items():
        if isinstance(value, Sequence):
            start, end = value
            value = start + (end - start) * progress
        found[name] = value
    return found


def exemplar_weights(ground_truth: Tensor,
                     flip_indices: Optional[Sequence[int]] = None,
                     shift: float = 0.,
                     swap_rate: float = 0.,
                     drop_rate: float = 0.) -> Tensor:
    """The weights of a training batch; by default the paper's.

    Args:
        ground_truth (Tensor): Ground-truth heatmaps of the exemplar frames
            in shape (N, P, H, W).
        flip_indices (Sequence[int], optional): The mirror image of each
            keypoint, for ``swap_rate``. Defaults to None.
        shift (float): See :func:`shift_heatmaps`. Defaults to 0.
        swap_rate (float): See :func:`swap_sides`. Defaults to 0.
        drop_rate (float): See :func:`drop_keypoints`. Defaults to 0.

    Returns:
        Tensor: Weights in shape (N, P, H, W).
    """
    weights = ground_truth
    if shift:
        weights = shift_heatmaps(weights, shift)
    if swap_rate:
        weights = swap_sides(weights, flip_indices, swap_rate)
    if drop_rate:
        weights = drop_keypoints(weights, drop_rate)
    return weights


def rows_to_look_at(keep: Tensor) -> Tensor:
    """The clips of a training batch whose exemplar frames are looked at.

    Args:
        keep (Tensor): Whether the maps of a sample are kept, shape (N, ).

    Returns:
        Tensor: Indices of the samples to keep in shape (M, ), of one at
        least: the processes of a distributed training must all do the same,
        or a SyncBatchNorm would wait for ever.
    """
    rows = keep.nonzero()[:, 0]
    return rows if len(rows) else rows.new_zeros(1)
