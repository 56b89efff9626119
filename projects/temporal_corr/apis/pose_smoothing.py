# Copyright (c) temporal_corr authors. All rights reserved.
"""Smoothing of the people of a video, each by themselves.

What is not to be moved are the keypoints that ``labelled`` in the metainfo of
a sample names.
"""
from collections import defaultdict
from typing import Callable, Dict, Sequence, Tuple

import numpy as np
from mmpose.structures import PoseDataSample

from ..smoothing import OneEuroFilter, build_smoother


class StreamSmoother:
    """Smooths the poses of everybody in a stream.

    Args:
        smoothing (dict): ``dict(type='OneEuro', ...)``, see
            :func:`temporal_corr.smoothing.build_smoother`.
        max_age (int): Who is missing for more than so many frames is
            forgotten. Defaults to 30.
    """

    def __init__(self, smoothing: dict, max_age: int = 30):
        self.max_age = max_age
        self._make_filter = build_smoother(smoothing, streaming=True)
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        # Filters of the people, and when they were last seen.
        self._people: Dict[int, Tuple[OneEuroFilter, int]] = {}

    def __call__(self, samples: Sequence[PoseDataSample]) -> None:
        """Smooth the keypoints of the next frame, in place."""
        for sample in samples:
            index = sample.frame_index
            self._people = {
                track_id: (one_euro, last)
                for track_id, (one_euro, last) in self._people.items()
                if index - last - 1 <= self.max_age
            }
            one_euro, _ = self._people.get(sample.track_id,
                                           (self._make_filter(), None))
            self._people[sample.track_id] = one_euro, index
            _move(
                sample,
                one_euro(sample.pred_instances.keypoints[0], index,
                         sample.get('labelled')))


def smooth_recording(frames: Sequence[Sequence[PoseDataSample]],
                     smoother: Callable) -> None:
    """Smooth the people of all frames of a video, in place.

    Args:
        frames (Sequence[Sequence[PoseDataSample]]): The people of each frame.
        smoother (Callable): See
            :func:`temporal_corr.smoothing.build_smoother`.
    """
    tracks: Dict[tuple, list] = defaultdict(list)
    for index, samples in enumerate(frames):
        for sample in samples:
            # The same person in another shot is another track.
            tracks[sample.track_id, index - sample.frame_index].append(sample)
    for track in tracks.values():
        poses = [sample.pred_instances for sample in track]
        points = np.concatenate([pose.keypoints for pose in poses])
        nothing = np.zeros(points.shape[1], dtype=bool)
        smoothed = smoother(
            points, np.concatenate([pose.keypoint_scores for pose in poses]),
            [sample.frame_index for sample in track],
            [sample.get('labelled', nothing) for sample in track])
        for sample, keypoints in zip(track, smoothed):
            _move(sample, keypoints)


def _move(sample: PoseDataSample, keypoints: np.ndarray) -> None:
    pose = sample.pred_instances
    pose.keypoints = keypoints[None].astype(pose.keypoints.dtype)
