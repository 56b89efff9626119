# Copyright (c) temporal_corr authors. All rights reserved.
"""Predictions of a video in MMPose's format."""
import json
import os
from typing import IO, Any, Optional, Sequence

import numpy as np
from mmpose.structures import PoseDataSample, split_instances

from ..visualization.video_file import output_path, temporary_path


class ListFile:
    """A JSON file with a list that grows, as a context manager.

    Entries go to the disk as they come, so that a long video takes no more
    memory than a short one. Appears under its name when it is complete, and
    not at all if an error ends the block.

    Args:
        path (str): A .json file.
        before (str): JSON up to the first entry.

    Raises:
        ValueError: If the path does not end with .json.
    """

    def __init__(self, path: str, before: str):
        self.path = output_path(path, ('.json', ))
        self.num_entries = 0
        self._before = before
        self._temporary = temporary_path(self.path)
        self._file: Optional[IO] = None

    def __enter__(self) -> 'ListFile':
        self._file = open(self._temporary, 'w', encoding='utf-8')
        self._file.write(self._before)
        return self

    def append(self, entry: Any) -> None:
        """Add an entry, of anything with numbers and names in it."""
        comma = ',' if self.num_entries else ''
        self._file.write(f'{comma}\n{dumps(entry)}')
        self.num_entries += 1

    def after(self) -> str:
        """JSON from the last entry on."""
        return '\n]}\n'

    def __exit__(self, error_type, error, traceback) -> None:
        try:
            with self._file:
                self._file.write(self.after())
            if error_type is None:
                os.replace(self._temporary, self.path)
        finally:
            self._temporary.unlink(missing_ok=True)


class PoseFile(ListFile):
    """The predictions of a video, to add frames to.

    ``meta_info`` is the metainfo of the data set, ``instance_info`` a list
    with one entry a frame: ``frame_id``, from 0, and ``instances``, each with
    ``keypoints``, ``keypoint_scores``, ``bbox`` (as MMPose's
    :func:`split_instances` writes it, a list of one box x1, y1, x2, y2),
    ``bbox_score`` and, beyond MMPose's, ``track_id`` and, where keypoints
    are labels, not predictions, ``labelled``, which of them.

    Args:
        path (str): A .json file.
        dataset_meta (dict): Metainfo of the data set.

    Raises:
        ValueError: If the path does not end with .json.
    """

    def __init__(self, path: str, dataset_meta: dict):
        super().__init__(
            path, f'{{"meta_info": {dumps(dataset_meta)},\n"instance_info": [')

    def write(self, samples: Sequence[PoseDataSample]) -> None:
        """Add a frame.

        Args:
            samples (Sequence[PoseDataSample]): The people in it, with
                ``pred_instances`` and ``track_id``; may be empty.
        """
        instances = []
        for sample in samples:
            instance, = split_instances(sample.pred_instances)
            known = {
                name: sample.metainfo[name]
                for name in ('track_id', 'labelled') if name in sample.metainfo
            }
            instances.append(dict(instance, **known))
        self.append(dict(frame_id=self.num_entries, instances=instances))


def dumps(value: Any) -> str:
    """JSON of anything with numbers and names in it."""
    return json.dumps(value, default=_plain)


def _plain(value: Any) -> Any:
    """What stands in JSON for what is none of Python's own types."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (set, tuple)):
        return list(value)
    return str(value)
