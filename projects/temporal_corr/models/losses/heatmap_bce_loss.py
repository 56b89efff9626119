# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional

import torch.nn as nn
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class HeatmapBCELoss(nn.Module):
    """Binary cross-entropy of every cell, for heatmaps that are sigmoids.

    Args:
        loss_weight (float): Weight of the loss. Defaults to 1.
    """

    def __init__(self, loss_weight: float = 1.):
        super().__init__()
        self.loss_weight = loss_weight

    def forward(self,
                output: Tensor,
                target: Tensor,
                target_weights: Optional[Tensor] = None) -> Tensor:
        """Mean over logits (N, P, H, W) against heatmaps from 0 to 1,
        keypoints weighted by (N, P), by default alike."""
        if target_weights is not None:
            target_weights = target_weights[..., None, None].to(output)
        return self.loss_weight * F.binary_cross_entropy_with_logits(
            output, target.to(output), target_weights)
