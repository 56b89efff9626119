# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Sequence, Tuple

import numpy as np
from mmpose.structures import PoseDataSample

from ..smoothing import OneEuroFilter, build_smoother


class StreamSmoother:
    """Smooths the poses of everybody in a stream, each by themselves.

    Args:
        smoothing (dict): ``dict(type='OneEuro', ...)``, see
            :func:`temporal_corr.smoothing.build_smoother`.
        max_age (int): Who is missing for more than so many frames is
            forgotten. Defaults to 30.

    Raises:
        ValueError: If the smoothing cannot be used, or not in a stream.
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
        """Smooth the keypoints of the next frame, in place.

        Args:
            samples (Sequence[PoseDataSample]): What the inferencer returned.
        """
        for index in {sample.frame_index for sample in samples}:
            self._people = {
                track_id: (one_euro, last)
                for track_id, (one_euro, last) in self._people.items()
                if index - last - 1 <= self.max_age
            }
        for sample in samples:
            pose, index = sample.pred_instances, sample.frame_index
            one_euro, _ = self._people.get(sample.track_id,
                                           (self._make_filter(), None))
            self._people[sample.track_id] = one_euro, index
            set_keypoints(
                sample,
                one_euro(pose.keypoints[0], index, sample.get('labelled')))


def set_keypoints(sample: PoseDataSample, keypoints: np.ndarray) -> None:
    """Replace the keypoints of a person, in place.

    Args:
        sample (PoseDataSample): The person.
        keypoints (np.ndarray): New keypoints, (K, 2).
    """
    pose = sample.pred_instances
    pose.keypoints = keypoints[None].astype(pose.keypoints.dtype)
