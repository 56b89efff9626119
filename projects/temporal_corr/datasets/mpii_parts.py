# Copyright (c) temporal_corr authors. All rights reserved.
from collections import defaultdict
from typing import List

import numpy as np
from mmpose.datasets.datasets import MpiiDataset
from mmpose.registry import DATASETS

from .named_keypoints import DATASET_INFO, NamedKeypoints

PELVIS, THORAX = 6, 7


@DATASETS.register_module()
class MpiiPartsDataset(NamedKeypoints, MpiiDataset):
    """MPII with the 15 parts of OpenPose's MPI model, all people an item.

    For pretraining, as the paper's (implementation details). Reads MMPose's
    ``mpii_train.json`` and ``mpii_val.json``.

    An item is a person, with the ``bbox`` (1, 4) of :class:`MpiiDataset`, but
    ``keypoints`` (N, K, 2) and ``keypoints_visible`` (N, K) are those of all
    N annotated people of the image, this one first, as part affinity fields
    are of everybody in the picture.

    The head is MPII's ``"head_top"``, the neck its ``"upper_neck"``, and the
    belly, which is interpolated, the middle of ``"pelvis"`` and ``"thorax"``.
    A part is visible where MPII has coordinates for it.

    MPII's coordinates count from 1; :class:`MpiiDataset` subtracts 1 from the
    centers alone. Here all coordinates count from 0.
    """

    METAINFO: dict = dict(from_file=str(DATASET_INFO / 'mpii_mpi.py'))
    INTERPOLATED = ('belly', )

    @classmethod
    def stored_keypoints(cls) -> List[str]:
        """Names of MPII's 16 joints, head and neck as in other data sets."""
        return [
            'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee',
            'left_ankle', 'pelvis', 'thorax', 'neck', 'head', 'right_wrist',
            'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
            'left_wrist'
        ]

    @staticmethod
    def append_interpolated(keypoints: np.ndarray) -> np.ndarray:
        """Append the belly to joints (N, 16, 3)."""
        ends = keypoints[:, [PELVIS, THORAX]]
        belly = ends.mean(axis=1, keepdims=True)
        belly[..., 2] = ends[..., 2].min(axis=1, keepdims=True)
        return np.concatenate([keypoints, belly], axis=1)

    def load_data_list(self) -> List[dict]:
        """Load all people, each with the keypoints of all in the image."""
        columns = self.keypoint_columns()
        try:
            people = super().load_data_list()
            joints = np.concatenate([
                np.dstack([person['keypoints'] - 1,
                           person['keypoints_visible']]) for person in people
            ]).astype(np.float32)
            if joints.shape[1] != len(self.stored_keypoints()):
                raise ValueError(f'{joints.shape[1]} joints, not 16')
            if not np.isin(joints[..., 2], (0, 1)).all():
                raise ValueError('joints_vis other than 0 and 1')
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.ann_file} cannot be read as MMPose's annotations of "
                'MPII, a list of people with "image", "center", "scale", and '
                f'16 "joints" and "joints_vis" ({error!r}). Use its '
                'mpii_train.json or mpii_val.json') from error
        by_image = defaultdict(dict)
        for person, keypoints in zip(people,
                                     self.pick_keypoints(joints, columns)):
            # MMPose, too, leaves people without a joint out
            if keypoints[:, :2].max() > 0:
                by_image[person['img_path']][person['id']] = keypoints
        items = []
        for person in people:
            others = dict(by_image[person['img_path']])
            own = others.pop(person['id'], None)
            if own is not None:
                keypoints = np.stack([own, *others.values()])
                items.append(
                    dict(
                        person,
                        keypoints=keypoints[..., :2],
                        keypoints_visible=keypoints[..., 2]))
        return items
