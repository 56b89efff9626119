# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional, Sequence

import numpy as np
import torch
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.structures import PoseDataSample
from torch import Tensor


def ground_truth_heatmaps(samples: Sequence[PoseDataSample],
                          decoder: BaseKeypointCodec,
                          flip_indices: Optional[Sequence[int]] = None
                          ) -> Tensor:
    """Heatmaps of the annotated keypoints of test samples.

    With them as weights the exemplars are the best that there can be: the
    ceiling of what better exemplars would bring.

    Args:
        samples (Sequence[PoseDataSample]): N samples with the keypoints in
            the image (``gt_instances``), ``crops`` and ``input_size``.
        decoder (BaseKeypointCodec): The codec of the head.
        flip_indices (Sequence[int], optional): The mirror image of each
            keypoint; given, the heatmaps are those of the mirrored input.
            Defaults to None.

    Returns:
        Tensor: Heatmaps in shape (N, K, H, W), on the CPU; zero for a
        keypoint that is not visible.
    """
    heatmaps = []
    for sample in samples:
        keypoints = np.asarray(sample.gt_instances.keypoints, np.float64)
        visible = np.asarray(sample.gt_instances.keypoints_visible)
        visible = visible.reshape(keypoints.shape[:2])
        crop = sample.crops[-1].cpu().numpy().astype(np.float64)
        keypoints = keypoints @ crop[:, :2].T + crop[:, 2]
        if flip_indices is not None:
            keypoints = keypoints[:, flip_indices]
            visible = visible[:, flip_indices]
            keypoints[..., 0] = sample.input_size[0] - 1 - keypoints[..., 0]
        encoded = decoder.encode(keypoints.astype(np.float32), visible)
        heatmaps.append(
            torch.from_numpy(encoded['heatmaps'][:keypoints.shape[1]]))
    return torch.stack(heatmaps)
