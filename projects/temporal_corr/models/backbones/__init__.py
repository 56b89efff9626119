# Copyright (c) temporal_corr authors. All rights reserved.
from .openpose_extractor import OpenPoseExtractor

__all__ = ['OpenPoseExtractor']
