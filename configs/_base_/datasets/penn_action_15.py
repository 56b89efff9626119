# Copyright (c) temporal_corr authors. All rights reserved.
# Penn Action with neck and belly interpolated, for models of the 15 parts of
# MPI. The 13 stored joints come first and alone are evaluated.
_base_ = ['./penn_action.py']

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
        '_delete_':
        True,
        0:
        dict(link=('head', 'neck'), id=0, color=[51, 153, 255]),
        1:
        dict(link=('neck', 'right_shoulder'), id=1, color=[255, 128, 0]),
        2:
        dict(
            link=('right_shoulder', 'right_elbow'),
            id=2,
            color=[255, 128, 0]),
        3:
        dict(link=('right_elbow', 'right_wrist'), id=3, color=[255, 128, 0]),
        4:
        dict(link=('neck', 'left_shoulder'), id=4, color=[0, 255, 0]),
        5:
        dict(link=('left_shoulder', 'left_elbow'), id=5, color=[0, 255, 0]),
        6:
        dict(link=('left_elbow', 'left_wrist'), id=6, color=[0, 255, 0]),
        7:
        dict(link=('neck', 'belly'), id=7, color=[51, 153, 255]),
        8:
        dict(link=('belly', 'right_hip'), id=8, color=[255, 128, 0]),
        9:
        dict(link=('right_hip', 'right_knee'), id=9, color=[255, 128, 0]),
        10:
        dict(link=('right_knee', 'right_ankle'), id=10, color=[255, 128, 0]),
        11:
        dict(link=('belly', 'left_hip'), id=11, color=[0, 255, 0]),
        12:
        dict(link=('left_hip', 'left_knee'), id=12, color=[0, 255, 0]),
        13:
        dict(link=('left_knee', 'left_ankle'), id=13, color=[0, 255, 0])
    },
    joint_weights=[
        1., 1., 1., 1.2, 1.2, 1.5, 1.5, 1., 1., 1.2, 1.2, 1.5, 1.5, 1., 1.
    ],
    sigmas=[
        0.025, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087,
        0.087, 0.089, 0.089, 0.025, 0.107
    ],
    eval_keypoints=[
        'head', 'right_shoulder', 'left_shoulder', 'right_elbow',
        'left_elbow', 'right_wrist', 'left_wrist', 'right_hip', 'left_hip',
        'right_knee', 'left_knee', 'right_ankle', 'left_ankle'
    ])
