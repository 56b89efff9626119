# Copyright (c) temporal_corr authors. All rights reserved.
from .group_pck import GroupPCKAccuracy
from .keypoint_acceleration import KeypointAcceleration

__all__ = ['GroupPCKAccuracy', 'KeypointAcceleration']
