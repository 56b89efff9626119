# Copyright (c) temporal_corr authors. All rights reserved.
from contextlib import contextmanager
from typing import Iterator, List, Optional, Tuple

import torch
from mmengine.logging import MessageHub
from mmpose.utils.typing import ConfigType
from torch import Tensor

from ..exemplar_weights import (errors_at, exemplar_weights, rank_draw,
                                rows_to_look_at)

Features = Tuple[Tensor, ...]


class TrainingMapsMixin:
    """The maps of the past in training: which samples have them, and where
    their exemplars come from. A part of :class:`TemporalMixin`."""

    #: Keys of ``train_cfg`` that the losses of these heads look at.
    train_options = ('exemplar_grad', 'exemplars', 'compute_acc')

    def keep_maps(self, count: int) -> Optional[Tensor]:
        """Which samples of a training batch keep their maps, at random.

        Nobody needs to look at the exemplar frames of the others.

        Args:
            count (int): N, samples of the batch.

        Returns:
            Tensor | None: False for samples whose maps are set to zero, in
            shape (N, ); None where that spares nothing.
        """
        if self.temporal != 'correlation':
            return None
        return rank_draw(torch.rand, count) >= self.mask_rate

    def training_features(self, feats: Features,
                          past_feats: Optional[Features],
                          train_cfg: ConfigType) -> Tuple[Tensor, ...]:
        """I of the current frames and of the exemplar frames.

        Where gradients flow into both they go through in one pass: one set
        of batch statistics.

        Args:
            feats (tuple[Tensor]): Features of the N current frames.
            past_feats (tuple[Tensor], optional): Features of the M exemplar
                frames.
            train_cfg (dict): ``exemplar_grad`` (True): whether gradients
                flow into the exemplar frames, too.

        Returns:
            tuple: I in shape (N, C, H, W) and (M, C, H, W), the latter None
            if the maps are not made of features.
        """
        if self.temporal != 'correlation' or past_feats is None:
            return self.features(feats), None
        if train_cfg.get('exemplar_grad', True):
            both = self.features(tuple(map(torch.cat, zip(past_feats, feats))))
            return both[-len(feats[-1]):], both[:-len(feats[-1])]
        features = self.features(feats)
        with torch.no_grad():
            return features, self.features(past_feats)

    def training_maps(self,
                      features: Tensor,
                      past_features: Optional[Tensor],
                      samples: List,
                      train_cfg: ConfigType,
                      keep: Optional[Tensor] = None) -> Optional[Tensor]:
        """The maps of a training batch, some of them set to zero.

        "Ground truth heatmaps are used as weight to extract keypoint
        features so that the model would be more dependent on the input
        correlation maps. To make the model workable on the first frame of
        the video, we randomly set all correlation maps of some training
        samples to zero at the rate of 0.2" (Implementation details).

        Args:
            features (Tensor): I of the N current frames.
            past_features (Tensor, optional): For ``temporal='correlation'``,
                I of the M exemplar frames that :func:`rows_to_look_at` names
                of ``keep``; without, of the N (T - 1) past frames, frame by
                frame, of which the last N are the exemplar frames.
            samples (list[PoseDataSample]): N samples with the fields
                ``previous_heatmaps`` and ``crops`` of PackClipInputs.
            train_cfg (dict): ``exemplar_grad`` (True): whether gradients
                flow into the exemplar frame, too. ``exemplars`` (dict):
                errors in the weights, see
                :func:`~projects.temporal_corr.models.exemplar_weights.
                check_errors`; none by default, as in the paper. A pair of
                numbers changes linearly over the training.
            keep (Tensor, optional): What :meth:`keep_maps` returned, in
                shape (N, ). Defaults to None, drawn here.

        Returns:
            Tensor | None: Maps in shape (N, P, H, W).

        Raises:
            ValueError: If a temporal head is given single frames.
        """
        if self.temporal is None:
            return None
        if not all('previous_heatmaps' in sample for sample in samples) or (
                self.temporal == 'correlation' and past_features is None):
            raise ValueError(
                f"temporal='{self.temporal}' trains on clips, but the batch "
                'holds single frames: set clip_len=2 in the training data '
                'set')
        # A codec may add a background channel behind those of the keypoints.
        heatmaps = torch.stack([
            sample.previous_heatmaps[-1, :self.num_keypoints]
            for sample in samples
        ])
        crops = torch.stack([sample.crops for sample in samples])
        if self.temporal == 'heatmap':
            memory = self.remember(features, heatmaps, crops[:, -2])
            keep = rank_draw(torch.rand, len(samples)) >= self.mask_rate
        else:
            if keep is None:
                keep = self.keep_maps(len(samples))
                past_features = past_features[-len(samples):]
                past_features = past_features[rows_to_look_at(keep)]
            memory = self._training_exemplars(past_features, heatmaps, keep,
                                              samples, train_cfg)
        return self.maps(features, memory, crops[:, -1],
                         keep.to(features.device))

    def _training_exemplars(self, features: Tensor, heatmaps: Tensor,
                            keep: Tensor, samples: List,
                            train_cfg: ConfigType) -> Tensor:
        """Exemplars in shape (N, P, C), zero where nobody looks at them."""
        rows = rows_to_look_at(keep).to(heatmaps.device)
        errors = errors_at(
            train_cfg.get('exemplars', {}), training_progress())
        predicted_rate = errors.pop('predicted_rate', 0)
        weights = exemplar_weights(heatmaps[rows],
                                   samples[0].metainfo.get('flip_indices'),
                                   **errors)
        labelled = True
        if predicted_rate:
            drawn = rank_draw(torch.rand, len(rows), device=weights.device)
            labelled = drawn >= predicted_rate
            with torch.no_grad(), uncached_autocast():
                predicted = self.activate(self.heatmaps(features))
            weights = torch.where(labelled[:, None, None, None], weights,
                                  predicted.to(weights.dtype))
        exemplars = self.remember(features, weights, None, labelled=labelled)
        empty = exemplars.new_zeros(len(keep), *exemplars.shape[1:])
        return empty.index_copy(0, rows, exemplars)

    def activate(self, heatmaps: Tensor) -> Tensor:
        """Detection scores of what the last layer gives: as they are."""
        return heatmaps


@contextmanager
def uncached_autocast() -> Iterator[None]:
    """Keep autocast from caching half-precision copies of the weights.

    Made under ``no_grad``, such copies have no gradients, and a later pass
    of the same iteration would take them from the cache.
    """
    enabled = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(enabled)


def training_progress() -> float:
    """Share of the iterations that are done, by MMEngine's message hub; 0
    outside of a training."""
    hub = MessageHub.get_current_instance()
    return hub.get_info('iter', 0) / hub.get_info('max_iters', 1)
