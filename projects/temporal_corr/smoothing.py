# Copyright (c) temporal_corr authors. All rights reserved.
"""Smoothing of keypoints over time.

A track is T frames of one person with K keypoints: ``keypoints`` in pixels,
(T, K, 2), ``scores`` (T, K), ``frame_indices``, ascending, (T, ), and, if any
of them are labels, ``labelled``, booleans (T, K). The functions return the
smoothed keypoints (T, K, 2), float64. In all of them

- distances in time are those of the frame numbers, so that frames which are
  missing count; over more than ``max_gap`` frames nothing is carried
- a keypoint weighs as its score, at most 1, in means and fits. One-Euro does
  not look at scores: with its shares scaled by them it lagged behind so much
  that PCK fell
- a keypoint that is not finite stays as it is and has no part in others
- a label has the score 1 for its neighbours and is not moved

``labelled`` in the metainfo of a PoseDataSample says the same of it.
"""
from collections import defaultdict
from functools import partial
from numbers import Real
from typing import Callable, Dict, Optional, Sequence, Tuple

import numpy as np
from mmpose.structures import PoseDataSample
from scipy.linalg import solveh_banded
from scipy.ndimage import correlate1d


class OneEuroFilter:
    """Smooths the keypoints of one person while they come in.

    Casiez et al., "1 Euro Filter: A Simple Speed-based Low-pass Filter for
    Noisy Input in Interactive Systems", CHI 2012: x and y of each keypoint
    are smoothed exponentially, the less the faster they move. Of two
    observations in the distance of Te seconds the later one gets the share
    ``1 / (1 + 1 / (2 pi cutoff Te))``, where cutoff is ``min_cutoff + beta *
    speed``; a keypoint that was not seen in between keeps its state.

    Args:
        min_cutoff (float): Cut-off frequency of a keypoint at rest, in Hz;
            less is smoother. Defaults to 1.
        beta (float): By how many Hz it rises for each pixel per second; more
            lags behind less. Defaults to 0.05.
        d_cutoff (float): Cut-off frequency of the speed, in Hz. Defaults
            to 1.
        fps (float): Frames per second. Defaults to 30.
        max_gap (int): A keypoint that was last seen more than so many frames
            ago starts anew. Defaults to 10.
    """

    def __init__(self,
                 *,
                 min_cutoff: float = 1.,
                 beta: float = 0.05,
                 d_cutoff: float = 1.,
                 fps: float = 30.,
                 max_gap: int = 10):
        _check_positive(
            min_cutoff=min_cutoff, d_cutoff=d_cutoff, fps=fps, max_gap=max_gap)
        if beta != 0:
            _check_positive(beta=beta)
        self.min_cutoff, self.beta, self.d_cutoff = min_cutoff, beta, d_cutoff
        self.fps, self.max_gap = fps, max_gap
        # Position, speed and frame of what was last seen of each keypoint.
        self._state: Optional[Tuple[np.ndarray, ...]] = None

    def __call__(self,
                 keypoints: np.ndarray,
                 frame_index: int,
                 labelled: Optional[np.ndarray] = None) -> np.ndarray:
        """Smooth the keypoints (K, 2) of the next frame."""
        points = np.array(keypoints, dtype=np.float64)
        fixed = _labels(points, labelled)
        if self._state is None:
            self._state = (np.zeros_like(points), np.zeros_like(points),
                           np.full((len(points), 1), -np.inf))
        last, speed, seen = self._state
        gap = frame_index - seen
        start = gap > self.max_gap
        seconds = gap / self.fps
        observed = np.isfinite(points).all(axis=-1, keepdims=True)
        with np.errstate(invalid='ignore'):
            change = np.where(start, 0., (points - last) / seconds)
            speed = np.where(
                start, change,
                speed + _share(self.d_cutoff, seconds) * (change - speed))
            share = _share(self.min_cutoff + self.beta * np.abs(speed),
                           seconds)
            smoothed = np.where(start | fixed, points,
                                last + share * (points - last))
        now = smoothed, speed, np.full_like(seen, frame_index)
        self._state = tuple(
            np.where(observed, new, old)
            for new, old in zip(now, self._state))
        return np.where(observed, smoothed, points)


def one_euro_smooth(keypoints: np.ndarray,
                    scores: np.ndarray,
                    frame_indices: Sequence[int],
                    labelled: Optional[np.ndarray] = None,
                    **kwargs) -> np.ndarray:
    """Smooth a track with :class:`OneEuroFilter`, each frame by those before.
    """
    one_euro = OneEuroFilter(**kwargs)
    smoothed = np.array(keypoints, dtype=np.float64)
    for row, frame in enumerate(frame_indices):
        smoothed[row] = one_euro(keypoints[row], frame,
                                 None if labelled is None else labelled[row])
    return smoothed


def gaussian_smooth(keypoints: np.ndarray,
                    scores: np.ndarray,
                    frame_indices: Sequence[int],
                    labelled: Optional[np.ndarray] = None,
                    *,
                    sigma: float = 2.,
                    max_gap: int = 10) -> np.ndarray:
    """The mean over the frames around, weighed by a Gaussian and the scores.

    ``sigma`` is its standard deviation in frames; it is cut off at four.
    """
    _check_positive(sigma=sigma, max_gap=max_gap)
    half = int(4 * sigma + 0.5)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma)**2)
    # Further apart than the kernel reaches, too, the parts are independent.
    points, fixed, weights, parts = _prepare(keypoints, scores, frame_indices,
                                             labelled,
                                             min(max_gap, max(half, 1)))
    observed = np.isfinite(points).all(axis=-1, keepdims=True)
    known = np.where(observed, points, 0.)
    smoothed = known.copy()
    for part, time in parts:
        # A row for every frame; one that is missing weighs nothing.
        weight, value = (
            np.zeros((time[-1] + 1, *rows.shape[1:]))
            for rows in (weights, known))
        weight[time], value[time] = weights[part], known[part]
        total, product = (
            correlate1d(rows, kernel, axis=0, mode='constant')[time]
            for rows in (weight, weight * value))
        # Relative to the keypoint itself: where nothing is known of it, it
        # stays.
        share = np.divide(1, total, out=np.zeros_like(total), where=total > 0)
        smoothed[part] += share * (product - total * known[part])
    return np.where(observed & ~fixed, smoothed, points)


def whittaker_smooth(keypoints: np.ndarray,
                     scores: np.ndarray,
                     frame_indices: Sequence[int],
                     labelled: Optional[np.ndarray] = None,
                     *,
                     stiffness: float = 3.,
                     max_gap: int = 10) -> np.ndarray:
    """The curve that passes labels exactly, other keypoints closely, and bends
    little (Whittaker's).

    It minimises the squared distances, weighed by the scores, plus
    ``stiffness`` times the squared second differences.
    """
    _check_positive(stiffness=stiffness, max_gap=max_gap)
    points, fixed, weights, parts = _prepare(keypoints, scores, frame_indices,
                                             labelled, max_gap)
    # What no score says anything about is still where it was seen.
    weights = np.where(fixed, 1e4, weights + 1e-3 * np.isfinite(points))
    smoothed = points.copy()
    for part, time in parts:
        bands = stiffness * _bending(time[-1] + 1)
        for k in range(points.shape[1]):
            seen = np.isfinite(points[part, k]).all(axis=-1)
            rows = part[seen]
            if not len(rows):
                continue
            weight, value = np.zeros((2, time[-1] + 1, 2))
            weight[time[seen]] = weights[rows, k]
            start = points[rows[0], k]
            value[time[seen]] = points[rows, k] - start
            matrix = bands.copy()
            matrix[-1] += weight[:, 0]
            curve = solveh_banded(matrix, weight * value)
            smoothed[rows, k] = start + curve[time[seen]]
    return np.where(fixed, points, smoothed)


#: Smoothing of a whole track by its name in a config.
SMOOTHERS = dict(
    OneEuro=one_euro_smooth,
    Gaussian=gaussian_smooth,
    Whittaker=whittaker_smooth)


def build_smoother(cfg: dict, streaming: bool = False) -> Callable:
    """What a config of smoothing asks for.

    Args:
        cfg (dict): ``type``, one of :data:`SMOOTHERS`, and arguments of
            :class:`OneEuroFilter` or of its function.
        streaming (bool): Whether later frames are not known yet. Defaults to
            False.

    Returns:
        Callable: Takes ``keypoints, scores, frame_indices, labelled=None`` of
        a track, returns the smoothed keypoints. With ``streaming`` it makes
        the :class:`OneEuroFilter` of a person.

    Raises:
        ValueError: If the type is unknown or an argument cannot be used.
        TypeError: If an argument is unknown.
    """
    args = dict(cfg)
    kind = args.pop('type', None)
    if kind not in SMOOTHERS:
        raise ValueError(f'smoothing.type is {kind!r}, choose from '
                         f'{", ".join(SMOOTHERS)}')
    if streaming and kind != 'OneEuro':
        raise ValueError(f"smoothing.type is '{kind}', which needs the frames "
                         "to come: a stream takes 'OneEuro'")
    smoother = partial(SMOOTHERS[kind], **args)
    # What cannot be used is told now, not when the frames are there.
    smoother(np.zeros((0, 1, 2)), np.zeros((0, 1)), ())
    return partial(OneEuroFilter, **args) if streaming else smoother


class StreamSmoother:
    """Smooths the poses of everybody in a stream.

    Args:
        smoothing (dict): ``dict(type='OneEuro', ...)``, see
            :func:`build_smoother`.
        max_age (int): Who is missing for more than so many frames is
            forgotten. Defaults to 30.
    """

    def __init__(self, smoothing: dict, max_age: int = 30):
        self.max_age = max_age
        self._make_filter = build_smoother(smoothing, streaming=True)
        self.reset()

    def reset(self) -> None:
        """Forget everybody."""
        # Filters of the people, and when they were last seen.
        self._people: Dict[int, Tuple[OneEuroFilter, int]] = {}

    def __call__(self, samples: Sequence[PoseDataSample]) -> None:
        """Smooth the keypoints of the next frame, in place."""
        for sample in samples:
            index = sample.frame_index
            self._people = {
                track_id: (one_euro, last)
                for track_id, (one_euro, last) in self._people.items()
                if index - last - 1 <= self.max_age
            }
            one_euro, _ = self._people.get(sample.track_id,
                                           (self._make_filter(), None))
            self._people[sample.track_id] = one_euro, index
            _move(
                sample,
                one_euro(sample.pred_instances.keypoints[0], index,
                         sample.get('labelled')))


def smooth_recording(frames: Sequence[Sequence[PoseDataSample]],
                     smoother: Callable) -> None:
    """Smooth the people of all frames of a video, in place.

    Args:
        frames (Sequence): The people, PoseDataSamples, of each frame.
        smoother (Callable): See :func:`build_smoother`.
    """
    tracks: Dict[tuple, list] = defaultdict(list)
    for index, samples in enumerate(frames):
        for sample in samples:
            # The same person in another shot is another track.
            tracks[sample.track_id, index - sample.frame_index].append(sample)
    for track in tracks.values():
        poses = [sample.pred_instances for sample in track]
        points = np.concatenate([pose.keypoints for pose in poses])
        nothing = np.zeros(points.shape[1], dtype=bool)
        smoothed = smoother(
            points, np.concatenate([pose.keypoint_scores for pose in poses]),
            [sample.frame_index for sample in track],
            [sample.get('labelled', nothing) for sample in track])
        for sample, keypoints in zip(track, smoothed):
            _move(sample, keypoints)


def _move(sample: PoseDataSample, keypoints: np.ndarray) -> None:
    pose = sample.pred_instances
    pose.keypoints = keypoints[None].astype(pose.keypoints.dtype)


def _check_positive(**values) -> None:
    for name, value in values.items():
        if not (isinstance(value, Real) and 0 < value < np.inf):
            raise ValueError(f'{name} must be a positive number, got '
                             f'{value!r}')


def _labels(points: np.ndarray, labelled: Optional[np.ndarray]) -> np.ndarray:
    """Which points (..., K, 2) are labels, (..., K, 1)."""
    if labelled is None:
        return np.zeros((*points.shape[:-1], 1), dtype=bool)
    return np.asarray(labelled, dtype=bool)[..., None]


def _share(cutoff: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """What exponential smoothing takes of the later of two observations."""
    return 1 / (1 + 1 / (2 * np.pi * cutoff * seconds))


def _prepare(keypoints: np.ndarray, scores: np.ndarray,
             frame_indices: Sequence[int], labelled: Optional[np.ndarray],
             max_gap: float) -> tuple:
    """Keypoints in float64, which are labels, (T, K, 1), their weights, zero
    where nothing was seen, and the parts between which nothing is carried:
    rows of each, and their frames from 0 on."""
    points = np.array(keypoints, dtype=np.float64)
    fixed = _labels(points, labelled)
    frames = np.asarray(frame_indices, dtype=np.int64)
    scores = np.asarray(scores, dtype=np.float64)[..., None]
    weights = np.where(fixed, 1., np.clip(np.nan_to_num(scores), 0, 1))
    weights = weights * np.isfinite(points).all(axis=-1, keepdims=True)
    breaks = np.flatnonzero(np.diff(frames) > max_gap) + 1
    parts = [(part, frames[part] - frames[part[0]])
             for part in np.split(np.arange(len(frames)), breaks)
             if len(part)]  # yapf: disable
    return points, fixed, weights, parts


def _bending(total: int) -> np.ndarray:
    """The squared second differences of so many values as a quadratic form,
    its upper bands (3, total); with a little of the first ones, so that what
    one observation alone does not tell stands still."""
    bands = np.zeros((3, total))
    for order, share in ((2, 1.), (1, 1e-3)):
        row = np.diff(np.eye(order + 1), order, axis=0)[0]
        for i in range(order + 1):
            for j in range(i, order + 1):
                bands[2 - (j - i), j:max(total - order + j, 0)] += (
                    share * row[i] * row[j])
    return bands
