# Copyright (c) temporal_corr authors. All rights reserved.
import copy
import os.path as osp
from functools import lru_cache
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import numpy as np
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[3]
DATASET_INFO = ROOT / 'configs' / '_base_' / 'datasets'


@lru_cache(maxsize=None)
def _dataset_info(path: str) -> dict:
    """The metainfo in a config file, read once."""
    return Config.fromfile(path).dataset_info.to_dict()


class NamedKeypoints:
    """Mixin of COCO-style data sets that picks keypoints by name.

    The keypoints of an item are those that the metainfo names, in any order
    and number, out of the stored ones and those interpolated between them. A
    metainfo file is also found by its path inside this repository, whatever
    the working directory.
    """

    # Interpolated keypoints, in the order of append_interpolated.
    INTERPOLATED: Tuple[str, ...] = ()

    def stored_keypoints(self) -> List[str]:
        """Names of the keypoints in the annotation file: those of the class's
        metainfo, or, if it has none, of the data set's."""
        own = self.METAINFO and self._load_metainfo(self.METAINFO)
        return list((own or self._metainfo)['keypoint_name2id'])

    @staticmethod
    def append_interpolated(keypoints: np.ndarray) -> np.ndarray:
        """Append the interpolated keypoints to the stored ones: x, y,
        visibility in shape (N, K, 3)."""
        return keypoints

    @classmethod
    def _load_metainfo(cls, metainfo: Optional[dict] = None) -> dict:
        """Parse the metainfo as MMPose does, and keep what evaluation by
        body part needs, which MMPose drops."""
        raw = cls.METAINFO if metainfo is None else metainfo
        if isinstance(raw, dict) and 'from_file' in raw:
            path = raw['from_file']
            if not osp.isfile(path) and osp.isfile(ROOT / path):
                path = str(ROOT / path)
            if osp.isfile(path):
                more = {k: v for k, v in raw.items() if k != 'from_file'}
                raw = {**_dataset_info(path), **more}
        parsed = super()._load_metainfo(raw)
        for key in ('pck_groups', 'eval_keypoints'):
            if key in raw:
                parsed[key] = copy.deepcopy(raw[key])
        return parsed

    def keypoint_columns(self) -> List[int]:
        """Indices of the metainfo's keypoints among the stored and then the
        interpolated ones."""
        available = [*self.stored_keypoints(), *self.INTERPOLATED]
        names = list(self._metainfo['keypoint_name2id'])
        unknown = [name for name in names if name not in available]
        if unknown:
            raise ValueError(
                f'{type(self).__name__} has no keypoint '
                f'{", ".join(map(repr, unknown))}, which its metainfo '
                f"'{self._metainfo['dataset_name']}' names. Available are "
                f'{", ".join(available)}. Correct the names, or leave '
                'metainfo out')
        return [available.index(name) for name in names]

    def pick_keypoints(self, keypoints: np.ndarray,
                       columns: Sequence[int]) -> np.ndarray:
        """Pick :meth:`keypoint_columns` of stored keypoints (N, K, 3)."""
        if max(columns) >= keypoints.shape[1]:
            keypoints = self.append_interpolated(keypoints)
        return keypoints[:, columns]
