# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Any, Dict, Optional, Tuple, Union

import torch
from torch import Tensor

from ..correlation import (ScaledMaps, TemporalCorrelation, detection_scores,
                           keypoint_exemplars)
from ..exemplar_policies import LABELLED, Policy, build_policy
from ..memory import map_value
from ..resample import carry_maps
from .training_maps import TrainingMapsMixin


class TemporalMixin(TrainingMapsMixin):
    """What a head remembers of a frame, and the maps it makes of it.

    For heads with a ``decoder``, ``features(feats)``, which returns the
    intermediate feature maps I at the resolution of the heatmaps,
    ``heatmaps(features)``, the heatmaps of single frames, and
    ``fields(features, maps)``, all that is predicted of a frame, heatmaps
    first. Three modes:

    - ``temporal='correlation'``, the paper's method: the exemplars of the
      previous frame, correlated with I. Remembers the exemplars, (N, P, C),
      or what a policy (:mod:`..exemplar_policies`) makes of them.
    - ``temporal='heatmap'``, the inter-frame heatmap refinement that the
      paper compares with: the previous heatmaps, carried into the current
      crop. Remembers the heatmaps and their crop.
    - ``temporal=None``, the single-frame baseline. Remembers nothing.

    What is remembered comes from detection scores: heatmaps, zero where they
    are negative (:func:`..correlation.detection_scores`).
    """

    #: What ``temporal`` may be, and which of it remembers maps.
    temporal_modes: Tuple[Optional[str], ...] = ('correlation', 'heatmap',
                                                 None)
    map_modes: Tuple[str, ...] = ('heatmap', )

    #: Fields of a data sample that ``step`` takes as keyword arguments, of
    #: the current frame.
    conditions = ('crops', )
    #: How exemplars are renewed; None for the paper's rule, by every frame.
    policy: Optional[Policy] = None

    def init_temporal(self, temporal: Optional[str], num_keypoints: int,
                      mask_rate: float, scale_init: float, bias_init: float,
                      normalize: bool, weighted: bool) -> None:
        """Build the modules that make maps of what is remembered.

        Args:
            temporal (str, optional): One of ``temporal_modes``.
            num_keypoints (int): P, one map each.
            mask_rate (float): Share of the training samples whose maps are
                set to zero.
            scale_init (float): Initial weight of the scale layer.
            bias_init (float): Initial bias of the scale layer.
            normalize (bool): Whether the maps are cosines, see
                :class:`TemporalCorrelation`.
            weighted (bool): Whether the maps of an exemplar are multiplied
                by the confidence it was found with.

        Raises:
            ValueError: If an argument or the decoder does not fit.
        """
        if temporal not in self.temporal_modes:
            *modes, last = map(repr, self.temporal_modes)
            raise ValueError(f'temporal must be {", ".join(modes)} or {last}, '
                             f'got {temporal!r}')
        if not 0. <= mask_rate <= 1.:
            raise ValueError(f'mask_rate must be in [0, 1], got {mask_rate}')
        carries_maps = temporal in self.map_modes
        if carries_maps and not hasattr(self.decoder, 'scale_factor'):
            raise ValueError(
                f"temporal='{temporal}' needs a decoder with a scale_factor "
                '(MSRAHeatmap, UDPHeatmap, PartAffinityField), to carry '
                'heatmaps between crops')
        self.temporal = temporal
        self.num_keypoints = num_keypoints
        self.mask_rate = mask_rate
        if temporal == 'correlation':
            self.correlation = TemporalCorrelation(
                num_keypoints, scale_init, bias_init, normalize, weighted)
        elif temporal == 'heatmap':
            self.previous_heatmaps = ScaledMaps(num_keypoints, scale_init,
                                                bias_init)
        if carries_maps:
            stride = torch.as_tensor(
                self.decoder.scale_factor, dtype=torch.float32)
            origin = torch.as_tensor(
                getattr(self.decoder, 'cell_origin', (0., 0.)),
                dtype=torch.float32)
            self.register_buffer('map_stride', stride, persistent=False)
            self.register_buffer('map_origin', origin, persistent=False)

    @property
    def uses_past_features(self) -> bool:
        """bool: Whether the loss looks at the pixels of earlier frames."""
        return self.temporal == 'correlation'

    def correlated(self, features: Tensor) -> Tensor:
        """The channels of the features that exemplars are taken from and
        searched in: all of them.

        Args:
            features (Tensor): What ``features`` returned.

        Returns:
            Tensor: I in shape (N, C, H, W).
        """
        return features

    def set_policy(self, memory: Optional[dict]) -> None:
        """Choose how exemplars are renewed in test.

        Args:
            memory (dict, optional): ``test_cfg.memory``, see
                :func:`~projects.temporal_corr.models.exemplar_policies.
                build_policy`. Modes without exemplars take ``'none'`` only:
                every frame is a first frame.

        Raises:
            ValueError: If the policy cannot be had.
        """
        self.policy = build_policy(memory)
        if self.policy is None or self.temporal == 'correlation':
            return
        # Nothing can be remembered of anything.
        if self.temporal is None or memory != dict(policy='none'):
            raise ValueError(
                f'test_cfg.memory={memory} is about exemplars, and '
                f"temporal={self.temporal!r} remembers none: leave it out, or "
                "set temporal='correlation'")

    def renew(self,
              memory: Any,
              features: Tensor,
              heatmaps: Tensor,
              crops: Optional[Tensor],
              state: Any = None,
              labelled: bool = False) -> Any:
        """What is remembered after a frame.

        Args:
            memory: What was remembered before; None for nothing at all.
            features (Tensor): I in shape (N, C, H, W).
            heatmaps (Tensor): Heatmaps in shape (N, P, H, W).
            crops (Tensor, optional): Crops in shape (N, 2, 3), image to
                input.
            state: What :meth:`look_back` returned. Defaults to None.
            labelled (bool): Whether the heatmaps are those of labels, which
                are more to be trusted than predictions. Defaults to False.

        Returns:
            The value; None for ``temporal=None``.
        """
        if self.policy is None or self.temporal != 'correlation':
            value = self.remember(features, heatmaps, crops, state, labelled)
            if self.policy is None or self.training:
                return value
            return map_value(torch.zeros_like, value)
        features = self.correlated(features)
        confidence = confidences(heatmaps, labelled)
        if labelled:
            confidence = LABELLED * confidence
        # A policy keeps unit vectors and confidence apart.
        exemplars = keypoint_exemplars(features, detection_scores(heatmaps))
        return self.policy(memory, exemplars, confidence)

    def remember(self,
                 features: Tensor,
                 heatmaps: Tensor,
                 crops: Optional[Tensor],
                 state: Any = None,
                 labelled: Union[bool, Tensor] = False) -> Any:
        """What of a frame is kept for the next one, by the paper's rule.

        Args:
            features (Tensor): I in shape (N, C, H, W).
            heatmaps (Tensor): Heatmaps in shape (N, P, H, W).
            crops (Tensor, optional): Crops in shape (N, 2, 3), image to
                input; None if they are the same in all frames.
            state (optional): What does not come from the heatmaps: that of
                :meth:`look_back`, or the value that the step of this frame
                returned. Defaults to None; no mode here has any.
            labelled (bool | Tensor): Whether the heatmaps are those of
                labels, of all samples or of each, (N, ). Defaults to False.

        Returns:
            The value; None for ``temporal=None``.
        """
        scores = detection_scores(heatmaps)
        if self.temporal == 'correlation':
            exemplars = keypoint_exemplars(self.correlated(features), scores)
            if self.correlation.weighted:
                confidence = confidences(scores, labelled)
                exemplars = exemplars * confidence[..., None]
            return exemplars
        if self.temporal in self.map_modes:
            if crops is None:
                crops = torch.eye(2, 3).to(scores)
                crops = crops.expand(len(scores), 2, 3)
            return dict(heatmaps=scores, crops=crops)
        return None

    def look_back(self, features: Tensor, memory: Any,
                  crops: Optional[Tensor]) -> Tuple[Optional[Tensor], Any]:
        """The maps of the past, and the state that making them left behind.

        Args:
            features (Tensor): I of the current frame in shape (N, C, H, W).
            memory: What was remembered; None for nothing at all.
            crops (Tensor, optional): Current crops in shape (N, 2, 3).

        Returns:
            tuple: Maps as of :meth:`maps`, and what :meth:`remember` takes
            as ``state``.
        """
        return self.maps(features, memory, crops), None

    def maps(self,
             features: Tensor,
             memory: Any,
             crops: Optional[Tensor],
             keep: Optional[Tensor] = None) -> Optional[Tensor]:
        """The maps of the past, scaled; zero for a keypoint of which nothing
        is remembered.

        Args:
            features (Tensor): I of the current frame in shape (N, C, H, W).
            memory: What was remembered; None for nothing at all.
            crops (Tensor, optional): Current crops in shape (N, 2, 3).
            keep (Tensor, optional): False for samples whose maps are zeroed,
                too, in shape (N, ). Defaults to None.

        Returns:
            Tensor | None: Maps in shape (N, P, H, W).
        """
        if memory is None or self.temporal is None:
            return None
        mask = remembered(memory)
        if keep is not None:
            mask = mask & keep
        if self.temporal == 'correlation':
            return self.correlation(
                self.correlated(features), self.exemplars(memory), mask)
        heatmaps = self.carry(memory, crops, mask)['heatmaps']
        found = (heatmaps != 0).flatten(2).any(dim=2)
        return self.previous_heatmaps(heatmaps, mask[:, None] & found)

    def exemplars(self, memory: Any) -> Tensor:
        """What is correlated with the current frame.

        Args:
            memory: What was remembered, ``temporal='correlation'``.

        Returns:
            Tensor: Exemplars in shape (N, P, C), of a policy (N, P, K, C);
            as long as they are trusted for a ``weighted`` correlation.
        """
        if not isinstance(memory, dict):
            return memory
        # A policy remembers confidence beside unit vectors.
        exemplars = memory['exemplars']
        if self.correlation.weighted:
            trust = memory['confidence'].clamp(max=1.)
            exemplars = exemplars * trust[..., None]
        return exemplars

    def carry(self, memory: Dict[str, Tensor], crops: Optional[Tensor],
              mask: Tensor) -> Dict[str, Tensor]:
        """Remembered maps in the current crops, see :func:`carry_maps`."""
        maps = {name: part for name, part in memory.items() if name != 'crops'}
        return carry_maps(maps, memory['crops'], crops, mask, self.map_stride,
                          self.map_origin)


def confidences(heatmaps: Tensor,
                labelled: Union[bool, Tensor] = False) -> Tensor:
    """Confidence in each keypoint: the peak of its heatmap.

    Args:
        heatmaps (Tensor): Heatmaps in shape (N, P, H, W).
        labelled (bool | Tensor): Whether they are those of labels, of all
            samples or of each, (N, ). The confidence in a label is 1,
            wherever between the cells it lies. Defaults to False.

    Returns:
        Tensor: Confidence in shape (N, P), from 0 to 1.
    """
    peaks = heatmaps.flatten(2).amax(dim=2).float().clamp(0., 1.)
    if labelled is False:
        return peaks
    labelled = torch.as_tensor(labelled, device=peaks.device).reshape(-1, 1)
    return torch.where(labelled, (peaks > 0).to(peaks), peaks)


def remembered(memory: Any) -> Tensor:
    """Whether something is remembered of each sample, in shape (N, )."""
    content = memory
    if isinstance(memory, dict):
        content = memory['heatmaps' if 'heatmaps' in memory else 'exemplars']
    return (content != 0).flatten(1).any(dim=1)
