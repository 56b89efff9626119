# Copyright (c) temporal_corr authors. All rights reserved.
from .formatting import PackClipInputs
from .penn_action import PennActionDataset, append_neck_and_belly
from .samplers import VideoSampler
from .sub_jhmdb import SubJhmdbDataset
from .transforms import (ClipTransforms, CropAffine, LoadVideoFrame,
                         UniformBBoxTransform)
from .video_coco_dataset import VideoCocoDataset

__all__ = [
    'ClipTransforms', 'CropAffine', 'LoadVideoFrame', 'PackClipInputs',
    'PennActionDataset', 'SubJhmdbDataset', 'UniformBBoxTransform',
    'VideoCocoDataset', 'VideoSampler', 'append_neck_and_belly'
]
