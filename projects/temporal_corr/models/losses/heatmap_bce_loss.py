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
        """Mean over samples, keypoints and cells.

        Args:
            output (Tensor): Logits in shape (N, P, H, W).
            target (Tensor): Heatmaps from 0 to 1 in shape (N, P, H, W).
            target_weights (Tensor, optional): Weights of the keypoints in
                shape (N, P). Defaults to None, all 1.

        Returns:
            Tensor: The loss.
        """
        if target_weights is not None:
            target_weights = target_weights[..., None, None].to(output)
        return self.loss_weight * F.binary_cross_entropy_with_logits(
            output, target.to(output), target_weights)
