# Copyright (c) temporal_corr authors. All rights reserved.
from .backbones import *  # noqa: F401,F403
from .correlation import correlation_maps, keypoint_exemplars
from .data_preprocessor import ClipDataPreprocessor
from .heads import *  # noqa: F401,F403
from .losses import EuclideanLoss, HeatmapBCELoss
from .necks import *  # noqa: F401,F403
from .temporal import *  # noqa: F401,F403
from .track_memory import TrackFrame, TrackMemory
from .video_topdown import VideoTopdownPoseEstimator

__all__ = [
    'ClipDataPreprocessor', 'EuclideanLoss', 'HeatmapBCELoss', 'TrackFrame',
    'TrackMemory', 'VideoTopdownPoseEstimator', 'correlation_maps',
    'keypoint_exemplars'
]
