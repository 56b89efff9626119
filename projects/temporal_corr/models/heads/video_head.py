# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, List, Optional, Tuple

import torch
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.registry import MODELS
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import ConfigType, OptSampleList, Predictions
from torch import Tensor

from ..temporal import TemporalModule

Features = Tuple[Tensor, ...]


class VideoHead:
    """What :class:`VideoTopdownPoseEstimator` asks of a head.

    Arguments and results, N samples, P keypoints, heatmaps of H x W:

    - ``feats`` (tuple[Tensor]): feature maps of the backbone or neck.
    - ``features`` (Tensor): the intermediate feature maps I, at the
      resolution of the heatmaps, (N, C, H, W).
    - ``maps`` (Tensor, optional): maps of the past by the temporal module,
      (N, M, H, W), None for zero maps.
    - ``fields`` (Tensor): all that is predicted of a frame, (N, K, H, W),
      float32, heatmaps of the P keypoints first.
    - ``memory`` (dict, optional): what is remembered of the frame before. A
      row of zeros, or None for all, means nothing.
    - ``crops`` (Tensor, optional): image to input, (N, 2, 3); None if they
      are the same in all frames.
    - ``past_feats`` (tuple[Tensor], optional), ``keep`` (Tensor, optional):
      features of the frames chosen by :meth:`TemporalModule.sample_past`,
      and whose memory is kept, (N, ).
    - ``train_cfg`` (dict): ``exemplar_grad`` (True): whether gradients flow
      into the exemplar frames, too. ``compute_acc`` (True): whether to report
      the accuracy on the batch.

    A head has a ``decoder`` (the codec), :meth:`predict_fields`, where maps
    join features, :meth:`flip`, which turns the fields of mirrored frames
    back, and :meth:`loss`.
    """

    #: Fields of a data sample that ``step`` takes, those of the last frame.
    conditions: Tuple[str, ...] = ('crops', )
    #: Whether ``decode`` takes the centre of the person of interest.
    decodes_near_center = False
    #: Beginnings of the names of parameters that a single-frame MMPose
    #: checkpoint does not have.
    temporal_parameters: Tuple[str, ...] = ('correlation.',
                                            'previous_heatmaps.', 'lstm.')
    _temporal_name = ''

    def build_temporal(self, temporal: Optional[dict], in_channels: int,
                       num_keypoints: int) -> None:
        """Build the temporal module of a config, None for a single-frame
        head, for I of ``in_channels`` channels."""
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

    def features(self, feats: Features) -> Tensor:
        """I, the last of the feature maps."""
        return feats[-1]

    def step(self,
             feats: Features,
             memory: Optional[Dict[str, Tensor]] = None,
             crops: Optional[Tensor] = None,
             **conditions: Tensor) -> Tuple[Tensor, Optional[dict]]:
        """Process one frame: a pure function to fields and the new memory,
        None for ``temporal=None``."""
        features = self.features(feats)
        fields, memory = self.advance(features, memory, crops, **conditions)
        return self.activate(fields), memory

    def advance(self, features: Tensor, memory: Optional[dict],
                crops: Optional[Tensor],
                **conditions: Tensor) -> Tuple[Tensor, Optional[dict]]:
        """:meth:`step` from the features on, to fields before the activation,
        as a loss takes them."""
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

    def forward(self, feats: Features) -> Tensor:
        """Fields of single frames, nothing being remembered."""
        return self.step(feats)[0]

    def predict(self,
                feats: Features,
                batch_data_samples: OptSampleList,
                test_cfg: ConfigType = {}) -> Predictions:
        """Keypoints of single frames, nothing being remembered."""
        return self.decode(self.forward(feats))

    def training_maps(self, feats: Features, past_feats: Optional[Features],
                      samples: List, keep: Optional[Tensor],
                      train_cfg: ConfigType) -> Tuple[Tensor, Tensor]:
        """Features of the current frames and maps of the frames before."""
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
    """Targets (T + 1, N, M, H, W) and keypoint weights (T + 1, N, P) of clips
    of T frames, those of first frames twice: for the network for single
    images, and for the first step."""
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


def batch_accuracy(heatmaps: Tensor, targets: Tensor,
                   weights: Tensor) -> Tensor:
    """``acc_pose`` of the first P heatmaps of each sample, as MMPose's heads
    report it; keypoints of weight 0, (N, P), do not count."""
    keypoints = slice(weights.shape[1])
    _, accuracy, _ = pose_pck_accuracy(
        output=to_numpy(heatmaps[:, keypoints].float()),
        target=to_numpy(targets[:, keypoints]),
        mask=to_numpy(weights) > 0)
    return targets.new_tensor(accuracy)
