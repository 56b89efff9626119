# Copyright (c) temporal_corr authors. All rights reserved.
# The keypoints, skeleton and weights of MMPose's JHMDB; here with the
# body-part groups of the paper's tables.
_base_ = ['mmpose::_base_/datasets/jhmdb.py', './pck_groups.py']

dataset_info = dict(
    dataset_name='sub_jhmdb',
    pck_groups=_base_.pck_groups)
