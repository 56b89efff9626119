# Copyright (c) temporal_corr authors. All rights reserved.
"""What a caller may hand over for a frame, checked and in one form.

A ValueError says what cannot be used, and how to give it.
"""
from typing import Optional, Sequence

import cv2
import numpy as np

from ..video_io.followed_person import People


def as_bgr(frame: np.ndarray) -> np.ndarray:
    """A frame as the pipelines take it, BGR uint8 in shape (H, W, 3)."""
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8:
        kind = getattr(frame, 'dtype', type(frame).__name__)
        raise ValueError(f'frame is of {kind}; it must be a numpy array of '
                         'uint8, 0 to 255, as cv2.imread returns')
    frame = np.ascontiguousarray(frame if frame.ndim != 2 else frame[..., None]
                                 )
    if frame.ndim != 3 or frame.shape[2] not in (1, 3, 4) or not frame.size:
        raise ValueError(
            f'frame has the shape {frame.shape}; it must be one frame, '
            'channels last: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)')
    codes = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}
    code = codes.get(frame.shape[2])
    return frame if code is None else cv2.cvtColor(frame, code)


def as_people(bboxes: Sequence,
              track_ids: Optional[Sequence[int]] = None,
              scores: Optional[Sequence[float]] = None) -> People:
    """The people of a frame: boxes (N, 4), 0 .. N - 1 where nobody says who
    they are, ones where nobody says how sure that is."""
    boxes = _numbers('bboxes', bboxes).astype(np.float32)
    if boxes.shape == (0, ):
        boxes = boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f'bboxes has the shape {boxes.shape}; it must be (N, 4), x1, y1, '
            'x2, y2 in pixels (None: one person is found and followed, []: '
            'nobody). Scores go into bbox_scores')
    sides = boxes[:, 2:] - boxes[:, :2]
    bad = np.flatnonzero(~(np.isfinite(boxes).all(axis=1)
                           & (sides > 0).all(axis=1)))
    if len(bad):
        raise ValueError(
            f'bboxes[{bad[0]}] is {boxes[bad[0]].tolist()}: boxes are x1, y1, '
            'x2, y2, finite and with an area (mmpose.structures.bbox.'
            'bbox_xywh2xyxy converts); leave others out')
    count = len(boxes)
    ids = np.arange(count) if track_ids is None else _numbers(
        'track_ids', track_ids)
    known = {int(value) for value in ids.ravel() if np.isfinite(value)}
    if ids.shape != (count, ) or known != set(ids) or len(known) < count:
        raise ValueError(f'track_ids are {ids.tolist()}: they must be {count} '
                         'different integers, one for each box')
    scores = np.ones(count) if scores is None else _numbers(
        'bbox_scores', scores)
    if scores.shape != (count, ):
        raise ValueError(f'bbox_scores has the shape {scores.shape}, but '
                         f'there are {count} boxes: give one for each')
    return People(boxes, [int(value) for value in ids],
                  scores.astype(np.float32))


def as_keypoints(keypoints: Sequence, count: int) -> np.ndarray:
    """Labelled keypoints (N, K, 2) in pixels, or (K, 2) of one person; NaN
    for one that is not labelled."""
    points = _numbers('keypoints', keypoints).astype(np.float64)
    if points.ndim == 2:
        points = points[None]
    if points.ndim != 3 or points.shape[1:] != (count, 2):
        raise ValueError(
            f'keypoints has the shape {points.shape}; it must be '
            f'(N, {count}, 2), x and y of the {count} keypoints of the '
            'model, NaN for one that is not labelled')
    empty = np.flatnonzero(~np.isfinite(points).all(-1).any(-1))
    if len(empty):
        raise ValueError(f'keypoints[{empty[0]}] has no label at all: leave '
                         'that person out')
    return points


def _numbers(name: str, values: Sequence) -> np.ndarray:
    """Any array-like of numbers as an array."""
    try:
        array = np.asarray(values)
    except ValueError:  # rows of unequal length
        array = np.asarray(None)
    if array.dtype.kind not in 'iuf':
        raise ValueError(f'{name} must be numbers, in rows of equal length; '
                         f'got {values!r:.80}')
    return array
