# Copyright (c) temporal_corr authors. All rights reserved.
"""Predictions of a video in MMPose's format."""
from typing import Sequence

from mmpose.structures import PoseDataSample, split_instances

from ..video_io.list_file import ListFile, dumps


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
        inputs (Sequence[str]): Files that it must not replace. Defaults to
            none.

    Raises:
        ValueError: If the path does not end with .json, or would replace an
            input.
    """

    def __init__(self,
                 path: str,
                 dataset_meta: dict,
                 inputs: Sequence[str] = ()):
        super().__init__(
            path, f'{{"meta_info": {dumps(dataset_meta)},\n"instance_info": [',
            inputs)

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
