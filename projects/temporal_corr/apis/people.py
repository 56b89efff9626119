# Copyright (c) temporal_corr authors. All rights reserved.
"""Who is where in a frame, before their pose is known.

A provider of boxes is called with each frame, in order, and returns
:class:`People`; it is shown the poses that came of them (``see``), returns of
whom nothing should be remembered, if of anybody, and is told of cuts
(``reset``). So do :class:`FollowedPerson`, :class:`BoxFile` and those here.
"""
from typing import Callable, Dict, List, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from ..video_io.followed_person import People, box_of_pose
from ..video_io.frame_source import SourceFrame
from .coco_files import Label


class TrackedPeople:
    """People who are found in each frame alone, and told apart by a tracker.

    Args:
        find (callable): Takes a :class:`SourceFrame`, returns boxes (N, 4)
            and scores (N, ).
        tracker (BoxTracker): Gives them identities.
    """

    def __init__(self, find: Callable[[SourceFrame], tuple], tracker):
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


class LabelledPeople:
    """The people who are labelled somewhere in a video.

    Each is looked for where they were labelled, before in the box of their
    first label, and from a label on in the box that follows their last pose;
    it stays where a pose is not that of a person.

    Args:
        frames (dict): Labels by frame, ascending.
        kpt_thr (float): Least score of a keypoint that counts.
    """

    def __init__(self, frames: Dict[int, List[Label]], kpt_thr: float = 0.3):
        self.frames = frames
        self.kpt_thr = kpt_thr
        self.boxes: Dict[int, np.ndarray] = {}
        for labels in reversed(list(frames.values())):
            self.boxes.update({label.track_id: label.bbox for label in labels})

    def __call__(self, frame: SourceFrame) -> People:
        """The boxes of a frame."""
        self._size = frame.image.shape[1::-1]
        for label in self.frames.get(frame.index, ()):
            self.boxes[label.track_id] = label.bbox
        return People(
            np.stack(list(self.boxes.values())), list(self.boxes),
            np.ones(len(self.boxes), dtype=np.float32))

    def see(self, samples: Sequence[PoseDataSample]) -> None:
        """Move the boxes to the poses in them."""
        for sample in samples:
            pose = sample.pred_instances
            box = box_of_pose(
                pose.keypoints[0],
                pose.keypoint_scores[0],
                self._size,
                thr=self.kpt_thr,
                share=0.5)
            if box is not None:
                self.boxes[sample.track_id] = box

    def reset(self) -> None:
        """Has no effect: labels say who is in the next shot, too."""
