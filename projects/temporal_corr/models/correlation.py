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
frame.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


def keypoint_exemplars(features: Tensor, heatmaps: Tensor) -> Tensor:
    r"""Extract the feature of each keypoint, Eq. (1) of the paper.

    .. math::
        J_p(c) = \frac{1}{N_p} \sum_{h,w} B(h, w, p)\, I(h, w, c)

    with :math:`N_p` such that :math:`J_p` has an L2 norm of 1.

    Args:
        features (Tensor): Intermediate feature maps I in shape
            (N, C, H, W).
        heatmaps (Tensor): Heatmaps B in shape (N, P, H, W): ground truth
            in training, the prediction of the frame in test.

    Returns:
        Tensor: Exemplars J in shape (N, P, C), float32 (float64 for float64
        inputs). A keypoint whose heatmap is zero gets a zero exemplar.

    Raises:
        ValueError: If the two maps differ in batch or spatial size.
    """
    if features.shape[0] != heatmaps.shape[0] or (features.shape[2:] !=
                                                  heatmaps.shape[2:]):
        raise ValueError(
            'features and heatmaps must have the same batch and spatial '
            f'size, got {tuple(features.shape)} and {tuple(heatmaps.shape)}: '
            "the paper's I is taken at the resolution of the heatmaps")
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
    """Heatmaps as the weights B of Eq. (1).

    "Every spatial location has a detection score for each keypoint", and
    "all the pixels with non-zero detection scores are taken into account":
    a score is not negative, but the output of a network can be. Where a map
    sums up to less than zero, Eq. (1) would point away from the keypoint,
    and the maps of such an exemplar suppress the keypoint in the next frame.

    Args:
        heatmaps (Tensor): Heatmaps in shape (N, P, H, W).

    Returns:
        Tensor: The heatmaps, zero where they are negative.
    """
    return heatmaps.clamp(min=0)


def correlation_maps(features: Tensor, exemplars: Tensor) -> Tensor:
    """Correlate exemplars with every location of a feature map.

    "We use inner-product to compute similarity between feature vector
    pairs" (Section 2, Feature correlation).

    Args:
        features (Tensor): Feature maps of the current frame in shape
            (N, C, H, W).
        exemplars (Tensor): Exemplars of an earlier frame in shape (N, P, C).

    Returns:
        Tensor: Correlation maps in shape (N, P, H, W), float32 (float64 for
        float64 inputs).

    Raises:
        ValueError: If batch or channels differ.
    """
    if (features.shape[0], features.shape[1]) != (exemplars.shape[0],
                                                  exemplars.shape[2]):
        raise ValueError(
            f'features {tuple(features.shape)} and exemplars '
            f'{tuple(exemplars.shape)} must agree in batch and channels')
    with torch.autocast(features.device.type, enabled=False):
        features, exemplars = _full_precision(features, exemplars)
        maps = torch.bmm(exemplars, features.flatten(2))
        return maps.view(*maps.shape[:2], *features.shape[2:])


def best_maps(features: Tensor, exemplars: Tensor) -> Tensor:
    """Correlate several exemplars of each keypoint, and keep the maximum.

    Args:
        features (Tensor): Feature maps of the current frame in shape
            (N, C, H, W).
        exemplars (Tensor): Exemplars in shape (N, P, K, C); one of zeros is
            none.

    Returns:
        Tensor: Correlation maps in shape (N, P, H, W), as of
        :func:`correlation_maps`; zero for a keypoint without exemplars.
    """
    keypoints, size = exemplars.shape[1:3]
    maps = correlation_maps(features, exemplars.flatten(1, 2))
    if size == 1:
        return maps
    maps = maps.unflatten(1, (keypoints, size))
    empty = (exemplars == 0).all(dim=-1)
    best = maps.masked_fill(empty[..., None, None], -torch.inf).amax(dim=2)
    return best.masked_fill(empty.all(dim=2)[..., None, None], 0.)


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


class ScaledMaps(nn.Module):
    """The scale layer, and the switch for keypoints without an exemplar.

    "A scale layer with learnable weights and biases is added right after the
    correlation maps for better convergence" and "since the keypoint feature
    is unavailable for the first frame of a video, the initial correlation
    maps are set to zeros" (Section 3). Masked maps are multiplied by zero
    rather than skipped, so that every parameter takes part in every
    iteration, whatever the batch. They are zero behind the scale layer: the
    paper's order would leave its bias where there is no exemplar, which is
    no sign of a keypoint.

    Args:
        num_keypoints (int): P, one scale and one bias each.
        scale_init (float): Initial scale. The paper does not say; 1 leaves
            the maps as they are. Defaults to 1.
        bias_init (float): Initial bias. Defaults to 0.
    """

    def __init__(self,
                 num_keypoints: int,
                 scale_init: float = 1.,
                 bias_init: float = 0.):
        super().__init__()
        self.scale = nn.Parameter(
            torch.full((num_keypoints, ), float(scale_init)))
        self.bias = nn.Parameter(
            torch.full((num_keypoints, ), float(bias_init)))

    def forward(self, maps: Tensor, mask: Tensor) -> Tensor:
        """Scale and mask.

        Args:
            maps (Tensor): Maps in shape (N, P, H, W).
            mask (Tensor): 1 to keep, 0 to zero a sample's maps, shape
                (N, ), or how far to trust each of its maps, shape (N, P).

        Returns:
            Tensor: Maps in shape (N, P, H, W).
        """
        scaled = maps * self.scale[:, None, None] + self.bias[:, None, None]
        if mask.ndim == 1:
            mask = mask[:, None]
        return scaled * mask.to(scaled.dtype)[..., None, None]


class TemporalCorrelation(ScaledMaps):
    """Correlation maps, scaled: what the network gets to see of the past.

    Args:
        num_keypoints (int): P, one scale and one bias each.
        scale_init (float): Initial scale. Defaults to 1.
        bias_init (float): Initial bias. Defaults to 0.
        normalize (bool): Whether the features of every location are
            normalised, too, so that the maps are cosines. The paper
            normalises the exemplars only. Defaults to False.
        weighted (bool): Whether the length of an exemplar, which is 1 in the
            paper, says how far to trust it: the maps of unit vectors, scaled,
            are multiplied by it. Defaults to False.
    """

    def __init__(self,
                 num_keypoints: int,
                 scale_init: float = 1.,
                 bias_init: float = 0.,
                 normalize: bool = False,
                 weighted: bool = False):
        super().__init__(num_keypoints, scale_init, bias_init)
        self.normalize = normalize
        self.weighted = weighted

    def forward(self, features: Tensor, exemplars: Tensor,
                mask: Tensor) -> Tensor:
        """Correlate, scale and mask.

        Args:
            features (Tensor): Feature maps of the current frame in shape
                (N, C, H, W).
            exemplars (Tensor): Exemplars in shape (N, P, C), or
                (N, P, K, C), K for each keypoint.
            mask (Tensor): 0 for a sample whose maps are zeroed, else 1,
                shape (N, ).

        Returns:
            Tensor: Scaled correlation maps in shape (N, P, H, W), zero for
            a keypoint without an exemplar.
        """
        trust = (exemplars != 0).any(dim=-1).to(exemplars.dtype)
        if self.weighted:
            trust = exemplars.norm(dim=-1)
            exemplars = exemplars / _divisor(trust)[..., None]
        if trust.ndim == 3:
            trust = trust.amax(dim=2)
        mask = mask[:, None] * trust
        return super().forward(self.correlate(features, exemplars), mask)

    def correlate(self, features: Tensor, exemplars: Tensor) -> Tensor:
        """The maps before the scale layer.

        Args:
            features (Tensor): Feature maps of the current frame in shape
                (N, C, H, W).
            exemplars (Tensor): Exemplars in shape (N, P, C), or
                (N, P, K, C), K for each keypoint.

        Returns:
            Tensor: Correlation maps in shape (N, P, H, W).
        """
        if self.normalize:
            # eps keeps gradients small where there are no features.
            features = F.normalize(features.float(), dim=1, eps=1e-6)
        return (
            correlation_maps(features, exemplars)
            if exemplars.ndim == 3 else best_maps(features, exemplars))
