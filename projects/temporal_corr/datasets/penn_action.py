# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
from mmpose.registry import DATASETS

from .named_keypoints import DATASET_INFO
from .video_coco_dataset import VideoCocoDataset


@DATASETS.register_module()
class PennActionDataset(VideoCocoDataset):
    """Penn Action: 2,326 clips of 15 sports and everyday actions.

    "From Actemes to Action: A Strongly-supervised Representation for
    Detailed Action Understanding", ICCV'2013. Reads the JSON files of
    ``tools/dataset_converters/penn_action.py``.

    The 13 keypoints are head, shoulders, elbows, wrists, hips, knees and
    ankles, the anatomically right one of each pair first (although the README
    released with the data names it left). Neck and belly are interpolated
    where ``metainfo`` names them, as ``penn_action_mpi.py`` for models of 15
    parts; evaluation stays on the 13. See :class:`VideoCocoDataset` for items
    and arguments.
    """

    ORIGIN = 1
    METAINFO: dict = dict(from_file=str(DATASET_INFO / 'penn_action.py'))
    INTERPOLATED = ('neck', 'belly')

    @staticmethod
    def append_interpolated(keypoints: np.ndarray) -> np.ndarray:
        """Append neck and belly to stored keypoints (N, 13, 3).

        The weights are those of LSTM Pose Machines, whose protocol the paper
        follows; they differ between x and y. An interpolated keypoint is
        visible only if all it comes from are.
        """
        head, shoulders, hips = (
            keypoints[:, rows] for rows in ([0], [1, 2], [7, 8]))
        shoulder = shoulders.mean(axis=1, keepdims=True)
        hip = hips.mean(axis=1, keepdims=True)
        neck = head * [.5, .2, 1] + shoulder * [.5, .8, 1]
        belly = shoulder * [.5, .35, 1] + hip * [.5, .65, 1]
        for added, sources in ((neck, (head, shoulders)),
                               (belly, (shoulders, hips))):
            visible = np.concatenate(sources, axis=1)[..., 2]
            added[..., 2] = visible.min(axis=1, keepdims=True)
        return np.concatenate([keypoints, neck, belly],
                              axis=1).astype(keypoints.dtype)
