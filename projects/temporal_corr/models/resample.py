# Copyright (c) temporal_corr authors. All rights reserved.
"""Carry maps from one crop into another.

Crops move with the person. Exemplars do not care, heatmaps do: before the
heatmaps of the previous frame can be compared with the current frame they
must be resampled into its crop.

A crop is an affine matrix A in shape (N, 2, 3) that takes a pixel of the
image to a pixel of the network's input.
"""
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor


def compose(outer: Tensor, inner: Tensor) -> Tensor:
    """The affine maps (N, 2, 3) that apply ``inner``, then ``outer``."""
    columns = _turn(outer[:, :, :2], inner.transpose(1, 2)).transpose(1, 2)
    offset = columns[:, :, 2:] + outer[:, :, 2:]
    return torch.cat([columns[:, :, :2], offset], dim=2)


def invert(affine: Tensor) -> Tensor:
    """Invert affine maps (N, 2, 3), in closed form (which also exports to
    ONNX)."""
    a, b, c, d = affine[:, :, :2].flatten(1).unbind(1)
    linear = torch.stack([d, -b, -c, a], dim=1).unflatten(1, (2, 2))
    linear = linear / (a * d - b * c)[:, None, None]
    offset = -_turn(linear, affine[:, None, :, 2])
    return torch.cat([linear, offset.transpose(1, 2)], dim=2)


def mirror(crops: Tensor, width: int) -> Tensor:
    """Crops (N, 2, 3) of horizontally mirrored inputs (flip test), ``width``
    pixels wide."""
    flip = crops.new_tensor([[-1., 0., width - 1.], [0., 1., 0.]])
    return compose(flip.expand_as(crops), crops)


def resample(maps: Tensor,
             source: Tensor,
             target: Tensor,
             stride: Tensor,
             origin: Optional[Tensor] = None) -> Tensor:
    """Resample maps made in one crop at the locations of another, bilinearly;
    zero outside of the first.

    Args:
        maps (Tensor): Maps in shape (N, P, H, W).
        source (Tensor): Crops that the maps were made in, (N, 2, 3).
        target (Tensor): Crops to carry them into, (N, 2, 3).
        stride (Tensor): Input pixels per cell of the maps, (x, y), as in
            the ``scale_factor`` of MMPose's codecs.
        origin (Tensor, optional): Input pixel of the first cell, (x, y).
            Defaults to None, (0, 0), as in most of MMPose's codecs.
    """
    height, width = maps.shape[2:]
    to_source = compose(source, invert(target))
    # From cells to cells: only the offset is in pixels.
    scale = torch.stack([stride[0], stride[1]]).to(to_source)
    linear = to_source[:, :, :2] * scale[None, None] / scale[None, :, None]
    offset = to_source[:, :, 2]
    if origin is not None:
        first = torch.stack([origin[0], origin[1]]).to(to_source)
        turned = _turn(to_source[:, :, :2], first[None, None])[:, 0]
        offset = offset + turned - first
    offset = offset / scale
    rows, cols = torch.meshgrid(
        torch.arange(height, device=maps.device, dtype=linear.dtype),
        torch.arange(width, device=maps.device, dtype=linear.dtype),
        indexing='ij')
    cells = torch.stack([cols, rows], dim=-1).flatten(0, 1)
    where = _turn(linear, cells[None]) + offset[:, None]
    size = where.new_tensor([width - 1., height - 1.]).clamp(min=1.)
    grid = (2. * where / size - 1.).unflatten(1, (height, width))
    return F.grid_sample(maps, grid.to(maps.dtype), align_corners=True)


def _turn(linear: Tensor, vectors: Tensor) -> Tensor:
    """Multiply matrices (N, 2, 2) with M vectors each, (N or 1, M, 2).

    Elementwise: autocast runs matrix products in half precision, which puts
    an offset of some hundred pixels off by one.
    """
    return (linear[:, None] * vectors[:, :, None]).sum(dim=3)
