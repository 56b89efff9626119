# Copyright (c) temporal_corr authors. All rights reserved.
"""Predictions of a video in MMPose's format."""
import json
import os
from typing import IO, Any, Optional, Sequence

import numpy as np
from mmpose.structures import PoseDataSample, split_instances

from ..visualization.video_file import output_path, temporary_path


class PoseFile:
    """A JSON file of predictions to add frames to, as a context manager.

    ``meta_info`` is the metainfo of the data set, ``instance_info`` a list
    with one entry a frame: ``frame_id``, from 0, and ``instances``, each with
    ``keypoints``, ``keypoint_scores``, ``bbox`` (as MMPose's
    :func:`split_instances` writes it, a list of one box x1, y1, x2, y2),
    ``bbox_score`` and, beyond MMPose's, ``track_id``.

    Frames go to the disk as they come, so that a long video takes no more
    memory than a short one. Appears under its name when it is complete, and
    not at all if an error ends the block.

    Args:
        path (str): A .json file.
        dataset_meta (dict): Metainfo of the data set.

    Raises:
        ValueError: If the path does not end with .json.
    """

    def __init__(self, path: str, dataset_meta: dict):
        self.path = output_path(path, ('.json', ))
        self.num_frames = 0
        self._meta = dataset_meta
        self._temporary = temporary_path(self.path)
        self._file: Optional[IO] = None

    def __enter__(self) -> 'PoseFile':
        self._file = open(self._temporary, 'w', encoding='utf-8')
        self._file.write(
            f'{{"meta_info": {_dumps(self._meta)},\n"instance_info": [')
        return self

    def write(self, samples: Sequence[PoseDataSample]) -> None:
        """Add a frame.

        Args:
            samples (Sequence[PoseDataSample]): The people in it, with
                ``pred_instances`` and ``track_id``; may be empty.
        """
        instances = []
        for sample in samples:
            instance, = split_instances(sample.pred_instances)
            instances.append(
                dict(instance, track_id=sample.metainfo['track_id']))
        frame = dict(frame_id=self.num_frames, instances=instances)
        comma = ',' if self.num_frames else ''
        self._file.write(f'{comma}\n{_dumps(frame)}')
        self.num_frames += 1

    def __exit__(self, error_type, error, traceback) -> None:
        try:
            with self._file:
                self._file.write('\n]}\n')
            if error_type is None:
                os.replace(self._temporary, self.path)
        finally:
            self._temporary.unlink(missing_ok=True)


def _dumps(value: Any) -> str:
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    """What stands in JSON for what is none of Python's own types."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (set, tuple)):
        return list(value)
    return str(value)
