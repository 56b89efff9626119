# Copyright (c) temporal_corr authors. All rights reserved.
from typing import List, Optional, Sequence, Tuple

import torch
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.models.heads import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import (ConfigType, OptConfigType, OptSampleList,
                                 Predictions)
from torch import Tensor

from .paf_stage import PAFStage
from .video_head import Features, VideoHead, check_spelling


@MODELS.register_module()
class PAFHead(VideoHead, BaseHead):
    """Stages 1 to 6 of OpenPose, with a memory: the paper's network.

    Each stage predicts part affinity fields (PAFs) and heatmaps, with a
    background channel last; a stage after the first sees the predictions of
    the stage before and the intermediate feature maps I, which are the
    features of :class:`OpenPoseExtractor` as they are. The maps of the past
    go "into only Stage 1", centre maps "into Stage 1 to Stage 6".

    The output is one tensor of P + 1 heatmaps and 2 L PAFs, in this order,
    as OpenPose's ``net_output``. The codec is
    :class:`~projects.temporal_corr.codecs.PartAffinityField`. Parameters
    bear OpenPose's names.

    Args:
        in_channels (int): C, channels of I. Defaults to 128.
        out_channels (int): P, number of keypoints. Defaults to 15.
        temporal (dict, optional): What is remembered, a
            :class:`TemporalModule`: ``dict(type='ExemplarCorrelation')``,
            the paper's method, or ``dict(type='PreviousHeatmaps')``.
            Defaults to None, the PAF baseline.
        center_map (bool): Whether all stages see a centre map, "which are
            generated from ground truth and indicate the central location of
            the person of interest". Needs ``GenerateCenterMap`` in the
            pipelines. Defaults to False.
        num_stages (int): Number of stages. Defaults to 6.
        channels (int): Channels inside of the stages. Defaults to 128.
        loss (dict): Loss of each of the 2 x ``num_stages`` predictions.
            Defaults to :class:`EuclideanLoss`, OpenPose's.
        decoder (dict): The codec, from which the head knows the limbs, too.
        init_cfg (dict | list, optional): Initialisation. Defaults to the
            Gaussian N(0, 0.01) of OpenPose. The added filters always start
            from this one.

    Raises:
        ValueError: If an argument does not fit, or there is no decoder.
    """

    #: The decoder is told where the person of interest is.
    decodes_near_center = True

    def __init__(self,
                 in_channels: int = 128,
                 out_channels: int = 15,
                 temporal: Optional[dict] = None,
                 center_map: bool = False,
                 num_stages: int = 6,
                 channels: int = 128,
                 loss: ConfigType = dict(type='EuclideanLoss'),
                 decoder: OptConfigType = None,
                 init_cfg=dict(type='Normal', layer='Conv2d', std=0.01),
                 **kwargs):
        check_spelling(temporal, kwargs)
        super().__init__(init_cfg, **kwargs)
        if decoder is None:
            raise ValueError('PAFHead needs decoder=dict(type='
                             "'PartAffinityField', ...), which knows the "
                             'limbs')
        self.decoder = KEYPOINT_CODECS.build(decoder)
        self.build_temporal(temporal, in_channels, out_channels)
        if temporal and self.temporal.unroll:
            raise ValueError(f'PAFHead has no loss for {temporal["type"]}, '
                             'which is trained on all frames of a clip')
        self.loss_module = MODELS.build(loss)
        self.limbs = torch.as_tensor(self.decoder.limbs)
        self.center_map = center_map
        if center_map:
            self.conditions = (*self.conditions, 'center_maps')
        heatmap_channels = out_channels + 1
        paf_channels = 2 * len(self.limbs)
        for number in range(1, num_stages + 1):
            predictions = heatmap_channels + paf_channels
            self.add_module(
                f'stage{number}',
                PAFStage(
                    number,
                    in_channels + (0 if number == 1 else predictions),
                    channels,
                    paf_channels,
                    heatmap_channels,
                    # "feeding the correlation maps into only Stage 1 is
                    # enough ..., while feeding into all modules could lead
                    # to overfitting issues"
                    map_channels=self.temporal.map_channels
                    if temporal and number == 1 else 0,
                    center_map=center_map))
        self.num_stages = num_stages
        self.temporal_parameters += tuple(
            f'stage{number}.{branch}.{name}.'
            for number in range(1, num_stages + 1) for branch in ('L1', 'L2')
            for name in ('maps_conv', 'center_conv'))

    def features(self, feats: Features) -> Tensor:
        """I (N, C, H, W), the last of the feature maps."""
        return feats[-1]

    def forward(self, feats: Features) -> Tensor:
        """Fields (N, P + 1 + 2 L, H, W) of single frames, centre maps taken to
        be zero."""
        center_maps = torch.zeros_like(self.features(feats)[:, :1])
        conditions = dict(center_maps=center_maps) if self.center_map else {}
        return self.step(feats, **conditions)[0]

    def run_stages(
            self,
            features: Tensor,
            maps: Optional[Tensor] = None,
            center_maps: Optional[Tensor] = None
    ) -> List[Tuple[Tensor, Tensor]]:
        """Predictions of all stages.

        Args:
            features (Tensor): I in shape (N, C, H, W).
            maps (Tensor, optional): Maps of the past in shape (N, P, H, W).
                Defaults to None, zero maps.
            center_maps (Tensor, optional): Centre maps in shape
                (N, 1, H, W). Defaults to None, zero maps.

        Returns:
            list[tuple[Tensor]]: Heatmaps in shape (N, P + 1, H, W) and PAFs
            in shape (N, 2 L, H, W) of each stage.
        """
        outputs = [self.stage1(features, maps, center_maps)]
        for number in range(2, self.num_stages + 1):
            stage = getattr(self, f'stage{number}')
            heatmaps, pafs = outputs[-1]
            # OpenPose's order: L1, L2, features.
            inputs = torch.cat([pafs, heatmaps, features], dim=1)
            outputs.append(stage(inputs, None, center_maps))
        return outputs

    def predict_fields(self,
                       features: Tensor,
                       maps: Optional[Tensor],
                       center_maps: Optional[Tensor] = None) -> Tensor:
        """Heatmaps, background and PAFs of a frame.

        Args:
            features (Tensor): I in shape (N, C, H, W).
            maps (Tensor, optional): Maps in shape (N, P, H, W); None for
                zero maps.
            center_maps (Tensor, optional): Centre maps in shape
                (N, 1, H, W), for ``center_map=True``. Defaults to None.

        Returns:
            Tensor: Fields in shape (N, P + 1 + 2 L, H, W), float32.
        """
        if self.center_map and center_maps is None:
            raise ValueError(NO_CENTER_MAPS)
        outputs = self.run_stages(features, maps, center_maps)
        return torch.cat(outputs[-1], dim=1).float()

    def predict(self,
                feats: Features,
                batch_data_samples: OptSampleList,
                test_cfg: ConfigType = {}) -> Predictions:
        """Keypoints of single frames, nothing being remembered, by the
        decoder; the other arguments are not used."""
        return self.decode(self.forward(feats))

    def flip(self, fields: Tensor, flip_indices: Sequence[int],
             test_cfg: ConfigType) -> Tensor:
        """Turn the maps of mirrored frames back.

        Args:
            fields (Tensor): Heatmaps and PAFs in shape
                (N, P + 1 + 2 L, H, W).
            flip_indices (Sequence[int]): The mirror image of each keypoint.
            test_cfg (dict): Not used: cells and pixels of OpenPose have
                their centres in the middle, nothing has to be shifted.

        Returns:
            Tensor: The same maps of the frames as they were.
        """
        limbs = [tuple(limb) for limb in self.limbs.tolist()]
        try:
            partners = [
                limbs.index((flip_indices[start], flip_indices[end]))
                for start, end in limbs
            ]
        except ValueError as error:
            raise ValueError('a limb of the codec has no mirror image: the '
                             "data set's swap pairs and the codec's limbs "
                             f'do not agree ({error})') from error
        fields = fields.flip(-1)
        background = self.num_keypoints
        heatmaps = fields[:, [*flip_indices, background]]
        pafs = fields[:, background + 1:].unflatten(1, (len(limbs), 2))
        # Mirrored, a limb points the other way in x.
        sign = pafs.new_tensor([-1., 1.])[:, None, None]
        pafs = (pafs[:, partners] * sign).flatten(1, 2)
        return torch.cat([heatmaps, pafs], dim=1)

    def loss(self,
             feats: Features,
             batch_data_samples: OptSampleList,
             past_feats: Optional[Features] = None,
             keep: Optional[Tensor] = None,
             train_cfg: ConfigType = {}) -> dict:
        """Losses of all stages on the current frames.

        Invisible keypoints add nothing, nor do the limbs that touch them:
        "The invisible keypoints do not contribute to the loss during
        training". As the background is where no keypoint is, its map counts
        only where all keypoints are known.

        Args:
            feats (tuple[Tensor]): Features of the N current frames.
            batch_data_samples (list[PoseDataSample]): N samples with the
                targets of the current frame, for clips the fields
                ``previous_heatmaps`` and ``crops``, and ``center_maps`` if
                the model sees them.
            past_feats (tuple[Tensor], optional): Features of the frames
                that :meth:`TemporalModule.sample_past` chose.
                Defaults to None.
            keep (Tensor, optional): Whose memory is kept, see there.
                Defaults to None.
            train_cfg (dict): ``exemplar_grad`` (True): whether gradients
                flow into the exemplar frames, too. ``compute_acc`` (True):
                whether to report the accuracy on the batch.

        Returns:
            dict: ``loss_stage{i}_heatmap``, ``loss_stage{i}_paf`` and
            ``acc_pose``.

        Raises:
            ValueError: If clips or centre maps are missing.
        """
        features, maps = self.training_maps(feats, past_feats,
                                            batch_data_samples, keep,
                                            train_cfg)
        center_maps = None
        if self.center_map:
            if not all('center_maps' in item for item in batch_data_samples):
                raise ValueError(NO_CENTER_MAPS)
            center_maps = torch.stack(
                [sample.center_maps[-1] for sample in batch_data_samples])
        outputs = self.run_stages(features, maps, center_maps)

        targets = [
            torch.stack([getattr(item.gt_fields, name)
                         for item in batch_data_samples])
            for name in ('heatmaps', 'pafs')
        ]  # yapf: disable
        known = torch.cat([
            sample.gt_instance_labels.keypoint_weights
            for sample in batch_data_samples
        ])
        weights = map_weights(known, self.limbs.to(known.device))
        losses = {}
        for number, output in enumerate(outputs, start=1):
            for name, *args in zip(('heatmap', 'paf'), output, targets,
                                   weights):
                losses[f'loss_stage{number}_{name}'] = self.loss_module(*args)
        if train_cfg.get('compute_acc', True):
            keypoints = slice(self.num_keypoints)
            _, accuracy, _ = pose_pck_accuracy(
                output=to_numpy(outputs[-1][0][:, keypoints].float()),
                target=to_numpy(targets[0][:, keypoints]),
                mask=to_numpy(known) > 0)
            losses['acc_pose'] = known.new_tensor(accuracy)
        return losses


NO_CENTER_MAPS = (
    'the model sees centre maps (center_map=True), but the data samples have '
    "none: put dict(type='GenerateCenterMap', ...) behind CropAffine in the "
    'pipeline')


def map_weights(keypoint_weights: Tensor,
                limbs: Tensor) -> Tuple[Tensor, Tensor]:
    """Weights of the maps of a sample, from those of its keypoints.

    Args:
        keypoint_weights (Tensor): Weights in shape (N, P), 0 for a keypoint
            that is not known.
        limbs (Tensor): Keypoints at both ends of each limb in shape (L, 2).

    Returns:
        tuple[Tensor]: Weights of the heatmaps, (N, P + 1), the last for the
        background, and of the PAFs, (N, 2 L).
    """
    background = keypoint_weights.amin(dim=1, keepdim=True)
    heatmaps = torch.cat([keypoint_weights, background], dim=1)
    pafs = keypoint_weights[:, limbs].prod(dim=2)
    return heatmaps, pafs.repeat_interleave(2, dim=1)
