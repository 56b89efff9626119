# Copyright (c) temporal_corr authors. All rights reserved.
from .correlation import (TemporalCorrelation, correlation_maps,
                          keypoint_exemplars)
from .data_preprocessor import ClipDataPreprocessor
from .heads import TemporalCorrelationHead
from .memory import TrackFrame, TrackMemory
from .video_topdown import VideoTopdownPoseEstimator

__all__ = [
    'ClipDataPreprocessor', 'TemporalCorrelation', 'TemporalCorrelationHead',
    'TrackFrame', 'TrackMemory', 'VideoTopdownPoseEstimator',
    'correlation_maps', 'keypoint_exemplars'
]
