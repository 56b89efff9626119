# Copyright (c) temporal_corr authors. All rights reserved.
"""The percentage of correct keypoints (PCK) as pure functions.

Shapes: N frames, K keypoints. A frame shows one person.
"""
from typing import Dict, Sequence

import numpy as np


def keypoint_hits(pred: np.ndarray, gt: np.ndarray, size: np.ndarray,
                  thr: float) -> np.ndarray:
    """Which predictions are correct: ``|pred - gt| <= thr * size``.

    "If the distance between the predicted keypoint and the ground truth one
    is less than 0.2 of the larger side of the bounding box of the person,
    the prediction is marked as correct" (Section 4); LSTM Pose Machines,
    whose protocol this is, computes ``<=``, while MMPose's
    :func:`keypoint_pck_accuracy` computes ``<``.

    Args:
        pred (np.ndarray): Predictions in shape (N, K, 2). One that is not
            finite is wrong.
        gt (np.ndarray): Ground truth in shape (N, K, 2).
        size (np.ndarray): Normaliser of each frame in shape (N, ), in the
            unit of the coordinates. Where it is zero no prediction is
            correct, not even a perfect one.
        thr (float): Threshold, as a share of the size.

    Returns:
        np.ndarray: Booleans in shape (N, K).
    """
    with np.errstate(invalid='ignore', over='ignore'):
        offset = np.asarray(pred, np.float64) - np.asarray(gt, np.float64)
        distance = np.hypot(offset[..., 0], offset[..., 1])
        size = np.asarray(size, np.float64)[:, None]
        return (distance <= thr * size) & (size > 0)


def keypoint_accuracy(hits: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """The share of correct predictions of each keypoint.

    Args:
        hits (np.ndarray): Booleans in shape (N, K).
        valid (np.ndarray): Which of them count, booleans in shape (N, K).

    Returns:
        np.ndarray: Accuracies in [0, 1] in shape (K, ); NaN for a keypoint
        without ground truth.
    """
    count = valid.sum(axis=0)
    correct = (hits & valid).sum(axis=0)
    return np.where(count > 0, correct / np.maximum(count, 1), np.nan)


def mean_of_known(values: Sequence[float]) -> float:
    """The mean of those that are not NaN; NaN if there is none."""
    values = np.asarray(values, dtype=np.float64)
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float('nan')


def group_accuracy(accuracy: np.ndarray,
                   groups: Dict[str, Sequence[int]]) -> Dict[str, float]:
    """The accuracy of body parts: the mean over their keypoints.

    Args:
        accuracy (np.ndarray): Accuracy of each keypoint in shape (K, ).
        groups (dict): Indices of the keypoints of each group.

    Returns:
        dict: Accuracy of each group, of those of its keypoints that have
        ground truth; NaN if none has.
    """
    return {
        name: mean_of_known(accuracy[list(indices)])
        for name, indices in groups.items()
    }
