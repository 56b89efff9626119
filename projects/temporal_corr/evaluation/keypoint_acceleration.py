# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Sequence

import numpy as np
from mmengine.logging import MMLogger
from mmpose.registry import METRICS

from .group_metric import EvaluatedFrames, GroupMetric, score_table
from .pck import group_means, keypoint_means, mean_of_known

#: A frame that does not say which frame comes before it.
UNKNOWN = -2


def consecutive_triples(track: Sequence[int], frame_index: Sequence[int],
                        previous: Sequence[int]) -> np.ndarray:
    """Find triples of frames that follow each other.

    Two frames follow each other if the later one names the earlier one as the
    frame before it, and they are as far apart as the closest frames of their
    track; a larger step is a gap.

    Args:
        track, frame_index (Sequence[int]): Number of the track (one person in
            one video) and of the frame in the video, (N, ) each, from 0, in
            any order, each once.
        previous (Sequence[int]): Number of the frame before it, (N, ); -1
            at the start of a video or shot, ``UNKNOWN`` for whichever comes
            before.

    Returns:
        np.ndarray: Indices of the frames of each triple in time, (M, 3),
        sorted by track and time.
    """
    track, time, previous = (
        np.asarray(values, dtype=np.int64)
        for values in (track, frame_index, previous))
    order = np.lexsort((time, track))
    track, time, previous = track[order], time[order], previous[order]
    # Whether a frame and the next in this order follow each other.
    step = np.diff(time)
    linked = (track[1:] == track[:-1]) & ((previous[1:] == time[:-1]) |
                                          (previous[1:] == UNKNOWN))
    closest = np.full(track.max(initial=0) + 1, np.iinfo(np.int64).max)
    np.minimum.at(closest, track[1:][linked], step[linked])
    linked &= step == closest[track[1:]]
    first = np.flatnonzero(linked[:-1] & linked[1:])
    return order[first[:, None] + np.arange(3)]


def accelerations(points: np.ndarray, triples: np.ndarray) -> np.ndarray:
    """Second differences ``x[t+1] - 2 x[t] + x[t-1]`` of keypoints (N, K, 2)
    in triples of frames (M, 3): pixels per squared step, (M, K, 2)."""
    before, now, after = np.moveaxis(
        np.asarray(points, dtype=np.float64)[triples], 1, 0)
    with np.errstate(invalid='ignore', over='ignore'):
        return (after - now) - (now - before)


@METRICS.register_module()
class KeypointAcceleration(GroupMetric):
    """Jitter of predicted keypoints, by body part.

    The acceleration of a keypoint at time t is the length of ``x[t+1] - 2
    x[t] + x[t-1]``, as a fraction of the larger side of the person's box in
    the middle frame. The acceleration error is the length of the difference
    between predicted and true acceleration. A prediction that does not move
    at all has no acceleration, so read it beside the error, and both beside
    PCK.

    A keypoint counts where it is visible in all three frames, which are
    consecutive items of the video (``previous_frame_index``) and equally far
    apart. Accelerations of different strides cannot be compared.

    The results are fractions of the box per squared step; the logged table
    shows percent:

    - ``acceleration/GROUP``: the mean over the keypoints' own means, for
      each group of ``pck_groups`` in the metainfo
    - ``acceleration/Mean``: the plain mean of the groups
    - ``acceleration``: the mean over all that counts
    - likewise ``acceleration error``
    - ``ground truth acceleration``: the mean over all that counts, what a
      perfect prediction would have

    NaN where nothing counts, with a warning if that is everywhere.
    Predictions that are not finite, and frames whose box has no width or no
    height, are left out and reported.
    """

    def _keep(self, sample: dict) -> dict:
        previous = sample.get('previous_frame_index')
        return dict(
            super()._keep(sample),
            previous=UNKNOWN if previous is None else int(previous))

    def compute_metrics(self, results: list) -> Dict[str, float]:
        """Compute the accelerations and log the table."""
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
    """What was counted, and what was left out, in words."""
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
