# Copyright (c) temporal_corr authors. All rights reserved.
# The 13 joints in stored order. The first of each pair is anatomically right
# (joint 1 is on the left of the image in every front view), although the
# README released with the data names it left.
_base_ = ['./pck_groups.py']

dataset_info = dict(
    dataset_name='penn_action',
    paper_info=dict(
        author='Weiyu Zhang and Menglong Zhu and Konstantinos G. Derpanis',
        title='From Actemes to Action: A Strongly-supervised Representation '
        'for Detailed Action Understanding',
        container='International Conf. on Computer Vision (ICCV)',
        year='2013',
        homepage='http://dreamdragon.github.io/PennAction/',
    ),
    keypoint_info={
        0:
        dict(
            name='head',
            id=0,
            color=[51, 153, 255],
            type='upper',
            swap=''),
        1:
        dict(
            name='right_shoulder',
            id=1,
            color=[255, 128, 0],
            type='upper',
            swap='left_shoulder'),
        2:
        dict(
            name='left_shoulder',
            id=2,
            color=[0, 255, 0],
            type='upper',
            swap='right_shoulder'),
        3:
        dict(
            name='right_elbow',
            id=3,
            color=[255, 128, 0],
            type='upper',
            swap='left_elbow'),
        4:
        dict(
            name='left_elbow',
            id=4,
            color=[0, 255, 0],
            type='upper',
            swap='right_elbow'),
        5:
        dict(
            name='right_wrist',
            id=5,
            color=[255, 128, 0],
            type='upper',
            swap='left_wrist'),
        6:
        dict(
            name='left_wrist',
            id=6,
            color=[0, 255, 0],
            type='upper',
            swap='right_wrist'),
        7:
        dict(
            name='right_hip',
            id=7,
            color=[255, 128, 0],
            type='lower',
            swap='left_hip'),
        8:
        dict(
            name='left_hip',
            id=8,
            color=[0, 255, 0],
            type='lower',
            swap='right_hip'),
        9:
        dict(
            name='right_knee',
            id=9,
            color=[255, 128, 0],
            type='lower',
            swap='left_knee'),
        10:
        dict(
            name='left_knee',
            id=10,
            color=[0, 255, 0],
            type='lower',
            swap='right_knee'),
        11:
        dict(
            name='right_ankle',
            id=11,
            color=[255, 128, 0],
            type='lower',
            swap='left_ankle'),
        12:
        dict(
            name='left_ankle',
            id=12,
            color=[0, 255, 0],
            type='lower',
            swap='right_ankle')
    },
    skeleton_info={
        0:
        dict(link=('head', 'right_shoulder'), id=0, color=[51, 153, 255]),
        1:
        dict(link=('head', 'left_shoulder'), id=1, color=[51, 153, 255]),
        2:
        dict(
            link=('right_shoulder', 'right_elbow'),
            id=2,
            color=[255, 128, 0]),
        3:
        dict(link=('right_elbow', 'right_wrist'), id=3, color=[255, 128, 0]),
        4:
        dict(link=('left_shoulder', 'left_elbow'), id=4, color=[0, 255, 0]),
        5:
        dict(link=('left_elbow', 'left_wrist'), id=5, color=[0, 255, 0]),
        6:
        dict(link=('right_shoulder', 'right_hip'), id=6, color=[255, 128, 0]),
        7:
        dict(link=('left_shoulder', 'left_hip'), id=7, color=[0, 255, 0]),
        8:
        dict(link=('right_hip', 'left_hip'), id=8, color=[51, 153, 255]),
        9:
        dict(link=('right_hip', 'right_knee'), id=9, color=[255, 128, 0]),
        10:
        dict(link=('right_knee', 'right_ankle'), id=10, color=[255, 128, 0]),
        11:
        dict(link=('left_hip', 'left_knee'), id=11, color=[0, 255, 0]),
        12:
        dict(link=('left_knee', 'left_ankle'), id=12, color=[0, 255, 0])
    },
    # Weights and sigmas are those of the same joints in MMPose's JHMDB.
    joint_weights=[
        1., 1., 1., 1.2, 1.2, 1.5, 1.5, 1., 1., 1.2, 1.2, 1.5, 1.5
    ],
    sigmas=[
        0.025, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087,
        0.087, 0.089, 0.089
    ],
    pck_groups=_base_.pck_groups)
