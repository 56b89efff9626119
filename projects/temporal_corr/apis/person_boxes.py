# Copyright (c) temporal_corr authors. All rights reserved.
"""Who is where in a frame, before their pose is known.

A provider of boxes is called with each frame, in order, and returns
:class:`People`; it is shown the poses that came of them (``see``), returns of
whom nothing should be remembered, if of anybody, and is told of cuts
(``reset``).
"""
from typing import Callable, Sequence, Tuple

import numpy as np
from mmpose.structures import PoseDataSample

from ..video_io.followed_person import People
from ..video_io.frame_source import SourceFrame


class TrackedPeople:
    """People who are found in each frame alone, and told apart by a tracker.

    Args:
        find (callable): Takes a :class:`SourceFrame`, returns boxes (N, 4)
            and scores (N, ).
        tracker (BoxTracker): Gives them identities.
    """

    def __init__(self, find: Callable[[SourceFrame], Tuple[np.ndarray,
                                                           np.ndarray]],
                 tracker):
        self.find = find
        self.tracker = tracker

    def __call__(self, frame: SourceFrame) -> People:
        """The people of a frame."""
        return self.tracker(*self.find(frame))

    def see(self, samples: Sequence[PoseDataSample]) -> None:
        """Has no effect: boxes do not depend on poses."""

    def reset(self) -> None:
        """Nobody of this shot is expected in the next."""
        self.tracker.reset()


def pose_extents(keypoints: np.ndarray, padding: float = 1.25) -> np.ndarray:
    """The padded extents of poses.

    Args:
        keypoints (np.ndarray): Poses in pixels, (N, K, 2); NaN for a keypoint
            that is not known.
        padding (float): Sides of the box by those of the extent. Defaults to
            1.25.

    Returns:
        np.ndarray: Boxes x1, y1, x2, y2 in shape (N, 4), float32, of at least
        two pixels a side.
    """
    low, high = np.nanmin(keypoints, axis=1), np.nanmax(keypoints, axis=1)
    sides = np.maximum((high - low) * padding, 2)
    centre = (low + high) / 2
    return np.concatenate([centre - sides / 2, centre + sides / 2],
                          axis=1).astype(np.float32)
