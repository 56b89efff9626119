# Copyright (c) temporal_corr authors. All rights reserved.
from .backbones import (FoldedMobileNetV2, LSTMPoseMachineExtractor,
                        OpenPoseExtractor)
from .correlation import (TemporalCorrelation, correlation_maps,
                          keypoint_exemplars)
from .data_preprocessor import ClipDataPreprocessor
from .heads import (HeatmapBranch, LSTMPoseMachineHead, PAFHead,
                    TemporalCorrelationHead)
from .losses import EuclideanLoss, HeatmapBCELoss
from .memory import TrackFrame, TrackMemory
from .necks import SeparableFPN
from .video_topdown import VideoTopdownPoseEstimator

__all__ = [
    'ClipDataPreprocessor', 'EuclideanLoss', 'FoldedMobileNetV2',
    'HeatmapBCELoss', 'HeatmapBranch', 'LSTMPoseMachineExtractor',
    'LSTMPoseMachineHead', 'OpenPoseExtractor', 'PAFHead', 'SeparableFPN',
    'TemporalCorrelation', 'TemporalCorrelationHead', 'TrackFrame',
    'TrackMemory', 'VideoTopdownPoseEstimator', 'correlation_maps',
    'keypoint_exemplars'
]
