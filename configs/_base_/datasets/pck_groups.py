# Copyright (c) temporal_corr authors. All rights reserved.
# The columns of the paper's tables: the keypoints of each body part. Neck and
# belly are in none, but count in the mean over joints (PCK), as in MMPose.
pck_groups = dict(
    Head=['head'],
    Sho=['right_shoulder', 'left_shoulder'],
    Elb=['right_elbow', 'left_elbow'],
    Wri=['right_wrist', 'left_wrist'],
    Hip=['right_hip', 'left_hip'],
    Knee=['right_knee', 'left_knee'],
    Ank=['right_ankle', 'left_ankle'])
