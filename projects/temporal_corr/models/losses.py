# Copyright (c) temporal_corr authors. All rights reserved.
import torch.nn as nn
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class EuclideanLoss(nn.Module):
    r"""Half the squared error of a sample, summed over its maps.

    .. math::
        \frac{1}{2 N} \sum_n \sum_{k, h, w}
        \left(w_{nk} (x_{nkhw} - y_{nkhw})\right)^2

    The loss of OpenPose, and of the paper, "as in [21]", for whose sum their
    learning rates are meant: a mean over the K x H x W elements, as MMPose's
    losses take, makes gradients smaller by K H W / 2, 16,928 for the 16
    heatmaps at 46x46. The mean over N makes the gradient that ranks average
    that of the whole batch.
    """

    def forward(self, output: Tensor, target: Tensor,
                weights: Tensor) -> Tensor:
        """The loss of maps (N, K, H, W), multiplied, as their targets, by
        weights (N, K); 0 masks a map."""
        # In float32 under AMP, too: the sum overflows half precision.
        error = (output.float() - target) * weights[:, :, None, None]
        return error.square().sum() / (2 * len(output))


@MODELS.register_module()
class HeatmapBCELoss(nn.Module):
    """Binary cross-entropy of every cell, for heatmaps that are sigmoids.
    """

    def forward(self, output: Tensor, target: Tensor,
                weights: Tensor) -> Tensor:
        """Mean over logits (N, P, H, W) against heatmaps from 0 to 1,
        keypoints weighted by (N, P)."""
        return F.binary_cross_entropy_with_logits(
            output, target.to(output), weights[..., None, None].to(output))
