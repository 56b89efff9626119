# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Any, List, Optional, Sequence, Tuple

import torch
import torch.nn as nn
from mmpose.evaluation.functional import pose_pck_accuracy
from mmpose.models.heads import BaseHead
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.utils.tensor_utils import to_numpy
from mmpose.utils.typing import (ConfigType, OptConfigType, OptSampleList,
                                 Predictions)
from torch import Tensor

from ..exemplar_policies import build_policy
from .initial_network import InitialNetwork
from .lstm_mixin import clip_targets
from .paf_head import NO_CENTER_MAPS
from .temporal_lstm import TemporalLSTM
from .temporal_mixin import remembered
from .training_maps import Features


@MODELS.register_module()
class LSTMPoseMachineHead(BaseHead):
    """LSTM Pose Machines (CVPR'2018), the paper's opponent in Fig. 3.

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

    temporal = 'lstm'
    uses_past_features = True
    #: ``crops`` are for whoever remembers annotated heatmaps; not used here.
    conditions = ('crops', 'center_maps')

    #: Keys of ``train_cfg`` that the loss looks at.
    train_options = ('compute_acc', )

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
        self.num_keypoints = out_channels
        maps = out_channels + 1
        self.initial = InitialNetwork(maps, channels, initial_channels)
        self.lstm = TemporalLSTM(in_channels + 1, maps, hidden_channels, 0.01)
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
        """Heatmaps of single frames, centre maps taken to be zero.

        Args:
            feats (tuple[Tensor]): Frames and feature maps of the backbone.

        Returns:
            Tensor: Heatmaps in shape (N, P + 1, H, W).
        """
        center_maps = torch.zeros_like(feats[-1][:, :1])
        return self.step(feats, center_maps=center_maps)[0]

    def step(self,
             feats: Features,
             memory: Any = None,
             crops: Optional[Tensor] = None,
             center_maps: Optional[Tensor] = None) -> Tuple[Tensor, Any]:
        """One frame on: a pure function of the frame and the memory.

        Args:
            feats (tuple[Tensor]): Frames and feature maps of the backbone.
            memory (dict, optional): What the step before returned. None, or
                a sample of zeros, means that nothing is remembered.
                Defaults to None.
            crops (Tensor, optional): Not used. Defaults to None.
            center_maps (Tensor): Centre maps in shape (N, 1, H, W).

        Returns:
            tuple: Heatmaps in shape (N, P + 1, H, W), float32, and the new
            memory: ``h``, ``cell`` and ``heatmaps``.

        Raises:
            ValueError: If there are no centre maps.
        """
        if center_maps is None:
            raise ValueError(NO_CENTER_MAPS)
        frames, features = feats

        def single_frame(rows: Optional[Tensor]) -> Tensor:
            return self.initial(frames if rows is None else frames[rows])

        mask = None if memory is None else remembered(memory)
        state = self.lstm(features, single_frame, memory, mask,
                          (center_maps.to(features), ))
        heatmaps = self.output(state['h'].to(features)).float()
        return heatmaps, dict(state, heatmaps=heatmaps)

    def remember(self,
                 features: Tensor,
                 heatmaps: Tensor,
                 crops: Optional[Tensor],
                 state: Any = None) -> Any:
        """The value of a frame with other heatmaps than it had.

        Args:
            features (Tensor): Features in shape (N, C, H, W).
            heatmaps (Tensor): Heatmaps of the keypoints in shape
                (N, P, H, W).
            crops (Tensor, optional): Not used.
            state (dict, optional): The value that the step of this frame
                returned. Defaults to None, the state after a first frame
                with these heatmaps and a centre map of zeros.

        Returns:
            dict: The value.
        """
        background = 1 - heatmaps.amax(dim=1, keepdim=True)
        heatmaps = torch.cat([heatmaps, background], dim=1)
        if state is None:
            state = self.lstm(
                features,
                lambda rows: heatmaps,
                center_maps=(torch.zeros_like(features[:, :1]), ))
        return dict(state, heatmaps=heatmaps)

    def renew(self,
              memory: Any,
              features: Tensor,
              heatmaps: Tensor,
              crops: Optional[Tensor],
              state: Any = None,
              labelled: bool = False) -> Any:
        """What is remembered after a frame: as :meth:`remember`, whatever
        was remembered before."""
        return self.remember(features, heatmaps, crops, state)

    def set_policy(self, memory: Optional[dict]) -> None:
        """There is no policy for what is not an exemplar.

        Args:
            memory (dict, optional): ``test_cfg.memory``.

        Raises:
            ValueError: If a policy other than the default is wanted.
        """
        if build_policy(memory) is not None:
            raise ValueError(
                f'test_cfg.memory={memory} is about exemplars, and '
                'LSTMPoseMachineHead remembers none: leave it out')

    def predict(self,
                feats: Features,
                batch_data_samples: OptSampleList,
                test_cfg: ConfigType = {}) -> Predictions:
        """Keypoints of single frames, nothing being remembered, by the
        decoder; the other arguments are not used."""
        return self.decode(self.forward(feats))

    def flip(self, heatmaps: Tensor, flip_indices: Sequence[int],
             test_cfg: ConfigType) -> Tensor:
        """Turn the heatmaps (N, P + 1, H, W) of mirrored frames back.

        Args:
            heatmaps (Tensor): Heatmaps of the mirrored frames.
            flip_indices (Sequence[int]): The mirror image of each keypoint.
            test_cfg (dict): Not used: cells have their centres in the
                middle of their pixels, nothing has to be shifted.

        Returns:
            Tensor: The heatmaps of the frames as they were.
        """
        return heatmaps.flip(-1)[:, [*flip_indices, self.num_keypoints]]

    def unroll(self, feats: List[Features],
               center_maps: Sequence[Tensor]) -> List[Tensor]:
        """Step through the frames of clips, the first being a first frame.

        Args:
            feats (list[tuple[Tensor]]): Outputs of the backbone for each of
                the T frames.
            center_maps (Sequence[Tensor]): Centre maps of each of them in
                shape (N, 1, H, W).

        Returns:
            list[Tensor]: Heatmaps of the T frames in shape (N, P + 1, H, W).
        """
        outputs, memory = [], None
        for frame, maps in zip(feats, center_maps):
            heatmaps, memory = self.step(frame, memory, center_maps=maps)
            outputs.append(heatmaps)
        return outputs

    def loss(self,
             feats: Features,
             batch_data_samples: OptSampleList,
             past_feats: Optional[Features] = None,
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
            train_cfg (dict): ``compute_acc`` (True): whether to report the
                accuracy on the batch.

        Returns:
            dict: ``loss_initial``, ``loss_frame{t}`` from 1 on, and
            ``acc_pose`` of the current frames.

        Raises:
            ValueError: If clips or centre maps are missing.
        """
        samples = batch_data_samples
        if past_feats is None or 'previous_heatmaps' not in samples[0]:
            raise ValueError(
                'LSTMPoseMachineHead trains on clips, but the batch holds '
                "single frames: set clip_sampling='consecutive' and clip_len "
                'in the training data set')
        if not all('center_maps' in sample for sample in samples):
            raise ValueError(NO_CENTER_MAPS)
        center_maps = torch.stack([sample.center_maps for sample in samples])
        clip = [level.split(len(samples)) for level in past_feats]
        clip = [*zip(*clip), feats]
        outputs = [self.initial(clip[0][0])]
        outputs += self.unroll(clip, center_maps.unbind(1))
        targets, known = clip_targets(samples)
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
