# Copyright (c) temporal_corr authors. All rights reserved.
from .backbones import LSTMPoseMachineExtractor, OpenPoseExtractor
from .correlation import (TemporalCorrelation, correlation_maps,
                          keypoint_exemplars)
from .data_preprocessor import ClipDataPreprocessor
from .heads import LSTMPoseMachineHead, PAFHead, TemporalCorrelationHead
from .losses import EuclideanLoss
from .memory import TrackFrame, TrackMemory
from .video_topdown import VideoTopdownPoseEstimator

__all__ = [
    'ClipDataPreprocessor', 'EuclideanLoss', 'LSTMPoseMachineExtractor',
    'LSTMPoseMachineHead', 'OpenPoseExtractor', 'PAFHead',
    'TemporalCorrelation', 'TemporalCorrelationHead', 'TrackFrame',
    'TrackMemory', 'VideoTopdownPoseEstimator',
    'correlation_maps', 'keypoint_exemplars'
]
