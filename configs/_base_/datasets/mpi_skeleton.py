# Copyright (c) temporal_corr authors. All rights reserved.
# The limbs of OpenPose's MPI model, in the order of its part affinity fields:
# limb i has the channels 2i (x) and 2i + 1 (y).
skeleton_info = {
    0: dict(link=('head', 'neck'), id=0, color=[51, 153, 255]),
    1: dict(link=('neck', 'right_shoulder'), id=1, color=[255, 128, 0]),
    2: dict(link=('right_shoulder', 'right_elbow'), id=2, color=[255, 128, 0]),
    3: dict(link=('right_elbow', 'right_wrist'), id=3, color=[255, 128, 0]),
    4: dict(link=('neck', 'left_shoulder'), id=4, color=[0, 255, 0]),
    5: dict(link=('left_shoulder', 'left_elbow'), id=5, color=[0, 255, 0]),
    6: dict(link=('left_elbow', 'left_wrist'), id=6, color=[0, 255, 0]),
    7: dict(link=('neck', 'belly'), id=7, color=[51, 153, 255]),
    8: dict(link=('belly', 'right_hip'), id=8, color=[255, 128, 0]),
    9: dict(link=('right_hip', 'right_knee'), id=9, color=[255, 128, 0]),
    10: dict(link=('right_knee', 'right_ankle'), id=10, color=[255, 128, 0]),
    11: dict(link=('belly', 'left_hip'), id=11, color=[0, 255, 0]),
    12: dict(link=('left_hip', 'left_knee'), id=12, color=[0, 255, 0]),
    13: dict(link=('left_knee', 'left_ankle'), id=13, color=[0, 255, 0])
}
