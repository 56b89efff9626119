# Copyright (c) temporal_corr authors. All rights reserved.
from mmpose.registry import DATASETS

from .named_keypoints import DATASET_INFO
from .video_coco_dataset import VideoCocoDataset


@DATASETS.register_module()
class SubJhmdbDataset(VideoCocoDataset):
    """sub-JHMDB: clips of one person whose whole body stays in the image.

    "Towards understanding action recognition", ICCV'2013. Reads MMPose's
    published ``Sub*_train.json`` and ``Sub*_test.json`` and those of
    ``tools/dataset_converters/jhmdb.py``. The splits are disjoint within one
    split number only: train and test must name the same.

    The 15 keypoints are those of :class:`mmpose.datasets.JhmdbDataset`; all
    count as visible. In the order of OpenPose's MPI model they come by
    ``metainfo=dict(from_file='configs/_base_/datasets/sub_jhmdb_mpi.py')``.
    Neck and belly belong to no body-part group of the
    paper's tables. See :class:`VideoCocoDataset` for items and arguments.
    """

    ORIGIN = 1
    METAINFO: dict = dict(from_file=str(DATASET_INFO / 'sub_jhmdb.py'))
