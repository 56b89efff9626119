# Copyright (c) temporal_corr authors. All rights reserved.
# The keypoints, skeleton and weights of MMPose's JHMDB; here with the
# body-part groups of the paper's tables. Neck and belly are in no group, but
# count in the mean over joints (PCK), as they do in MMPose.
_base_ = ['mmpose::_base_/datasets/jhmdb.py']

dataset_info = dict(
    dataset_name='sub_jhmdb',
    pck_groups=dict(
        Head=['head'],
        Sho=['right_shoulder', 'left_shoulder'],
        Elb=['right_elbow', 'left_elbow'],
        Wri=['right_wrist', 'left_wrist'],
        Hip=['right_hip', 'left_hip'],
        Knee=['right_knee', 'left_knee'],
        Ank=['right_ankle', 'left_ankle']))
