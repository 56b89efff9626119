# Copyright (c) temporal_corr authors. All rights reserved.
# Penn Action's 13 joints, and the neck interpolated, in the order of LSTM
# Pose Machines. The 13 alone are evaluated.
_base_ = ['./mpi_14.py']

dataset_info = dict(
    dataset_name='penn_action',
    eval_keypoints=[
        info['name'] for info in _base_.dataset_info.keypoint_info.values()
        if info['name'] != 'neck'
    ])
