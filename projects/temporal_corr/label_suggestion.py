# Copyright (c) temporal_corr authors. All rights reserved.
"""Which frame of a video a person should label next."""
from typing import NamedTuple, Optional, Sequence

import numpy as np

from .smoothing import gaussian_smooth

#: A keypoint that is this far from its smoothed trajectory, as a share of the
#: person's size, is as doubtful as one with the score 0.
JUMP = 0.1
#: A label helps the frames around it, less with every frame, and no longer so
#: many frames away.
REACH = 20


class Suggestion(NamedTuple):
    """What to label next.

    Attributes:
        frame (int | None): The frame, None where all are labelled.
        reason (str): Why, such as 'left wrist in doubt'.
        doubt (np.ndarray): How much a label is missed in every frame, 0 to 1,
            (T, ).
    """
    frame: Optional[int]
    reason: str
    doubt: np.ndarray


def suggest_frame(keypoints: np.ndarray,
                  scores: np.ndarray,
                  labelled: np.ndarray,
                  scale: float,
                  names: Optional[Sequence[str]] = None) -> Suggestion:
    """Suggest the frame whose label would help most.

    That is the one which takes most doubt away from itself and the frames
    around it. A frame is in doubt as far as the model is, as its keypoints
    leave their smoothed trajectory, and as labels are far.

    Args:
        keypoints (np.ndarray): Keypoints of one person in T consecutive
            frames in pixels, (T, K, 2), labels included; NaN where there
            are none. A frame without any is not suggested.
        scores (np.ndarray): Their scores, (T, K).
        labelled (np.ndarray): Which frames are labelled, bool (T, ).
        scale (float): Size of the person in pixels, such as the larger side
            of the box.
        names (Sequence[str], optional): Names of the keypoints. Defaults to
            None, their numbers.

    Returns:
        Suggestion: The frame, the reason and the doubt of all frames.
    """
    points = np.asarray(keypoints, np.float64)
    labelled = np.asarray(labelled, bool)
    total = len(points)
    fixed = np.broadcast_to(labelled[:, None], points.shape[:2])
    seen = np.isfinite(points).all(axis=-1)
    smoothed = gaussian_smooth(points, scores, np.arange(total), fixed)
    leap = np.linalg.norm(points - smoothed, axis=-1) / (JUMP * scale)
    doubts = dict(
        unsure=1 - np.clip(np.nan_to_num(scores), 0, 1),
        jump=np.clip(np.nan_to_num(leap), 0, 1))
    own = sum(doubts.values()) / 2 * seen
    own = own.sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    times = np.flatnonzero(labelled)
    away = np.full(total, np.inf)
    if len(times):
        away = np.abs(np.arange(total)[:, None] - times).min(axis=1)
    far = np.clip(away / REACH, 0, 1)
    doubt = own * far
    open_frames = seen.any(axis=1) & ~labelled
    if not open_frames.any():
        return Suggestion(None, 'all frames are labelled', doubt)
    gain = np.zeros(total)
    for step in range(1 - REACH, REACH):
        # What a label takes away from the frame so many steps on.
        here = slice(max(-step, 0), max(total - max(step, 0), 0))
        there = slice(max(step, 0), max(total + min(step, 0), 0))
        gain[here] += own[there] * np.clip(far[there] - abs(step) / REACH, 0,
                                           1)
    frame = int(np.where(open_frames, gain, -1).argmax())
    worst = {name: int(part[frame].argmax()) for name, part in doubts.items()}
    name, keypoint = max(
        worst.items(), key=lambda item: doubts[item[0]][frame, item[1]])
    if doubts[name][frame, keypoint] < far[frame] / 2:
        reason = 'far from labels' if len(times) else 'nothing is labelled'
    else:
        told = str(keypoint) if names is None else names[keypoint]
        what = dict(unsure='in doubt', jump='jumps')[name]
        reason = f'{told.replace("_", " ")} {what}'
    return Suggestion(frame, reason, doubt)
