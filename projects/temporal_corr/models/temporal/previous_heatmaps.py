# Copyright (c) temporal_corr authors. All rights reserved.
import torch
from mmpose.registry import MODELS

from ..correlation import detection_scores
from .temporal_module import ScaledMaps


@MODELS.register_module()
class PreviousHeatmaps(ScaledMaps):
    """Inter-frame heatmap refinement, which the paper compares with: the
    maps are the previous heatmaps.

    Remembers ``heatmaps`` (N, P, H, W) and ``crops`` (N, 2, 3), the crops
    that they were predicted in, out of which they are resampled.

    Args:
        kwargs: Arguments of :class:`ScaledMaps`.
    """

    name = 'previous_heatmaps'
    carries_maps = True

    def maps(self, features, memory, crops, single_frame=None):
        if memory is None:
            return None, None
        mask = (memory['heatmaps'] != 0).flatten(1).any(dim=1)
        heatmaps = self.carry(memory, crops, mask)['heatmaps']
        found = (heatmaps != 0).flatten(2).any(dim=2)
        return self.scaled(heatmaps, found), None

    def update(self, memory, features, heatmaps, crops, state=None):
        return dict(
            heatmaps=detection_scores(heatmaps),
            crops=identity_crops(heatmaps) if crops is None else crops)


def identity_crops(maps: torch.Tensor) -> torch.Tensor:
    """Crops (N, 2, 3) for N maps, where all frames have the same."""
    return torch.eye(2, 3).to(maps).expand(len(maps), 2, 3)
