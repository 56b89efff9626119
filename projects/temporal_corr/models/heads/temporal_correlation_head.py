# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Any, Optional, Sequence, Tuple

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
from .lstm_mixin import LSTMMixin
from .temporal_refinement import TemporalRefinement
from .training_maps import Features


@MODELS.register_module()
class TemporalCorrelationHead(LSTMMixin, HeatmapHead):
    """A heatmap head that remembers, for any MMPose backbone.

    The (optional) deconvolutions and convolutions of
    :class:`mmpose.models.HeatmapHead` give the intermediate feature maps I
    at the resolution of the heatmaps. A residual block takes I and the maps
    of the past (``temporal``, see :class:`TemporalMixin` and
    :class:`LSTMMixin`), and the final layer predicts the heatmaps. The
    single-frame baseline has the same block.

    Parameter names are those of HeatmapHead, so that its checkpoints load;
    only what ``temporal_parameters`` lists is new.

    Args:
        in_channels (int | Sequence[int]): Channels of the backbone's last
            feature map.
        out_channels (int): P, number of keypoints.
        temporal (str, optional): ``'correlation'``, ``'heatmap'``,
            ``'lstm'`` or None. Defaults to ``'correlation'``.
        refine_channels (int): Channels inside of the residual block.
            Defaults to 128, as the paper's Stage 1. 0 for no block, where
            nothing is remembered.
        refine_convs (int): Number of 3x3 convolutions of the block.
            Defaults to 1.
        maps_std (float): Standard deviation with which the filters for the
            maps start. Defaults to 0.01, the paper's.
        mask_rate (float): Share of the training samples whose maps are set
            to zero: "we randomly set all correlation maps of some training
            samples to zero at the rate of 0.2". Not for ``'lstm'``, whose
            clips all begin with a first frame. Defaults to 0.2.
        scale_init (float): Initial weight of the scale layer.
            Defaults to 1.
        bias_init (float): Initial bias of the scale layer. Defaults to 0.
        normalize (bool): Whether the maps are cosines: the features are
            normalised, too, and not the exemplars alone as in the paper.
            Defaults to False.
        weighted (bool): Whether the maps of a keypoint, scaled, are
            multiplied by the confidence with which its exemplar was found,
            the peak of its heatmap, so that a doubtful one says little. The
            paper's exemplars all count alike. Defaults to False.
        lstm_channels (int): Hidden maps of ``'lstm'``. Defaults to 48, as
            published.
        activation (dict, optional): What makes detection scores of the
            output of the final layer, ``dict(type='Sigmoid')`` for logits,
            which the loss then takes as they are. Defaults to None, the
            heatmaps are regressed.
        projection (dict, optional): For ``'correlation'`` where the last
            feature map is too poor, in channels or context, to tell a
            keypoint by: I is a learnt projection of all maps of the neck,
            ``dict(in_channels=(...), channels=64)``, see
            :class:`FeatureProjection`. The block still refines the last
            one. Defaults to None, I is the last one.
        kwargs: Arguments of :class:`mmpose.models.HeatmapHead`:
            deconv_out_channels, deconv_kernel_sizes, conv_out_channels,
            conv_kernel_sizes, final_layer, loss, decoder, init_cfg.

    Raises:
        ValueError: If ``temporal`` is none of the four, the codec does
            not give one heatmap per keypoint, or there is no final layer.
    """

    #: Modules that a single-frame MMPose checkpoint does not have.
    temporal_parameters = ('refinement.', 'correlation.', 'previous_heatmaps.',
                           'lstm.', 'projection.')

    def __init__(self,
                 in_channels: int,
                 out_channels: int,
                 temporal: Optional[str] = 'correlation',
                 refine_channels: int = 128,
                 refine_convs: int = 1,
                 maps_std: float = 0.01,
                 mask_rate: float = 0.2,
                 scale_init: float = 1.,
                 bias_init: float = 0.,
                 normalize: bool = False,
                 weighted: bool = False,
                 lstm_channels: int = 48,
                 activation: Optional[dict] = None,
                 projection: Optional[dict] = None,
                 **kwargs):
        super().__init__(in_channels, out_channels, **kwargs)
        self.init_temporal(temporal, out_channels, mask_rate, scale_init,
                           bias_init, normalize, weighted)
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
        if projection and temporal != 'correlation':
            raise ValueError(f'projection={projection} makes the features '
                             f"that are correlated, and temporal={temporal!r} "
                             'correlates none: leave it out')
        self.projection = projection and FeatureProjection(**projection)
        self.init_lstm(self.final_layer.in_channels, lstm_channels)
        map_channels = dict(lstm=lstm_channels).get(temporal, out_channels)
        if temporal is None and not refine_channels:
            self.refinement = None
            return
        self.refinement = TemporalRefinement(
            self.final_layer.in_channels,
            refine_channels,
            map_channels=map_channels if temporal else 0,
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

    def correlated(self, features: Tensor) -> Tensor:
        """See the base: those of the ``projection``, where there is one."""
        if self.projection is None:
            return features
        return features[:, -self.projection.channels:]

    def forward(self, feats: Features) -> Tensor:
        """Heatmaps of single frames, nothing being remembered.

        Args:
            feats (tuple[Tensor]): Feature maps of the backbone or neck.

        Returns:
            Tensor: Heatmaps in shape (N, P, H, W).
        """
        features = self.features(feats)
        # The hidden maps of 'lstm' are there in a first frame, too.
        return self.fields(features, self.maps(features, None, None))

    def heatmaps(self,
                 features: Tensor,
                 maps: Optional[Tensor] = None) -> Tensor:
        """Heatmaps, before the activation, from features and maps of the past.

        Args:
            features (Tensor): I in shape (N, C, H, W).
            maps (Tensor, optional): Maps in shape (N, P, H, W), of
                ``'lstm'`` (N, lstm_channels, H, W). Defaults to None, zero
                maps.

        Returns:
            Tensor: Heatmaps in shape (N, P, H, W).
        """
        features = features[:, :self.final_layer.in_channels]
        if self.refinement is not None:
            features = self.refinement(features, maps)
        return self.final_layer(features)

    def fields(self, features: Tensor, maps: Optional[Tensor]) -> Tensor:
        """All that is predicted of a frame: the heatmaps, float32.

        Args:
            features (Tensor): I in shape (N, C, H, W).
            maps (Tensor, optional): Maps in shape (N, P, H, W); None for
                zero maps.

        Returns:
            Tensor: Heatmaps in shape (N, P, H, W).
        """
        return self.activate(self.heatmaps(features, maps).float())

    def activate(self, heatmaps: Tensor) -> Tensor:
        """Detection scores of what the final layer gives.

        Args:
            heatmaps (Tensor): Output of the final layer in shape
                (N, P, H, W).

        Returns:
            Tensor: Heatmaps in shape (N, P, H, W).
        """
        return heatmaps if self.activation is None else self.activation(
            heatmaps)

    def step(self,
             feats: Features,
             memory: Any = None,
             crops: Optional[Tensor] = None) -> Tuple[Tensor, Any]:
        """One frame on: a pure function of the frame and the memory.

        Args:
            feats (tuple[Tensor]): Feature maps of the current frame.
            memory: What the step before returned. None, or a sample of
                zeros, means that nothing is remembered. Defaults to None.
            crops (Tensor, optional): Crops in shape (N, 2, 3), image to
                input; None if they are the same in all frames.
                Defaults to None.

        Returns:
            tuple: Heatmaps in shape (N, P, H, W), float32, and the new
            memory (None for ``temporal=None``).
        """
        heatmaps, memory = self.advance(self.features(feats), memory, crops)
        return self.activate(heatmaps), memory

    def advance(self, features: Tensor, memory: Any,
                crops: Optional[Tensor]) -> Tuple[Tensor, Any]:
        """:meth:`step` from features I in shape (N, C, H, W), with heatmaps
        before the activation, as a loss takes them."""
        maps, state = self.look_back(features, memory, crops)
        heatmaps = self.heatmaps(features, maps).float()
        memory = self.renew(memory, features, self.activate(heatmaps), crops,
                            state)
        return heatmaps, memory

    def flip(self, heatmaps: Tensor, flip_indices: Sequence[int],
             test_cfg: ConfigType) -> Tensor:
        """Turn the heatmaps of mirrored frames back.

        Args:
            heatmaps (Tensor): Heatmaps in shape (N, P, H, W).
            flip_indices (Sequence[int]): The mirror image of each keypoint.
            test_cfg (dict): MMPose's ``flip_mode`` and ``shift_heatmap``.

        Returns:
            Tensor: Heatmaps in shape (N, P, H, W).
        """
        return flip_heatmaps(
            heatmaps,
            flip_mode=test_cfg.get('flip_mode', 'heatmap'),
            flip_indices=flip_indices,
            shift_heatmap=test_cfg.get('shift_heatmap', False))

    def loss(self,
             feats: Features,
             batch_data_samples: OptSampleList,
             past_feats: Optional[Features] = None,
             train_cfg: ConfigType = {},
             keep: Optional[Tensor] = None) -> dict:
        """Losses of the current frames, given the frames before them.

        For ``temporal='lstm'`` they are the mean over all frames of a clip,
        in turn, and the single-frame heatmaps that the first one starts
        from.

        Args:
            feats (tuple[Tensor]): Features of the N current frames.
            batch_data_samples (list[PoseDataSample]): N samples with the
                targets of the current frame and, for clips, the fields
                ``previous_heatmaps``, ``previous_weights`` (for ``'lstm'``)
                and ``crops`` of PackClipInputs.
            past_feats (tuple[Tensor], optional): Features of the N (T - 1)
                past frames, frame by frame, for ``'lstm'``; for
                ``'correlation'`` as of :meth:`training_maps`. Defaults to
                None.
            train_cfg (dict): ``exemplar_grad`` (True): whether gradients
                flow into the exemplar frame, too. ``compute_acc`` (True):
                whether to report the accuracy on the batch.
            keep (Tensor, optional): The samples that keep their maps, see
                :meth:`training_maps`. Defaults to None.

        Returns:
            dict: ``loss_kpt`` and ``acc_pose``.

        Raises:
            ValueError: If a temporal head is given single frames.
        """
        if self.temporal == 'lstm':
            heatmaps, targets, weights = self.unrolled(
                feats, batch_data_samples, past_feats)
        else:
            features, past_features = self.training_features(
                feats, past_feats, train_cfg)
            maps = self.training_maps(features, past_features,
                                      batch_data_samples, train_cfg, keep)
            heatmaps = self.heatmaps(features, maps)
            targets = torch.stack(
                [sample.gt_fields.heatmaps for sample in batch_data_samples])
            weights = torch.cat([
                sample.gt_instance_labels.keypoint_weights
                for sample in batch_data_samples
            ])
        losses = dict(loss_kpt=self.loss_module(heatmaps, targets, weights))
        if train_cfg.get('compute_acc', True):
            current = slice(-len(batch_data_samples), None)
            _, accuracy, _ = pose_pck_accuracy(
                output=to_numpy(heatmaps[current].float()),
                target=to_numpy(targets[current]),
                mask=to_numpy(weights[current]) > 0)
            losses['acc_pose'] = targets.new_tensor(accuracy)
        return losses
