# Copyright (c) temporal_corr authors. All rights reserved.
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.cnn import build_activation_layer
from mmengine.model import BaseModule
from mmpose.models.heads import HeatmapHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import MODELS
from mmpose.utils.typing import ConfigType, OptSampleList
from torch import Tensor

from .video_head import Features, VideoHead, batch_accuracy, clip_targets


@MODELS.register_module()
class TemporalCorrelationHead(VideoHead, HeatmapHead):
    """A heatmap head with a memory, for any MMPose backbone.

    The layers of :class:`mmpose.models.HeatmapHead`, whose checkpoints load,
    give the intermediate feature maps I at the resolution of the heatmaps. A
    residual block takes I and the maps of the past, and the final layer
    predicts the heatmaps. The single-frame baseline has the same block.

    Args:
        in_channels (int | Sequence[int]): Channels of the backbone's last
            feature map.
        out_channels (int): P, number of keypoints.
        temporal (dict, optional): The :class:`TemporalModule`, such as
            ``dict(type='ExemplarCorrelation')``, the paper's method.
            Defaults to None, a single-frame head.
        refine_channels (int): Channels inside of the residual block, 0 for no
            block (single frames). Defaults to 128, as the paper's Stage 1.
        refine_convs (int): Number of 3x3 convolutions of the block.
            Defaults to 1.
        maps_std (float): Initial standard deviation of the filters for the
            maps. Defaults to 0.01, the paper's.
        feature_dropout (float): In training, the probability by which a
            channel of the features, but not of the maps, is set to zero, so
            that a network that fits its training data without a memory still
            learns to use one. Defaults to 0, as in the paper.
        activation (dict, optional): Turns the output of the final layer into
            detection scores, ``dict(type='Sigmoid')`` for logits, which the
            loss then takes as they are. Defaults to None.
        projection (dict, optional): Arguments of :class:`FeatureProjection`,
            which makes I of all maps of the neck, where the last one is too
            poor to tell a keypoint by; the block still refines that one.
            Defaults to None, I is the last one.
        kwargs: Arguments of :class:`mmpose.models.HeatmapHead`.

    Raises:
        ValueError: If the codec does not give one heatmap per keypoint.
    """

    temporal_parameters = (*VideoHead.temporal_parameters, 'refinement.',
                           'projection.')

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 temporal: Optional[dict] = None,
                 refine_channels: int = 128,
                 refine_convs: int = 1,
                 maps_std: float = 0.01,
                 feature_dropout: float = 0.,
                 activation: Optional[dict] = None,
                 projection: Optional[dict] = None,
                 **kwargs):
        super().__init__(in_channels, out_channels, **kwargs)
        if temporal and getattr(self.decoder, 'heatmap_type',
                                'gaussian') != 'gaussian':
            raise ValueError(
                f"heatmap_type='{self.decoder.heatmap_type}' gives offsets "
                'beside the heatmaps, which cannot be weights (Eq. 1): set '
                "heatmap_type='gaussian' in the decoder")
        self.activation = activation and build_activation_layer(activation)
        self.projection = projection and FeatureProjection(**projection)
        self.feature_dropout = feature_dropout
        channels = self.final_layer.in_channels
        self.build_temporal(
            temporal, projection['channels'] if projection else channels,
            out_channels)
        self.refinement = None
        if temporal or refine_channels:
            self.refinement = TemporalRefinement(
                channels,
                refine_channels,
                map_channels=self.temporal.map_channels if temporal else 0,
                num_convs=refine_convs,
                maps_std=maps_std)

    def _load_state_dict_pre_hook(self, *args, **kwargs) -> None:
        """MMPose renames the layers of checkpoints before 1.0, of which a
        branch in place of the final convolution has none."""
        if isinstance(self.final_layer, nn.Conv2d):
            super()._load_state_dict_pre_hook(*args, **kwargs)

    def features(self, feats: Features) -> Tensor:
        """I; of a ``projection``, behind the features that are refined."""
        features = self.conv_layers(self.deconv_layers(feats[-1]))
        if self.projection is None:
            return features
        projected = self.projection(feats, features.shape[2:])
        return torch.cat([features, projected], dim=1)

    predict = HeatmapHead.predict  # with the flip test of single frames

    def predict_fields(self, features: Tensor,
                       maps: Optional[Tensor]) -> Tensor:
        """Heatmaps, before the activation, from features and maps."""
        features = features[:, :self.final_layer.in_channels]
        if maps is not None:
            features = F.dropout2d(features, self.feature_dropout,
                                   self.training)
        if self.refinement is not None:
            features = self.refinement(features, maps)
        return self.final_layer(features).float()

    def activate(self, fields: Tensor) -> Tensor:
        """Detection scores of what the final layer gives."""
        return fields if self.activation is None else self.activation(fields)

    def flip(self, fields: Tensor, flip_indices: Sequence[int],
             test_cfg: ConfigType) -> Tensor:
        """Turn the heatmaps of mirrored frames back, by MMPose's
        ``flip_mode`` and ``shift_heatmap`` of ``test_cfg``."""
        return flip_heatmaps(
            fields,
            flip_mode=test_cfg.get('flip_mode', 'heatmap'),
            flip_indices=flip_indices,
            shift_heatmap=test_cfg.get('shift_heatmap', False))

    def loss(self,
             feats: Features,
             batch_data_samples: OptSampleList,
             past_feats: Optional[Features] = None,
             keep: Optional[Tensor] = None,
             train_cfg: ConfigType = {}) -> dict:
        """``loss_kpt`` and ``acc_pose`` of the current frames; of an unrolled
        temporal module the loss is the mean over all frames of a clip and the
        single-frame heatmaps that the first one starts from."""
        samples = batch_data_samples
        if self.temporal is not None and self.temporal.unroll:
            heatmaps, targets, weights = self.unroll(feats, past_feats,
                                                     samples)
        else:
            features, maps = self.training_maps(feats, past_feats, samples,
                                                keep, train_cfg)
            heatmaps = self.predict_fields(features, maps)
            targets = torch.stack(
                [sample.gt_fields.heatmaps for sample in samples])
            weights = torch.cat([
                sample.gt_instance_labels.keypoint_weights
                for sample in samples
            ])
        losses = dict(loss_kpt=self.loss_module(heatmaps, targets, weights))
        if train_cfg.get('compute_acc', True):
            current = slice(-len(samples), None)
            losses['acc_pose'] = batch_accuracy(
                heatmaps[current], targets[current], weights[current])
        return losses

    def unroll(self, feats: Features, past_feats: Optional[Features],
               samples: List) -> Tuple[Tensor, Tensor, Tensor]:
        """Step through the frames of clips: heatmaps before the activation and
        targets ((T + 1) N, P, H, W), weights ((T + 1) N, P). The first N are
        the single-frame heatmaps of the first frames, the last N those of the
        current frames."""
        targets, weights = clip_targets(samples)
        # One pass for all frames: one set of batch statistics.
        features = self.features(tuple(map(torch.cat, zip(past_feats, feats))))
        features = features.split(len(samples))
        crops = torch.stack([sample.crops for sample in samples])
        heatmaps, memory = [self.predict_fields(features[0], None)], None
        for frame, crop in zip(features, crops.unbind(1)):
            fields, memory = self.advance(frame, memory, crop)
            heatmaps.append(fields)
        return torch.cat(heatmaps), targets.flatten(0, 1), weights.flatten(
            0, 1)


class TemporalRefinement(BaseModule):
    """A residual block in which features and maps of the past meet:
    ``features + conv2(relu(conv1(features) + maps_conv(maps)))``.

    Adding the output of the filters for the maps equals concatenating the
    maps with the features ("more convolutional filters are added to handle
    the additional input channels", Section 3), but keeps ``conv1`` loadable
    from a model without maps. ``conv2`` starts at zero, so that the block
    starts as identity. Without maps ``map_channels`` is 0.
    """

    def __init__(self, in_channels: int, channels: int, map_channels: int,
                 num_convs: int, maps_std: float):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, padding=1)
        self.maps_conv = nn.Conv2d(
            map_channels, channels, 3, padding=1,
            bias=False) if map_channels else None
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1)
            for _ in range(num_convs - 1))
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, in_channels, 1)
        self._register_load_state_dict_pre_hook(self._leave_other_depth)
        self.maps_std = maps_std
        self.init_weights()

    def init_weights(self) -> None:
        """Kaiming for the 3x3 convolutions, a Gaussian for the filters of
        the maps ("The added convolutional filters are initialized with a
        zero-mean and 0.01 std Gaussian distribution"), zero for conv2."""
        for conv in (self.conv1, *self.convs):
            nn.init.kaiming_normal_(conv.weight, nonlinearity='relu')
            nn.init.zeros_(conv.bias)
        if self.maps_conv is not None:
            nn.init.normal_(self.maps_conv.weight, mean=0., std=self.maps_std)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)

    def _leave_other_depth(self, state_dict: dict, prefix: str, *args) -> None:
        """Do not load half of a block of another depth: start as identity."""
        depth = sum(
            key.startswith(f'{prefix}convs.') and key.endswith('.weight')
            for key in state_dict)
        if depth != len(self.convs):
            for key in [key for key in state_dict if key.startswith(prefix)]:
                del state_dict[key]

    def forward(self, features: Tensor, maps: Optional[Tensor] = None):
        """Refine features (N, C, H, W) by maps of the past (N, M, H, W); None
        equals zero maps."""
        hidden = self.conv1(features)
        if maps is not None:
            hidden = hidden + self.maps_conv(maps)
        for conv in self.convs:
            hidden = conv(self.relu(hidden))
        return features + self.conv2(self.relu(hidden))


class FeatureProjection(BaseModule):
    """A 1x1 convolution of the feature maps of several levels, resized and
    concatenated.

    As resizing commutes with it, each level is projected at its own size and
    the sum taken, which costs a fraction.
    """

    def __init__(self,
                 in_channels: Sequence[int],
                 channels: int,
                 init_cfg=dict(type='Xavier', layer='Conv2d')):
        super().__init__(init_cfg=init_cfg)
        # One bias for the sum.
        self.convs = nn.ModuleList(
            nn.Conv2d(width, channels, 1, bias=not level)
            for level, width in enumerate(in_channels))

    def forward(self, feats: Sequence[Tensor], size: Tuple[int,
                                                           int]) -> Tensor:
        """Project maps (N, C_i, H_i, W_i) to (N, channels, *size)."""
        total = 0.
        for conv, level in zip(self.convs, feats):
            level = conv(level)
            if level.shape[2:] != size:
                level = F.interpolate(
                    level, size, mode='bilinear', align_corners=False)
            total = total + level
        return total
