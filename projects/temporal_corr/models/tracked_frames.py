# Copyright (c) temporal_corr authors. All rights reserved.
from itertools import count
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

import torch
from mmengine.logging import print_log
from mmpose.utils.typing import SampleList
from torch import Tensor

from .ground_truth import ground_truth_heatmaps
from .heads.temporal_mixin import confidences
from .memory import TrackFrame
from .resample import mirror, peak_positions
from .trusted_exemplars import guided_fields


class TrackedFramesMixin:
    """The rows of a test batch as frames of tracks, each with a memory of
    its own. A part of :class:`VideoTopdownPoseEstimator`.

    A row is a frame or, for a flip test, a mirrored frame.
    """

    @torch.no_grad()
    def exemplars(
        self,
        inputs: Tensor,
        data_samples: SampleList,
        labelled: bool = False
    ) -> Tuple[List[TrackFrame], Tensor, Tensor, Tensor]:
        """Exemplars of frames, each taken alone.

        Args:
            inputs (Tensor): Frames in shape (N, 3, H, W).
            data_samples (list[PoseDataSample]): N samples with the video
                fields of ``PackClipInputs``.
            labelled (bool): Whether the keypoints of the samples give the
                exemplars instead of the predictions. One that is not
                visible, or outside of the crop, gives none.
                Defaults to False.

        Returns:
            tuple: The R rows (the frames and, for a flip test, the mirrored
            frames), their exemplars in shape (R, P, C), zero for a keypoint
            without one, the confidence in them in shape (R, P), and where
            in the image their heatmaps peak, in pixels, (R, P, 2).
        """
        frames = self._track_frames(data_samples)
        if frames is None or self.head.temporal != 'correlation':
            raise ValueError(
                "exemplars are those of a head with temporal='correlation', "
                'in frames of videos (data samples with the video fields of '
                'PackClipInputs)')
        truth = None
        if labelled:
            truth = self._ground_truth(data_samples, inputs.device)
        inputs, conditions, frames = self._passes(inputs, data_samples, frames)
        crops = conditions.pop('crops', None)
        features = self.head.features(self.extract_feat(inputs))
        weights = truth
        if not labelled:
            weights = self.head.fields(features, None, **conditions)
            weights = weights[:, :self.head.num_keypoints]
        exemplars = self.head.remember(
            features, weights, None, labelled=labelled)
        positions = peak_positions(weights, inputs.shape[2:], crops)
        return frames, exemplars, confidences(weights, labelled), positions

    def _passes(self, inputs: Tensor, samples: SampleList,
                frames: Optional[List[TrackFrame]]) -> tuple:
        """Inputs, conditions and tracks, for a flip test of the mirrored
        frames, too."""
        conditions = self.conditions(samples, inputs.device)
        if not self.test_cfg.get('flip_test', False):
            return inputs, conditions, frames
        conditions = {
            name: torch.cat([
                value,
                mirror(value, inputs.shape[-1])
                if name == 'crops' else value.flip(-1)
            ])
            for name, value in conditions.items()
        }
        if frames is not None:
            # The mirrored person is another one to the memory.
            frames = frames + [
                frame._replace(mirrored=True) for frame in frames
            ]
        return torch.cat([inputs, inputs.flip(-1)]), conditions, frames

    def _guide(self, feats: Sequence[Tensor], frames: List[TrackFrame],
               conditions: Dict[str, Tensor],
               truth: Optional[Tensor]) -> Tensor:
        """Heatmaps of rows, those of tracks with trusted exemplars by these,
        the others by what is remembered."""
        guided = [frame.key in self.trusted for frame in frames]
        settings = self.test_cfg.get('trusted') or {}
        parts, order = [], []
        for wanted in (True, False):
            rows = [row for row, own in enumerate(guided) if own is wanted]
            if not rows:
                continue
            some = (
                tuple(level[rows] for level in feats),
                [frames[row] for row in rows],
                {name: value[rows] for name, value in conditions.items()},
            )
            parts.append(
                guided_fields(self.head, *some, self.trusted,
                              settings.get('merge', 'nearest'))
                if wanted else
                self._track(*some, None if truth is None else truth[rows]))
            order.extend(rows)
        return torch.cat(parts)[torch.as_tensor(order).argsort()]

    def _track(self, feats: Sequence[Tensor],
               frames: Optional[List[TrackFrame]],
               conditions: Dict[str, Tensor],
               truth: Optional[Tensor]) -> Tensor:
        """Step every row from its own memory; returns the heatmaps.

        ``truth`` (rows, P, h, w), where given, is remembered in place of
        the predicted heatmaps.
        """
        if frames is None:
            return self.head.step(feats, None, **conditions)[0]
        parts, order = [], []
        for rows in _waves(frames):
            wave = [frames[row] for row in rows]
            before = self.memory.recall(wave)
            if len(rows) == len(frames):
                heatmaps, memory = self.head.step(feats, before, **conditions)
            else:
                heatmaps, memory = self.head.step(
                    tuple(level[rows] for level in feats), before, **{
                        name: value[rows]
                        for name, value in conditions.items()
                    })
            if truth is not None:
                features = self.head.features(
                    tuple(level[rows] for level in feats))
                memory = self.head.renew(
                    before,
                    features,
                    truth[rows],
                    conditions['crops'][rows],
                    state=memory,
                    labelled=True)
            if memory is not None:
                self.memory.remember(wave, memory)
            parts.append(heatmaps)
            order.extend(rows)
        heatmaps = torch.cat(parts)
        return heatmaps[torch.as_tensor(order).argsort()]

    def _track_frames(self, samples: SampleList) -> Optional[List[TrackFrame]]:
        """The tracks of the samples, None if there is nothing to track."""
        if getattr(self.head, 'temporal', None) is None:
            return None
        frames = [TrackFrame.from_sample(sample) for sample in samples]
        if None not in frames:
            return frames
        if any(frame is not None for frame in frames):
            raise ValueError(
                'some data samples of the batch carry video fields '
                '(video_id, frame_index, is_first, is_last) and some do not')
        if not self._warned:
            print_log(
                'The data samples carry no video fields (video_id, '
                'frame_index, is_first, is_last): every frame is predicted '
                'alone. For video, use SubJhmdbDataset, PennActionDataset or '
                'another data set with them, and PackClipInputs.',
                logger='current')
            self._warned = True
        return None

    def _ground_truth(self, samples: SampleList, device) -> Tensor:
        """Heatmaps of the labels, of the frames and then, for a flip test, of
        the mirrored ones."""
        passes = [None]
        if self.test_cfg.get('flip_test', False):
            passes.append(samples[0].metainfo['flip_indices'])
        return torch.cat([
            ground_truth_heatmaps(samples, self.head.decoder, flip_indices)
            for flip_indices in passes
        ]).to(device)

    def conditions(self, samples: SampleList, device) -> Dict[str, Tensor]:
        """What the head is to know of the current frames beside the pixels.

        Args:
            samples (list[PoseDataSample]): N samples.
            device: Where to put it.

        Returns:
            dict: Keyword arguments of the head's ``step``, as far as all
            samples have them.
        """
        return {
            name: torch.stack([sample.get(name)[-1]
                               for sample in samples]).to(device)
            for name in getattr(self.head, 'conditions', ('crops', ))
            if all(name in sample for sample in samples)
        }


def _waves(frames: Sequence[TrackFrame]) -> Iterator[List[int]]:
    """Split rows so that no wave holds a track twice, keeping the order."""
    seen = {}
    waves: List[List[int]] = []
    for row, frame in enumerate(frames):
        wave = seen.setdefault(frame.key, count())
        number = next(wave)
        if number == len(waves):
            waves.append([])
        waves[number].append(row)
    return iter(waves)
