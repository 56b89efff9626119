# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict

import numpy as np
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from .acceleration import UNKNOWN, accelerations, consecutive_triples
from .group_metric import EvaluatedFrames, GroupMetric, score_table
from .pck import group_means, keypoint_means, mean_of_known


@METRICS.register_module()
class KeypointAcceleration(GroupMetric):
    """Jitter of predicted keypoints, by body part.

    The acceleration of a keypoint at time t is the length of ``x[t+1] - 2
    x[t] + x[t-1]``, in the unit in which PCK compares distances: the larger
    side of the person's box, that of the middle frame. The acceleration
    error, as known from video models of the body's surface, is the length of
    the difference between predicted and true acceleration. A prediction that
    does not move at all has no acceleration, so read it beside the error,
    and both beside PCK.

    A keypoint counts where it is visible in all three frames. These follow
    each other: they are consecutive items of the video, as
    ``previous_frame_index`` says, and equally far apart. Gaps are not
    bridged, and videos of fewer than three frames contribute nothing. With
    ``frame_stride`` k the frames are k apart, so that accelerations of
    different strides cannot be compared.

    The results are fractions of the box per squared step, like the fractions
    of GroupPCKAccuracy; the table that is logged shows percent:

    - ``acceleration/GROUP``: the mean over the keypoints' own means, for
      each group of ``pck_groups`` in the metainfo
    - ``acceleration/Mean``: the plain mean of the groups
    - ``acceleration``: the mean over all that counts
    - likewise ``acceleration error``
    - ``ground truth acceleration``: the mean over all that counts, what a
      perfect prediction would have

    NaN where nothing counts, with a warning if that is everywhere. What is
    left out is reported: predictions that are not finite, and frames whose
    box has no width or no height.

    Args:
        smoothing (dict, optional): See :class:`GroupMetric`. Defaults to None
        **kwargs: Arguments of :class:`mmengine.evaluator.BaseMetric`.
    """

    def _keep(self, sample: dict) -> dict:
        previous = sample.get('previous_frame_index')
        return dict(
            super()._keep(sample),
            previous=UNKNOWN if previous is None else int(previous))

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the accelerations, see the class, and log the table."""
        logger = MMLogger.get_current_instance()
        frames = self._frames(results)
        tracks, numbers = self._track_numbers(results)
        triples = consecutive_triples(
            tracks, numbers, [result['previous'] for result in results])
        size = frames.box[triples[:, 1]]
        pred, gt = (
            accelerations(points, triples)
            for points in (frames.pred, frames.gt))
        visible = frames.visible[triples].all(axis=1)
        finite = np.isfinite(pred).all(axis=-1)
        counted = visible & finite & (size > 0)[:, None]

        metrics: Dict[str, float] = {}
        table = {}
        for name, vectors in (('acceleration', pred),
                              ('ground truth acceleration', gt),
                              ('acceleration error', pred - gt)):
            with np.errstate(invalid='ignore', divide='ignore'):
                share = np.linalg.norm(vectors, axis=-1) / size[:, None]
            scores = group_means(
                keypoint_means(share, counted), frames.groups)
            overall = mean_of_known(share[counted])
            table[name] = dict(scores, all=overall)
            metrics[name] = overall
            if vectors is not gt:
                metrics.update({f'{name}/{k}': v for k, v in scores.items()})
        title = (f'{self._name()} % of the box per squared frame step'
                 f'{self._smoothed}')
        logger.info('\n' + score_table(title, table))
        logger.info(_counts(frames, results, triples, visible, finite, size))
        if not counted.any():
            logger.warning(
                f'{self._name()}: no keypoint is visible in three consecutive '
                'frames, so nothing is known of its acceleration')
        return metrics


def _counts(frames: EvaluatedFrames, results: list, triples: np.ndarray,
            visible: np.ndarray, finite: np.ndarray,
            size: np.ndarray) -> str:
    """What was counted, and all that was left out, in words."""
    tracks = {result['track'] for result in results}
    covered = {results[index]['track'] for index in triples[:, 0]}
    sized = visible & (size > 0)[:, None]
    parts = [
        f'{len(frames.pred)} frames of {len(tracks)} videos',
        f'{len(triples)} times three consecutive frames',
        f'{int((sized & finite).sum())} keypoints counted'
    ]
    left_out = {
        'videos without three consecutive frames': len(tracks - covered),
        'times with a box of size 0, not counted': int((size <= 0).sum()),
        'predictions not finite, not counted': int((sized & ~finite).sum()),
    }
    parts += [f'{count} {what}' for what, count in left_out.items() if count]
    return '; '.join(parts)
