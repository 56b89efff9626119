# Copyright (c) temporal_corr authors. All rights reserved.
from .backbones import (FoldedMobileNetV2, LSTMPoseMachineExtractor,
                        OpenPoseExtractor)
from .correlation import correlation_maps, keypoint_exemplars
from .data_preprocessor import ClipDataPreprocessor
from .heads import (HeatmapBranch, LSTMPoseMachineHead, PAFHead,
                    TemporalCorrelationHead, VideoHead)
from .losses import EuclideanLoss, HeatmapBCELoss
from .necks import SeparableFPN
from .temporal import (ConvLSTM, ExemplarCorrelation, PreviousHeatmaps,
                       ScaledMaps, TemporalModule)
from .track_memory import TrackFrame, TrackMemory
from .video_topdown import VideoTopdownPoseEstimator

__all__ = [
    'ClipDataPreprocessor', 'ConvLSTM', 'EuclideanLoss',
    'ExemplarCorrelation', 'FoldedMobileNetV2', 'HeatmapBCELoss',
    'HeatmapBranch', 'LSTMPoseMachineExtractor', 'LSTMPoseMachineHead',
    'OpenPoseExtractor', 'PAFHead', 'PreviousHeatmaps', 'ScaledMaps',
    'SeparableFPN', 'TemporalCorrelationHead', 'TemporalModule', 'TrackFrame',
    'TrackMemory', 'VideoHead', 'VideoTopdownPoseEstimator',
    'correlation_maps', 'keypoint_exemplars'
]
