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

    All 15 keypoints of :class:`mmpose.datasets.JhmdbDataset` count as
    visible; neck and belly belong to no body-part group of the paper's
    tables. See :class:`VideoCocoDataset` for items and arguments.
    """

    ORIGIN = 1
    METAINFO: dict = dict(from_file=str(DATASET_INFO / 'sub_jhmdb.py'))
