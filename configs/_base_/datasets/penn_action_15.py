# Copyright (c) temporal_corr authors. All rights reserved.
# Penn Action with neck and belly interpolated, for models of the 15 parts of
# MPI. The 13 stored joints come first and alone are evaluated.
_base_ = ['./penn_action.py', './mpi_skeleton.py']

dataset_info = dict(
    keypoint_info={
        13:
        dict(
            name='neck', id=13, color=[51, 153, 255], type='upper', swap=''),
        14:
        dict(
            name='belly', id=14, color=[51, 153, 255], type='upper', swap='')
    },
    # the limbs run through neck and belly, as in MPI and JHMDB
    skeleton_info={
        '_delete_': True,
        **_base_.skeleton_info
    },
    joint_weights=[
        1., 1., 1., 1.2, 1.2, 1.5, 1.5, 1., 1., 1.2, 1.2, 1.5, 1.5, 1., 1.
    ],
    sigmas=[
        0.025, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087,
        0.087, 0.089, 0.089, 0.025, 0.107
    ],
    eval_keypoints=[
        info['name'] for info in _base_.dataset_info.keypoint_info.values()
    ])
