# Copyright (c) temporal_corr authors. All rights reserved.
import os.path as osp
from typing import List, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from ..video_io.frame_source import FrameSource
from ..video_io.list_file import ListFile, dumps


class CocoPoses(ListFile):
    """The poses of a video as COCO's keypoints, to be corrected and fed back.

    Labels (:func:`as_labelled`) stand in it as they were given, with
    ``labelled`` true.

    Args:
        path (str): A .json file.
        source (FrameSource): The input.
        names (Sequence[str]): Names of the K keypoints.
    """

    def __init__(self, path: str, source: FrameSource, names: Sequence[str]):
        super().__init__(path, '{"annotations": [')
        self._source = source
        self._names = list(names)
        self._images: List[dict] = []

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
        for sample in samples:
            track_id = sample.metainfo['track_id']
            pose = sample.pred_instances
            points = np.asarray(pose.keypoints[0], np.float64)
            scores = np.asarray(pose.keypoint_scores[0], np.float64)
            # What a label leaves open is not said by it.
            known = sample.metainfo.get('labelled', np.full(len(points), True))
            x1, y1, x2, y2 = (float(v) for v in np.ravel(pose.bboxes)[:4])
            keypoints = np.concatenate(
                [points.round(2), 2 * known[:, None]], axis=1)
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
                    labelled='labelled' in sample.metainfo))

    def after(self) -> str:
        """JSON from the last annotation on."""
        category = dict(
            id=1, name='person', keypoints=self._names, skeleton=[])
        return (f'\n],\n"images": {dumps(self._images)},\n'
                f'"categories": {dumps([category])}}}\n')
