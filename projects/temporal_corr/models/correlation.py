# Copyright (c) temporal_corr authors. All rights reserved.
"""Temporal feature correlation (Section 2 of the paper).

Shapes: N samples, P keypoints, C channels, H x W map.

===========  ==============  ============================================
name         shape           is
===========  ==============  ============================================
features     (N, C, H, W)    the intermediate feature maps I
heatmaps     (N, P, H, W)    the weights B of every location
exemplars    (N, P, C)       the keypoint features J, unit vectors
maps         (N, P, H, W)    how likely a keypoint reappears at a location
===========  ==============  ============================================

The sums run in float32 whatever the inputs are: H x W products of float16
overflow, and an exemplar is the one thing that is carried from frame to
frame. Results are float32, or float64 for float64 inputs.
"""
import torch
from torch import Tensor


def keypoint_exemplars(features: Tensor, heatmaps: Tensor) -> Tensor:
    r"""Extract the feature of each keypoint, Eq. (1) of the paper.

    .. math::
        J_p(c) = \frac{1}{N_p} \sum_{h,w} B(h, w, p)\, I(h, w, c)

    with :math:`N_p` such that :math:`J_p` has an L2 norm of 1. B is the
    ground truth in training, the prediction of the frame in test.

    Args:
        features (Tensor): Intermediate feature maps I (N, C, H, W).
        heatmaps (Tensor): Heatmaps B (N, P, H, W).

    Returns:
        Tensor: Exemplars J (N, P, C). A keypoint whose heatmap is zero gets
        a zero exemplar.
    """
    with torch.autocast(features.device.type, enabled=False):
        features, heatmaps = _full_precision(features, heatmaps)
        # Dividing by the largest weight first changes nothing (J is
        # normalised), but keeps products in the range of float32; the
        # squares of sums take that of float64.
        weights = heatmaps.flatten(2)
        weights = weights / _divisor(weights.detach().abs().amax(2, True))
        sums = torch.bmm(weights, features.flatten(2).transpose(1, 2))
        norms = torch.linalg.vector_norm(
            sums, dim=2, keepdim=True, dtype=torch.float64)
        return sums / _divisor(norms.to(sums.dtype))


def detection_scores(heatmaps: Tensor) -> Tensor:
    """Heatmaps (N, P, H, W) as the weights B of Eq. (1), zero where they are
    negative.

    "Every spatial location has a detection score for each keypoint", and
    "all the pixels with non-zero detection scores are taken into account": a
    score is not negative, but the output of a network can be. Where a map
    sums up to less than zero, the exemplar would point away from the
    keypoint, and suppress it in the next frame.
    """
    return heatmaps.clamp(min=0)


def correlation_maps(features: Tensor, exemplars: Tensor) -> Tensor:
    """Correlate exemplars of an earlier frame, (N, P, C), with every location
    of the features of the current one, (N, C, H, W): maps (N, P, H, W).

    "We use inner-product to compute similarity between feature vector
    pairs" (Section 2, Feature correlation).
    """
    with torch.autocast(features.device.type, enabled=False):
        features, exemplars = _full_precision(features, exemplars)
        maps = torch.bmm(exemplars, features.flatten(2))
        return maps.view(*maps.shape[:2], *features.shape[2:])


def _full_precision(*tensors: Tensor):
    """Promotes half precision to float32, leaves float64 as it is."""
    dtype = torch.float32
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return (tensor.to(dtype) for tensor in tensors)


def _divisor(values: Tensor) -> Tensor:
    """The values, 1 where they are 0: 0 / 0 is 0, in gradients, too, where
    the epsilon of F.normalize would make 1e12 of them."""
    return values + (values == 0)
