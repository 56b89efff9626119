# Copyright (c) temporal_corr authors. All rights reserved.
"""Labelled frames at work."""
from typing import Callable, Dict, List, Optional, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from ..video_io.frame_source import FrameSource, SourceFrame
from .coco_files import Label, inside
from .video_pose_inferencer import VideoPoseInferencer


class Prompts:
    """Shows the labels of a shot to an inferencer before the shot begins.

    Args:
        frames (dict): Labels by frame, ascending.
        source (FrameSource): The frames, which are read ahead.
    """

    def __init__(self, frames: Dict[int, List[Label]], source: FrameSource):
        self.frames = frames
        self._source = source
        self._ahead = iter(source)

    def show(self, inferencer: VideoPoseInferencer, start: int,
             end: Optional[int]) -> None:
        """Show the labels of the shot from frame ``start`` to the one before
        ``end``, None for that of the video, to an inferencer that was reset.
        """
        wanted = [
            index for index in self.frames
            if start <= index and (end is None or index < end)
        ]
        for index in wanted:
            frame = next((f for f in self._ahead if f.index == index), None)
            if frame is None or not frame.readable:
                raise ValueError(f'frame {index} is labelled, and '
                                 f'{self._source.path} has no such frame that '
                                 'can be read')
            labels = self.frames[index]
            points = np.stack([label.keypoints for label in labels])
            # There is nothing to see where it would be an exemplar of.
            points[~inside(points, frame.image.shape[1::-1])] = np.nan
            inferencer.prompt(frame.image, points,
                              np.stack([label.bbox for label in labels]),
                              [label.track_id for label in labels],
                              index - start)


def as_labelled(samples: Sequence[PoseDataSample],
                labels: Optional[Sequence[Label]]) -> None:
    """Put the labels of a frame in the place of what was predicted, in place.

    People who are labelled get ``labelled`` in their metainfo: which of their
    keypoints are, bool (K, ).
    """
    known = {label.track_id: label.keypoints for label in labels or ()}
    for sample in samples:
        points = known.get(sample.metainfo['track_id'])
        if points is None:
            continue
        sure, pose = np.isfinite(points).all(axis=-1), sample.pred_instances
        pose.keypoints = np.where(sure[:, None], points, pose.keypoints)
        for name in ('keypoint_scores', 'keypoints_visible'):
            if name in pose:
                scores = np.where(sure, 1, pose[name]).astype(np.float32)
                pose.set_field(scores, name)
        sample.set_metainfo(dict(labelled=sure))


def predict_frame(
        inferencer: VideoPoseInferencer, people: Callable, frame: SourceFrame,
        labels: Dict[int, List[Label]]) -> List[PoseDataSample]:
    """Predict the next frame of a shot, whose labels have been shown.

    Args:
        inferencer (VideoPoseInferencer): The model.
        people (callable): The provider of boxes.
        frame (SourceFrame): The frame; nobody is in one that is broken.
        labels (dict): Labels by frame, which replace predictions.
    """
    if not frame.readable:
        return inferencer(frame.image, [])
    samples = inferencer(frame.image, *people(frame))
    as_labelled(samples, labels.get(frame.index))
    inferencer.take_back(people.see(samples) or ())
    return samples


def compare_people(frames: Dict[int, List[Label]],
                   people: Dict[int, Sequence[int]]) -> List[str]:
    """Which labels are about nobody who is looked for.

    Args:
        frames (dict): Labels by frame.
        people (dict): Who has a box, by frame.

    Returns:
        list[str]: Sentences about labels that have less effect than the user
        may expect. If all of them have none, it is a ValueError.
    """
    labelled = {label.track_id for row in frames.values() for label in row}
    known = {track_id for row in people.values() for track_id in row}
    strangers = sorted(labelled - known)
    what = (f'the labels of --prompt are about track_id {strangers}, who '
            f'have no box (boxes have {sorted(known)})')
    if len(strangers) == len(labelled):
        raise ValueError(f'{what}: give labels and boxes the same track_id, '
                         'or leave the boxes out')
    messages = [f'{what}: they have no effect'] if strangers else []
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
