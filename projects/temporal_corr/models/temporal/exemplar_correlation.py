# Copyright (c) temporal_corr authors. All rights reserved.
from functools import partial

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor

from ..correlation import (correlation_maps, detection_scores,
                           keypoint_exemplars)
from .temporal_module import ScaledMaps


@MODELS.register_module()
class ExemplarCorrelation(ScaledMaps):
    """The paper's method: the exemplars of earlier frames, correlated with I.

    Remembers ``exemplars`` (N, P, C), unit vectors, zero for a keypoint that
    was never found, updated in test as ``test_cfg.memory`` says.

    Args:
        normalize (bool): Whether the features of every location are
            normalised, too, so that the maps are cosines. The paper
            normalises the exemplars only. Defaults to False.
        kwargs: Arguments of :class:`ScaledMaps`.
    """

    name = 'correlation'
    policies = dict(
        ScaledMaps.policies,
        fixed=(),
        average=('momentum', ),
        ground_truth=(),
        offline=('source', 'frames', 'crop_shift'))

    def __init__(self, normalize: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.normalize = normalize
        self.policy = None

    def set_policy(self, policy: str, **options) -> None:
        """``self.policy`` combines the exemplars so far and those of the
        frame; None for the paper's rule."""
        self.policy = dict(
            fixed=keep_first, average=partial(average, **options)).get(policy)

    def maps(self, features, memory, crops=None, single_frame=None):
        if memory is None:
            return None, None
        exemplars = memory['exemplars']
        found = (exemplars != 0).any(dim=-1)
        return self.scaled(self.correlate(features, exemplars), found), None

    def correlate(self, features: Tensor, exemplars: Tensor) -> Tensor:
        """The maps (N, P, H, W) before the scale layer."""
        features = self.intermediate(features)
        if self.normalize:
            # eps keeps gradients small where there are no features.
            features = F.normalize(features.float(), dim=1, eps=1e-6)
        return correlation_maps(features, exemplars)

    def update(self, memory, features, heatmaps, crops=None, state=None):
        exemplars = self.extract(features, heatmaps)
        if self.policy is not None:
            old = torch.zeros_like(exemplars)
            if memory is not None:
                old = memory['exemplars']
            exemplars = self.policy(old, exemplars)
        return dict(exemplars=exemplars)

    def extract(self, features: Tensor, heatmaps: Tensor) -> Tensor:
        """Exemplars (N, P, C) of frames, Eq. (1)."""
        return keypoint_exemplars(
            self.intermediate(features), detection_scores(heatmaps))

    def sample_past(self, clips):
        """The frames before the last, of the samples whose memory is kept."""
        keep = self.draw_kept(len(clips))
        return clips[kept_rows(keep), -2], keep

    def training_memory(self, past_features, samples, keep):
        rows = kept_rows(keep)
        exemplars = self.extract(past_features,
                                 self.true_heatmaps(samples)[rows])
        exemplars = exemplars * keep[rows].to(exemplars)[:, None, None]
        empty = exemplars.new_zeros(len(keep), *exemplars.shape[1:])
        rows = rows.to(exemplars.device)
        return dict(exemplars=empty.index_copy(0, rows, exemplars))


def kept_rows(keep: Tensor) -> Tensor:
    """Indices of the samples whose memory is kept, (M, ), at least one:
    the processes of a distributed training must all do the same, or a
    SyncBatchNorm would hang."""
    rows = keep.nonzero()[:, 0]
    return rows if len(rows) else rows.new_zeros(1)


def keep_first(old: Tensor, new: Tensor) -> Tensor:
    """Keep exemplars (N, P, C) as they were first found."""
    return torch.where((old != 0).any(dim=-1, keepdim=True), old, new)


def average(old: Tensor, new: Tensor, momentum: float = 0.9) -> Tensor:
    """Moving average of exemplars (N, P, C), of unit length, ``momentum`` the
    weight of those so far; what is seen for the first time is taken as it
    is."""
    # torch.where of two Python numbers is exported as float64.
    share = torch.full_like(old[..., :1], momentum)
    share = share * (old != 0).any(dim=-1, keepdim=True)
    seen = (new != 0).any(dim=-1, keepdim=True)
    share = torch.where(seen, share, torch.ones_like(share))
    return F.normalize(share * old + (1 - share) * new, dim=-1)
