# Copyright (c) temporal_corr authors. All rights reserved.
"""Predictions on the frames of videos, side by side for several models."""
from typing import Dict, Optional, Sequence, Tuple

import cv2
import numpy as np
from mmpose.structures import PoseDataSample

from ..evaluation.pck import keypoint_hits
from ..video_io.output_files import fit_image
from ..video_io.poses import Color, draw_poses, side_colors

Size = Tuple[int, int]

WHITE = (255, 255, 255)
MAGENTA = (255, 0, 200)  # in neither data set's skeleton
BAR = 28  # height of a line of text above or below the panels


def draw_prediction(image: np.ndarray,
                    sample: PoseDataSample,
                    metainfo: dict,
                    size: Size,
                    show_gt: bool = False,
                    thr: float = 0.2) -> np.ndarray:
    """Draw the prediction of a frame into a panel of a given size, black where
    the image ends.

    Args:
        image (np.ndarray): The whole image, RGB uint8 (H, W, 3).
        sample (PoseDataSample): With ``pred_instances`` and, to show it,
            ``gt_instances`` of one person in pixels of the image.
        metainfo (dict): Metainfo of the data set.
        size (tuple): Width and height of the panel in pixels; the image is
            fitted into it.
        show_gt (bool): Whether to draw the ground truth in white under the
            prediction, and in magenta a ring around each visible keypoint
            that PCK counts as wrong and a line to where it should be.
            Defaults to False.
        thr (float): Threshold of PCK. Defaults to 0.2.
    """
    matrix = fit_image(image.shape[1::-1], size)
    panel = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_CUBIC)
    radius = max(2, round(size[1] / 80))
    keypoints = _move(sample.pred_instances.keypoints[:1], matrix)
    style = dict(radius=radius, thickness=max(1, radius - 1))
    if not show_gt:
        return draw_poses(panel, keypoints, metainfo, **style)
    gt = sample.gt_instances
    target, width = _move(gt.keypoints[:1], matrix), max(1, radius // 2)
    panel = draw_poses(panel, target, metainfo, gt.keypoints_visible[:1],
                       width, width, WHITE)
    panel = draw_poses(panel, keypoints, metainfo, **style)
    box = gt.get('bbox_size')
    if box is None:
        box = gt.bboxes[:, 2:] - gt.bboxes[:, :2]
    hits = keypoint_hits(sample.pred_instances.keypoints, gt.keypoints,
                         np.asarray(box).max(axis=-1), thr)[0]
    ends = np.concatenate([keypoints, target]).swapaxes(0, 1)
    wrong = (gt.keypoints_visible[0] > 0) & ~hits
    for start, end in ends[wrong & np.isfinite(ends).all(axis=(1, 2))]:
        start, end = start.round().astype(int), end.round().astype(int)
        cv2.circle(panel, start, 2 * width + 3, MAGENTA, width, cv2.LINE_AA)
        cv2.line(panel, start, end, MAGENTA, width, cv2.LINE_AA)
    return panel


def prediction_colors(metainfo: dict, show_gt: bool) -> Dict[str, Color]:
    """RGB colours of :func:`draw_prediction` by what they mean."""
    colors = side_colors(metainfo)
    if show_gt:
        colors.update({'ground truth': WHITE, 'wrong by PCK@0.2': MAGENTA})
    return colors


def panel_size(sizes: Sequence[Size], height: int) -> Size:
    """Even width and height of panels for images of these widths and heights;
    the widest fills its panel."""
    aspect = max(size[0] / size[1] for size in sizes)
    half = round(height / 2)
    return 2 * round(half * aspect), 2 * half


def join_panels(panels: Sequence[np.ndarray],
                names: Sequence[str],
                caption: str = '',
                colors: Optional[Dict[str, Color]] = None) -> np.ndarray:
    """A frame of a video: panels side by side, named, with a caption.

    Args:
        panels (Sequence[np.ndarray]): Panels of one size, RGB uint8.
        names (Sequence[str]): Their names, above them.
        caption (str): Text below. Defaults to ''.
        colors (dict, optional): RGB colours by what they mean, in a second
            line below. Defaults to None, no such line.
    """
    width = panels[0].shape[1]
    rows = [
        np.concatenate([_bar({name: WHITE}, width) for name in names], axis=1),
        np.concatenate(panels, axis=1),
        _bar({caption: WHITE}, width * len(panels))
    ]
    if colors:
        rows.append(_bar(colors, width * len(panels)))
    return np.concatenate(rows)


def _bar(words: Dict[str, Color], width: int) -> np.ndarray:
    """A centred line of text on dark grey, made to fit."""
    font, scale, gap = cv2.FONT_HERSHEY_SIMPLEX, 0.5, '   '

    def length(text):
        return cv2.getTextSize(text, font, scale, 1)[0][0]

    scale *= min(1, (width - 16) / max(length(gap.join(words)), 1))
    left = (width - length(gap.join(words))) // 2
    bar = np.full((BAR, width, 3), 30, dtype=np.uint8)
    for text, color in words.items():
        cv2.putText(bar, text, (left, BAR - 9), font, scale, color, 1,
                    cv2.LINE_AA)
        left += length(text + gap)
    return bar


def _move(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (..., 2) under an affine map."""
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]
