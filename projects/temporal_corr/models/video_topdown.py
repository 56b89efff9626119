# Copyright (c) temporal_corr authors. All rights reserved.
from difflib import get_close_matches
from typing import Any, Dict, Optional, Tuple

import numpy as np
import torch
from mmengine.structures import PixelData
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.registry import MODELS
from mmpose.utils.typing import SampleList
from torch import Tensor

from .exemplar_weights import check_errors, rows_to_look_at
from .memory import TrackMemory
from .tracked_frames import TrackedFramesMixin
from .trusted_exemplars import TrustedExemplars


@MODELS.register_module()
class VideoTopdownPoseEstimator(TrackedFramesMixin, TopdownPoseEstimator):
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
            say. Defaults to True. ``exemplars`` (dict) puts errors into the
            exemplars of the training, see
            :func:`~projects.temporal_corr.models.exemplar_weights.
            exemplar_weights`. ``test_cfg`` may hold ``exemplars``:
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

    #: Keys of ``test_cfg`` that the estimator and its heads look at.
    test_options = ('flip_test', 'flip_mode', 'shift_heatmap',
                    'output_heatmaps', 'output_keypoint_indices', 'exemplars',
                    'memory', 'trusted')

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._check_options()
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

    def _check_options(self) -> None:
        """Refuse what would be ignored, unless the head is a stranger."""
        if hasattr(self.head, 'train_options'):
            for name, known in (('train_cfg', self.head.train_options),
                                ('test_cfg', self.test_options)):
                for key in set(getattr(self, name)) - set(known):
                    near = get_close_matches(key, known, 1)
                    meant = f' (did you mean {near[0]}?)' if near else ''
                    raise ValueError(f'there is no {name}.{key}: choose from '
                                     f'{", ".join(known)}{meant}')
        check_errors(self.train_cfg.get('exemplars', {}))

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
        outputs = heatmaps
        if getattr(self.head, 'decodes_near_center', False):
            outputs = (heatmaps, person_centers(data_samples))
        return self.add_pred_to_datasample(
            self.head.decode(outputs), fields, data_samples)


def person_centers(data_samples: SampleList) -> Tensor:
    """Where the people of interest are in the input, which is not its middle
    unless the crop is that of their box.

    Args:
        data_samples (list[PoseDataSample]): N samples.

    Returns:
        Tensor: Centers of their boxes in input pixels, (N, 2).
    """
    centers = []
    for sample in data_samples:
        box = sample.gt_instances.bboxes[0]
        meta = sample.metainfo
        offset = (box[:2] + box[2:]) / 2 - meta['input_center']
        place = offset / meta['input_scale'] + 0.5
        centers.append(place * meta['input_size'])
    return torch.as_tensor(np.array(centers))
