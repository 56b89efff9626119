# Copyright (c) temporal_corr authors. All rights reserved.
# The keypoints, skeleton and weights of MMPose's JHMDB; here with the
# body-part groups of the paper's tables, and with keypoints in the colours of
# their limbs: left green, right orange.
_base_ = ['mmpose::_base_/datasets/jhmdb.py', './pck_groups.py']

dataset_info = dict(
    dataset_name='sub_jhmdb',
    keypoint_info={
        i: dict(color=[51, 153, 255] if i < 3 else
                [255, 128, 0] if i % 2 else [0, 255, 0])
        for i in range(15)
    },
    pck_groups=_base_.pck_groups)
