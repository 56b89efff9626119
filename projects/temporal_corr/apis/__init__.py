# Copyright (c) temporal_corr authors. All rights reserved.
"""Pose estimation on running video.

``box_tracker`` and ``person_detector`` need MMDetection and are imported by
their own names.
"""
from ..video_io.followed_person import FollowedPerson
from ..video_io.frame_source import FrameSource, SourceFrame
from ..video_io.interruption import Interruption
from .box_file import BoxFile
from .coco_poses import CocoPoses
from .first_pass import FirstPass
from .frame_painter import FramePainter
from .label_file import LabelFile
from .person_boxes import People, TrackedPeople
from .pose_json import PoseFile
from .prompts import LabelledPeople, Prompts, as_labelled, compare_people
from .released_models import DEFAULT_MODEL, released_models
from .smoothed_outputs import SmoothedOutputs
from .stream_smoother import StreamSmoother
from .video_outputs import VideoOutputs
from .video_pose_inferencer import VideoPoseInferencer

__all__ = [
    'DEFAULT_MODEL', 'BoxFile', 'CocoPoses', 'FirstPass', 'FollowedPerson',
    'FramePainter', 'FrameSource', 'Interruption', 'LabelFile',
    'LabelledPeople', 'People', 'PoseFile', 'Prompts', 'SmoothedOutputs',
    'SourceFrame', 'StreamSmoother', 'TrackedPeople', 'VideoOutputs',
    'VideoPoseInferencer', 'as_labelled', 'compare_people', 'released_models'
]
