# Copyright (c) temporal_corr authors. All rights reserved.
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmcv.cnn import build_activation_layer
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.models.heads import HeatmapHead
from mmpose.models.utils.tta import flip_heatmaps
from mmpose.registry import MODELS
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import ConfigType, OptSampleList
from torch import Tensor

from .feature_projection import FeatureProjection
from .temporal_refinement import TemporalRefinement
from .video_head import Features, VideoHead, check_spelling, clip_targets


@MODELS.register_module()
class TemporalCorrelationHead(VideoHead, HeatmapHead):
    """A heatmap head that remembers, for any MMPose backbone.

    The (optional) deconvolutions and convolutions of
    :class:`mmpose.models.HeatmapHead` give the intermediate feature maps I
    at the resolution of the heatmaps. A residual block takes I and the maps
    of the past, and the final layer predicts the heatmaps. The single-frame
    baseline has the same block.

    Parameter names are those of HeatmapHead, so that its checkpoints load;
    only what ``temporal_parameters`` lists is new.

    Args:
        in_channels (int | Sequence[int]): Channels of the backbone's last
            feature map.
        out_channels (int): P, number of keypoints.
        temporal (dict, optional): What is remembered, a
            :class:`TemporalModule`: ``dict(type='ExemplarCorrelation')``,
            the paper's method, ``dict(type='PreviousHeatmaps')`` or
            ``dict(type='ConvLSTM')``. Defaults to None, a single-frame head.
        refine_channels (int): Channels inside of the residual block.
            Defaults to 128, as the paper's Stage 1. 0 for no block, where
            nothing is remembered.
        refine_convs (int): Number of 3x3 convolutions of the block.
            Defaults to 1.
        maps_std (float): Standard deviation with which the filters for the
            maps start. Defaults to 0.01, the paper's.
        activation (dict, optional): What makes detection scores of the
            output of the final layer, ``dict(type='Sigmoid')`` for logits,
            which the loss then takes as they are. Defaults to None, the
            heatmaps are regressed.
        projection (dict, optional): Where the last feature map is too poor,
            in channels or context, to tell a keypoint by: I is a learnt
            projection of all maps of the neck,
            ``dict(in_channels=(...), channels=64)``, see
            :class:`FeatureProjection`. The block still refines the last
            one. Defaults to None, I is the last one.
        kwargs: Arguments of :class:`mmpose.models.HeatmapHead`:
            deconv_out_channels, deconv_kernel_sizes, conv_out_channels,
            conv_kernel_sizes, final_layer, loss, decoder, init_cfg.

    Raises:
        ValueError: If the codec does not give one heatmap per keypoint, or
            there is no final layer.
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
                 activation: Optional[dict] = None,
                 projection: Optional[dict] = None,
                 **kwargs):
        check_spelling(temporal, kwargs)
        super().__init__(in_channels, out_channels, **kwargs)
        if temporal and getattr(self.decoder, 'heatmap_type',
                                'gaussian') != 'gaussian':
            raise ValueError(
                f"heatmap_type='{self.decoder.heatmap_type}' gives offsets "
                'beside the heatmaps, which cannot be weights (Eq. 1): set '
                "heatmap_type='gaussian' in the decoder")
        if isinstance(self.final_layer, nn.Identity):
            raise ValueError(
                'final_layer is None, but the maps of the past join the '
                'features before it: give it a kernel_size')
        self.activation = activation and build_activation_layer(activation)
        if projection and temporal is None:
            raise ValueError(f'projection={projection} makes the features '
                             'that are correlated, and temporal=None '
                             'correlates none: leave it out')
        self.projection = projection and FeatureProjection(**projection)
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
        """The intermediate feature maps I.

        Args:
            feats (tuple[Tensor]): Feature maps of the backbone or neck.

        Returns:
            Tensor: I in shape (N, C, H, W); of a ``projection`` behind the
            features that are refined.
        """
        features = self.conv_layers(self.deconv_layers(feats[-1]))
        if self.projection is None:
            return features
        projected = self.projection(feats, features.shape[2:])
        return torch.cat([features, projected], dim=1)

    def forward(self, feats: Features) -> Tensor:
        """Heatmaps (N, P, H, W) of single frames, nothing being remembered."""
        return self.step(feats)[0]

    def predict_fields(self, features: Tensor,
                       maps: Optional[Tensor]) -> Tensor:
        """Heatmaps, before the activation, from features and maps.

        Args:
            features (Tensor): What :meth:`features` returned.
            maps (Tensor, optional): Maps of the past in shape
                (N, M, H, W), None for zero maps.

        Returns:
            Tensor: Heatmaps in shape (N, P, H, W), float32.
        """
        features = features[:, :self.final_layer.in_channels]
        if self.refinement is not None:
            features = self.refinement(features, maps)
        return self.final_layer(features).float()

    def activate(self, fields: Tensor) -> Tensor:
        """Detection scores of what the final layer gives."""
        return fields if self.activation is None else self.activation(fields)

    def flip(self, fields: Tensor, flip_indices: Sequence[int],
             test_cfg: ConfigType) -> Tensor:
        """Turn the heatmaps (N, P, H, W) of mirrored frames back, by MMPose's
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
        """Losses of the current frames, given the frames before them.

        Where the temporal module is unrolled, they are the mean over all
        frames of a clip, in turn, and the single-frame heatmaps that the
        first one starts from.

        Args:
            feats (tuple[Tensor]): Features of the N current frames.
            batch_data_samples (list[PoseDataSample]): N samples with the
                targets of the current frame and, for clips, the fields
                ``previous_heatmaps``, ``previous_weights`` and ``crops`` of
                PackClipInputs.
            past_feats (tuple[Tensor], optional): Features of the frames
                that :meth:`TemporalModule.sample_past` chose.
                Defaults to None.
            keep (Tensor, optional): Whose memory is kept, see there.
                Defaults to None.
            train_cfg (dict): ``exemplar_grad`` (True): whether gradients
                flow into the exemplar frame, too. ``compute_acc`` (True):
                whether to report the accuracy on the batch.

        Returns:
            dict: ``loss_kpt`` and ``acc_pose``.
        """
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
            _, accuracy, _ = pose_pck_accuracy(
                output=to_numpy(heatmaps[current]),
                target=to_numpy(targets[current]),
                mask=to_numpy(weights[current]) > 0)
            losses['acc_pose'] = targets.new_tensor(accuracy)
        return losses

    def unroll(self, feats: Features, past_feats: Optional[Features],
               samples: List) -> Tuple[Tensor, Tensor, Tensor]:
        """Step through the frames of clips, the first being a first frame.

        LSTM Pose Machines have a loss on every frame, and on the network for
        single images that the first frame starts from.

        Returns:
            tuple[Tensor]: Heatmaps before the activation and targets in shape
            ((T + 1) N, P, H, W), weights in shape ((T + 1) N, P). The first
            N are the single-frame heatmaps of the first frames, the last N
            those of the current frames.
        """
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
