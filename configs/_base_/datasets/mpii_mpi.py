# Copyright (c) temporal_corr authors. All rights reserved.
# MPII's joints in the order of OpenPose's MPI model: its head is MPII's head
# top, its neck MPII's upper neck. The belly lies between MPII's pelvis and
# thorax and is not evaluated.
_base_ = ['./mpi.py']

dataset_info = dict(
    dataset_name='mpii',
    eval_keypoints=[
        info['name'] for info in _base_.dataset_info.keypoint_info.values()
        if info['name'] != 'belly'
    ])
