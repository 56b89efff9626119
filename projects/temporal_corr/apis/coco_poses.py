# Copyright (c) temporal_corr authors. All rights reserved.
import json
import os.path as osp
from typing import Dict, List, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from ..engine import AtomicLocalBackend
from .frame_source import FrameSource
from .label_file import Label


class CocoPoses:
    """The poses of a video as COCO's keypoints, to be corrected and fed back.

    A context manager, as :class:`PoseFile`. Labels stand in it as they were
    given, with ``labelled`` true.

    Args:
        path (str): A .json file. It appears when the block ends without an
            error.
        source (FrameSource): The input.
        names (Sequence[str]): Names of the K keypoints.
        frames (dict): Labels by frame.
    """

    def __init__(self, path: str, source: FrameSource, names: Sequence[str],
                 frames: Dict[int, List[Label]]):
        self.path = path
        self._source = source
        self._names = list(names)
        self._frames = frames
        self._images: List[dict] = []
        self._annotations: List[dict] = []

    def __enter__(self) -> 'CocoPoses':
        return self

    def write(self, image: np.ndarray,
              samples: Sequence[PoseDataSample]) -> None:
        """Add the next frame.

        Args:
            image (np.ndarray): The frame in shape (H, W, 3).
            samples (Sequence[PoseDataSample]): The people in it.
        """
        index = len(self._images)
        name = self._source.files[index] if self._source.files else (
            f'{self._source.stem}/{index}')
        height, width = image.shape[:2]
        self._images.append(
            dict(
                id=index + 1,
                frame_index=index,
                file_name=osp.basename(name) if self._source.files else name,
                width=width,
                height=height))
        labels = {
            label.track_id: label
            for label in self._frames.get(index, ())
        }
        for sample in samples:
            track_id = sample.metainfo['track_id']
            pose = sample.pred_instances
            points = np.asarray(pose.keypoints[0], np.float64)
            scores = np.asarray(pose.keypoint_scores[0], np.float64)
            label = labels.get(track_id)
            if label is not None:
                known = np.isfinite(label.keypoints).all(axis=-1)
                points = np.where(known[:, None], label.keypoints, points)
                scores = np.where(known, 1., scores)
            x1, y1, x2, y2 = (float(v) for v in np.ravel(pose.bboxes)[:4])
            keypoints = np.concatenate(
                [points.round(2), np.full((len(points), 1), 2)], axis=1)
            self._annotations.append(
                dict(
                    id=len(self._annotations) + 1,
                    image_id=index + 1,
                    category_id=1,
                    track_id=track_id,
                    keypoints=keypoints.ravel().tolist(),
                    keypoint_scores=scores.round(4).tolist(),
                    num_keypoints=len(points),
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    area=(x2 - x1) * (y2 - y1),
                    iscrowd=0,
                    labelled=label is not None))

    def __exit__(self, error_type, error, traceback) -> None:
        if error_type is not None:
            return
        category = dict(
            id=1, name='person', keypoints=self._names, skeleton=[])
        AtomicLocalBackend().put_text(
            json.dumps(
                dict(
                    images=self._images,
                    annotations=self._annotations,
                    categories=[category])), self.path)
