# Copyright (c) temporal_corr authors. All rights reserved.
"""Predictions on the frames of a video, side by side for several models."""
from typing import List, NamedTuple, Optional, Sequence

import cv2
import numpy as np
from matplotlib.figure import Figure
from mmpose.structures import PoseDataSample

from ..evaluation.pck import keypoint_hits
from .overlay import PosePainter, Size

WHITE = (255, 255, 255)
RED = (255, 40, 40)
BAR = 28  # height of a line of text above or below the panels


class SheetBlock(NamedTuple):
    """Some frames of one video, for a contact sheet.

    Attributes:
        video_id (str): The video.
        frames (list[int]): Frame numbers, counted from 1.
        panels (list[list[np.ndarray]]): For each frame the panels of the
            models.
    """
    video_id: str
    frames: List[int]
    panels: List[List[np.ndarray]]


class PredictionPainter:
    """Draws the prediction of a frame into a panel of a given size.

    Args:
        metainfo (dict): Metainfo of the data set.
        size (tuple): Width and height of the panels in pixels. Frames are
            enlarged to fit and centred on black.
        show_gt (bool): Whether to draw the ground truth in white under the
            prediction, and a red line from each visible keypoint that
            PCK counts as wrong to where it should be. Defaults to False.
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
        radius = max(2, round(size[1] / 110))
        self.paint = PosePainter(metainfo, radius, max(1, radius - 1))
        self.paint_gt = PosePainter(
            metainfo, max(1, radius - 2), 1, color=WHITE)

    def __call__(self, image: np.ndarray,
                 sample: PoseDataSample) -> np.ndarray:
        """Draw one frame.

        Args:
            image (np.ndarray): The whole image, RGB uint8 (H, W, 3).
            sample (PoseDataSample): With ``pred_instances`` and, to show
                it, ``gt_instances`` of one person in pixels of the image.

        Returns:
            np.ndarray: Panel in shape (size[1], size[0], 3).
        """
        matrix = fit_matrix((image.shape[1], image.shape[0]), self.size)
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
                cv2.line(panel, start, end, RED, 2, cv2.LINE_AA)
        return panel

    def hits(self, sample: PoseDataSample) -> np.ndarray:
        """Which keypoints PCK counts as correct, (K, )."""
        gt = sample.gt_instances
        size = gt.get('bbox_size')
        if size is None:
            size = gt.bboxes[:, 2:] - gt.bboxes[:, :2]
        return keypoint_hits(sample.pred_instances.keypoints, gt.keypoints,
                             np.asarray(size).max(axis=-1), self.thr)[0]


def fit_matrix(size: Size, target: Size) -> np.ndarray:
    """The affine map that fits an image into a panel, centred.

    Args:
        size (tuple): Width and height of the image.
        target (tuple): Width and height of the panel.

    Returns:
        np.ndarray: Matrix in shape (2, 3), image to panel pixel.
    """
    scale = min(target[0] / size[0], target[1] / size[1])
    # The centre of pixel 0 lies half a pixel inside of the image.
    offset = [(t - scale * s) / 2 + scale / 2 - 0.5
              for s, t in zip(size, target)]
    return np.array([[scale, 0., offset[0]], [0., scale, offset[1]]])


def _move(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (K, 2) under an affine map."""
    return np.asarray(points) @ matrix[:, :2].T + matrix[:, 2]


def panel_size(sizes: Sequence[Size], height: int) -> Size:
    """A size of panels that suits images of several sizes.

    Args:
        sizes (Sequence[tuple]): Widths and heights of the images.
        height (int): Height of the panels in pixels.

    Returns:
        tuple: Width and height, even: those of the widest image.
    """
    aspect = max(width / height_ for width, height_ in sizes)
    return 2 * round(height * aspect / 2), 2 * round(height / 2)


def join_panels(panels: Sequence[np.ndarray],
                names: Sequence[Optional[str]],
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
    bars = [_bar(name or '', width, centred=True) for name in names]
    body = np.concatenate([np.concatenate(bars, axis=1),
                           np.concatenate(panels, axis=1)])  # yapf: disable
    return np.concatenate([body, _bar(caption, body.shape[1])])


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


def draw_contact_sheet(blocks: Sequence[SheetBlock],
                       names: Sequence[Optional[str]]) -> Figure:
    """Frames of videos as one picture: a row for each model and video.

    Args:
        blocks (Sequence[SheetBlock]): The videos.
        names (Sequence[str]): Names of the models.

    Returns:
        Figure: The sheet.
    """
    height, width = blocks[0].panels[0][0].shape[:2]
    columns = max(len(block.frames) for block in blocks)
    cell = 1.9  # inches
    row_height = cell * height / width
    top = 0.42  # of a block, for its title
    margin = 0.3
    total = len(blocks) * (len(names) * row_height + top) + 0.05
    figure = Figure(figsize=(columns * cell + margin, total), dpi=120)
    left = margin / (columns * cell + margin)
    y = total
    for block in blocks:
        figure.text(
            0.5, (y - 0.05) / total, block.video_id, ha='center', va='top',
            fontsize=9, fontweight='bold')  # yapf: disable
        y -= top
        for row, name in enumerate(names):
            y -= row_height
            for column, panels in enumerate(block.panels):
                axes = figure.add_axes(
                    (left + column * (1 - left) / columns, y / total,
                     (1 - left) / columns, row_height / total))
                axes.imshow(panels[row], aspect='auto')
                axes.set_axis_off()
                if row == 0:
                    axes.set_title(
                        f'frame {block.frames[column]}', fontsize=7, pad=2)
            figure.text(
                left / 2, (y + row_height / 2) / total, name or '',
                rotation=90, ha='center', va='center',
                fontsize=8)  # yapf: disable
    return figure
