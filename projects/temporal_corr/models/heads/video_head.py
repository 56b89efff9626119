# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, List, Optional, Tuple

import torch
from mmpose.registry import MODELS
from mmpose.utils.typing import ConfigType
from torch import Tensor

from ..temporal import TemporalModule

Features = Tuple[Tensor, ...]


class VideoHead:
    """What :class:`VideoTopdownPoseEstimator` asks of a head.

    The memory is the business of a :class:`TemporalModule`, ``temporal``;
    :meth:`step` is the paper's method in four lines. A head has a
    ``decoder`` and

    - ``features(feats)``: the intermediate feature maps I, at the resolution
      of the heatmaps.
    - ``predict_fields(features, maps, **conditions)``: all that is predicted
      of a frame, (N, K, H, W), heatmaps of the P keypoints first. What the
      temporal module makes of the past, ``maps``, joins the features here.
    - ``flip(fields, flip_indices, test_cfg)``: the fields of mirrored frames,
      turned back.
    - ``loss(feats, samples, past_feats, keep, train_cfg)``.
    """

    #: Fields of a data sample that ``step`` takes, those of the last frame.
    conditions: Tuple[str, ...] = ('crops', )
    #: Whether ``decode`` is told where the person of interest is.
    decodes_near_center = False
    #: Beginnings of the names of parameters that a single-frame MMPose
    #: checkpoint does not have.
    temporal_parameters: Tuple[str, ...] = ('correlation.',
                                            'previous_heatmaps.', 'lstm.')
    _temporal_name = ''

    def build_temporal(self, temporal: Optional[dict], in_channels: int,
                       num_keypoints: int) -> None:
        """Build the temporal module.

        Args:
            temporal (dict, optional): Its config, None for a single-frame
                head.
            in_channels (int): C, channels of I.
            num_keypoints (int): P, number of keypoints.
        """
        self.num_keypoints = num_keypoints
        if temporal is None:
            return
        module = MODELS.build(
            temporal,
            default_args=dict(
                in_channels=in_channels,
                num_keypoints=num_keypoints,
                decoder=self.decoder))
        # Checkpoints tell the kind: head.correlation.scale.
        self._temporal_name = module.name
        self.add_module(module.name, module)
        self.temporal_parameters = (*self.temporal_parameters,
                                    f'{module.name}.')

    @property
    def temporal(self) -> Optional[TemporalModule]:
        """TemporalModule | None: What remembers, None for a single-frame
        head."""
        return self._modules.get(self._temporal_name)

    def step(self,
             feats: Features,
             memory: Optional[Dict[str, Tensor]] = None,
             crops: Optional[Tensor] = None,
             **conditions: Tensor) -> Tuple[Tensor, Optional[dict]]:
        """Process one frame: a pure function of the frame and the memory.

        Args:
            feats (tuple[Tensor]): Feature maps of the current frame.
            memory (dict, optional): What the step before returned. None, or
                a row of zeros, means that nothing is remembered.
                Defaults to None.
            crops (Tensor, optional): Crops in shape (N, 2, 3), image to
                input; None if they are the same in all frames.
                Defaults to None.
            conditions: Further inputs, see ``conditions``.

        Returns:
            tuple: Heatmaps, and what else is predicted, in shape
            (N, K, H, W), float32, and the new memory, None for
            ``temporal=None``.
        """
        features = self.features(feats)
        fields, memory = self.advance(features, memory, crops, **conditions)
        return self.activate(fields), memory

    def advance(self, features: Tensor, memory: Optional[dict],
                crops: Optional[Tensor],
                **conditions: Tensor) -> Tuple[Tensor, Optional[dict]]:
        """:meth:`step` from the features on, with fields before the
        activation, as a loss takes them."""
        if self.temporal is None:
            return self.predict_fields(features, None, **conditions), None
        maps, state = self.temporal.maps(
            features, memory, crops,
            lambda: self.activate(self.predict_fields(features, None)))
        fields = self.predict_fields(features, maps, **conditions)
        heatmaps = self.activate(fields)[:, :self.num_keypoints]
        memory = self.temporal.update(memory, features, heatmaps, crops, state)
        return fields, memory

    def activate(self, fields: Tensor) -> Tensor:
        """Detection scores of what the last layer gives: as they are."""
        return fields

    def training_maps(self, feats: Features, past_feats: Optional[Features],
                      samples: List, keep: Optional[Tensor],
                      train_cfg: ConfigType) -> Tuple[Tensor, Tensor]:
        """Features of the current frames and the maps of the frame before.

        Args:
            feats (tuple[Tensor]): Features of the N current frames.
            past_feats (tuple[Tensor], optional): Of the M frames that
                :meth:`TemporalModule.sample_past` chose.
            samples (list[PoseDataSample]): N samples.
            keep (Tensor, optional): Whose memory is kept, see there.
            train_cfg (dict): ``exemplar_grad`` (True): whether gradients
                flow into the exemplar frames, too.

        Returns:
            tuple: Features in shape (N, ..., H, W), and maps, None for
            ``temporal=None``.
        """
        if self.temporal is None:
            return self.features(feats), None
        past_features = None
        if past_feats is None:
            features = self.features(feats)
        elif train_cfg.get('exemplar_grad', True):
            # One pass for all frames: one set of batch statistics.
            both = self.features(tuple(map(torch.cat, zip(past_feats, feats))))
            past_features, features = both.split(
                [len(past_feats[-1]), len(feats[-1])])
        else:
            features = self.features(feats)
            with torch.no_grad():
                past_features = self.features(past_feats)
        memory = self.temporal.training_memory(past_features, samples,
                                               keep.to(features.device))
        crops = torch.stack([sample.crops[-1] for sample in samples])
        return features, self.temporal.maps(features, memory, crops)[0]


def clip_targets(samples: List) -> Tuple[Tensor, Tensor]:
    """What the heatmaps of clips should be, those of first frames twice: for
    the network for single images, and for the first step.

    Args:
        samples (list[PoseDataSample]): N samples of clips of T frames.

    Returns:
        tuple[Tensor]: Targets in shape (T + 1, N, M, H, W) and weights of
        the keypoints in shape (T + 1, N, P).
    """
    heatmaps = torch.stack([
        torch.cat([sample.previous_heatmaps, sample.gt_fields.heatmaps[None]])
        for sample in samples
    ], dim=1)  # yapf: disable
    weights = torch.stack([
        torch.cat([
            sample.previous_weights, sample.gt_instance_labels.keypoint_weights
        ]) for sample in samples
    ], dim=1)  # yapf: disable
    return (torch.cat([heatmaps[:1],
                       heatmaps]), torch.cat([weights[:1], weights]))


SPELLINGS = dict(
    correlation='ExemplarCorrelation', heatmap='PreviousHeatmaps',
    lstm='ConvLSTM')  # yapf: disable


def check_spelling(temporal: Optional[dict], kwargs: dict) -> None:
    """Say how the arguments of a head of versions before 2.0 are spelt now.

    Args:
        temporal (dict, optional): ``temporal`` of the head.
        kwargs (dict): Its other arguments.
    """
    moved = {'mask_rate', 'scale_init', 'bias_init', 'normalize', 'weighted',
             'lstm_channels'}.intersection(kwargs)  # yapf: disable
    if not moved and not isinstance(temporal, str):
        return
    if temporal is None:
        raise ValueError(f'{", ".join(sorted(moved))}: leave it out, a head '
                         'with temporal=None has no use for it')
    name = SPELLINGS.get(temporal, temporal)
    options = ''.join(
        f', {"channels" if key == "lstm_channels" else key}={kwargs[key]}'
        for key in sorted(moved - {'weighted'}))
    raise ValueError(f'temporal={temporal!r} is the spelling of an older '
                     f"version: write temporal=dict(type='{name}'{options})")
