# Copyright (c) temporal_corr authors. All rights reserved.
from .clip_transforms import ClipTransforms
from .crop_transforms import (CropAffine, GenerateCenterMap,
                              GetBBoxCenterFixedScale, GetCropCenterScale,
                              UniformBBoxTransform)
from .formatting import PackClipInputs
from .loading import LoadVideoFrame
from .mpii_parts import MpiiPartsDataset
from .penn_action import PennActionDataset
from .samplers import VideoSampler
from .sub_jhmdb import SubJhmdbDataset
from .video_coco_dataset import VideoCocoDataset

__all__ = [
    'ClipTransforms', 'CropAffine', 'GenerateCenterMap',
    'GetBBoxCenterFixedScale', 'GetCropCenterScale', 'LoadVideoFrame',
    'MpiiPartsDataset', 'PackClipInputs', 'PennActionDataset',
    'SubJhmdbDataset', 'UniformBBoxTransform', 'VideoCocoDataset',
    'VideoSampler'
]
