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
    the person's box away from the ground truth; visible keypoints count. In a
    frame whose box has no width or no height none is correct, as in LSTM Pose
    Machines. For the box and the body-part groups see :class:`GroupMetric`.
    The results are fractions, as those of PCKAccuracy; the logged table shows
    percent:

    - one per body-part group (``Head``, ``Sho``, ``Elb``, ``Wri``, ``Hip``,
      ``Knee``, ``Ank``): the mean over its keypoints' own accuracies
    - ``Mean``: the plain mean of the groups, the paper's last column
    - ``PCK``: the mean over all evaluated keypoints' own accuracies
    - ``Pooled``: correct predictions over visible keypoints

    A keypoint without any ground truth is left out of the means and
    reported; a group of such keypoints is NaN and left out of ``Mean``, with
    a warning.

    Args:
        thr (float | Sequence[float]): Threshold, as a share of the box.
            With several, results are also named by the threshold, such as
            ``Mean@0.1``; plain names are of the first. Defaults to 0.2
        assembled_only (bool): Whether keypoints that PartAffinityField did
            not assemble into the person
            (``pred_instances.keypoints_visible`` 0) count as wrong. Defaults
            to False
        **kwargs: Arguments of :class:`GroupMetric`.
    """

    def __init__(self,
                 thr: Union[float, Sequence[float]] = 0.2,
                 assembled_only: bool = False,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.thrs = [thr] if isinstance(thr, (int, float)) else list(thr)
        self.thr: float = self.thrs[0]
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
        rows = {f'@{thr:g}': _scores(frames, thr) for thr in self.thrs}
        scores = rows[f'@{self.thr:g}']
        unknown = [name for name in frames.groups
                   if math.isnan(scores[name])]  # yapf: disable
        several = len(rows) > 1
        title = (f'{self._name()} PCK{"" if several else f"@{self.thr:g}"} '
                 '(bbox)' + (', assembled only' if self.assembled_only else '')
                 + self._smoothed)
        logger.info(
            '\n' + score_table(title, rows if several else {'': scores}))
        logger.info(_counts(frames))
        if unknown:
            logger.warning(
                f'{title}: no ground truth for {", ".join(unknown)}; '
                'Mean is that of the other groups')
        if not several:
            return scores
        return dict(
            scores, **{
                f'{name}{at}': value
                for at, row in rows.items() for name, value in row.items()
            })


def _scores(frames: EvaluatedFrames, thr: float) -> Dict[str, float]:
    """Accuracies at one threshold, see the class."""
    hits = keypoint_hits(frames.pred, frames.gt, frames.box, thr)
    accuracy = keypoint_means(hits, frames.visible)
    scores = group_means(accuracy, frames.groups)
    scores['PCK'] = mean_of_known(accuracy[frames.evaluated])
    total = int(frames.visible.sum())
    scores['Pooled'] = (
        float((hits & frames.visible).sum() / total)
        if total else float('nan'))
    return scores


def _counts(frames: EvaluatedFrames) -> str:
    """What was counted, and what is unusual, in words."""
    parts = [
        f'{len(frames.pred)} frames',
        f'{int(frames.visible.sum())} keypoints counted',
        f'{int((~frames.visible[:, frames.evaluated]).sum())} invisible'
    ]
    zero = frames.box <= 0
    if zero.any():
        parts.append(f'{int(zero.sum())} frames with a box of size 0, their '
                     f'{int(frames.visible[zero].sum())} visible keypoints '
                     'counted as wrong')
    finite = np.isfinite(frames.pred).all(axis=-1)
    lost = int((frames.visible & ~finite).sum())
    if lost:
        parts.append(f'{lost} predictions not finite, counted as wrong')
    absent = [
        name for name, seen, use in zip(
            frames.names, frames.visible.any(axis=0), frames.evaluated)
        if use and not seen
    ]
    if absent:
        parts.append(f'no ground truth for {", ".join(absent)}')
    return '; '.join(parts)
