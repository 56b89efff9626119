# Copyright (c) temporal_corr authors. All rights reserved.
"""The targets of part affinity fields as pure functions.

Shapes: N people, K parts, L limbs, h x w cells. MMPose's Gaussian heatmaps
are something else: each is cut off at its own square, several people take
the largest value, and there is no background.
"""
from typing import Tuple

import numpy as np

# The limbs of OpenPose's MPI model, in the order of their channels: from the
# parts head, neck, right shoulder, elbow, wrist, left shoulder, elbow, wrist,
# right hip, knee, ankle, left hip, knee, ankle, belly.
MPI_LIMBS = ((0, 1), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (1, 14),
             (14, 8), (8, 9), (9, 10), (14, 11), (11, 12), (12, 13))

# -ln(1 %): beyond, a Gaussian counts as zero
MAX_EXPONENT = 4.6052


def part_heatmaps(keypoints: np.ndarray, drawn: np.ndarray, xs: np.ndarray,
                  ys: np.ndarray, sigma: float) -> np.ndarray:
    """Heatmaps of the parts, and the background, 1 minus the largest value of
    any part, (K + 1, h, w).

    Each part is a Gaussian, cut off below 1 %. The Gaussians of several
    people add up, to 1 at most.

    Args:
        keypoints (np.ndarray): Keypoints in pixels in shape (N, K, 2).
        drawn (np.ndarray): Which of them to draw, booleans in shape (N, K).
        xs, ys (np.ndarray): Centres of the columns (w, ) and of the rows
            (h, ) of cells in pixels.
        sigma (float): Standard deviation in pixels.
    """
    dx = (xs - keypoints[..., 0, None])**2
    dy = (ys - keypoints[..., 1, None])**2
    exponent = (dy[..., :, None] + dx[..., None, :]) / (2 * sigma**2)
    shown = (exponent <= MAX_EXPONENT) & drawn[..., None, None]
    parts = np.exp(-exponent, where=shown, out=np.zeros_like(exponent))
    parts = np.minimum(parts.sum(axis=0), 1)
    background = 1 - parts.max(axis=0, keepdims=True)
    return np.concatenate([parts, background])


def part_affinity_fields(keypoints: np.ndarray, drawn: np.ndarray,
                         limbs: np.ndarray, size: Tuple[int, int],
                         limb_width: float,
                         limb_overhang: float) -> np.ndarray:
    """The unit vector of each limb, on the cells of the limb: fields
    (2 * L, h, w), x and y of the first limb, then of the second, and so on.

    The average over the people whose limb covers a cell, zero where there is
    none. A limb of length zero covers nothing.

    Args:
        keypoints (np.ndarray): Keypoints in cells in shape (N, K, 2): the
            centre of cell g is at g.
        drawn (np.ndarray): Which of them are there, booleans in shape
            (N, K). A limb is drawn if both of its ends are.
        limbs (np.ndarray): First and second part of each limb, (L, 2).
        size (Tuple[int, int]): Number of cells [w, h].
        limb_width, limb_overhang (float): How far to its sides and beyond its
            ends a limb covers cells, in cells.
    """
    first, second = limbs.T
    start = keypoints[:, first]
    vector = keypoints[:, second] - start
    # cell minus start, rows and columns apart: their products are what
    # costs time
    dx = (np.arange(size[0]) - start[..., 0, None])[..., None, :]
    dy = (np.arange(size[1]) - start[..., 1, None])[..., :, None]
    vx = vector[..., 0, None, None]
    vy = vector[..., 1, None, None]
    squared = vx**2 + vy**2
    length = np.sqrt(squared)
    # Both are multiplied by the length, so that no cell on the very end of
    # a limb is lost to rounding.
    along = dx * vx + dy * vy
    across = np.abs(dx * vy - dy * vx)
    overhang = limb_overhang * length
    covered = (along >= -overhang) & (along <= squared + overhang)
    covered &= across <= limb_width * length
    covered &= (drawn[:, first] & drawn[:, second])[..., None, None]
    covered &= length > 0
    unit = vector / np.where(length > 0, length, 1)[..., 0]
    fields = np.einsum('nlhw,nld->ldhw', covered, unit)
    fields /= np.maximum(covered.sum(axis=0), 1)[:, None]
    return fields.reshape(2 * len(first), size[1], size[0])
