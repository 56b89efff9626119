# Copyright (c) temporal_corr authors. All rights reserved.
from .folded_mobilenet_v2 import FoldedMobileNetV2
from .lstm_pose_machine_extractor import LSTMPoseMachineExtractor
from .openpose_extractor import OpenPoseExtractor

__all__ = [
    'FoldedMobileNetV2', 'LSTMPoseMachineExtractor', 'OpenPoseExtractor'
]
