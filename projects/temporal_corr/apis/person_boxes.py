# Copyright (c) temporal_corr authors. All rights reserved.
"""Who is where in a frame, before their pose is known.

A provider of boxes is called with each frame, in order, and returns
:class:`People`; it is shown the poses that came of them (``see``) and told of
cuts (``reset``).
"""
from typing import Callable, NamedTuple, Sequence, Tuple

import numpy as np
from mmpose.structures import PoseDataSample

from ..video_io.frame_source import SourceFrame


class People(NamedTuple):
    """The people of a frame.

    Attributes:
        bboxes (np.ndarray): x1, y1, x2, y2 in pixels, (N, 4).
        track_ids (list[int]): Who they are, N different numbers.
        scores (np.ndarray): Scores of the boxes, (N, ).
    """
    bboxes: np.ndarray
    track_ids: Sequence[int]
    scores: np.ndarray


class WholeFrame:
    """One person, number 0, somewhere in the frame."""

    def __call__(self, frame: SourceFrame) -> People:
        """The box of a frame: all of it."""
        height, width = frame.image.shape[:2]
        return People(
            np.array([[0, 0, width, height]], dtype=np.float32), [0],
            np.ones(1, dtype=np.float32))

    def see(self, samples: Sequence[PoseDataSample]) -> None:
        """Has no effect."""

    def reset(self) -> None:
        """Has no effect."""


class FollowedBox:
    """One person, number 0, whose box follows their last pose.

    Args:
        starts (Sequence): Boxes x1, y1, x2, y2 with which the shots begin,
            (S, 4). The last serves all shots that are left.
        kpt_thr (float): Least score of a keypoint that counts. Defaults to
            0.1.
    """

    def __init__(self, starts: Sequence, kpt_thr: float = 0.1):
        self.starts = np.asarray(starts, dtype=np.float32).reshape(-1, 4)
        self.kpt_thr = kpt_thr
        self._shot = 0
        self.box = self.starts[0]

    def __call__(self, frame: SourceFrame) -> People:
        """The box of a frame."""
        self._size = frame.image.shape[1::-1]
        return People(self.box[None], [0], np.ones(1, dtype=np.float32))

    def see(self, samples: Sequence[PoseDataSample]) -> None:
        """Move the box to the pose.

        Args:
            samples (Sequence[PoseDataSample]): The pose in the last box.
        """
        for sample in samples:
            pose = sample.pred_instances
            self.box = follow_pose(self.box, pose.keypoints[0],
                                   pose.keypoint_scores[0], self._size,
                                   self.kpt_thr)

    def reset(self) -> None:
        """Begin the next shot, with its own box."""
        self._shot = min(self._shot + 1, len(self.starts) - 1)
        self.box = self.starts[self._shot]


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


def follow_pose(box: np.ndarray,
                keypoints: np.ndarray,
                scores: np.ndarray,
                size: Tuple[int, int],
                thr: float = 0.1,
                padding: float = 1.4,
                max_change: float = 1.1) -> np.ndarray:
    """The box in which to look for a person in the next frame.

    The padded extent of the keypoints. The box stays where fewer than half
    of the keypoints are confident, or the pose has left the image, and its
    sides change by a tenth a frame at most, so that one bad pose does not
    lose the person.

    Args:
        box (np.ndarray): Box of this frame, x1, y1, x2, y2 in pixels, (4, ).
        keypoints (np.ndarray): Pose of this frame in pixels, (K, 2).
        scores (np.ndarray): Scores of the keypoints, (K, ).
        size (tuple): Width and height of the image in pixels.
        thr (float): Least score that counts. Defaults to 0.1.
        padding (float): Sides of the box by those of the extent: a body
            reaches further than its joints (the median of annotated boxes
            is 1.3 times as wide and 1.2 times as high), and moves on.
            Defaults to 1.4.
        max_change (float): Largest factor, or inverse, by which a side
            changes. Defaults to 1.1.

    Returns:
        np.ndarray: Box in shape (4, ), float32, inside of the image.
    """
    sure = (scores >= thr) & np.isfinite(keypoints).all(axis=1)
    if sure.sum() < max(2, len(keypoints) / 2):
        return box
    low, high = keypoints[sure].min(axis=0), keypoints[sure].max(axis=0)
    old = box[2:] - box[:2]
    sides = np.clip((high - low) * padding, old / max_change,
                    old * max_change)
    centre = (low + high) / 2
    moved = np.concatenate([centre - sides / 2, centre + sides / 2])
    moved = np.clip(moved, 0, np.tile(np.subtract(size, 1), 2))
    if (moved[2:] - moved[:2] < 2).any():
        return box
    return moved.astype(np.float32)
