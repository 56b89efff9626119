# Copyright (c) temporal_corr authors. All rights reserved.
"""The percentage of correct keypoints (PCK) as pure functions.

Shapes: N frames, K keypoints. A frame shows one person.
"""
from typing import Dict, List, Sequence

import numpy as np


def keypoint_hits(pred: np.ndarray, gt: np.ndarray, size: np.ndarray,
                  thr: float) -> np.ndarray:
    """Which predictions (N, K) are correct: ``|pred - gt| <= thr * size``.

    "If the distance between the predicted keypoint and the ground truth one
    is less than 0.2 of the larger side of the bounding box of the person,
    the prediction is marked as correct" (Section 4); LSTM Pose Machines,
    whose protocol this is, computes ``<=``, MMPose's
    :func:`keypoint_pck_accuracy` ``<``.

    Args:
        pred, gt (np.ndarray): Predictions and ground truth, (N, K, 2) each. A
            prediction that is not finite is wrong.
        size (np.ndarray): Normaliser of each frame in pixels, (N, ). Where it
            is zero no prediction is correct.
        thr (float): Threshold, as a share of the size.
    """
    with np.errstate(invalid='ignore', over='ignore'):
        offset = np.asarray(pred, np.float64) - np.asarray(gt, np.float64)
        distance = np.hypot(offset[..., 0], offset[..., 1])
        size = np.asarray(size, np.float64)[:, None]
        return (distance <= thr * size) & (size > 0)


def keypoint_means(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """The mean of each keypoint (K, ) over the values (N, K) that count; NaN
    where none does."""
    count = counted.sum(axis=0)
    total = np.where(counted, values, 0.).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_of_known(values: Sequence[float]) -> float:
    """The mean without NaN; NaN if there is nothing else."""
    values = np.asarray(values, dtype=np.float64)
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float('nan')


def group_indices(meta: dict) -> Dict[str, List[int]]:
    """Indices of the keypoints of each of the ``pck_groups`` of a metainfo;
    of its ``eval_keypoints`` alone where it has them."""
    indices = meta['keypoint_name2id']
    wanted = meta.get('eval_keypoints') or indices
    return {
        name: [indices[part] for part in parts if part in wanted]
        for name, parts in meta['pck_groups'].items()
    }


def group_means(means: np.ndarray,
                groups: Dict[str, Sequence[int]]) -> Dict[str, float]:
    """The mean over each group's known keypoints, and ``Mean``, that of the
    groups."""
    scores = {
        name: mean_of_known(means[list(indices)])
        for name, indices in groups.items()
    }
    return dict(scores, Mean=mean_of_known(list(scores.values())))
