# Copyright (c) temporal_corr authors. All rights reserved.
"""Who is where in a frame, and what guides the model besides the frames.

A :class:`PeopleProvider` says where to look: :class:`FollowedPerson`,
:class:`BoxFile` and those here.
"""
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from ..video_io.followed_person import People, PeopleProvider, box_of_pose
from ..video_io.frame_source import FrameSource, SourceFrame
from .coco_files import Label, inside
from .video_pose_inferencer import VideoPoseInferencer


class TrackedPeople(PeopleProvider):
    """People who are found in each frame alone, boxes (N, 4) and scores
    (N, ), and told apart by a :class:`BoxTracker`."""

    def __init__(self, find: Callable[[SourceFrame], tuple], tracker):
        self.find = find
        self.tracker = tracker

    def __call__(self, frame: SourceFrame) -> People:
        return self.tracker(*self.find(frame))

    def reset(self) -> None:
        self.tracker.reset()


class LabelledPeople(PeopleProvider):
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
        self._size = frame.image.shape[1::-1]
        for label in self.frames.get(frame.index, ()):
            self.boxes[label.track_id] = label.bbox
        return People(
            np.stack(list(self.boxes.values())), list(self.boxes),
            np.ones(len(self.boxes), dtype=np.float32))

    def see(self, samples: Sequence[PoseDataSample]) -> Sequence[int]:
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
        return ()


class Prompts:
    """Shows the labels of a shot, by frame, ascending, to an inferencer before
    the shot begins; the frames of ``source`` are read ahead."""

    def __init__(self, frames: Dict[int, List[Label]], source: FrameSource):
        self.frames = frames
        self._source = source
        self._ahead = iter(source)

    def show(self, inferencer: VideoPoseInferencer, start: int,
             end: Optional[int]) -> None:
        """Show the labels of the shot from frame ``start`` to the one before
        ``end``, None for that of the video, to an inferencer that was reset.
        """
        for index, labels in self.frames.items():
            if index < start or (end is not None and index >= end):
                continue
            frame = next((f for f in self._ahead if f.index == index), None)
            if frame is None or not frame.readable:
                raise ValueError(f'frame {index} is labelled, and '
                                 f'{self._source.path} has no such frame that '
                                 'can be read')
            points = np.stack([label.keypoints for label in labels])
            # There is nothing to see where it would be an exemplar of.
            points[~inside(points, frame.image.shape[1::-1])] = np.nan
            inferencer.prompt(frame.image, points,
                              np.stack([label.bbox for label in labels]),
                              [label.track_id for label in labels],
                              index - start)


def predict_frame(
        inferencer: VideoPoseInferencer, people: PeopleProvider,
        frame: SourceFrame,
        labels: Dict[int, List[Label]]) -> List[PoseDataSample]:
    """Predict the next frame of a shot, whose labels have been shown.

    Args:
        inferencer (VideoPoseInferencer): The model.
        people (PeopleProvider): Where to look.
        frame (SourceFrame): The frame; nobody is in one that is broken.
        labels (dict): Labels by frame, which replace predictions: people who
            are labelled get ``labelled`` in their metainfo, which of their
            keypoints are, bool (K, ).
    """
    if not frame.readable:
        return inferencer(frame.image, [])
    samples = inferencer(frame.image, *people(frame))
    known = {
        label.track_id: label.keypoints
        for label in labels.get(frame.index, ())
    }
    for sample in samples:
        if sample.track_id in known:
            points, pose = known[sample.track_id], sample.pred_instances
            sure = np.isfinite(points).all(axis=-1)
            pose.keypoints = np.where(sure[:, None], points, pose.keypoints)
            for name in ('keypoint_scores', 'keypoints_visible'):
                if name in pose:
                    scores = np.where(sure, 1, pose[name]).astype(np.float32)
                    pose.set_field(scores, name)
            sample.set_metainfo(dict(labelled=sure))
    inferencer.take_back(people.see(samples))
    return samples


def compare_people(frames: Dict[int, List[Label]],
                   people: Dict[int, Sequence[int]]) -> List[str]:
    """Sentences about labels (by frame) that have less effect than the user
    may expect, as nobody has a box of theirs; ``people`` is who has one, by
    frame. A ValueError if all of them have none."""
    labelled = {label.track_id for row in frames.values() for label in row}
    known = {track_id for row in people.values() for track_id in row}
    strangers = sorted(labelled - known)
    messages = []
    if strangers:
        what = (f'the labels of --prompt are about track_id {strangers}, who '
                f'have no box (boxes have {sorted(known)})')
        if not labelled & known:
            raise ValueError(f'{what}: give labels and boxes the same '
                             'track_id, or leave the boxes out')
        messages.append(f'{what}: they have no effect')
    for frame, row in frames.items():
        absent = [
            label.track_id for label in row
            if label.track_id not in (*strangers, *people.get(frame, ()))
        ]
        if absent:
            messages.append(f'track_id {absent} have no box in frame {frame}, '
                            'where they are labelled: the label counts, and '
                            'that frame gets no pose')
    return messages
