# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Any, List, Optional, Tuple, Union

import torch
from torch import Tensor

from .temporal_lstm import TemporalLSTM
from .temporal_mixin import TemporalMixin, remembered
from .training_maps import Features


class LSTMMixin(TemporalMixin):
    """One more mode of :class:`TemporalMixin`: ``temporal='lstm'``.

    The recurrence of LSTM Pose Machines, "the accuracy of [which] drops
    significantly" where frames lie far apart. The maps of the past are the
    hidden maps h. Remembers h, the cell, the heatmaps and their crop, into
    which all of them are bound: they are carried into the current crop, as
    the heatmaps of ``temporal='heatmap'`` are.
    """

    temporal_modes = ('correlation', 'heatmap', 'lstm', None)
    map_modes = ('heatmap', 'lstm')

    def init_lstm(self, in_channels: int, channels: int) -> None:
        """Build the recurrence, where ``temporal='lstm'``.

        Args:
            in_channels (int): C, channels of I.
            channels (int): Channels of h and of the cell.
        """
        if self.temporal == 'lstm':
            self.lstm = TemporalLSTM(in_channels, self.num_keypoints, channels)

    @property
    def uses_past_features(self) -> bool:
        """bool: Whether the loss looks at the pixels of earlier frames."""
        return self.temporal == 'lstm' or super().uses_past_features

    def remember(self,
                 features: Tensor,
                 heatmaps: Tensor,
                 crops: Optional[Tensor],
                 state: Any = None,
                 labelled: Union[bool, Tensor] = False) -> Any:
        """See the base. Without ``state`` it is that of a first frame with
        these heatmaps."""
        value = super().remember(features, heatmaps, crops, None, labelled)
        if self.temporal == 'lstm':
            if state is None:
                state = self.lstm(features, lambda _: heatmaps)
            value.update(h=state['h'], cell=state['cell'])
        return value

    def look_back(self, features: Tensor, memory: Any,
                  crops: Optional[Tensor]) -> Tuple[Optional[Tensor], Any]:
        """See the base. The state is h and cell of the current frame."""
        if self.temporal != 'lstm':
            return super().look_back(features, memory, crops)
        mask = None
        if memory is not None:
            mask = remembered(memory)
            memory = self.carry(memory, crops, mask)

        def single_frame(rows: Optional[Tensor]) -> Tensor:
            rows = slice(None) if rows is None else rows
            return self.activate(self.heatmaps(features[rows]))

        state = self.lstm(features, single_frame, memory, mask)
        return state['h'], state

    def maps(self,
             features: Tensor,
             memory: Any,
             crops: Optional[Tensor],
             keep: Optional[Tensor] = None) -> Optional[Tensor]:
        """See the base. The hidden maps are never zero: the first frame has
        some, too."""
        if self.temporal == 'lstm':
            return self.look_back(features, memory, crops)[0]
        return super().maps(features, memory, crops, keep)

    def unroll(self, features: List[Tensor], crops: Tensor) -> List[Tensor]:
        """Step through the frames of clips, the first being a first frame.

        Args:
            features (list[Tensor]): I of each of the T frames in shape
                (N, C, H, W).
            crops (Tensor): Crops in shape (N, T, 2, 3).

        Returns:
            list[Tensor]: Heatmaps of the T frames before the activation, in
            shape (N, P, H, W).
        """
        outputs, memory = [], None
        for frame, crop in zip(features, crops.unbind(1)):
            heatmaps, memory = self.advance(frame, memory, crop)
            outputs.append(heatmaps)
        return outputs

    def unrolled(
        self, feats: Features, samples: List, past_feats: Optional[Features]
    ) -> Tuple[Tensor, Tensor, Tensor]:
        """Heatmaps of all frames of a training batch and what they should be.

        LSTM Pose Machines have a loss on every frame, and on the network for
        single images that the first frame starts from.

        Args:
            feats (tuple[Tensor]): Features of the N current frames.
            samples (list[PoseDataSample]): N samples with the targets of
                all frames.
            past_feats (tuple[Tensor], optional): Features of the N (T - 1)
                frames before, frame by frame.

        Returns:
            tuple[Tensor]: Heatmaps before the activation and targets in shape
            ((T + 1) N, P, H, W), weights in shape ((T + 1) N, P). The first
            N are the single-frame heatmaps of the first frames, the last N
            those of the current frames.

        Raises:
            ValueError: If the batch holds single frames.
        """
        if past_feats is None or not all('previous_heatmaps' in sample
                                         for sample in samples):
            raise ValueError(
                "temporal='lstm' trains on clips, but the batch holds single "
                "frames: set clip_sampling='consecutive' and clip_len=2 or "
                'more in the training data set')
        # One pass for all frames: one set of batch statistics.
        features = self.features(
            tuple(
                torch.cat([past, level])
                for past, level in zip(past_feats, feats)))
        features = list(features.split(len(samples)))
        crops = torch.stack([sample.crops for sample in samples])
        heatmaps = [self.heatmaps(features[0]).float()]
        heatmaps += self.unroll(features, crops)
        targets, weights = (
            part.flatten(0, 1) for part in clip_targets(samples))
        return torch.cat(heatmaps), targets, weights


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
