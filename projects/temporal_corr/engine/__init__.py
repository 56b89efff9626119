# Copyright (c) temporal_corr authors. All rights reserved.
from .atomic_checkpoint_hook import AtomicCheckpointHook, AtomicLocalBackend
from .checkpoint_guard_hook import CheckpointGuardHook
from .offline_exemplars_hook import OfflineExemplarsHook
from .pose_model import load_pose_model
from .resume import find_resumable_checkpoint
from .safe_loading import load_from_local, register_safe_loaders
from .trained_videos_hook import TrainedVideosHook
from .video_visualization_hook import VideoVisualizationHook

__all__ = [
    'AtomicCheckpointHook', 'AtomicLocalBackend', 'CheckpointGuardHook',
    'TrainedVideosHook', 'OfflineExemplarsHook', 'VideoVisualizationHook',
    'find_resumable_checkpoint', 'load_from_local', 'load_pose_model',
    'register_safe_loaders'
]
