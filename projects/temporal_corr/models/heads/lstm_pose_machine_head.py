# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.models.heads import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import (ConfigType, OptConfigType, OptSampleList,
                                 Predictions)
from torch import Tensor

from .initial_network import InitialNetwork
from .paf_head import NO_CENTER_MAPS
from .video_head import Features, VideoHead, clip_targets


@MODELS.register_module()
class LSTMPoseMachineHead(VideoHead, BaseHead):
    """LSTM Pose Machines (CVPR'2018), the recurrent baseline of the
    paper's Fig. 3.

    To the features of :class:`LSTMPoseMachineExtractor` come the heatmaps of
    the frame before and a centre map; a convolutional LSTM makes 48 hidden
    maps of them, and five convolutions heatmaps of these. A first frame has
    the heatmaps of a network for single images in place of previous ones.

    Remembers h, the cell and the heatmaps, each in the crop of its frame: as
    published, nothing is carried into the current crop. The codec is
    :class:`~projects.temporal_corr.codecs.BackgroundHeatmap`.

    Args:
        in_channels (int): Channels of the features. Defaults to 32.
        out_channels (int): P, number of keypoints; heatmaps have P + 1
            channels, the background last. Defaults to 14.
        hidden_channels (int): Channels of h and of the cell. Defaults to 48.
        channels (int): Channels of the convolutions behind the LSTM, and of
            conv1 to conv3. Defaults to 128.
        initial_channels (int): Channels of conv5 and conv6 of the network
            for single images. Defaults to 512.
        loss (dict): Loss of every frame, and of the network for single
            images on the first. Defaults to :class:`EuclideanLoss`, as
            Caffe's.
        decoder (dict): The codec.
        init_cfg (dict | list, optional): Initialisation. Defaults to the
            published Gaussian N(0, 0.01).

    Raises:
        ValueError: If there is no decoder.
    """

    conditions = ('crops', 'center_maps')
    #: A checkpoint without them is none of this network.
    temporal_parameters = ()

    def __init__(self,
                 in_channels: int = 32,
                 out_channels: int = 14,
                 hidden_channels: int = 48,
                 channels: int = 128,
                 initial_channels: int = 512,
                 loss: ConfigType = dict(type='EuclideanLoss'),
                 decoder: OptConfigType = None,
                 init_cfg=dict(type='Normal', layer='Conv2d', std=0.01)):
        super().__init__(init_cfg)
        if decoder is None:
            raise ValueError("LSTMPoseMachineHead needs decoder=dict(type="
                             "'BackgroundHeatmap', ...)")
        self.decoder = KEYPOINT_CODECS.build(decoder)
        self.loss_module = MODELS.build(loss)
        maps = out_channels + 1
        self.initial = InitialNetwork(maps, channels, initial_channels)
        self.build_temporal(
            dict(
                type='ConvLSTM',
                channels=hidden_channels,
                # the background and the centre map
                extra_channels=2,
                std=0.01,
                carry=False), in_channels, out_channels)
        self.output = nn.Sequential()
        widths = [(hidden_channels, channels, 11)]
        widths += [(channels, channels, kernel) for kernel in (11, 11, 1)]
        for number, (inputs, outputs, kernel) in enumerate(widths, start=1):
            self.output.add_module(
                f'Mconv{number}',
                nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))
            self.output.add_module(f'relu{number}', nn.ReLU(inplace=True))
        self.output.add_module('Mconv5', nn.Conv2d(channels, maps, 1))

    def features(self, feats: Features) -> Tensor:
        """The feature maps (N, C, H, W) among the backbone's outputs."""
        return feats[-1]

    def forward(self, feats: Features) -> Tensor:
        """Heatmaps (N, P + 1, H, W) of single frames, centre maps taken to be
        zero."""
        center_maps = torch.zeros_like(feats[-1][:, :1])
        return self.step(feats, center_maps=center_maps)[0]

    def step(self,
             feats: Features,
             memory: Optional[Dict[str, Tensor]] = None,
             crops: Optional[Tensor] = None,
             center_maps: Optional[Tensor] = None) -> Tuple[Tensor, dict]:
        """See the base; ``center_maps`` in shape (N, 1, H, W)."""
        if center_maps is None:
            raise ValueError(NO_CENTER_MAPS)
        frames, features = feats
        maps, state = self.temporal.maps(
            features,
            memory,
            crops,
            lambda: self.initial(frames),
            extra=[center_maps.to(features)])
        heatmaps = self.output(maps.to(features)).float()
        memory = self.temporal.update(memory, features, heatmaps, crops, state)
        return heatmaps, memory

    def predict(self,
                feats: Features,
                batch_data_samples: OptSampleList,
                test_cfg: ConfigType = {}) -> Predictions:
        """Keypoints of single frames, nothing being remembered, by the
        decoder; the other arguments are not used."""
        return self.decode(self.forward(feats))

    def flip(self, heatmaps: Tensor, flip_indices: Sequence[int],
             test_cfg: ConfigType) -> Tensor:
        """Turn the heatmaps (N, P + 1, H, W) of mirrored frames back. Cells
        have their centres in the middle of their pixels: nothing has to be
        shifted."""
        return heatmaps.flip(-1)[:, [*flip_indices, self.num_keypoints]]

    def loss(self,
             feats: Features,
             batch_data_samples: OptSampleList,
             past_feats: Optional[Features] = None,
             keep: Optional[Tensor] = None,
             train_cfg: ConfigType = {}) -> dict:
        """Losses of all frames of clips.

        An invisible keypoint adds nothing, and the background counts only
        where all keypoints are known, as in :class:`PAFHead`. (The published
        training knows no weights.)

        Args:
            feats (tuple[Tensor]): Outputs of the backbone for the N current
                frames.
            batch_data_samples (list[PoseDataSample]): N samples with the
                targets and the ``center_maps`` of all frames.
            past_feats (tuple[Tensor], optional): Outputs for the N (T - 1)
                past frames, frame by frame. Defaults to None.
            keep (Tensor, optional): Not used.
            train_cfg (dict): ``compute_acc`` (True): whether to report the
                accuracy on the batch.

        Returns:
            dict: ``loss_initial``, ``loss_frame{t}`` from 1 on, and
            ``acc_pose`` of the current frames.

        Raises:
            ValueError: If clips or centre maps are missing.
        """
        samples = batch_data_samples
        targets, known = clip_targets(samples)
        if not all('center_maps' in sample for sample in samples):
            raise ValueError(NO_CENTER_MAPS)
        center_maps = torch.stack([sample.center_maps for sample in samples])
        clip = [level.split(len(samples)) for level in past_feats]
        clip = [*zip(*clip), feats]
        outputs, memory = [self.initial(clip[0][0])], None
        for frame, maps in zip(clip, center_maps.unbind(1)):
            heatmaps, memory = self.step(frame, memory, center_maps=maps)
            outputs.append(heatmaps)
        weights = torch.cat([known, known.amin(dim=2, keepdim=True)], dim=2)
        names = ['loss_initial']
        names += [f'loss_frame{t}' for t in range(1, len(outputs))]
        losses = {
            name: self.loss_module(*args)
            for name, *args in zip(names, outputs, targets, weights)
        }
        if train_cfg.get('compute_acc', True):
            keypoints = slice(self.num_keypoints)
            _, accuracy, _ = pose_pck_accuracy(
                output=to_numpy(outputs[-1][:, keypoints].float()),
                target=to_numpy(targets[-1][:, keypoints]),
                mask=to_numpy(known[-1]) > 0)
            losses['acc_pose'] = known.new_tensor(accuracy)
        return losses
