# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmengine.model import BaseModule
from mmpose.models.heads import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.typing import ConfigType, OptConfigType, OptSampleList
from torch import Tensor

from ..backbones.lstm_pose_machine_extractor import LSTMPoseMachineExtractor
from .paf_head import with_background
from .video_head import Features, VideoHead, batch_accuracy, clip_targets


@MODELS.register_module()
class LSTMPoseMachineHead(VideoHead, BaseHead):
    """LSTM Pose Machines (CVPR'2018), the recurrent baseline of the
    paper's Fig. 3.

    The features of :class:`LSTMPoseMachineExtractor`, the heatmaps of the
    previous frame and a centre map enter a convolutional LSTM of 48 hidden
    maps, from which five convolutions predict the heatmaps. In a first frame
    the heatmaps of a network for single images replace previous ones.

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
        """See :class:`VideoHead`; ``center_maps`` in shape (N, 1, h, w)."""
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

    def flip(self, heatmaps: Tensor, flip_indices: Sequence[int],
             test_cfg: ConfigType) -> Tensor:
        """Turn the heatmaps of mirrored frames back. Cells have their centres
        in the middle of their pixels: nothing has to be shifted."""
        return heatmaps.flip(-1)[:, [*flip_indices, self.num_keypoints]]

    def loss(self,
             feats: Features,
             batch_data_samples: OptSampleList,
             past_feats: Optional[Features] = None,
             keep: Optional[Tensor] = None,
             train_cfg: ConfigType = {}) -> dict:
        """``loss_initial``, ``loss_frame{t}`` of all frames of clips, from 1
        on, and ``acc_pose`` of the current frames.

        ``past_feats`` are those of the N (T - 1) past frames, frame by frame.
        An invisible keypoint adds nothing, and the background counts only
        where all keypoints are known, as in :class:`PAFHead`. (The published
        training has no weights.)
        """
        samples = batch_data_samples
        targets, known = clip_targets(samples)
        center_maps = torch.stack([sample.center_maps for sample in samples])
        clip = [level.split(len(samples)) for level in past_feats]
        clip = [*zip(*clip), feats]
        outputs, memory = [self.initial(clip[0][0])], None
        for frame, maps in zip(clip, center_maps.unbind(1)):
            heatmaps, memory = self.step(frame, memory, center_maps=maps)
            outputs.append(heatmaps)
        names = ['loss_initial']
        names += [f'loss_frame{t}' for t in range(1, len(outputs))]
        losses = {
            name: self.loss_module(*args)
            for name, *args in zip(names, outputs, targets,
                                   with_background(known))
        }
        if train_cfg.get('compute_acc', True):
            losses['acc_pose'] = batch_accuracy(outputs[-1], targets[-1],
                                                known[-1])
        return losses


class InitialNetwork(BaseModule):
    """The network for single images that a first frame starts from: an
    extractor of its own, a 9x9 and two 1x1 convolutions of a ``width`` (conv1
    to conv7)."""

    def __init__(self, out_channels: int, channels: int, width: int):
        super().__init__()
        self.extractor = LSTMPoseMachineExtractor(channels)
        in_channels = self.extractor.conv4.out_channels
        self.conv5 = nn.Conv2d(in_channels, width, 9, padding=4)
        self.conv6 = nn.Conv2d(width, width, 1)
        self.conv7 = nn.Conv2d(width, out_channels, 1)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.5)

    def forward(self, frames: Tensor) -> Tensor:
        """Heatmaps (N, out_channels, H, W) of frames (N, 3, 8 H, 8 W)."""
        x = self.extractor(frames)[-1]
        for conv in (self.conv5, self.conv6):
            x = self.dropout(self.relu(conv(x)))
        return self.conv7(x)
