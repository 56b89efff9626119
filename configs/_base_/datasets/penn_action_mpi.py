# Copyright (c) temporal_corr authors. All rights reserved.
# Penn Action's 13 joints, and neck and belly interpolated, in the order of
# OpenPose's MPI model. The 13 alone are evaluated.
_base_ = ['./mpi.py']

dataset_info = dict(
    dataset_name='penn_action',
    eval_keypoints=[
        info['name'] for info in _base_.dataset_info.keypoint_info.values()
        if info['name'] not in ('neck', 'belly')
    ])
