# Copyright (c) temporal_corr authors. All rights reserved.
from typing import List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from mmpose.models.heads import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, OptConfigType, OptSampleList
from torch import Tensor

from .video_head import Features, VideoHead, batch_accuracy


@MODELS.register_module()
class PAFHead(VideoHead, BaseHead):
    """Stages 1 to 6 of OpenPose, with a memory: the paper's network.

    Each stage predicts part affinity fields (PAFs) and heatmaps, with a
    background channel last; a stage after the first sees the predictions of
    the stage before and the intermediate feature maps I, which are the
    features of :class:`OpenPoseExtractor` as they are. The maps of the past
    go "into only Stage 1", centre maps "into Stage 1 to Stage 6".

    The fields are P + 1 heatmaps and 2 L PAFs, in this order, as OpenPose's
    ``net_output``. The codec is
    :class:`~projects.temporal_corr.codecs.PartAffinityField`. Parameters
    have OpenPose's names.

    Args:
        in_channels (int): C, channels of I. Defaults to 128.
        out_channels (int): P, number of keypoints. Defaults to 15.
        temporal (dict, optional): The :class:`TemporalModule`, none that is
            trained through time (``unroll``). Defaults to None, the PAF
            baseline.
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
            Gaussian N(0, 0.01) of OpenPose, that of the added filters anyway.
    """

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
                 init_cfg=dict(type='Normal', layer='Conv2d', std=0.01)):
        super().__init__(init_cfg)
        self.decoder = KEYPOINT_CODECS.build(decoder)
        self.build_temporal(temporal, in_channels, out_channels)
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

    def run_stages(
            self,
            features: Tensor,
            maps: Optional[Tensor] = None,
            center_maps: Optional[Tensor] = None
    ) -> List[Tuple[Tensor, Tensor]]:
        """Heatmaps (N, P + 1, H, W) and PAFs (N, 2 L, H, W) of all stages,
        with centre maps in shape (N, 1, H, W); None equals zero maps."""
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
        """Heatmaps, background and PAFs of a frame, by the last stage."""
        outputs = self.run_stages(features, maps, center_maps)
        return torch.cat(outputs[-1], dim=1).float()

    def flip(self, fields: Tensor, flip_indices: Sequence[int],
             test_cfg: ConfigType) -> Tensor:
        """Turn the fields of mirrored frames back. Cells and pixels of
        OpenPose have their centres in the middle: nothing has to be
        shifted, ``test_cfg`` is not used."""
        limbs = self.limbs.tolist()
        partners = [
            limbs.index([flip_indices[start], flip_indices[end]])
            for start, end in limbs
        ]
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
        """``loss_stage{i}_heatmap`` and ``loss_stage{i}_paf`` of all stages,
        and ``acc_pose``, on the current frames.

        Invisible keypoints add nothing, nor do the limbs that touch them:
        "The invisible keypoints do not contribute to the loss during
        training". As the background is where no keypoint is, its map counts
        only where all keypoints are known.
        """
        samples = batch_data_samples
        features, maps = self.training_maps(feats, past_feats, samples, keep,
                                            train_cfg)
        center_maps = None
        if self.center_map:
            center_maps = torch.stack(
                [sample.center_maps[-1] for sample in samples])
        outputs = self.run_stages(features, maps, center_maps)

        targets = [
            torch.stack([getattr(sample.gt_fields, name)
                         for sample in samples])
            for name in ('heatmaps', 'pafs')
        ]  # yapf: disable
        known = torch.cat(
            [sample.gt_instance_labels.keypoint_weights for sample in samples])
        limbs_known = known[:, self.limbs.to(known.device)].prod(dim=2)
        weights = (with_background(known),
                   limbs_known.repeat_interleave(2, dim=1))
        losses = {}
        for number, output in enumerate(outputs, start=1):
            for name, *args in zip(('heatmap', 'paf'), output, targets,
                                   weights):
                losses[f'loss_stage{number}_{name}'] = self.loss_module(*args)
        if train_cfg.get('compute_acc', True):
            losses['acc_pose'] = batch_accuracy(outputs[-1][0], targets[0],
                                                known)
        return losses


def with_background(weights: Tensor) -> Tensor:
    """Weights (..., P + 1) of P heatmaps and the background, which is known
    where all keypoints are."""
    return torch.cat([weights, weights.amin(dim=-1, keepdim=True)], dim=-1)


class PAFStage(BaseModule):
    """A stage of OpenPose: branch ``L1`` gives PAFs, ``L2`` heatmaps.

    Stage 1 is four 3x3 convolutions (conv5_1 ... conv5_3, conv5_4 is 1x1)
    and the prediction, the others are five 7x7 convolutions, a 1x1 and the
    prediction (Mconv1 ... Mconv7). No ReLU on the predictions. Arguments as
    of :class:`PAFHead` and :class:`PAFBranch`, ``number`` from 1.
    """

    def __init__(self, number: int, in_channels: int, channels: int,
                 paf_channels: int, heatmap_channels: int, map_channels: int,
                 center_map: bool):
        super().__init__()
        for branch, out_channels in (('L1', paf_channels), ('L2',
                                                            heatmap_channels)):
            if number == 1:
                widths = [(channels, 3)] * 3 + [(4 * channels, 1)]
                pattern = f'conv5_{{}}_CPM_{branch}'
            else:
                widths = [(channels, 7)] * 5 + [(channels, 1)]
                pattern = f'Mconv{{}}_stage{number}_{branch}'
            layers = [(pattern.format(i), *width)
                      for i, width in enumerate([*widths, (out_channels, 1)],
                                                start=1)]
            self.add_module(
                branch,
                PAFBranch(layers, in_channels, map_channels, center_map))

    def forward(self, *inputs: Optional[Tensor]) -> Tuple[Tensor, Tensor]:
        """Heatmaps and PAFs, by both branches."""
        return self.L2(*inputs), self.L1(*inputs)


class PAFBranch(BaseModule):
    """One branch of a stage: convolutions with ReLU between them.

    Maps that a stage sees in addition have filters of their own, added to
    the output of the first convolution: concatenation ("additional
    convolutional filters are added to compensate the increased input
    channels") that leaves the first convolution loadable as it was trained.

    ``layers`` are name, output channels and kernel size of each convolution;
    without maps of the past ``map_channels`` is 0.
    """

    def __init__(self, layers: Sequence[tuple], in_channels: int,
                 map_channels: int, center_map: bool):
        super().__init__()
        _, width, kernel = layers[0]
        extra = dict(padding=kernel // 2, bias=False)
        self.maps_conv = nn.Conv2d(map_channels, width, kernel, **
                                   extra) if map_channels else None
        self.center_conv = nn.Conv2d(1, width, kernel, **
                                     extra) if center_map else None
        self.layer_names = [name for name, _, _ in layers]
        for name, out_channels, kernel in layers:
            self.add_module(
                name,
                nn.Conv2d(
                    in_channels, out_channels, kernel, padding=kernel // 2))
            in_channels = out_channels
        self.relu = nn.ReLU(inplace=True)

    def init_weights(self) -> None:
        """"The added convolutional filters are initialized with a zero-mean
        and 0.01 std Gaussian distribution", however the others start."""
        super().init_weights()
        for added in (self.maps_conv, self.center_conv):
            if added is not None:
                nn.init.normal_(added.weight, mean=0., std=0.01)

    def forward(self,
                x: Tensor,
                maps: Optional[Tensor] = None,
                center_maps: Optional[Tensor] = None) -> Tensor:
        """Run the branch; None equals zero maps."""
        first, *others = (getattr(self, name) for name in self.layer_names)
        x = first(x)
        if maps is not None:
            x = x + self.maps_conv(maps)
        if center_maps is not None:
            x = x + self.center_conv(center_maps)
        for conv in others:
            x = conv(self.relu(x))
        return x
