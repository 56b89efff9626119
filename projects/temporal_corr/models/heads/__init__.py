# Copyright (c) temporal_corr authors. All rights reserved.
from .heatmap_branch import HeatmapBranch
from .lstm_pose_machine_head import LSTMPoseMachineHead
from .paf_head import PAFHead
from .temporal_correlation_head import TemporalCorrelationHead
from .video_head import VideoHead

__all__ = [
    'HeatmapBranch', 'LSTMPoseMachineHead', 'PAFHead',
    'TemporalCorrelationHead', 'VideoHead'
]
