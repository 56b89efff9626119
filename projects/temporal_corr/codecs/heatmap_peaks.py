# Copyright (c) temporal_corr authors. All rights reserved.
"""Peaks of heatmaps, finer than a cell, as pure functions.

Shapes: K heatmaps of h x w cells, P peaks. Positions are in cells: the
centre of cell g is at g. ``sigma`` (2, ) is the standard deviation of the
targets in x and y in cells.
"""
from typing import Tuple

import numpy as np
from scipy import ndimage

from .part_affinity_targets import MAX_EXPONENT

# neighbours in the same heatmap, diagonal ones too
_NEIGHBOURS = np.zeros((3, 3, 3), dtype=bool)
_NEIGHBOURS[1] = True


def find_peaks(heatmaps: np.ndarray, threshold: float, radius: np.ndarray,
               max_peaks: int, sigma: np.ndarray
               ) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Local maxima of heatmaps (K, h, w) above a threshold.

    A peak is not lower than any of its eight neighbours. Neighbouring cells
    that are equally high are one peak, in their middle. Of two peaks of a
    heatmap nearer than ``radius`` (2, ), cells in x and y, the lower one is
    dropped; the highest ``max_peaks`` are kept.

    Returns:
        tuple[np.ndarray]: The heatmap of each peak (P, ), ascending; its x
        and y (P, 2); the value of its highest cell (P, ), descending among
        the peaks of a heatmap.
    """
    highest = ndimage.maximum_filter(heatmaps, (1, 3, 3), mode='nearest')
    is_peak = (heatmaps >= highest) & (heatmaps > threshold)
    # labels are numbered in the order of the cells
    labels, count = ndimage.label(is_peak, _NEIGHBOURS)
    cells = np.nonzero(is_peak)
    label = labels[cells] - 1
    refined = refine_cells(heatmaps, *cells, sigma)
    size = np.bincount(label, minlength=count)
    positions = np.stack(
        [np.bincount(label, xs, minlength=count) for xs in refined.T],
        axis=1) / size[:, None]
    _, first = np.unique(label, return_index=True)
    parts = cells[0][first]
    scores = heatmaps[cells][first]

    order = np.lexsort((-scores, parts))
    parts, positions, scores = parts[order], positions[order], scores[order]
    rank = np.arange(count) - np.searchsorted(parts, parts)
    keep = rank < max_peaks
    if (radius > 1).any():
        keep[keep] = _suppress(parts[keep], positions[keep] / radius)
    return parts[keep], positions[keep], scores[keep]


def _suppress(parts: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Which peaks have no better one nearer than 1, the best come first."""
    offset = positions[:, None] - positions
    near = (offset**2).sum(axis=-1) < 1
    near &= parts[:, None] == parts
    near = np.triu(near, k=1)
    keep = np.ones(len(parts), dtype=bool)
    for peak in np.nonzero(near.any(axis=1))[0]:
        if keep[peak]:
            keep[near[peak]] = False
    return keep


def refine_cells(heatmaps: np.ndarray, parts: np.ndarray, rows: np.ndarray,
                 columns: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Positions (P, 2) of maxima between the cells, as of a Gaussian.

    The logarithm of a Gaussian is a parabola; three cells of a row and of a
    column give its vertex exactly, half a cell from the maximum at most. Over
    the border the parabola goes on with the curvature of the target, -1 /
    sigma^2. Values below 1 % of the maximum are taken as 1 %, where the
    targets are cut off.
    """
    height, width = heatmaps.shape[1:]
    # the maximum, then left, right, above, below
    column = columns + np.array([0, -1, 1, 0, 0])[:, None]
    row = rows + np.array([0, 0, 0, -1, 1])[:, None]
    outside = (column < 0) | (column >= width) | (row < 0) | (row >= height)
    values = heatmaps[parts, np.clip(row, 0, height - 1),
                      np.clip(column, 0, width - 1)]
    peak = np.where(values[0] > 0, values[0], np.inf)
    logs = np.log(np.clip(values / peak, np.exp(-MAX_EXPONENT), 1))
    logs[outside] = np.nan
    offset = [_vertex(*logs[1:3], sigma[0]), _vertex(*logs[3:], sigma[1])]
    return np.stack([columns, rows], axis=1) + np.stack(offset, axis=1)


def heatmap_maxima(heatmaps: np.ndarray,
                   sigma: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Position (K, 2) and value (K, ) of the maximum of each heatmap."""
    flat = heatmaps.reshape(len(heatmaps), -1)
    cells = np.unravel_index(flat.argmax(axis=1), heatmaps.shape[1:])
    positions = refine_cells(heatmaps, np.arange(len(heatmaps)), *cells, sigma)
    return positions, flat.max(axis=1)


def _vertex(before: np.ndarray, after: np.ndarray,
            sigma: float) -> np.ndarray:
    """Vertex of the parabolas through (-1, before), (0, 0), (1, after), both
    negative or zero, NaN for a missing one."""
    missing = np.isnan(before)
    before = np.where(missing, -after - sigma**-2, before)
    after = np.where(np.isnan(after), -before - sigma**-2, after)
    bend = before + after
    flat = bend == 0
    vertex = 0.5 * (before - after) / np.where(flat, 1, bend)
    return np.clip(np.where(flat, 0, vertex), -0.5, 0.5)
