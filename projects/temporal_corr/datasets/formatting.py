# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict

import numpy as np
import torch
from mmpose.datasets.transforms import PackPoseInputs
from mmpose.datasets.transforms.formatting import image_to_tensor
from mmpose.registry import TRANSFORMS

VIDEO_META_KEYS = ('video_id', 'frame_index', 'previous_frame_index',
                   'is_first', 'is_last', 'track_id')
# what a frame has of each annotated person, by MMPose's names
PERSON_KEYS = ('keypoints', 'keypoints_visible', 'transformed_keypoints')


@TRANSFORMS.register_module()
class PackClipInputs(PackPoseInputs):
    """Pack a frame or a clip for a video pose estimator.

    A frame is packed as by :class:`PackPoseInputs`, a clip of T frames as its
    current frame, the last one, with ``inputs`` of all frames in shape
    (T, 3, H, W). Added to the data sample are, for K keypoints and M heatmaps
    (K, or K + 1 with a background):

        - ``crops``: (T, 2, 3) float32, affine matrices from pixels of each
          (flipped) image to pixels of the input (:class:`CropAffine`), T = 1
          for a frame
        - ``center_maps``: (T, 1, h, w) float32, where the pipeline made
          them (:class:`GenerateCenterMap`)
        - ``previous_heatmaps``: (T-1, M, h, w) float32 and
          ``previous_weights``: (T-1, K) float32, targets of the exemplar
          frames and weights of their keypoints; clips only
        - ``gt_instances.bbox_size``: (1, 2), the released box's size
        - in the metainfo the ``VIDEO_META_KEYS`` of the (current) frame, and
          for clips ``clip_frame_indices``, the frames in the video

    Where several people of an image are annotated, only the person of the
    item, the first, is in ``gt_instances``; the targets are of all.

    Args:
        **kwargs: Arguments of :class:`PackPoseInputs`.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.meta_keys = (*self.meta_keys, *VIDEO_META_KEYS,
                          'clip_frame_indices')

    def transform(self, results: Dict) -> dict:
        """Pack a frame, or a clip, where each value is the list of the
        frames' values."""
        is_clip = isinstance(results['img_path'], list)
        frames = results if is_clip else {k: [v] for k, v in results.items()}
        frame = {key: values[-1] for key, values in frames.items()}
        if is_clip:
            frame['clip_frame_indices'] = tuple(results['frame_index'])
        for key in PERSON_KEYS:
            if np.ndim(frame.get(key)):
                frame[key] = frame[key][:1]
        packed = super().transform(frame)
        sample = packed['data_samples']
        if 'bbox_size' in frame:
            sample.gt_instances.bbox_size = frame['bbox_size']
        arrays = dict(crops=np.stack(frames['crop']))
        if 'center_map' in frames:
            arrays['center_maps'] = np.stack(frames['center_map'])
        if is_clip:
            packed['inputs'] = image_to_tensor(results['img'])
            if 'heatmaps' in results:
                arrays['previous_heatmaps'] = np.stack(
                    results['heatmaps'][:-1])
                # (1, K) each, of the person or of all people together
                arrays['previous_weights'] = np.concatenate(
                    results['keypoint_weights'][:-1])
        sample.set_data({
            name: torch.from_numpy(array.astype(np.float32))
            for name, array in arrays.items()
        })
        return packed
