# Copyright (c) temporal_corr authors. All rights reserved.
import math
from collections import Counter
from typing import Dict, List, Optional, Sequence, Union

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmpose.registry import METRICS
from terminaltables import AsciiTable

from .pck import (group_accuracy, keypoint_accuracy, keypoint_hits,
                  mean_of_known)


@METRICS.register_module()
class GroupPCKAccuracy(BaseMetric):
    """PCK by body part, as the paper's tables (Section 4).

    A prediction is correct if it is at most ``thr`` times the larger side of
    the person's box away from the ground truth; visible keypoints count. The
    box is the released one (``gt_instances.bbox_size``) where the data set
    packs it, else ``gt_instances.bboxes``.

    The results are fractions in [0, 1], as those of MMPose's PCKAccuracy;
    the table that is logged shows percent, as the paper:

    - one per body-part group (``Head``, ``Sho``, ``Elb``, ``Wri``, ``Hip``,
      ``Knee``, ``Ank``): the mean over its keypoints' own accuracies
    - ``Mean``: the plain mean of the groups, the paper's last column
    - ``PCK``: the mean over all evaluated keypoints' own accuracies
    - ``Pooled``: correct predictions over visible keypoints

    A keypoint without any ground truth is left out of the means and
    reported; a group of such keypoints is NaN and left out of ``Mean``, with
    a warning.

    The metainfo of the data set gives ``pck_groups``, the names of the
    keypoints of each group, and optionally ``eval_keypoints``, the names of
    the keypoints that are evaluated (all by default).

    Args:
        thr (float): Threshold, as a share of the normaliser. Defaults to 0.2
        norm_item (str | Sequence[str]): ``'bbox'``, the larger side of the
            box, or ``'torso'``, the distance between the left shoulder and
            the right hip as in MMPose's JhmdbPCKAccuracy, or both. Names of
            torso-normalised results begin with ``t``. Frames without a torso
            (one of the two invisible, or less than a pixel apart) do not
            count there, and are reported. Defaults to ``'bbox'``
        zero_box (str): What becomes of visible keypoints in a frame whose
            box is degenerate (no width or no height): ``'miss'``, they count
            as wrong, as in LSTM Pose Machines, or ``'ignore'``, they do not
            count, as in MMPose. Such frames are reported in either case.
            Defaults to ``'miss'``
        assembled_only (bool): Whether a keypoint that the codec did not
            assemble into the person (``pred_instances.keypoints_visible`` 0,
            as PartAffinityField says it) counts as wrong, wherever it was
            put. Such keypoints are reported. Defaults to False
        collect_device (str): ``'cpu'`` or ``'gpu'``, where results of
            different ranks are collected. Defaults to ``'cpu'``
        prefix (str, optional): Prefix of the names of the results.
            Defaults to None
        collect_dir (str, optional): Folder in which ranks exchange results
            on the CPU. Defaults to None

    Raises:
        ValueError: If an argument or the metainfo cannot be used, or a frame
            of a track was evaluated twice.
    """

    NORM_ITEMS = {'bbox': '', 'torso': 't'}
    TORSO = ('left_shoulder', 'right_hip')

    def __init__(self,
                 thr: float = 0.2,
                 norm_item: Union[str, Sequence[str]] = 'bbox',
                 zero_box: str = 'miss',
                 assembled_only: bool = False,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None,
                 collect_dir: Optional[str] = None) -> None:
        super().__init__(
            collect_device=collect_device,
            prefix=prefix,
            collect_dir=collect_dir)
        items = [norm_item] if isinstance(norm_item, str) else list(norm_item)
        if not items or set(items) - set(self.NORM_ITEMS):
            raise ValueError("norm_item must be 'bbox', 'torso' or both, got "
                             f'{norm_item!r}')
        if zero_box not in ('miss', 'ignore'):
            raise ValueError("zero_box must be 'miss' or 'ignore', got "
                             f'{zero_box!r}')
        if not (thr > 0 and math.isfinite(thr)):
            raise ValueError(f'thr must be a positive number, got {thr!r}')
        self.thr = thr
        self.norm_item = items
        self.zero_box = zero_box
        self.assembled_only = assembled_only
        self._size: Optional[int] = None

    def process(self, data_batch: Sequence[dict],
                data_samples: Sequence[dict]) -> None:
        """Keep what is needed of each frame.

        Args:
            data_batch (Sequence[dict]): Not used.
            data_samples (Sequence[dict]): Outputs of the model: dictionaries
                with ``pred_instances`` and ``gt_instances``.
        """
        for sample in data_samples:
            gt = sample['gt_instances']
            visible = np.asarray(gt['keypoints_visible'])
            if visible.ndim == 3:
                visible = visible[..., 0]
            # A copy: what is kept must not change with the sample.
            pred = np.array(sample['pred_instances']['keypoints'][0])
            if self.assembled_only:
                assembled = sample['pred_instances']['keypoints_visible'][0]
                pred[np.asarray(assembled) == 0] = np.nan
            self.results.append(
                dict(
                    pred=pred,
                    gt=np.array(gt['keypoints'][0]),
                    visible=visible[0] > 0,
                    box=_box_size(gt),
                    key=_frame_key(sample)))

    def evaluate(self, size: int) -> Dict[str, float]:
        """See :meth:`mmengine.evaluator.BaseMetric.evaluate`."""
        self._size = size
        return super().evaluate(size)

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the accuracies and log the table.

        Args:
            results (list): What :meth:`process` kept of each frame.

        Returns:
            dict: Fractions, see the class.
        """
        logger = MMLogger.get_current_instance()
        if not results:
            raise ValueError('GroupPCKAccuracy got no frames: the data set '
                             'or the sampler of this evaluation is empty')
        _check_frames(results, self._size, logger)
        names, groups, evaluated = self._keypoints(results[0]['gt'])
        pred, gt, visible = (
            np.stack([result[key] for result in results])
            for key in ('pred', 'gt', 'visible'))
        if pred.shape != gt.shape:
            raise ValueError(
                f'the model predicts {pred.shape[1]} keypoints, the data set '
                f'has {gt.shape[1]}: the number of output channels of the '
                "head and the data set's metainfo must agree")
        visible[:, ~evaluated] = False

        metrics: Dict[str, float] = {}
        for item in self.norm_item:
            size = self._normaliser(item, results, gt, visible)
            counted = visible
            if item == 'torso' or self.zero_box == 'ignore':
                counted = visible & (size > 0)[:, None]
            hits = keypoint_hits(pred, gt, size, self.thr)
            accuracy = keypoint_accuracy(hits, counted)
            scores = group_accuracy(accuracy, groups)
            unknown = [name for name in scores if math.isnan(scores[name])]
            scores['Mean'] = mean_of_known(list(scores.values()))
            scores['PCK'] = mean_of_known(accuracy[evaluated])
            total = int(counted.sum())
            scores['Pooled'] = (
                float((hits & counted).sum() / total)
                if total else float('nan'))
            title = f'{self._name()} PCK@{self.thr:g} ({item})' + (
                ', assembled only' if self.assembled_only else '')
            logger.info('\n' + _table(title, scores))
            logger.info(
                self._counts(item, pred, visible, counted, size, names,
                             evaluated))
            if unknown:
                logger.warning(
                    f'{title}: no ground truth for {", ".join(unknown)}; '
                    'Mean is that of the other groups')
            prefix = self.NORM_ITEMS[item]
            metrics.update({prefix + k: v for k, v in scores.items()})
        return metrics

    def _name(self) -> str:
        return (self.dataset_meta or {}).get('dataset_name', 'data set')

    def _keypoints(self, gt: np.ndarray) -> tuple:
        """Names, groups as indices and which are evaluated, from metainfo."""
        meta = self.dataset_meta or {}
        if not meta.get('pck_groups'):
            raise ValueError(
                f"GroupPCKAccuracy: the metainfo of '{self._name()}' has no "
                'pck_groups. Add pck_groups=dict(Head=[...], Sho=[...], ...) '
                'with the names of the keypoints of each body part, or use '
                "MMPose's PCKAccuracy")
        indices = dict(meta['keypoint_name2id'])
        named = [n for group in meta['pck_groups'].values() for n in group]
        wanted = meta.get('eval_keypoints') or list(indices)
        unknown = sorted({*named, *wanted} - set(indices))
        if unknown:
            raise ValueError(
                f"GroupPCKAccuracy: the metainfo of '{self._name()}' names "
                f'the keypoints {unknown} in pck_groups or eval_keypoints, '
                f'but its keypoints are {list(indices)}')
        if len(gt) != len(indices):
            raise ValueError(
                f"GroupPCKAccuracy: the metainfo of '{self._name()}' names "
                f'{len(indices)} keypoints, but its frames have {len(gt)}')
        names = sorted(indices, key=indices.get)
        evaluated = np.isin(names, wanted)
        groups = {
            name: [indices[part] for part in parts if part in wanted]
            for name, parts in meta['pck_groups'].items()
        }
        return names, groups, evaluated

    def _normaliser(self, item: str, results: list, gt: np.ndarray,
                    visible: np.ndarray) -> np.ndarray:
        """The size that distances are compared with, shape (N, )."""
        if item == 'bbox':
            boxes = np.stack([result['box'] for result in results])
            # A box without width or without height is no box.
            return np.where((boxes > 0).all(axis=1), boxes.max(axis=1), 0.)
        try:
            ends = [
                self.dataset_meta['keypoint_name2id'][name]
                for name in self.TORSO
            ]
        except KeyError as error:
            raise ValueError(
                f"norm_item='torso' needs the keypoints {self.TORSO}, which "
                f"'{self._name()}' does not have") from error
        raw_visible = np.stack([result['visible'] for result in results])
        torso = np.linalg.norm(
            np.float64(gt[:, ends[0]]) - np.float64(gt[:, ends[1]]), axis=-1)
        usable = raw_visible[:, ends].all(axis=1) & (torso >= 1)
        return np.where(usable, torso, 0.)

    def _counts(self, item: str, pred: np.ndarray, visible: np.ndarray,
                counted: np.ndarray, size: np.ndarray, names: List[str],
                evaluated: np.ndarray) -> str:
        """What was counted, and all that is unusual, in words."""
        parts = [
            f'{len(pred)} frames',
            f'{int(counted.sum())} keypoints counted',
            f'{int((~visible[:, evaluated]).sum())} invisible'
        ]
        zero = size <= 0
        if zero.any():
            what = dict(bbox='with a box of size 0', torso='without a torso')
            wrong = counted[zero].any()
            parts.append(
                f'{int(zero.sum())} frames {what[item]}, their '
                f'{int(visible[zero].sum())} visible keypoints '
                f'{"counted as wrong" if wrong else "not counted"}')
        lost = int((counted & ~np.isfinite(pred).all(axis=-1)).sum())
        if lost:
            parts.append(f'{lost} predictions not finite, counted as wrong')
        absent = [
            name for name, seen, use in zip(names, counted.any(axis=0),
                                            evaluated) if use and not seen
        ]
        if absent:
            parts.append(f'no ground truth for {", ".join(absent)}')
        return '; '.join(parts)


def _box_size(gt: dict) -> np.ndarray:
    """Width and height of the person's box, shape (2, )."""
    if gt.get('bbox_size') is not None:
        return np.array(gt['bbox_size'], dtype=np.float64).reshape(2)
    x1, y1, x2, y2 = np.array(gt['bboxes'], dtype=np.float64).reshape(4)
    return np.array([x2 - x1, y2 - y1])


def _frame_key(sample: dict) -> Optional[tuple]:
    """Which frame of which track this is, None if the data do not say."""
    if sample.get('video_id') is None or sample.get('frame_index') is None:
        return None
    return (sample['video_id'], int(sample['frame_index']),
            int(sample.get('track_id') or 0))


def _check_frames(results: list, size: Optional[int], logger) -> None:
    """Refuse frames that come twice, warn of frames that are missing."""
    keys = Counter(r['key'] for r in results if r['key'] is not None)
    twice = [key for key, count in keys.items() if count > 1]
    if twice:
        video, frame, track = twice[0]
        raise ValueError(
            f'{len(twice)} frames were evaluated more than once, the first '
            f"is frame {frame} of video '{video}', person {track}. Use "
            "sampler=dict(type='VideoSampler') in the data loader: "
            'DefaultSampler repeats frames to fill the last batch of ranks')
    if size is not None and len(results) < size:
        logger.warning(f'only {len(results)} of the {size} frames of the '
                       'data set were evaluated')


def _table(title: str, scores: Dict[str, float]) -> str:
    """The scores in percent as a table."""
    cells = [f'{100 * value:.2f}' for value in scores.values()]
    return AsciiTable([list(scores), cells], title).table
