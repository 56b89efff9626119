# Copyright (c) temporal_corr authors. All rights reserved.
import math
from typing import Dict, Sequence, Union

import numpy as np
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from .group_metric import EvaluatedFrames, GroupMetric, score_table
from .pck import group_means, keypoint_hits, keypoint_means, mean_of_known


@METRICS.register_module()
class GroupPCKAccuracy(GroupMetric):
    """PCK by body part, as the paper's tables (Section 4).

    A prediction is correct if it is at most ``thr`` times the larger side of
    the person's box away from the ground truth; visible keypoints count. For
    the box and the body-part groups see :class:`GroupMetric`. The results are
    fractions, as those of PCKAccuracy; the logged table shows percent:

    - one per body-part group (``Head``, ``Sho``, ``Elb``, ``Wri``, ``Hip``,
      ``Knee``, ``Ank``): the mean over its keypoints' own accuracies
    - ``Mean``: the plain mean of the groups, the paper's last column
    - ``PCK``: the mean over all evaluated keypoints' own accuracies
    - ``Pooled``: correct predictions over visible keypoints

    A keypoint without any ground truth is left out of the means and
    reported; a group of such keypoints is NaN and left out of ``Mean``, with
    a warning.

    Args:
        thr (float | Sequence[float]): Threshold, as a share of the
            normaliser. With several, results are also named by the threshold,
            such as ``Mean@0.1``; plain names are of the first. Defaults to
            0.2
        norm_item (str | Sequence[str]): ``'bbox'``, the larger side of the
            box, or ``'torso'``, the distance between the left shoulder and
            the right hip as in MMPose's JhmdbPCKAccuracy, or both. Names of
            torso-normalised results begin with ``t``. Frames without a torso
            (one of the two invisible, or less than a pixel apart) do not
            count there. Defaults to ``'bbox'``
        zero_box (str): Whether visible keypoints in a frame whose box has no
            width or no height count as wrong (``'miss'``, as in LSTM Pose
            Machines) or not at all (``'ignore'``, as in MMPose). Defaults to
            ``'miss'``
        assembled_only (bool): Whether keypoints that PartAffinityField did
            not assemble into the person
            (``pred_instances.keypoints_visible`` 0) count as wrong. Defaults
            to False
        **kwargs: Arguments of :class:`GroupMetric`.
    """

    NORM_ITEMS = {'bbox': '', 'torso': 't'}
    TORSO = ('left_shoulder', 'right_hip')

    def __init__(self,
                 thr: Union[float, Sequence[float]] = 0.2,
                 norm_item: Union[str, Sequence[str]] = 'bbox',
                 zero_box: str = 'miss',
                 assembled_only: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        items = [norm_item] if isinstance(norm_item, str) else list(norm_item)
        if not items or set(items) - set(self.NORM_ITEMS):
            raise ValueError("norm_item must be 'bbox', 'torso' or both, got "
                             f'{norm_item!r}')
        if zero_box not in ('miss', 'ignore'):
            raise ValueError("zero_box must be 'miss' or 'ignore', got "
                             f'{zero_box!r}')
        thrs = [thr] if isinstance(thr, (int, float)) else list(thr)
        if not thrs or len(set(thrs)) < len(thrs) or not all(
                t > 0 and math.isfinite(t) for t in thrs):
            raise ValueError('thr must be a positive number or several '
                             f'different ones, got {thr!r}')
        self.thr: float = thrs[0]
        self.thrs = thrs
        self.norm_item = items
        self.zero_box = zero_box
        self.assembled_only = assembled_only

    def _keep(self, sample: dict) -> dict:
        kept = super()._keep(sample)
        if self.assembled_only:
            assembled = sample['pred_instances']['keypoints_visible'][0]
            kept['pred'][np.asarray(assembled) == 0] = np.nan
        return kept

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the accuracies and log the table."""
        logger = MMLogger.get_current_instance()
        frames = self._frames(results)
        metrics: Dict[str, float] = {}
        for item in self.norm_item:
            size = self._normaliser(item, frames)
            counted = frames.visible
            if item == 'torso' or self.zero_box == 'ignore':
                counted = counted & (size > 0)[:, None]
            rows = {
                f'@{thr:g}': _scores(frames, size, counted, thr)
                for thr in self.thrs
            }
            scores = rows[f'@{self.thr:g}']
            unknown = [name for name in frames.groups
                       if math.isnan(scores[name])]  # yapf: disable
            several = len(rows) > 1
            title = (f'{self._name()} PCK'
                     f'{"" if several else f"@{self.thr:g}"} ({item})' +
                     (', assembled only' if self.assembled_only else '') +
                     self._smoothed)
            logger.info(
                '\n' + score_table(title, rows if several else {'': scores}))
            logger.info(_counts(item, frames, counted, size))
            if unknown:
                logger.warning(
                    f'{title}: no ground truth for {", ".join(unknown)}; '
                    'Mean is that of the other groups')
            prefix = self.NORM_ITEMS[item]
            metrics.update({prefix + k: v for k, v in scores.items()})
            if several:
                metrics.update({
                    f'{prefix}{name}{at}': value
                    for at, row in rows.items() for name, value in row.items()
                })
        return metrics

    def _normaliser(self, item: str, frames: EvaluatedFrames) -> np.ndarray:
        """The size that distances are compared with, shape (N, )."""
        if item == 'bbox':
            return frames.box
        try:
            ends = [
                self.dataset_meta['keypoint_name2id'][name]
                for name in self.TORSO
            ]
        except KeyError as error:
            raise ValueError(
                f"norm_item='torso' needs the keypoints {self.TORSO}, which "
                f"'{self._name()}' does not have") from error
        first, second = (
            frames.gt[:, end].astype(np.float64) for end in ends)
        torso = np.linalg.norm(first - second, axis=-1)
        # The ends need not be among the evaluated keypoints.
        usable = frames.labelled[:, ends].all(axis=1) & (torso >= 1)
        return np.where(usable, torso, 0.)


def _scores(frames: EvaluatedFrames, size: np.ndarray, counted: np.ndarray,
            thr: float) -> Dict[str, float]:
    """Accuracies at one threshold, see the class."""
    hits = keypoint_hits(frames.pred, frames.gt, size, thr)
    accuracy = keypoint_means(hits, counted)
    scores = group_means(accuracy, frames.groups)
    scores['PCK'] = mean_of_known(accuracy[frames.evaluated])
    total = int(counted.sum())
    scores['Pooled'] = (
        float((hits & counted).sum() / total) if total else float('nan'))
    return scores


def _counts(item: str, frames: EvaluatedFrames, counted: np.ndarray,
            size: np.ndarray) -> str:
    """What was counted, and what is unusual, in words."""
    parts = [
        f'{len(frames.pred)} frames',
        f'{int(counted.sum())} keypoints counted',
        f'{int((~frames.visible[:, frames.evaluated]).sum())} invisible'
    ]
    zero = size <= 0
    if zero.any():
        what = dict(bbox='with a box of size 0', torso='without a torso')
        wrong = counted[zero].any()
        parts.append(f'{int(zero.sum())} frames {what[item]}, their '
                     f'{int(frames.visible[zero].sum())} visible keypoints '
                     f'{"counted as wrong" if wrong else "not counted"}')
    lost = int((counted & ~np.isfinite(frames.pred).all(axis=-1)).sum())
    if lost:
        parts.append(f'{lost} predictions not finite, counted as wrong')
    absent = [
        name for name, seen, use in zip(frames.names, counted.any(
            axis=0), frames.evaluated) if use and not seen
    ]
    if absent:
        parts.append(f'no ground truth for {", ".join(absent)}')
    return '; '.join(parts)
