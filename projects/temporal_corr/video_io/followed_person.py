# Copyright (c) temporal_corr authors. All rights reserved.
"""Where to look for one person: in the whole frame, then around their pose."""
from typing import List, NamedTuple, Optional, Sequence, Tuple

import numpy as np


class People(NamedTuple):
    """The people of a frame: boxes x1, y1, x2, y2 in pixels, (N, 4), who they
    are, N different numbers, and the scores of the boxes, (N, )."""
    bboxes: np.ndarray
    track_ids: Sequence[int]
    scores: np.ndarray


class PeopleProvider:
    """Says who is where in each frame (a ``SourceFrame``), in order."""

    def __call__(self, frame) -> People:
        """The people of the next frame."""
        raise NotImplementedError

    def see(self, samples: Sequence) -> Sequence[int]:
        """Look at the poses, of PoseDataSamples, that came of them. Returns of
        whom nothing should be remembered."""
        return ()

    def reset(self) -> None:
        """Begin the next shot, after a cut."""


class FollowedPerson(PeopleProvider):
    """One person, number 0, whose box follows their last pose.

    A shot begins with the whole frame, or with a box that is given. Whenever
    a pose is not that of a person (:func:`box_of_pose`), the whole frame is
    looked at again. Nothing should be remembered of such a frame: what was
    remembered before still tells what the person looks like.

    :meth:`box` and :meth:`follow` are for plain arrays.

    Args:
        names (Sequence[str]): Names of the K keypoints.
        starts (Sequence): Boxes x1, y1, x2, y2 with which the shots begin,
            (S, 4). Shots beyond them begin with the whole frame. Defaults to
            none.
        padding (float): How much wider than a box the crop of the model is:
            the box of the whole frame is the one whose crop is the frame.
            Defaults to 1.25, as in MMPose.
        thr (float): Least score of a keypoint that counts in the whole
            frame, or in a box that is given. Defaults to 0.1.
        keep_thr (float): The same around the last pose, where the person is
            expected: scores fall for some frames when they move fast, and
            are lower still in the whole frame. Defaults to 0.06.
        share (float): Least share of the keypoints that must count.
            Defaults to 0.3.
    """

    def __init__(self,
                 names: Sequence[str],
                 starts: Sequence = (),
                 padding: float = 1.25,
                 thr: float = 0.1,
                 keep_thr: float = 0.06,
                 share: float = 0.3):
        self.torso = [[i for i, name in enumerate(names) if part in name]
                      for part in ('shoulder', 'hip')]
        self.starts = np.asarray(starts, dtype=np.float32).reshape(-1, 4)
        self.padding, self.share = padding, share
        self.thr, self.keep_thr = thr, keep_thr
        self._shot = -1
        self.reset()

    def reset(self) -> None:
        self._shot += 1
        self._place: Optional[np.ndarray] = None
        #: Whether the last frame showed them.
        self.found = False
        if self._shot < len(self.starts):
            self._place = self.starts[self._shot]

    def box(self, size: Tuple[int, int]) -> np.ndarray:
        """Where to look in the next frame, of that width and height: x1, y1,
        x2, y2 inside of it, (4, ), float32."""
        if self._place is not None:
            place = clip_box(self._place, size)
            if place is not None:
                return place
        margin = np.array([*size, *size]) * (1 - 1 / self.padding) / 2
        return np.float32([*margin[:2], *(size - margin[2:])])

    def follow(self, keypoints: np.ndarray, scores: np.ndarray,
               size: Tuple[int, int]) -> bool:
        """Move the box to the pose that was found in it, keypoints (K, 2) in
        pixels with scores (K, ). Returns whether it is that of a person."""
        thr = self.keep_thr if self.found else self.thr
        self._place = box_of_pose(keypoints, scores, size, self.torso, thr,
                                  self.share)
        self.found = self._place is not None
        return self.found

    def __call__(self, frame) -> People:
        self._size = frame.image.shape[1::-1]
        return People(
            self.box(self._size)[None], [0], np.ones(1, dtype=np.float32))

    def see(self, samples: Sequence) -> List[int]:
        poses = [sample.pred_instances for sample in samples]
        return [
            0 for pose in poses if not self.follow(
                pose.keypoints[0], pose.keypoint_scores[0], self._size)
        ]


def box_of_pose(keypoints: np.ndarray,
                scores: np.ndarray,
                size: Tuple[int, int],
                torso: Sequence[Sequence[int]] = (),
                thr: float = 0.2,
                share: float = 0.3,
                margin: float = 1.2,
                reach: float = 1.5) -> Optional[np.ndarray]:
    """The box of a person by their pose, keypoints (K, 2) in pixels.

    It holds the widened extent of the keypoints that are confident, and the
    surroundings of the hips, for the limbs that are not.

    Args:
        keypoints, scores (np.ndarray): In pixels, (K, 2), and (K, ).
        size (tuple): Width and height of the frame.
        torso (Sequence): Numbers of the shoulders, and of the hips, if they
            are known. A pose without a confident one of each is none.
        thr (float): Least score of a keypoint that counts.
        share (float): Least share of the keypoints that must count, and two
            in any case.
        margin (float): Sides of the box by those of the extent: a body
            reaches further than its joints (the median of annotated boxes
            is 1.3 times as wide and 1.2 times as high).
        reach (float): How far the box reaches from the middle of the hips,
            by the larger side of the torso.

    Returns:
        np.ndarray | None: x1, y1, x2, y2 inside of the frame, of at least two
        pixels a side, (4, ), float32; None if it is no pose of a person in
        the frame.
    """
    sure = (np.asarray(scores) >= thr) & np.isfinite(keypoints).all(axis=1)
    if sure.sum() < max(2, share * len(keypoints)):
        return None
    low, high = keypoints[sure].min(axis=0), keypoints[sure].max(axis=0)
    centre, half = (low + high) / 2, (high - low) / 2 * margin
    low, high = centre - half, centre + half
    if len(torso) and all(torso):
        shoulders, hips = ([i for i in part if sure[i]] for part in torso)
        if not shoulders or not hips:
            return None
        middle = keypoints[hips].mean(axis=0)
        away = reach * np.abs(keypoints[shoulders + hips] - middle).max()
        low, high = np.minimum(low, middle - away), np.maximum(
            high, middle + away)
    return clip_box(np.concatenate([low, high]), size)


def clip_box(box: np.ndarray, size: Tuple[int, int]) -> Optional[np.ndarray]:
    """What of a box is in the frame, float32; None if that is nothing."""
    box = np.clip(box, 0, np.tile(size, 2)).astype(np.float32)
    return box if (box[2:] - box[:2] >= 2).all() else None
