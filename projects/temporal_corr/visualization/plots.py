# Copyright (c) temporal_corr authors. All rights reserved.
from itertools import cycle
from typing import Dict, Optional, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .maps import keypoint_indices

#: Colours that people with any colour vision tell apart (Okabe and Ito).
COLORS = ('#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9',
          '#000000')
#: One a model, so that the lines differ without colour, too.
MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*')
#: A vertical axis shows at least as many percent or pixels: a narrower one
#: would make chance look like an effect.
MIN_RANGE = 10


def draw_stride_plot(
        curves: Dict[str, Dict[int, float]],
        label: str,
        spreads: Optional[Dict[str, Dict[int, float]]] = None,
        xlabel: str = 'temporal downsampling rate') -> Figure:
    """Draw accuracy against the temporal downsampling rate (Fig. 3).

    Args:
        curves (dict): Name of each model to its accuracy in percent by
            temporal downsampling rate. Values that are NaN leave a gap.
        label (str): What the accuracy is, for the vertical axis.
        spreads (dict, optional): Half the height of a band around each
            curve, as ``curves``. Defaults to None.
        xlabel (str): What it is drawn against. Defaults to 'temporal
            downsampling rate'.
    """
    # Two names beside each other, if they fit.
    columns = 2 if max(map(len, curves), default=0) <= 36 else 1
    lines = -(-len(curves) // columns)
    figure = Figure(
        figsize=(5.6, 3.7 + 0.2 * lines), dpi=150, layout='constrained')
    axes = figure.add_subplot()
    for (name, curve), color, marker in zip(curves.items(), cycle(COLORS),
                                            cycle(MARKERS)):
        strides = sorted(curve)
        values = np.array([curve[stride] for stride in strides])
        axes.plot(
            strides,
            values,
            color=color,
            marker=marker,
            markersize=6,
            markeredgecolor='white',
            markeredgewidth=0.6,
            linewidth=1.6,
            label=name)
        if spreads is not None:
            spread = np.array([spreads[name][stride] for stride in strides])
            axes.fill_between(
                strides,
                values - spread,
                values + spread,
                color=color,
                alpha=0.15,
                linewidth=0)
    axes.set_xticks(sorted({s for curve in curves.values() for s in curve}))
    axes.set_xlabel(xlabel)
    axes.set_ylabel(f'{label}, %')
    _style(axes)
    # Beside the curves, wherever they run.
    figure.legend(
        loc='outside lower center',
        ncols=columns,
        fontsize='small',
        frameon=False)
    return figure


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
    """
    chosen = keypoint_indices(names, metainfo)
    truth = np.where(np.asarray(visible)[..., None] > 0, truth, np.nan)
    figure = Figure(
        figsize=(10, 1.9 * len(chosen) + 1.3), dpi=130, layout='constrained')
    figure.suptitle(title, fontsize=10)
    grid = figure.subplots(len(chosen), 2, sharex=True, squeeze=False)
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
                frames,
                truth[:, index, axis],
                color='black',
                linewidth=1.2,
                linestyle=(0, (4, 2)),
                label='ground truth')
            _style(axes)
            axes.set_ylabel(f'{name.replace("_", " ")}, {"xy"[axis]} (px)')
        row[1].invert_yaxis()  # y counts from above, as in the image
    for axes in grid[-1]:
        axes.set_xlabel('frame')
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(
        *grid[0, 0].get_legend_handles_labels(),
        loc='outside lower center',
        ncols=min(len(tracks) + 1, 4),
        frameon=False)
    return figure


def _style(axes: Axes) -> None:
    """Light lines, and a range that does not exaggerate."""
    low, high = axes.get_ylim()
    margin = max(MIN_RANGE - (high - low), 0) / 2
    axes.set_ylim(low - margin, high + margin)
    axes.grid(color='0.9', linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)
