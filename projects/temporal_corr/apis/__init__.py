# Copyright (c) temporal_corr authors. All rights reserved.
"""Pose estimation on running video.

``detection`` needs MMDetection and is imported by its own name.
"""
from ..video_io.followed_person import FollowedPerson, People
from ..video_io.frame_source import FrameSource, SourceFrame
from ..video_io.interruption import Interruption
from .coco_files import BoxFile, Label, LabelFile
from .first_pass import FirstPass
from .outputs import CocoPoses, FramePainter, PoseFile, VideoOutputs
from .people import LabelledPeople, TrackedPeople
from .pose_smoothing import StreamSmoother, smooth_recording
from .prompts import Prompts, compare_people, predict_frame
from .released_models import DEFAULT_MODEL, released_models
from .video_pose_inferencer import VideoPoseInferencer

__all__ = [
    'DEFAULT_MODEL', 'BoxFile', 'CocoPoses', 'FirstPass', 'FollowedPerson',
    'FramePainter', 'FrameSource', 'Interruption', 'Label', 'LabelFile',
    'LabelledPeople', 'People', 'PoseFile', 'Prompts', 'SourceFrame',
    'StreamSmoother', 'TrackedPeople', 'VideoOutputs', 'VideoPoseInferencer',
    'compare_people', 'predict_frame', 'released_models', 'smooth_recording'
]
