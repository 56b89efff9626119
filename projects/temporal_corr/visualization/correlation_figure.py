# Copyright (c) temporal_corr authors. All rights reserved.
from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np
from matplotlib.figure import Figure

from .overlay import PosePainter, overlay_map

#: Colours of the chosen keypoints, in their order.
MARKER_COLORS = ('#ff3b30', '#00c7be', '#ffcc00', '#af52de', '#34c759',
                 '#ff9500', '#5ac8fa', '#ff2d92')


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


def keypoint_indices(names: Sequence[str], metainfo: dict) -> list:
    """Look keypoints up by name.

    Args:
        names (Sequence[str]): Names of keypoints.
        metainfo (dict): Metainfo of the data set.

    Returns:
        list[int]: Their indices.

    Raises:
        ValueError: If there is no such keypoint, listing those there are.
    """
    known = metainfo['keypoint_name2id']
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f'{metainfo.get("dataset_name", "the data set")} has no keypoint '
            f'{", ".join(unknown)}. It has: {", ".join(known)}')
    return [known[name] for name in names]


def draw_correlation_figure(views: CorrelationViews, names: Sequence[str],
                            metainfo: dict) -> Figure:
    """Draw the paper's Fig. 2 for one pair of frames.

    Above, the exemplar frame with the chosen keypoints marked, their
    correlation maps on the current frame, and the pose estimate; below, the
    current frame, the heatmaps, and the estimate with zero correlation maps.

    Args:
        views (CorrelationViews): What to draw.
        names (Sequence[str]): Names of the chosen keypoints.
        metainfo (dict): Metainfo of the data set.

    Returns:
        Figure: The figure; ``savefig`` writes it.

    Raises:
        ValueError: If there is no such keypoint.
    """
    chosen = keypoint_indices(names, metainfo)
    height, width = views.image.shape[:2]
    columns = len(names) + 2
    panel, left, right, top = 2.4, 0.1, 0.55, 0.55  # inches
    figure_width = columns * panel * width / height + left + right
    figure_height = 2 * panel + top + 0.35
    figure = Figure(figsize=(figure_width, figure_height), dpi=150)
    grid = figure.add_gridspec(
        2,
        columns,
        left=left / figure_width,
        right=1 - right / figure_width,
        top=1 - top / figure_height,
        bottom=0.1 / figure_height,
        wspace=0.04,
        hspace=0.1)
    # A character is about 0.6 of the font size (1/72 inch) wide.
    fitting = 72 * figure_width / 0.6 / max(len(views.video_id), 1)
    figure.suptitle(
        views.video_id,
        fontsize=min(10, fitting),
        y=1 - 0.2 / figure_height,
        va='center')

    def show(row, column, image, title, **text):
        axes = figure.add_subplot(grid[row, column])
        axes.imshow(image, extent=(-.5, width - .5, height - .5, -.5))
        axes.set_title(title, fontsize=9, pad=3, **text)
        axes.set_xticks([])
        axes.set_yticks([])
        return axes

    marked = show(0, 0, views.exemplar_image,
                  f'frame {views.exemplar_frame}, exemplars')
    show(1, 0, views.image, f'frame {views.frame}')
    for column, (name, index) in enumerate(zip(names, chosen), start=1):
        color = MARKER_COLORS[(column - 1) % len(MARKER_COLORS)]
        for edge, line_width in (('black', 3.2), (color, 1.8)):
            marked.plot(
                *views.exemplar_keypoints[index],
                marker='o',
                markersize=9,
                markerfacecolor='none',
                markeredgecolor=edge,
                markeredgewidth=line_width)
        label = name.replace('_', ' ')
        for row, (kind, maps) in enumerate(
            (('correlation', views.correlation), ('heatmap',
                                                  views.heatmaps))):
            image = overlay_map(
                views.image, maps[index], views.stride, origin=views.origin)
            axes = show(
                row,
                column,
                image,
                f'{label}: {kind}' if row == 0 else kind,
                fontweight='bold' if row == 0 else 'normal')
            for spine in axes.spines.values():
                spine.set(edgecolor=color, linewidth=2)
            _note(axes, f'{maps[index].min():.2g} to {maps[index].max():.2g}')

    paint = PosePainter(metainfo, *_stroke(height))
    show(0, columns - 1, paint(views.image, views.keypoints), 'estimate')
    show(1, columns - 1, paint(views.image, views.keypoints_alone),
         'estimate, zero maps')
    _color_bar(figure, right / figure_width)
    return figure


def _stroke(height: int) -> tuple:
    """Radius and line width that suit a view."""
    return max(2, round(height / 90)), max(1, round(height / 130))


def _note(axes, text: str) -> None:
    """The range of a map, in a corner: each has colours of its own."""
    axes.text(
        0.97,
        0.02,
        text,
        transform=axes.transAxes,
        ha='right',
        va='bottom',
        fontsize=6.5,
        color='white',
        bbox=dict(facecolor='black', alpha=0.55, edgecolor='none', pad=1.5))


def _color_bar(figure: Figure, margin: float) -> None:
    """What red and blue mean, in the margin on the right."""
    axes = figure.add_axes((1 - 0.8 * margin, 0.25, 0.2 * margin, 0.4))
    axes.imshow(
        np.linspace(1, 0, 128)[:, None],
        cmap='jet',
        aspect='auto',
        extent=(0, 1, 0, 1))
    axes.set_xticks([])
    axes.yaxis.tick_right()
    axes.set_yticks([0, 1], labels=['low', 'high'], fontsize=7)
    axes.tick_params(length=0, pad=2)
