# Copyright (c) temporal_corr authors. All rights reserved.
from itertools import cycle
from typing import Dict, Sequence

import numpy as np
from matplotlib.figure import Figure

from .correlation_figure import keypoint_indices
from .stride_plot import COLORS

#: A vertical axis shows at least as many pixels: a narrower one would make
#: less than a pixel look like a jump.
MIN_RANGE = 10
TRUTH = dict(color='black', linewidth=1.2, linestyle=(0, (4, 2)))


def draw_trajectories(frames: Sequence[int],
                      tracks: Dict[str, np.ndarray],
                      truth: np.ndarray,
                      visible: np.ndarray,
                      names: Sequence[str],
                      metainfo: dict,
                      title: str = '') -> Figure:
    """Draw where keypoints are over time, x(t) and y(t).

    A row for each chosen keypoint, a line for each model, and the ground
    truth dashed where the keypoint is visible.

    Args:
        frames (Sequence[int]): Frame numbers, (T, ).
        tracks (dict): Name of each model to its predicted keypoints in
            pixels of the image, (T, K, 2).
        truth (np.ndarray): The annotated keypoints, (T, K, 2).
        visible (np.ndarray): Whether they are visible, (T, K).
        names (Sequence[str]): Names of the chosen keypoints.
        metainfo (dict): Metainfo of the data set.
        title (str): Title of the figure. Defaults to ''.

    Returns:
        Figure: The figure; ``save_figure`` writes it.

    Raises:
        ValueError: If there is no such keypoint.
    """
    chosen = keypoint_indices(names, metainfo)
    truth = np.where(np.asarray(visible)[..., None] > 0, truth, np.nan)
    width, height = 10, 1.9 * len(chosen) + 1.3  # inches
    figure = Figure(figsize=(width, height), dpi=130)
    grid = figure.subplots(
        len(chosen),
        2,
        sharex=True,
        squeeze=False,
        gridspec_kw=dict(
            left=0.75 / width,
            right=1 - 0.15 / width,
            top=1 - 0.45 / height,
            bottom=0.9 / height,
            wspace=0.2,
            hspace=0.12))
    if title:
        figure.suptitle(title, fontsize=10, y=1 - 0.2 / height, va='center')
    for row, name, index in zip(grid, names, chosen):
        for axis, axes in enumerate(row):
            for (model, points), color in zip(tracks.items(), cycle(COLORS)):
                axes.plot(
                    frames,
                    points[:, index, axis],
                    color=color,
                    linewidth=1.4,
                    marker='.',
                    markersize=3.5,
                    label=model)
            axes.plot(
                frames, truth[:, index, axis], label='ground truth', **TRUTH)
            _style(axes, down=axis == 1)
            axes.set_ylabel(f'{name.replace("_", " ")}, {"xy"[axis]} (px)')
    for axes in grid[-1]:
        axes.set_xlabel('frame')
    lines, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        lines,
        labels,
        loc='lower center',
        ncol=min(len(labels), 4),
        frameon=False)
    return figure


def _style(axes, down: bool) -> None:
    """Light lines, and a range that does not exaggerate."""
    low, high = axes.get_ylim()
    margin = max(MIN_RANGE - (high - low), 0) / 2
    low, high = low - margin, high + margin
    # y counts from above, as in the image.
    axes.set_ylim(*((high, low) if down else (low, high)))
    axes.grid(color='0.9', linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ('top', 'right'):
        axes.spines[side].set_visible(False)
