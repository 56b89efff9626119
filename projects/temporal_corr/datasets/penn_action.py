# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional, Tuple

import numpy as np
from mmpose.registry import DATASETS

from .named_keypoints import DATASET_INFO
from .video_coco_dataset import VideoCocoDataset

HEAD, SHOULDERS, HIPS = 0, [1, 2], [7, 8]


def append_neck_and_belly(
        keypoints: np.ndarray,
        visible: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
    """Appends the neck and the belly, which Penn Action does not have.

    The weights are those of LSTM Pose Machines, whose protocol the paper
    follows. They differ between x and y. An interpolated joint is visible
    only if all it comes from are.

    Args:
        keypoints (np.ndarray): Stored joints in shape (..., 13, 2).
        visible (np.ndarray): Their visibilities, 0 or 1, shape (..., 13).

    Returns:
        tuple[np.ndarray]: Joints (..., 15, 2) and visibilities (..., 15).
    """
    head = keypoints[..., HEAD, :]
    shoulder = keypoints[..., SHOULDERS, :].mean(axis=-2)
    hip = keypoints[..., HIPS, :].mean(axis=-2)
    neck = head * [.5, .2] + shoulder * [.5, .8]
    belly = shoulder * [.5, .35] + hip * [.5, .65]
    added = np.stack([neck, belly], axis=-2).astype(keypoints.dtype)
    shoulders_visible = visible[..., SHOULDERS].min(axis=-1)
    added_visible = np.minimum(
        shoulders_visible[..., None],
        np.stack([visible[..., HEAD], visible[..., HIPS].min(axis=-1)],
                 axis=-1))
    return (np.concatenate([keypoints, added], axis=-2),
            np.concatenate([visible, added_visible], axis=-1))


@DATASETS.register_module()
class PennActionDataset(VideoCocoDataset):
    """Penn Action: 2,326 clips of 15 sports and everyday actions.

    "From Actemes to Action: A Strongly-supervised Representation for
    Detailed Action Understanding", ICCV'2013. Reads the JSON files of
    ``tools/dataset_converters/penn_action.py``.

    The 13 keypoints are head, shoulders, elbows, wrists, hips, knees and
    ankles, the anatomically right one of each pair first (although the README
    released with the data names it left); neck and belly are interpolated for
    models of 15 parts. Evaluation stays on the 13.

    Args:
        num_keypoints (int, optional): 13 as stored, or 15 with neck and belly
            after them. Defaults to None, those of the metainfo
        metainfo (dict, optional): As in :class:`VideoCocoDataset`, such as
            ``dict(from_file='configs/_base_/datasets/penn_action_mpi.py')``
            for the 15 in the order of OpenPose's MPI model. Defaults to
            ``None``, the metainfo of ``num_keypoints`` or else of the 13
        **kwargs: Other arguments of :class:`VideoCocoDataset`.
    """

    ORIGIN = 1
    METAINFO: dict = dict(from_file=str(DATASET_INFO / 'penn_action.py'))
    METAINFO_15: dict = dict(from_file=str(DATASET_INFO / 'penn_action_15.py'))
    INTERPOLATED = ('neck', 'belly')

    def __init__(self,
                 *args,
                 num_keypoints: Optional[int] = None,
                 metainfo: Optional[dict] = None,
                 **kwargs):
        if num_keypoints not in (None, 13, 15):
            raise ValueError('PennActionDataset has 13 keypoints, or 15 with '
                             'neck and belly interpolated, but got '
                             f'num_keypoints={num_keypoints!r}')
        if metainfo is None and num_keypoints == 15:
            metainfo = self.METAINFO_15
        super().__init__(*args, metainfo=metainfo, **kwargs)
        self.num_keypoints = self._metainfo['num_keypoints']
        if num_keypoints not in (None, self.num_keypoints):
            raise ValueError(
                f'PennActionDataset with num_keypoints={num_keypoints} got a '
                f'metainfo of {self.num_keypoints} keypoints. Leave one of '
                'them out, or make the two agree')

    @staticmethod
    def append_interpolated(keypoints: np.ndarray) -> np.ndarray:
        """Appends neck and belly, see :func:`append_neck_and_belly`."""
        xy, visible = append_neck_and_belly(keypoints[..., :2],
                                            keypoints[..., 2])
        return np.concatenate([xy, visible[..., None]], axis=-1)
