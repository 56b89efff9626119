# Copyright (c) temporal_corr authors. All rights reserved.
from itertools import count
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

import torch
from mmengine.logging import print_log
from mmengine.structures import PixelData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor

from .exemplar_weights import rows_to_look_at
from .ground_truth import ground_truth_heatmaps
from .memory import TrackFrame, TrackMemory
from .resample import mirror
from .trusted_exemplars import TrustedExemplars, guided_fields


@MODELS.register_module()
class VideoTopdownPoseEstimator(TopdownPoseEstimator):
    """A top-down estimator whose head remembers the frames before.

    The head needs ``step(feats, memory, crops)``, ``flip``, and a ``loss``
    that takes the features of earlier frames where ``uses_past_features``,
    as :class:`TemporalCorrelationHead` has. What it remembers is a value
    that the estimator hands on without looking inside. The names of further
    inputs of ``step``, fields of the data samples, stand in its
    ``conditions``.

    Without memory it is a single-frame model: ``forward(mode='tensor')`` on
    (N, 3, H, W), data samples without video fields, and the checkpoints of
    :class:`mmpose.models.TopdownPoseEstimator` work as they do there.

    Args:
        kwargs: Arguments of :class:`mmpose.models.TopdownPoseEstimator`.
            ``train_cfg`` may hold ``exemplar_grad`` (bool), whether
            gradients flow into the exemplar frame, too; the paper does not
            say. Defaults to True. ``test_cfg`` may hold ``exemplars``:
            ``'predicted'``, what is remembered of a frame comes from the
            prediction, or ``'ground_truth'``, it comes from the annotation,
            which shows what perfect exemplars would bring. Defaults to
            ``'predicted'``. ``memory`` (dict) chooses when exemplars are
            renewed, such as ``dict(policy='fixed')``, see
            :func:`~projects.temporal_corr.models.exemplar_policies.
            build_policy`. Defaults to the paper's rule, with every frame.
            ``trusted`` (dict) takes exemplars from a first pass over whole
            videos instead, see
            :class:`~projects.temporal_corr.engine.TrustedExemplarsHook`.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        exemplars = self.test_cfg.get('exemplars', 'predicted')
        if exemplars not in ('predicted', 'ground_truth'):
            raise ValueError("test_cfg.exemplars must be 'predicted' or "
                             f"'ground_truth', got {exemplars!r}")
        if 'memory' in self.test_cfg:
            self.head.set_policy(self.test_cfg['memory'])
        self.memory = TrackMemory()
        #: Exemplars from elsewhere than the frame before, by track: where
        #: there are any, they stand in for what is remembered.
        self.trusted: Dict[tuple, TrustedExemplars] = {}
        self._warned = False

    def train(self, mode: bool = True) -> 'VideoTopdownPoseEstimator':
        """Switch the mode; every evaluation starts with an empty memory."""
        self.memory.reset()
        return super().train(mode)

    def step(self,
             inputs: Tensor,
             memory: Any = None,
             crops: Optional[Tensor] = None,
             **conditions: Tensor) -> Tuple[Tensor, Any]:
        """One frame on: the streaming core, a pure function.

        Args:
            inputs (Tensor): Normalised frames in shape (N, 3, H, W).
            memory: What the step before returned, None before the first
                frame. Defaults to None.
            crops (Tensor, optional): Crops in shape (N, 2, 3), image to
                input, where they differ between the frames.
                Defaults to None.
            conditions: Further inputs of the head, such as ``center_maps``
                in shape (N, 1, h, w).

        Returns:
            tuple: Heatmaps in shape (N, P, h, w) and the new memory.
        """
        return self.head.step(
            self.extract_feat(inputs), memory, crops, **conditions)

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of a batch of clips, or of single frames.

        Args:
            inputs (Tensor): Clips in shape (N, T, 3, H, W), the current
                frame last, or frames in shape (N, 3, H, W).
            data_samples (list[PoseDataSample]): N samples.

        Returns:
            dict: A dictionary of losses.
        """
        clips = inputs if inputs.ndim == 5 else inputs[:, None]
        current, past_feats, options = clips[:, -1], None, {}
        if clips.shape[1] == 1 or not self.head.uses_past_features:
            feats = self.extract_feat(current)
        else:
            past, options = self._past_frames(clips)
            if self.train_cfg.get('exemplar_grad', True):
                # One pass for all frames: one set of batch statistics.
                both = self.extract_feat(torch.cat([past, current]))
                past_feats, feats = zip(*((level[:len(past)],
                                           level[len(past):])
                                          for level in both))
            else:
                feats = self.extract_feat(current)
                with torch.no_grad():
                    past_feats = self.extract_feat(past)
        return self.head.loss(
            feats,
            data_samples,
            past_feats,
            train_cfg=self.train_cfg,
            **options)

    def _past_frames(self, clips: Tensor) -> Tuple[Tensor, dict]:
        """The frames of clips that the loss looks at before the last, and
        what the head is to know of them."""
        keep = None
        if hasattr(self.head, 'keep_maps'):
            keep = self.head.keep_maps(len(clips))
        if keep is None:
            return clips[:, :-1].transpose(0, 1).flatten(0, 1), {}
        return clips[rows_to_look_at(keep), -2], dict(keep=keep)

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Predict, going on from what is remembered of each video.

        A batch may hold frames of any videos; several frames of one video
        are stepped in their order.

        Args:
            inputs (Tensor): Frames in shape (N, 3, H, W).
            data_samples (list[PoseDataSample]): N samples with the video
                fields of ``PackClipInputs``. Without them every frame is
                predicted alone.

        Returns:
            list[PoseDataSample]: The samples with ``pred_instances`` and,
            if ``test_cfg['output_heatmaps']``, ``pred_fields``.
        """
        frames = self._track_frames(data_samples)
        truth = None
        if self.test_cfg.get('exemplars') == 'ground_truth' and (
                self.head.temporal is not None):
            truth = self._ground_truth(data_samples, inputs.device)
        inputs, conditions, frames = self._passes(inputs, data_samples, frames)
        feats = self.extract_feat(inputs)
        if self.test_cfg.get('trusted') and not self.trusted:
            raise RuntimeError(
                'test_cfg.trusted wants exemplars of a first pass, and there '
                "was none: add dict(type='TrustedExemplarsHook') to "
                'custom_hooks, and test whole videos')
        if self.trusted and frames is not None:
            heatmaps = self._guide(feats, frames, conditions, truth)
        else:
            heatmaps = self._track(feats, frames, conditions, truth)

        if self.test_cfg.get('flip_test', False):
            heatmaps, mirrored = heatmaps.chunk(2)
            flip_indices = data_samples[0].metainfo['flip_indices']
            heatmaps = 0.5 * (
                heatmaps +
                self.head.flip(mirrored, flip_indices, self.test_cfg))
        fields = None
        if self.test_cfg.get('output_heatmaps', False):
            # without what a head predicts beside the keypoints' heatmaps
            shown = slice(getattr(self.head, 'num_keypoints', None))
            fields = [
                PixelData(heatmaps=maps[shown]) for maps in heatmaps.detach()
            ]
        return self.add_pred_to_datasample(
            self.head.decode(heatmaps), fields, data_samples)

    @torch.no_grad()
    def exemplars(
        self,
        inputs: Tensor,
        data_samples: SampleList,
        labelled: bool = False
    ) -> Tuple[List[TrackFrame], Tensor, Tensor]:
        """Exemplars of frames, each taken alone.

        Args:
            inputs (Tensor): Frames in shape (N, 3, H, W).
            data_samples (list[PoseDataSample]): N samples with the video
                fields of ``PackClipInputs``.
            labelled (bool): Whether the keypoints of the samples give the
                exemplars, as far as they are visible, instead of the
                predictions. Defaults to False.

        Returns:
            tuple: The R rows (the frames and, for a flip test, the mirrored
            frames), their exemplars in shape (R, P, C) and the peaks of
            their heatmaps in shape (R, P).
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
        conditions.pop('crops', None)
        features = self.head.features(self.extract_feat(inputs))
        weights = self.head.fields(features, None, **conditions)
        weights = weights[:, :self.head.num_keypoints]
        if truth is not None:
            known = truth.flatten(2).any(dim=2)[:, :, None, None]
            weights = torch.where(known, truth, weights)
        return (frames, self.head.remember(features, weights, None),
                weights.flatten(2).amax(dim=2))

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
