# Copyright (c) temporal_corr authors. All rights reserved.
"""Correlation maps and heatmaps on images, which are RGB, uint8."""
from dataclasses import dataclass
from typing import Sequence, Tuple

import cv2
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from mmengine.visualization.utils import convert_overlay_heatmap

from ..video_io.poses import draw_poses, side_colors

#: Colours of the chosen keypoints, in their order.
MARKER_COLORS = ('#ff3b30', '#00c7be', '#ffcc00', '#af52de', '#34c759',
                 '#ff9500', '#5ac8fa', '#ff2d92')
PANEL = 2.4  # height of a panel in inches


@dataclass(frozen=True, eq=False)
class CorrelationViews:
    """One pair of frames as the model sees it.

    Attributes:
        exemplar_image (np.ndarray): View of the exemplar frame, RGB uint8,
            in shape (H, W, 3).
        image (np.ndarray): View of the current frame, like it.
        exemplar_keypoints (np.ndarray): Prediction on the exemplar frame in
            pixels of its view, (P, 2).
        keypoints (np.ndarray): Prediction on the current frame, (P, 2).
        keypoints_alone (np.ndarray): The same with zero correlation maps.
        correlation (np.ndarray): Correlation maps, before the scale layer,
            (P, h, w).
        heatmaps (np.ndarray): Heatmaps of the current frame, (P, h, w).
        stride (tuple): Pixels of the views per cell of the maps, (x, y).
        origin (tuple): Pixel of the views that is cell (0, 0), (x, y).
        video_id (str): The video.
        frame (int): Number of the current frame, counted from 1.
        exemplar_frame (int): Number of the exemplar frame.
    """
    exemplar_image: np.ndarray
    image: np.ndarray
    exemplar_keypoints: np.ndarray
    keypoints: np.ndarray
    keypoints_alone: np.ndarray
    correlation: np.ndarray
    heatmaps: np.ndarray
    stride: Tuple[float, float]
    origin: Tuple[float, float]
    video_id: str
    frame: int
    exemplar_frame: int


def overlay_map(image: np.ndarray,
                heatmap: np.ndarray,
                stride: Sequence[float],
                origin: Sequence[float] = (0., 0.),
                alpha: float = 0.5) -> np.ndarray:
    """Overlay a map, "with red indicating high response and blue indicating
    low response" (Fig. 2).

    The colours span the range of the map (a constant one is blue), and the
    image is shown in grey, so that its colours are not taken for the map's.

    Args:
        image (np.ndarray): Image in shape (H, W, 3).
        heatmap (np.ndarray): Map in shape (h, w).
        stride (Sequence[float]): Pixels of the image per cell, (x, y).
        origin (Sequence[float]): Pixel of cell (0, 0), (x, y).
            Defaults to (0, 0).
        alpha (float): Opacity of the map. Defaults to 0.5.
    """
    # The codecs put cell (i, j) at pixel (i, j) * stride + origin; cv2.resize
    # would align the corners instead.
    matrix = np.array([[stride[0], 0., origin[0]], [0., stride[1], origin[1]]])
    resized = cv2.warpAffine(
        np.asarray(heatmap, dtype=np.float32),
        matrix,
        image.shape[1::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return convert_overlay_heatmap(resized,
                                   cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB),
                                   alpha)


def keypoint_indices(names: Sequence[str], metainfo: dict) -> list:
    """Indices of keypoints by name; ValueError names those there are."""
    known = metainfo['keypoint_name2id']
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f'{metainfo.get("dataset_name", "the data set")} has no keypoint '
            f'{", ".join(unknown)}. It has: {", ".join(known)}')
    return [known[name] for name in names]


def draw_correlation_figure(views: CorrelationViews,
                            names: Sequence[str],
                            metainfo: dict,
                            height: int = 360) -> Figure:
    """Draw the paper's Fig. 2 for one pair of frames.

    Above, the exemplar frame with the chosen keypoints marked, their
    correlation maps on the current frame, and the pose; below, the current
    frame, the heatmaps, and the pose with zero correlation maps.

    Args:
        views (CorrelationViews): What to draw.
        names (Sequence[str]): Names of the chosen keypoints.
        metainfo (dict): Metainfo of the data set.
        height (int): Height of a panel in pixels. Defaults to 360.
    """
    chosen = keypoint_indices(names, metainfo)
    rows, cols = views.image.shape[:2]
    columns = len(names) + 2
    figure = Figure(
        figsize=(columns * PANEL * cols / rows + 0.6, 2 * PANEL + 1),
        dpi=height / PANEL,
        layout='compressed')
    grid = figure.subplots(2, columns)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    # A character is about 0.6 of the font size (1/72 inch) wide.
    fitting = 72 * figure.get_figwidth() / 0.6 / max(len(views.video_id), 1)
    figure.suptitle(views.video_id, fontsize=min(10, fitting))

    def show(axes, image, title, **style):
        axes.imshow(image, extent=(-.5, cols - .5, rows - .5, -.5))
        axes.set_title(title, fontsize=9, pad=3, **style)

    show(grid[0, 0], views.exemplar_image,
         f'frame {views.exemplar_frame}, exemplars')
    show(grid[1, 0], views.image, f'frame {views.frame}')
    for number, (name, index) in enumerate(zip(names, chosen)):
        color = MARKER_COLORS[number % len(MARKER_COLORS)]
        for edge, width in (('black', 3.2), (color, 1.8)):
            grid[0, 0].plot(
                *views.exemplar_keypoints[index],
                marker='o',
                markersize=9,
                markerfacecolor='none',
                markeredgecolor=edge,
                markeredgewidth=width)
        label = f'{name.replace("_", " ")}: correlation'
        for axes, maps, title, weight in zip(
                grid[:, number + 1], (views.correlation, views.heatmaps),
                (label, 'heatmap'), ('bold', 'normal')):
            show(
                axes,
                overlay_map(views.image, maps[index], views.stride,
                            views.origin),
                title,
                fontweight=weight)
            for spine in axes.spines.values():
                spine.set(edgecolor=color, linewidth=2)
            # its range: each map has colours of its own
            axes.annotate(
                f'{maps[index].min():.2f} to {maps[index].max():.2f}',
                (0.97, 0.02),
                xycoords='axes fraction',
                ha='right',
                va='bottom',
                fontsize=6.5,
                color='white',
                bbox=dict(
                    facecolor='black', alpha=0.55, edgecolor='none', pad=1.5))
    thickness = max(1, round(rows / 130))
    for axes, keypoints, title in zip(
            grid[:, -1], (views.keypoints, views.keypoints_alone),
            ('pose', 'pose without the maps')):
        drawn = draw_poses(
            views.image,
            keypoints[None],
            metainfo,
            radius=thickness + 1,
            thickness=thickness)
        show(axes, drawn, title)
    bar = figure.colorbar(
        ScalarMappable(cmap='jet'),
        ax=grid,
        ticks=[0, 1],
        shrink=0.5,
        pad=0.01)
    bar.ax.set_yticklabels(['low', 'high'], fontsize=7)
    grid[1, -1].legend(
        handles=[
            Line2D([], [],
                   color=np.divide(color, 255),
                   label=side,
                   linewidth=3,
                   marker='o',
                   markeredgecolor='black')
            for side, color in side_colors(metainfo).items()
        ],
        loc='upper center',
        bbox_to_anchor=(0.5, 0),
        ncols=2,
        fontsize=8,
        frameon=False)
    return figure
