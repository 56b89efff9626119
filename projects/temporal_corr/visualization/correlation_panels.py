# Copyright (c) temporal_corr authors. All rights reserved.
"""Correlation maps beside heatmaps, as frames of a video."""
from typing import Sequence, Tuple

import cv2
import numpy as np
from matplotlib.colors import to_rgb

from .correlation_figure import (MARKER_COLORS, CorrelationViews,
                                 keypoint_indices)
from .overlay import overlay_map
from .prediction_panels import BAR, join_panels, panel_size


def draw_correlation_panels(views: CorrelationViews,
                            names: Sequence[str],
                            metainfo: dict,
                            height: int = 256) -> np.ndarray:
    """Draw one frame of a video of correlation maps.

    A row for each chosen keypoint: the exemplar frame with the keypoint
    marked, its correlation map on the current frame, and its heatmap with
    the estimate marked. Each map has colours of its own, and its range is
    written above it.

    Args:
        views (CorrelationViews): What to draw.
        names (Sequence[str]): Names of the chosen keypoints.
        metainfo (dict): Metainfo of the data set.
        height (int): Height of a panel in pixels. Defaults to 256.

    Returns:
        np.ndarray: Image, RGB uint8, of even width and height, the same for
        all views of one size.

    Raises:
        ValueError: If there is no such keypoint.
    """
    size = panel_size([views.image.shape[1::-1]], height)
    rows = []
    for number, index in enumerate(keypoint_indices(names, metainfo)):
        color = MARKER_COLORS[number % len(MARKER_COLORS)]
        correlation, heatmap = (
            overlay_map(
                views.image, maps[index], views.stride, origin=views.origin)
            for maps in (views.correlation, views.heatmaps))
        panels = [
            mark_keypoint(views.exemplar_image,
                          views.exemplar_keypoints[index], color), correlation,
            mark_keypoint(heatmap, views.keypoints[index], color)
        ]
        heads = [
            names[number].replace('_', ' '),
            f'correlation {_range(views.correlation[index])}',
            f'heatmap {_range(views.heatmaps[index])}'
        ]
        panels = [
            cv2.resize(panel, size, interpolation=cv2.INTER_AREA)
            for panel in panels
        ]
        # The caption comes once, at the very end.
        rows.append(join_panels(panels, heads)[:-BAR])
    caption = (f'{views.video_id}   frame {views.frame}, exemplars from '
               f'frame {views.exemplar_frame}')
    rows.append(join_panels(panels, heads, caption)[-BAR:])
    return np.concatenate(rows)


def mark_keypoint(image: np.ndarray, point: Sequence[float],
                  color: str) -> np.ndarray:
    """Draw a ring around a keypoint.

    Args:
        image (np.ndarray): Image, RGB uint8 (H, W, 3). Not changed.
        point (Sequence[float]): x and y in pixels. One that is not finite is
            not drawn.
        color (str): A colour of matplotlib.

    Returns:
        np.ndarray: Image in shape (H, W, 3).
    """
    image = image.copy()
    if not np.isfinite(point).all():
        return image
    radius = max(4, round(image.shape[0] / 40))
    width = max(1, round(image.shape[0] / 130))
    centre: Tuple[int, int] = tuple(np.rint(point).astype(int).tolist())
    rgb = tuple(round(255 * part) for part in to_rgb(color))
    for stroke, line_width in (((0, 0, 0), width + 2), (rgb, width)):
        cv2.circle(image, centre, radius, stroke, line_width, cv2.LINE_AA)
    return image


def _range(values: np.ndarray) -> str:
    return f'{values.min():.2g} to {values.max():.2g}'
