# Copyright (c) temporal_corr authors. All rights reserved.
"""Poses on images, which are RGB, uint8, in shape (H, W, 3)."""
from typing import Dict, Optional, Sequence, Tuple

import cv2
import numpy as np

Color = Tuple[int, int, int]

SHIFT = 4  # OpenCV draws at 1/16 pixel, so that poses do not jump


def draw_poses(image: np.ndarray,
               keypoints: np.ndarray,
               metainfo: dict,
               visible: Optional[np.ndarray] = None,
               radius: int = 4,
               thickness: int = 3,
               color: Optional[Color] = None) -> np.ndarray:
    """Draw people in the colours of the data set, outlined in black.

    Args:
        image (np.ndarray): The image. Not changed.
        keypoints (np.ndarray): Keypoints of N people in pixels of the image,
            (N, K, 2). Those that are not finite are left out.
        metainfo (dict): Metainfo of the data set: ``skeleton_links``,
            ``skeleton_link_colors`` and ``keypoint_colors``.
        visible (np.ndarray, optional): Positive for keypoints to draw,
            (N, K). Defaults to None, all.
        radius (int): Radius of a keypoint in pixels. Defaults to 4.
        thickness (int): Width of a limb in pixels. Defaults to 3.
        color (tuple, optional): One colour for everything instead.
            Defaults to None.
    """
    image = image.copy()
    shown = np.isfinite(keypoints).all(axis=-1)
    if visible is not None:
        shown &= np.asarray(visible) > 0
    points = np.where(shown[..., None], keypoints, 0.).clip(-1e4, 1e4)
    points = (points * 2**SHIFT).round().astype(int)
    for pose, drawn in zip(points.tolist(), shown):
        for edge, ink in ((1, (0, 0, 0)), (0, color)):
            for (start, end), own in zip(metainfo['skeleton_links'],
                                         metainfo['skeleton_link_colors']):
                if drawn[start] and drawn[end]:
                    cv2.line(image, pose[start], pose[end], ink
                             or _rgb(own), thickness + 2 * edge, cv2.LINE_AA,
                             SHIFT)
            for index in np.flatnonzero(drawn):
                own = metainfo['keypoint_colors'][index]
                cv2.circle(image, pose[index], (radius + edge) * 2**SHIFT, ink
                           or _rgb(own), cv2.FILLED, cv2.LINE_AA, SHIFT)
    return image


def side_colors(metainfo: dict) -> Dict[str, Color]:
    """RGB of the limbs on the person's ``'left'`` and ``'right'``; empty where
    names or colours do not tell sides apart."""
    names, found = metainfo['keypoint_id2name'], {}
    for side in ('left', 'right'):
        colors = [
            _rgb(color) for link, color in zip(
                metainfo['skeleton_links'], metainfo['skeleton_link_colors'])
            if all(names[index].startswith(side) for index in link)
        ]
        if colors:  # the face may have one of its own
            found[side] = max(colors, key=colors.count)
    return found if len(set(found.values())) == 2 else {}


def _rgb(color: Sequence[int]) -> Color:
    """For OpenCV, which takes no arrays of NumPy."""
    return tuple(int(part) for part in color)
