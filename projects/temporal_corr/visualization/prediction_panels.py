# Copyright (c) temporal_corr authors. All rights reserved.
"""Predictions on the frames of a video, side by side for several models."""
from typing import Sequence

import cv2
import numpy as np
from mmpose.structures import PoseDataSample

from ..evaluation.pck import keypoint_hits
from ..video_io.output_files import centred
from .overlay import PosePainter, Size

WHITE = (255, 255, 255)
MAGENTA = (255, 0, 200)  # in neither data set's skeleton
BAR = 28  # height of a line of text above or below the panels


class PredictionPainter:
    """Draws the prediction of a frame into a panel of a given size.

    Args:
        metainfo (dict): Metainfo of the data set.
        size (tuple): Width and height of the panels in pixels.
        show_gt (bool): Whether to draw the ground truth in white under the
            prediction, and magenta a ring around each visible keypoint
            that PCK counts as wrong and a line to where it should be.
            Defaults to False.
        thr (float): Threshold of PCK. Defaults to 0.2.
    """

    def __init__(self,
                 metainfo: dict,
                 size: Size,
                 show_gt: bool = False,
                 thr: float = 0.2):
        self.size = size
        self.show_gt = show_gt
        self.thr = thr
        radius = max(2, round(size[1] / 80))
        self.line_width = max(1, radius // 2)
        self.paint = PosePainter(metainfo, radius, max(1, radius - 1))
        self.paint_gt = PosePainter(
            metainfo, self.line_width, self.line_width, color=WHITE)

    def __call__(self, image: np.ndarray, sample: PoseDataSample,
                 matrix: np.ndarray) -> np.ndarray:
        """Draw one frame.

        Args:
            image (np.ndarray): The whole image, RGB uint8 (H, W, 3).
            sample (PoseDataSample): With ``pred_instances`` and, to show
                it, ``gt_instances`` of one person in pixels of the image.
            matrix (np.ndarray): Affine map, image to panel pixel, (2, 3).

        Returns:
            np.ndarray: Panel in shape (size[1], size[0], 3), black where
            the image ends.
        """
        panel = cv2.warpAffine(
            image, matrix, self.size, flags=cv2.INTER_CUBIC)
        keypoints = _move(sample.pred_instances.keypoints[0], matrix)
        if not self.show_gt:
            return self.paint(panel, keypoints)
        gt = sample.gt_instances
        visible = gt.keypoints_visible[0] > 0
        target = _move(gt.keypoints[0], matrix)
        panel = self.paint_gt(panel, target, visible)
        panel = self.paint(panel, keypoints)
        for index in np.flatnonzero(visible & ~self.hits(sample)):
            ends = np.stack([keypoints[index], target[index]])
            if np.isfinite(ends).all():
                start, end = ends.round().astype(int).tolist()
                style = (MAGENTA, self.line_width, cv2.LINE_AA)
                cv2.circle(panel, start, 2 * self.line_width + 3, *style)
                cv2.line(panel, start, end, *style)
        return panel

    def hits(self, sample: PoseDataSample) -> np.ndarray:
        """Which keypoints PCK counts as correct.

        Args:
            sample (PoseDataSample): As above.

        Returns:
            np.ndarray: Booleans in shape (K, ).
        """
        gt = sample.gt_instances
        size = gt.get('bbox_size')
        if size is None:
            size = gt.bboxes[:, 2:] - gt.bboxes[:, :2]
        return keypoint_hits(sample.pred_instances.keypoints, gt.keypoints,
                             np.asarray(size).max(axis=-1), self.thr)[0]


def fit_person(box: np.ndarray, side: float, size: Size,
               target: Size) -> np.ndarray:
    """The affine map that shows the surroundings of a person in a panel.

    Args:
        box (np.ndarray): x1, y1, x2, y2 in pixels of the image, (4, ).
        side (float): Pixels of the image that fit along the panel's shorter
            side.
        size (tuple): Width and height of the image. The person is off the
            panel's middle where the image would not fill the panel.
        target (tuple): Width and height of the panel.

    Returns:
        np.ndarray: Matrix in shape (2, 3), image to panel pixel.
    """
    scale = min(target) / side
    middle = (np.asarray(size) - 1) / 2
    reach = np.maximum((np.asarray(size) - np.divide(target, scale)) / 2, 0)
    centre = np.clip((box[:2] + box[2:]) / 2, middle - reach, middle + reach)
    return centred(centre, scale, target)


def _move(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (K, 2) under an affine map."""
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def panel_size(sizes: Sequence[Size], height: int) -> Size:
    """A size of panels that suits images of several sizes.

    Args:
        sizes (Sequence[tuple]): Widths and heights of the images.
        height (int): Height of the panels in pixels.

    Returns:
        tuple: Width and height, even, for the widest image.
    """
    aspect = max(size[0] / size[1] for size in sizes)
    half = round(height / 2)
    return 2 * round(half * aspect), 2 * half


def join_panels(panels: Sequence[np.ndarray],
                names: Sequence[str],
                caption: str = '') -> np.ndarray:
    """A frame of a video: panels side by side, named, with a caption.

    Args:
        panels (Sequence[np.ndarray]): Panels of one size, RGB uint8.
        names (Sequence[str]): Their names, above them.
        caption (str): Text below. Defaults to ''.

    Returns:
        np.ndarray: Image with BAR more rows above and below.
    """
    width = panels[0].shape[1]
    heads = [_bar(name, width, centred=True) for name in names]
    return np.concatenate([
        np.concatenate(heads, axis=1),
        np.concatenate(panels, axis=1),
        _bar(caption, width * len(panels))
    ])


def _bar(text: str, width: int, centred: bool = False) -> np.ndarray:
    """A line of white text on dark grey, made to fit."""
    bar = np.full((BAR, width, 3), 30, dtype=np.uint8)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.5
    (length, _), _ = cv2.getTextSize(text, font, scale, 1)
    scale = min(scale, scale * (width - 16) / max(length, 1))
    (length, _), _ = cv2.getTextSize(text, font, scale, 1)
    left = (width - length) // 2 if centred else 8
    return cv2.putText(bar, text, (left, BAR - 9), font, scale, WHITE, 1,
                       cv2.LINE_AA)
