# Copyright (c) temporal_corr authors. All rights reserved.
import os.path as osp
from typing import Dict, List, Optional, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from ..video_io.frame_source import FrameSource
from ..video_io.list_file import ListFile, dumps
from .label_file import Label


class CocoPoses(ListFile):
    """The poses of a video as COCO's keypoints, to be corrected and fed back.

    All labels (see also :func:`as_labelled`) stand in it as they were given,
    with ``labelled`` true, of people and frames without a pose, too.

    Args:
        path (str): A .json file.
        source (FrameSource): The input.
        dataset_meta (dict): Metainfo of the data set.
        labels (dict, optional): Labels by frame. Defaults to None.
    """

    def __init__(self,
                 path: str,
                 source: FrameSource,
                 dataset_meta: dict,
                 labels: Optional[Dict[int, List[Label]]] = None):
        super().__init__(path, '{"annotations": [')
        self._labels = labels or {}
        self._source = source
        self._meta = dataset_meta
        self._images: List[dict] = []

    def write(self, image: np.ndarray,
              samples: Sequence[PoseDataSample]) -> None:
        """Add the next frame.

        Args:
            image (np.ndarray): The frame in shape (H, W, 3).
            samples (Sequence[PoseDataSample]): The people in it.
        """
        index = len(self._images)
        self._add_image(index, image.shape[1::-1])
        for sample in samples:
            pose = sample.pred_instances
            points = np.asarray(pose.keypoints[0], np.float64)
            scores = np.asarray(pose.keypoint_scores[0], np.float64)
            self._add(index, sample.metainfo['track_id'], points, scores,
                      np.ravel(pose.bboxes)[:4],
                      sample.metainfo.get('labelled'))
        self._add_labels(index,
                         [sample.metainfo['track_id'] for sample in samples])

    def _add_image(self, index: int, size: Sequence[int] = ()) -> None:
        source = self._source
        name = f'{source.stem}/{index}'
        if source.files:
            name = osp.basename(source.files[index])
        self._images.append(
            dict(
                id=index + 1,
                frame_index=index,
                file_name=name,
                vid_id=1,
                frame_id=index + 1,
                **dict(zip(('width', 'height'), size))))

    def _add_labels(self, index: int, track_ids: Sequence[int] = ()) -> None:
        """The labels of a frame whose people were not looked for there."""
        for label in self._labels.get(index, ()):
            if label.track_id not in track_ids:
                known = np.isfinite(label.keypoints).all(axis=-1)
                self._add(index, label.track_id,
                          np.where(known[:, None], label.keypoints, 0),
                          known.astype(float), label.bbox, known)

    def _add(self, index: int, track_id: int, points: np.ndarray,
             scores: np.ndarray, bbox: np.ndarray,
             labelled: Optional[np.ndarray]) -> None:
        # What a label leaves open is not said by it.
        known = np.full(len(points), True) if labelled is None else labelled
        x1, y1, x2, y2 = (float(v) for v in bbox)
        keypoints = np.concatenate([points.round(2), 2 * known[:, None]],
                                   axis=1)
        self.append(
            dict(
                id=self.num_entries + 1,
                image_id=index + 1,
                category_id=1,
                track_id=track_id,
                keypoints=keypoints.ravel().tolist(),
                keypoint_scores=scores.round(4).tolist(),
                num_keypoints=int(known.sum()),
                bbox=[x1, y1, x2 - x1, y2 - y1],
                area=(x2 - x1) * (y2 - y1),
                iscrowd=0,
                labelled=labelled is not None))

    def after(self) -> str:
        """JSON from the last annotation on."""
        written = len(self._images)
        for index in self._labels:
            if index >= written:  # it ended before
                self._add_image(index)
                self._add_labels(index)
        for image in self._images:
            image['nframes'] = len(self._images)
        links = np.array(self._meta['skeleton_links']) + 1  # as COCO counts
        category = dict(
            id=1,
            name='person',
            keypoints=list(self._meta['keypoint_id2name'].values()),
            skeleton=links)
        return (f'\n],\n"images": {dumps(self._images)},\n'
                f'"categories": {dumps([category])}}}\n')
