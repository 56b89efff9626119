# Copyright (c) temporal_corr authors. All rights reserved.
"""Pose estimation on running video.

``detection`` needs MMDetection and is imported by its own name.
"""
from ..smoothing import StreamSmoother, smooth_recording
from ..video_io.followed_person import FollowedPerson, People, PeopleProvider
from ..video_io.frame_source import FrameSource, SourceFrame
from ..video_io.interruption import Interruption
from .coco_files import BoxFile, Label, LabelFile
from .outputs import CocoPoses, FramePainter, PoseFile, VideoOutputs
from .people import (LabelledPeople, Prompts, TrackedPeople, compare_people,
                     predict_frame)
from .video_pose_inferencer import (DEFAULT_MODEL, LABELS_MODEL,
                                    VideoPoseInferencer, released_models)

__all__ = [
    'DEFAULT_MODEL', 'LABELS_MODEL', 'BoxFile', 'CocoPoses', 'FollowedPerson',
    'FramePainter', 'FrameSource', 'Interruption', 'Label', 'LabelFile',
    'LabelledPeople', 'People', 'PeopleProvider', 'PoseFile', 'Prompts',
    'SourceFrame', 'StreamSmoother', 'TrackedPeople', 'VideoOutputs',
    'VideoPoseInferencer', 'compare_people', 'predict_frame',
    'released_models', 'smooth_recording'
]
