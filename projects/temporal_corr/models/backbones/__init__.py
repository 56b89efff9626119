# Copyright (c) temporal_corr authors. All rights reserved.
from .lstm_pose_machine_extractor import LSTMPoseMachineExtractor
from .openpose_extractor import OpenPoseExtractor

__all__ = ['LSTMPoseMachineExtractor', 'OpenPoseExtractor']
