# Copyright (c) temporal_corr authors. All rights reserved.
import warnings
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.structures import PixelData
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor

from .offline_exemplars import (LabelledFrames, nearest_exemplars,
                                offline_options)
from .resample import mirror
from .track_memory import TrackFrame, TrackMemory


@MODELS.register_module()
class VideoTopdownPoseEstimator(TopdownPoseEstimator):
    """A top-down estimator whose head, a :class:`VideoHead`, remembers the
    frames before.

    The memory is a dict of tensors, one per person and video. Without it, for
    ``forward(mode='tensor')`` and data samples without video fields, this is
    a :class:`mmpose.models.TopdownPoseEstimator`, whose checkpoints load.

    Args:
        kwargs: Arguments of :class:`mmpose.models.TopdownPoseEstimator`.
            ``train_cfg`` may hold ``exemplar_grad`` (bool), whether
            gradients flow into the exemplar frame, too; the paper does not
            say. Defaults to True. ``test_cfg`` may hold ``memory`` (dict),
            what a test remembers: ``policy`` and its options.

            - ``'previous'``: of every frame, for the next, as in the paper.
            - ``'none'``: nothing, every frame is predicted alone.
            - ``'fixed'``: each exemplar as it was first found.
            - ``'average'``: a moving average of exemplars (``momentum``).
            - ``'ground_truth'``: as the paper, but from the annotation of
              each frame, an upper bound for better exemplars.
            - ``'offline'``: exemplars of labelled frames of whole videos,
              see :func:`offline_options`.

    Raises:
        ValueError: If an option of ``train_cfg`` or ``test_cfg`` is not known.
    """

    #: Keys of ``train_cfg`` and ``test_cfg``.
    options = dict(
        train_cfg=('exemplar_grad', 'compute_acc'),
        test_cfg=('flip_test', 'flip_mode', 'shift_heatmap', 'output_heatmaps',
                  'output_keypoint_indices', 'memory'))

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        for name, known in self.options.items():
            for key in set(getattr(self, name)) - set(known):
                raise ValueError(f'there is no {name}.{key}: choose from '
                                 f'{", ".join(known)}')
        self._set_policy(**(self.test_cfg.get('memory') or {}))
        self.memory = TrackMemory()
        #: Exemplars of labelled frames by track (``TrackFrame.key``), which
        #: stand in for what is remembered; None before there are any.
        self.offline: Optional[Dict[tuple, LabelledFrames]] = None

    def _set_policy(self, policy: str = 'previous', **options) -> None:
        """Choose what a test remembers, by ``test_cfg.memory``."""
        self.policy = policy
        temporal = self.head.temporal
        known = dict(previous=()) if temporal is None else temporal.policies
        if policy not in known:
            raise ValueError(
                f"there is no test_cfg.memory.policy='{policy}' for a head "
                f'with temporal={temporal and type(temporal).__name__}: '
                f'choose from {", ".join(known)}')
        for key in set(options) - set(known[policy]):
            raise ValueError(
                f'test_cfg.memory has no {key} with policy={policy!r}: choose '
                f'from {", ".join(known[policy]) or "nothing else"}')
        #: Which frames of a test are labelled, None for none.
        self.labelled_frames: Optional[dict] = None
        if policy == 'offline':
            self.labelled_frames = offline_options(**options)
        elif temporal is not None:
            temporal.set_policy(policy, **options)

    def train(self, mode: bool = True) -> 'VideoTopdownPoseEstimator':
        """Switch the mode; every evaluation starts with an empty memory."""
        self.memory.reset()
        return super().train(mode)

    def step(self,
             inputs: Tensor,
             memory: Optional[Dict[str, Tensor]] = None,
             crops: Optional[Tensor] = None,
             **conditions: Tensor) -> Tuple[Tensor, Optional[dict]]:
        """Process one frame: the streaming core, a pure function of normalised
        frames (N, 3, H, W) and the other arguments of :meth:`VideoHead.step`,
        to fields (N, K, h, w), heatmaps first, and the new memory."""
        forget = self.policy == 'none'
        heatmaps, new = self.head.step(
            self.extract_feat(inputs), None if forget else memory, crops,
            **conditions)
        return heatmaps, None if forget else new

    def loss(self, inputs: Tensor, data_samples: SampleList) -> dict:
        """Losses of clips (N, T, 3, H, W), the current frame last, or of
        single frames (N, 3, H, W)."""
        clips = inputs if inputs.ndim == 5 else inputs[:, None]
        current, past, keep, past_feats = clips[:, -1], None, None, None
        if self.head.temporal is not None:
            if clips.shape[1] == 1:
                raise ValueError(
                    'a temporal head trains on clips, but the batch holds '
                    'single frames: set clip_len=2 in the training dataset, '
                    "for an LSTM also clip_sampling='consecutive'")
            past, keep = self.head.temporal.sample_past(clips)
        if past is None:
            feats = self.extract_feat(current)
        elif self.train_cfg.get('exemplar_grad', True):
            # One pass for all frames: one set of batch statistics.
            both = self.extract_feat(torch.cat([past, current]))
            past_feats, feats = zip(*((level[:len(past)], level[len(past):])
                                      for level in both))
        else:
            feats = self.extract_feat(current)
            with torch.no_grad():
                past_feats = self.extract_feat(past)
        return self.head.loss(
            feats, data_samples, past_feats, keep, train_cfg=self.train_cfg)

    def predict(self, inputs: Tensor, data_samples: SampleList) -> SampleList:
        """Predict frames (N, 3, H, W), each from the memory of its track,
        several of one video in their order. Samples without the video fields
        of ``PackClipInputs`` are predicted alone."""
        frames = self._track_frames(data_samples)
        truth = None
        if self.policy == 'ground_truth':
            truth = self._ground_truth(data_samples, inputs.device)
        inputs, conditions, frames = self._passes(inputs, data_samples, frames)
        feats = self.extract_feat(inputs)
        if self.policy == 'offline' and self.offline is None:
            raise RuntimeError(
                'test_cfg.memory wants exemplars of labelled frames, and '
                "there are none: in a test, add dict(type="
                "'OfflineExemplarsHook') to custom_hooks; for your own video, "
                'leave test_cfg.memory out and give labels by --prompt or '
                'VideoPoseInferencer.prompt')
        heatmaps = self._track(feats, frames, conditions, truth)
        if self.test_cfg.get('flip_test', False):
            heatmaps, mirrored = heatmaps.chunk(2)
            flip_indices = data_samples[0].metainfo['flip_indices']
            heatmaps = 0.5 * (
                heatmaps +
                self.head.flip(mirrored, flip_indices, self.test_cfg))
        fields = None
        if self.test_cfg.get('output_heatmaps', False):
            # the keypoints' alone: no background, no PAFs
            fields = [
                PixelData(heatmaps=maps[:self.head.num_keypoints])
                for maps in heatmaps.detach()
            ]
        outputs = heatmaps
        if self.head.decodes_near_center:
            outputs = (heatmaps, person_centers(data_samples))
        return self.add_pred_to_datasample(
            self.head.decode(outputs), fields, data_samples)

    @torch.no_grad()
    def extract_exemplars(
            self, inputs: Tensor,
            data_samples: SampleList) -> Tuple[List[TrackFrame], Tensor]:
        """Exemplars of labelled frames of videos, (N, 3, H, W): a keypoint
        that is not visible, or outside of the crop, gives none.

        Returns:
            tuple: The R rows (the frames and, in a flip test, the mirrored
            ones), and exemplars (R, P, C), zero for a keypoint without one.
        """
        frames = self._track_frames(data_samples)
        temporal = self.head.temporal
        if frames is None or 'offline' not in temporal.policies:
            raise ValueError(
                'exemplars are those of a head with temporal=dict(type='
                "'ExemplarCorrelation'), in frames of videos (data samples "
                'with the video fields of PackClipInputs)')
        truth = self._ground_truth(data_samples, inputs.device)
        inputs, _, frames = self._passes(inputs, data_samples, frames)
        features = self.head.features(self.extract_feat(inputs))
        return frames, temporal.extract(features, truth)

    def conditions(self, samples: SampleList, device) -> Dict[str, Tensor]:
        """Conditions of the head; no crops unless all samples have them."""
        return {
            name: torch.stack(
                [getattr(sample, name)[-1] for sample in samples]).to(device)
            for name in self.head.conditions
            if name != 'crops' or all('crops' in s for s in samples)
        }

    def _passes(self, inputs: Tensor, samples: SampleList,
                frames: Optional[List[TrackFrame]]) -> tuple:
        """Inputs, conditions and tracks; in a flip test those of the mirrored
        frames behind them."""
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

    def _track(self, feats: Sequence[Tensor],
               frames: Optional[List[TrackFrame]],
               conditions: Dict[str, Tensor],
               truth: Optional[Tensor]) -> Tensor:
        """Step every row from the memory of its track, or from its labelled
        frame that is closest in time; returns the heatmaps. ``truth`` (rows,
        P, h, w) is remembered in place of them."""
        if frames is None:
            return self.head.step(feats, None, **conditions)[0]
        offline, forget = self.offline or {}, self.policy == 'none'
        labelled, others = [], []
        for row, frame in enumerate(frames):
            (labelled if frame.key in offline else others).append(row)
        parts, order = [], []
        for rows in filter(None, [labelled, *_waves(frames, others)]):
            some, given = feats, conditions
            if len(rows) < len(frames):
                some = tuple(level[rows] for level in feats)
                given = {name: item[rows] for name, item in conditions.items()}
            wave = [frames[row] for row in rows]
            if rows is labelled:
                before = dict(
                    exemplars=torch.stack([
                        nearest_exemplars(offline[frame.key],
                                          frame.frame_index) for frame in wave
                    ]))
            else:
                before = None if forget else self.memory.recall(wave)
            heatmaps, memory = self.head.step(some, before, **given)
            if truth is not None and rows is not labelled:
                memory = self.head.temporal.update(
                    before, self.head.features(some), truth[rows],
                    given['crops'])
            if not forget and rows is not labelled:
                self.memory.remember(wave, memory)
            parts.append(heatmaps)
            order.extend(rows)
        return torch.cat(parts)[torch.as_tensor(order).argsort()]

    def _track_frames(self, samples: SampleList) -> Optional[List[TrackFrame]]:
        """The tracks of the samples, None if there is nothing to track."""
        if self.head.temporal is None:
            return None
        frames = [TrackFrame.from_sample(sample) for sample in samples]
        if None not in frames:
            return frames
        warnings.warn(
            'The data samples carry no video fields (video_id, frame_index, '
            'is_first, is_last): every frame is predicted alone. For video, '
            'use SubJhmdbDataset, PennActionDataset or another dataset with '
            'them, and PackClipInputs.')
        return None

    def _ground_truth(self, samples: SampleList, device) -> Tensor:
        """Heatmaps of the labels; in a flip test of the mirrored ones behind
        them."""
        passes = [None]
        if self.test_cfg.get('flip_test', False):
            passes.append(samples[0].metainfo['flip_indices'])
        return torch.cat([
            ground_truth_heatmaps(samples, self.head.decoder, flip_indices)
            for flip_indices in passes
        ]).to(device)


def ground_truth_heatmaps(samples: SampleList,
                          decoder: BaseKeypointCodec,
                          flip_indices: Optional[Sequence[int]] = None
                          ) -> Tensor:
    """Heatmaps (N, K, H, W) of the annotated keypoints of test samples, zero
    for one that is not visible; by ``flip_indices``, the mirror image of each
    keypoint, those of the mirrored inputs."""
    heatmaps = []
    for sample in samples:
        keypoints = np.asarray(sample.gt_instances.keypoints, np.float64)
        visible = np.asarray(sample.gt_instances.keypoints_visible)
        visible = visible.reshape(keypoints.shape[:2])
        crop = sample.crops[-1].cpu().numpy().astype(np.float64)
        keypoints = keypoints @ crop[:, :2].T + crop[:, 2]
        if flip_indices is not None:
            keypoints = keypoints[:, flip_indices]
            visible = visible[:, flip_indices]
            keypoints[..., 0] = sample.input_size[0] - 1 - keypoints[..., 0]
        encoded = decoder.encode(keypoints.astype(np.float32), visible)
        heatmaps.append(
            torch.from_numpy(encoded['heatmaps'][:keypoints.shape[1]]))
    return torch.stack(heatmaps)


def person_centers(data_samples: SampleList) -> Tensor:
    """Where the people of interest are in the input, (N, 2) pixels, which is
    not its middle unless the crop is that of their box."""
    centers = []
    for sample in data_samples:
        box = sample.gt_instances.bboxes[0]
        meta = sample.metainfo
        offset = (box[:2] + box[2:]) / 2 - meta['input_center']
        place = offset / meta['input_scale'] + 0.5
        centers.append(place * meta['input_size'])
    return torch.as_tensor(np.array(centers))


def _waves(frames: Sequence[TrackFrame],
           rows: Sequence[int]) -> List[List[int]]:
    """Split rows so that no wave holds a track twice, keeping the order."""
    count: Dict[tuple, int] = {}
    waves: List[List[int]] = []
    for row in rows:
        key = frames[row].key
        number = count[key] = count.get(key, -1) + 1
        if number == len(waves):
            waves.append([])
        waves[number].append(row)
    return waves
