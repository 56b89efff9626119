# Copyright (c) temporal_corr authors. All rights reserved.
from collections import defaultdict
from typing import Dict, List, Tuple

import numpy as np
from mmengine.fileio import exists
from mmpose.datasets.datasets import MpiiDataset
from mmpose.registry import DATASETS

from .named_keypoints import DATASET_INFO, NamedKeypoints

PELVIS, THORAX = 6, 7


@DATASETS.register_module()
class MpiiPartsDataset(NamedKeypoints, MpiiDataset):
    """MPII with the 15 parts of OpenPose's MPI model, all people an item.

    For pretraining, as the paper's (implementation details). Reads MMPose's
    ``mpii_train.json`` and ``mpii_val.json``.

    An item is a person, as in MMPose's :class:`MpiiDataset`, and so is its
    ``bbox`` in shape (1, 4): a square around the person's center, as large as
    the person is high. Its ``keypoints`` (N, K, 2) and ``keypoints_visible``
    (N, K) are those of all N annotated people of the image, this one first,
    as the targets of part affinity fields are of everybody in the picture.

    The parts are MPII's joints of the same name; the head is MPII's
    ``"head_top"``, the neck its ``"upper_neck"``, and the belly, which is
    interpolated, the middle of ``"pelvis"`` and ``"thorax"``. A part is
    visible where MPII has coordinates for it, the belly where it has both.

    MPII's coordinates count from 1. MMPose's :class:`MpiiDataset` subtracts 1
    from the centers alone (its metric adds 1 to the predictions instead);
    here all coordinates count from 0, as in the other data sets.

    Args:
        **kwargs: As :class:`MpiiDataset`. ``data_mode`` is always
            ``'topdown'``, and ``bbox_file`` is refused.

    Raises:
        ValueError: If an argument or the annotation file cannot be used.
        FileNotFoundError: If there is no annotation file.
    """

    METAINFO: dict = dict(from_file=str(DATASET_INFO / 'mpii_mpi.py'))
    INTERPOLATED = ('belly', )

    @classmethod
    def stored_keypoints(cls) -> List[str]:
        """Names of MPII's 16 joints as stored, head and neck as in the
        other data sets."""
        return [
            'right_ankle', 'right_knee', 'right_hip', 'left_hip', 'left_knee',
            'left_ankle', 'pelvis', 'thorax', 'neck', 'head', 'right_wrist',
            'right_elbow', 'right_shoulder', 'left_shoulder', 'left_elbow',
            'left_wrist'
        ]

    @staticmethod
    def append_interpolated(keypoints: np.ndarray) -> np.ndarray:
        """Appends the belly to joints (N, 16, 3)."""
        ends = keypoints[:, [PELVIS, THORAX]]
        belly = ends.mean(axis=1, keepdims=True)
        belly[..., 2] = ends[..., 2].min(axis=1, keepdims=True)
        return np.concatenate([keypoints, belly], axis=1)

    def load_data_list(self) -> List[dict]:
        """Loads all people of all images."""
        if self.data_mode != 'topdown' or self.bbox_file:
            raise ValueError(
                'MpiiPartsDataset has one person an item, with the box that '
                "is annotated: leave data_mode='topdown' and bbox_file=None")
        if not exists(self.ann_file):
            raise FileNotFoundError(
                f'There is no annotation file {self.ann_file}. Download '
                "MMPose's annotations of MPII, or correct data_root and "
                'ann_file (docs/data_preparation.md)')
        return super().load_data_list()

    def _load_annotations(self) -> Tuple[List[dict], List[dict]]:
        """The people as MMPose reads them, with the wanted keypoints."""
        columns = self.keypoint_columns()
        try:
            people, images = super()._load_annotations()
            keypoints = np.stack([
                np.column_stack([person['keypoints'][0] - 1,
                                 person['keypoints_visible'][0]])
                for person in people
            ]).astype(np.float32)  # yapf: disable
            if keypoints.shape[1] != len(self.stored_keypoints()):
                raise ValueError(f'{keypoints.shape[1]} joints, not 16')
            if not np.isin(keypoints[..., 2], (0, 1)).all():
                raise ValueError('joints_vis other than 0 and 1')
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{self.ann_file} cannot be read as MMPose's annotations of "
                'MPII, a list of people with "image", "center", "scale", and '
                f'16 "joints" and "joints_vis" ({error!r}). Use its '
                'mpii_train.json or mpii_val.json') from error
        picked = self.pick_keypoints(keypoints, columns)
        for person, joints in zip(people, picked):
            person['keypoints'] = joints[None, :, :2]
            person['keypoints_visible'] = joints[None, :, 2]
        return people, images

    def _get_topdown_data_infos(self, instance_list: List[Dict]) -> List[Dict]:
        """One item a person, with the keypoints of all in the image."""
        people = super()._get_topdown_data_infos(instance_list)
        together = defaultdict(list)
        for person in people:
            together[person['img_path']].append(person)
        items = []
        for person in people:
            others = together[person['img_path']]
            ordered = [person, *(p for p in others if p is not person)]
            items.append(
                dict(person, **{
                    key: np.concatenate([p[key] for p in ordered])
                    for key in ('keypoints', 'keypoints_visible')
                }))  # yapf: disable
        return items
