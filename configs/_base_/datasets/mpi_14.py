# Copyright (c) temporal_corr authors. All rights reserved.
# OpenPose's 15 parts without the belly, the last of them: those of
# Convolutional Pose Machines and LSTM Pose Machines, in their order.
_base_ = ['./mpi.py']

num_parts = 14
_info = _base_.dataset_info
_links = [
    info['link'] for info in _info.skeleton_info.values()
    if 'belly' not in info['link']
] + [('neck', 'right_hip'), ('neck', 'left_hip')]  # yapf: disable
dataset_info = dict(
    dataset_name='mpi_14',
    keypoint_info={
        '_delete_': True,
        **{part: _info.keypoint_info[part]
           for part in range(num_parts)}
    },
    skeleton_info={
        '_delete_': True,
        **{
            number: dict(link=link, id=number, color=[51, 153, 255])
            for number, link in enumerate(_links)
        }
    },
    joint_weights=_info.joint_weights[:num_parts],
    sigmas=_info.sigmas[:num_parts])
