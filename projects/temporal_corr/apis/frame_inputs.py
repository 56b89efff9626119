# Copyright (c) temporal_corr authors. All rights reserved.
"""What a caller may hand over for a frame, checked and in one form."""
from typing import Optional, Sequence

import cv2
import numpy as np


def as_bgr(frame: np.ndarray) -> np.ndarray:
    """A frame as the pipelines take it.

    Args:
        frame (np.ndarray): BGR (H, W, 3), BGRA (H, W, 4) or grey (H, W) or
            (H, W, 1), uint8.

    Returns:
        np.ndarray: BGR uint8 in shape (H, W, 3), contiguous.

    Raises:
        ValueError: If it is no such array, or empty.
    """
    if not isinstance(frame, np.ndarray):
        raise ValueError(
            f'frame is a {type(frame).__name__}, not a numpy array: decode '
            'it first, as cv2.imread does')
    if frame.ndim not in (2, 3) or (frame.ndim == 3
                                    and frame.shape[2] not in (1, 3, 4)):
        raise ValueError(
            f'frame has the shape {frame.shape}; it must be (H, W), '
            '(H, W, 1), (H, W, 3) or (H, W, 4): give one frame at a time, '
            'channels last')
    if frame.dtype != np.uint8:
        raise ValueError(
            f'frame is of {frame.dtype}, not uint8: scale it to 0 .. 255 '
            'and use astype(numpy.uint8)')
    if not frame.size:
        raise ValueError(f'frame is empty, {frame.shape}: leave out frames '
                         'that could not be decoded')
    frame = np.ascontiguousarray(frame)
    if frame.ndim == 2 or frame.shape[2] == 1:
        return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
    if frame.shape[2] == 4:
        return cv2.cvtColor(frame, cv2.COLOR_BGRA2BGR)
    return frame


def as_boxes(bboxes: Optional[Sequence], image: np.ndarray) -> np.ndarray:
    """The boxes of the people of a frame.

    Args:
        bboxes (array-like, optional): x1, y1, x2, y2 in pixels, (N, 4);
            None for the whole frame.
        image (np.ndarray): The frame in shape (H, W, 3).

    Returns:
        np.ndarray: Boxes in shape (N, 4), float32; N may be 0.

    Raises:
        ValueError: If the shape is another one, or a box is not finite or
            has no area.
    """
    if bboxes is None:
        height, width = image.shape[:2]
        return np.array([[0, 0, width, height]], dtype=np.float32)
    boxes = _numbers('bboxes', bboxes).astype(np.float32)
    if boxes.size == 0 and boxes.shape in ((0, ), (0, 4)):
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f'bboxes has the shape {boxes.shape}; it must be (N, 4), x1, y1, '
            'x2, y2 in pixels (None: the whole frame, []: nobody). Scores '
            'go into bbox_scores')
    bad = np.flatnonzero(~np.isfinite(boxes).all(axis=1))
    if len(bad):
        raise ValueError(f'bboxes[{bad[0]}] is {boxes[bad[0]].tolist()}: '
                         'leave out people whose box is not finite')
    bad = np.flatnonzero((boxes[:, 2:] <= boxes[:, :2]).any(axis=1))
    if len(bad):
        raise ValueError(
            f'bboxes[{bad[0]}] is {boxes[bad[0]].tolist()}, which has no '
            'area: boxes are x1, y1, x2, y2 (mmpose.structures.bbox.'
            'bbox_xywh2xyxy converts); leave out empty ones')
    return boxes


def as_keypoints(keypoints: Sequence, count: int) -> np.ndarray:
    """Labelled keypoints of the people of a frame.

    Args:
        keypoints (array-like): x, y in pixels, (N, K, 2), or (K, 2) of one
            person; NaN for one that is not labelled.
        count (int): Number K of keypoints of the model.

    Returns:
        np.ndarray: Keypoints in shape (N, K, 2), float64.

    Raises:
        ValueError: If the shape is another one, or a person has no label.
    """
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


def as_track_ids(track_ids: Optional[Sequence[int]],
                 count: int) -> Sequence[int]:
    """The identities of the people of a frame.

    Args:
        track_ids (array-like, optional): An integer for each person; None
            for 0 .. N - 1.
        count (int): Number N of people.

    Returns:
        list[int]: N different integers.

    Raises:
        ValueError: If there are more or fewer, or one comes twice.
    """
    if track_ids is None:
        return list(range(count))
    given = _numbers('track_ids', track_ids)
    if given.shape != (count, ):
        raise ValueError(f'track_ids has the shape {given.shape}, but there '
                         f'are {count} boxes: give one integer for each')
    ids = [int(value) for value in given if np.isfinite(value)]
    if len(ids) < count or (given != ids).any():
        raise ValueError(f'track_ids are {given.tolist()}: they must be '
                         'integers')
    if len(set(ids)) < count:
        twice = next(value for value in ids if ids.count(value) > 1)
        raise ValueError(
            f'track_ids names person {twice} {ids.count(twice)} times: a '
            'person is in a frame once; leave out the weaker box')
    return ids


def as_scores(bbox_scores: Optional[Sequence[float]],
              count: int) -> np.ndarray:
    """The scores of the boxes of a frame.

    Args:
        bbox_scores (array-like, optional): A number for each person; None
            for ones.
        count (int): Number N of people.

    Returns:
        np.ndarray: N scores, float32.

    Raises:
        ValueError: If there are more or fewer.
    """
    if bbox_scores is None:
        return np.ones(count, dtype=np.float32)
    scores = _numbers('bbox_scores', bbox_scores).astype(np.float32)
    if scores.shape != (count, ):
        raise ValueError(f'bbox_scores has the shape {scores.shape}, but '
                         f'there are {count} boxes: give one for each')
    return scores


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
