# Copyright (c) temporal_corr authors. All rights reserved.
"""Which frame of a video a person should label next."""
from typing import NamedTuple, Optional, Sequence

import numpy as np

#: A label helps the frames around it, less with every frame, and no longer so
#: many frames away.
REACH = 12


class Suggestion(NamedTuple):
    """What to label next.

    Attributes:
        frame (int | None): The frame; None where none is left.
        reason (str): Why, such as 'left wrist in doubt'.
        doubt (np.ndarray): How much a label is missed in every frame, 0 to 1,
            (T, ).
    """
    frame: Optional[int]
    reason: str
    doubt: np.ndarray


def suggest_frame(scores: np.ndarray,
                  labelled: np.ndarray,
                  names: Optional[Sequence[str]] = None) -> Suggestion:
    """Suggest the frame whose label would help most.

    A frame is in doubt by how far its scores are from 1, and by how far
    labels are; the label is suggested that takes most doubt away from its
    frame and those around it. That keypoints jump says nothing more
    (docs/annotation.md).

    Args:
        scores (np.ndarray): Scores of the keypoints of one person in T
            consecutive frames, (T, K); NaN where there is none. A frame
            without any is not suggested.
        labelled (np.ndarray): Which frames are labelled, bool (T, ).
        names (Sequence[str], optional): Names of the keypoints. Defaults to
            None, their numbers.

    Returns:
        Suggestion: The frame, the reason and the doubt of all frames.
    """
    scores = np.asarray(scores, np.float64)
    labelled = np.asarray(labelled, bool)
    total = len(scores)
    seen = np.isfinite(scores)
    unsure = np.where(seen, 1 - np.clip(scores, 0, 1), 0)
    own = unsure.mean(axis=1)
    times = np.flatnonzero(labelled)
    far = np.ones(total)
    if len(times):
        away = np.abs(np.arange(total)[:, None] - times).min(axis=1)
        far = np.minimum(away / REACH, 1)
    free = seen.any(axis=1) & ~labelled
    if not free.any():
        return Suggestion(None, 'all frames are labelled', own * far)
    around_own, around_far = (np.pad(part, REACH) for part in (own, far))
    gain = np.zeros(total)
    for step in range(1 - REACH, REACH):
        there = slice(REACH + step, REACH + step + total)
        less = around_far[there] - abs(step) / REACH
        gain += around_own[there] * np.maximum(less, 0)
    frame = int(np.where(free, gain, -1).argmax())
    keypoint = int(unsure[frame].argmax())
    told = str(keypoint if names is None else names[keypoint])
    told = told.replace('_', ' ')
    if own[frame] > 1.1 * own[free].mean():
        reason = f'{told} in doubt'
    else:
        where = 'far from labels' if len(times) else 'nothing is labelled'
        reason = f'{where}, {told} least certain'
    return Suggestion(frame, reason, own * far)
