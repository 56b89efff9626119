# Copyright (c) temporal_corr authors. All rights reserved.
# Penn Action's 13 joints, and the neck interpolated, in the order of LSTM
# Pose Machines. The 13 alone are evaluated.
_base_ = ['./mpi_14.py']

dataset_info = dict(
    dataset_name='penn_action',
    eval_keypoints=[
        'head', 'right_shoulder', 'right_elbow', 'right_wrist',
        'left_shoulder', 'left_elbow', 'left_wrist', 'right_hip',
        'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle'
    ])
