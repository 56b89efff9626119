# Copyright (c) temporal_corr authors. All rights reserved.
"""Smoothing against plain loops and fits, and what must hold of any filter."""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.temporal_corr.smoothing import (StreamSmoother, build_smoother,
                                              smooth_recording)

ALL = [
    dict(type='OneEuro', fps=25),
    dict(type='Gaussian', sigma=1.5),
    dict(type='Whittaker', stiffness=2.),
]
each = pytest.mark.parametrize('cfg', ALL, ids=lambda cfg: cfg['type'])


def track(seed, length=30, keypoints=4, missing=()):
    """A random walk: keypoints, scores and frame numbers."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(length, keypoints, 2)).cumsum(0) * 4 + 100
    scores = rng.uniform(0.1, 1., (length, keypoints))
    frames = np.setdiff1d(np.arange(length), missing)
    return points[frames], scores[frames], frames


def paper_one_euro(values, frames, fps, mincutoff, beta, dcutoff):
    """Algorithm 1 of Casiez et al. for one coordinate."""

    def alpha(rate, cutoff):
        tau = 1. / (2 * math.pi * cutoff)
        te = 1. / rate
        return 1. / (1. + tau / te)

    out, before = [], None
    for x, frame in zip(values, frames):
        if before is None:
            edx, hatx = 0., x
        else:
            rate = fps / (frame - before)
            dx = (x - hatx) * rate
            a = alpha(rate, dcutoff)
            edx = a * dx + (1 - a) * edx
            a = alpha(rate, mincutoff + beta * abs(edx))
            hatx = a * x + (1 - a) * hatx
        before = frame
        out.append(hatx)
    return out


@pytest.mark.parametrize('missing', [(), (3, 4, 5, 11, 20, 22)])
def test_one_euro_equals_the_paper(missing):
    points, scores, frames = track(0, missing=missing)
    found = build_smoother(
        dict(type='OneEuro', min_cutoff=0.7, beta=0.02, d_cutoff=1.3,
             fps=24))(points, scores, frames)
    for k in range(points.shape[1]):
        for axis in (0, 1):
            expected = paper_one_euro(points[:, k, axis], frames, 24, 0.7,
                                      0.02, 1.3)
            np.testing.assert_allclose(
                found[:, k, axis], expected, rtol=1e-12)


def test_gaussian_with_gaps_and_scores():
    points, scores, frames = track(3, missing=(2, 3, 9, 10, 11, 12, 20))
    found = build_smoother(dict(type='Gaussian', sigma=2, max_gap=4))(
        points, scores, frames)
    for t, now in enumerate(frames):
        for k in range(points.shape[1]):
            total, place = 0., 0.
            for u, then in enumerate(frames):
                # 9 to 12 are 5 steps, more than max_gap
                if abs(now - then) > 8 or (now < 10) != (then < 10):
                    continue
                weight = scores[u, k] * math.exp(-(now - then)**2 / 8)
                total += weight
                place = place + weight * points[u, k]
            np.testing.assert_allclose(found[t, k], place / total, rtol=1e-10)


def test_whittaker_with_gaps_scores_and_labels():
    """Against least squares with the labels as constants; what the first
    differences weigh is less than the tolerance."""
    points, scores, frames = track(5, missing=(2, 9, 10, 20))
    labelled = np.zeros(scores.shape, bool)
    labelled[[3, 12, 20], 1] = True
    found = build_smoother(dict(type='Whittaker', stiffness=2.))(
        points, scores, frames, labelled)
    bend = math.sqrt(2) * np.diff(np.eye(30), 2, axis=0)
    for k in range(points.shape[1]):
        # Of a label only the place counts: it stands in for an unknown.
        fixed = frames[labelled[:, k]]
        rows = frames[~labelled[:, k]]
        free = np.setdiff1d(np.arange(30), fixed)
        weight = np.sqrt(scores[~labelled[:, k], k, None])
        system = np.concatenate([weight * np.eye(30)[rows], bend])
        right = np.concatenate([
            weight * points[~labelled[:, k], k],
            -bend[:, fixed] @ points[labelled[:, k], k]
        ])  # yapf: disable
        expected = np.linalg.lstsq(system[:, free], right, rcond=None)[0]
        np.testing.assert_allclose(
            found[~labelled[:, k], k], expected[np.isin(free, rows)],
            atol=0.05)


@each
def test_starts_anew_after_a_long_gap(cfg):
    points, scores, _ = track(7, length=12)
    smooth = build_smoother(dict(cfg, max_gap=3))
    frames = np.r_[0:6, 9:15]  # 4 steps
    np.testing.assert_allclose(
        smooth(points, scores, frames),
        np.concatenate([
            smooth(points[:6], scores[:6], frames[:6]),
            smooth(points[6:], scores[6:], frames[6:])
        ]))
    together = smooth(points, scores, np.r_[0:6, 8:14])
    assert not np.allclose(together[6], points[6], atol=1e-3)


@each
def test_not_finite(cfg):
    """Stays as it is, and is as if it were not there."""
    points, scores, frames = track(8)
    points[4:6, 1], points[9, 2, 0] = np.nan, np.inf
    scores[12, 0] = np.nan
    found = build_smoother(cfg)(points, scores, frames)
    np.testing.assert_array_equal(
        np.isfinite(found), np.isfinite(points), strict=True)
    known = np.setdiff1d(np.arange(30), [4, 5])
    without = build_smoother(cfg)(points[known], scores[known], frames[known])
    np.testing.assert_allclose(found[known, 1], without[:, 1], rtol=1e-9)
    np.testing.assert_allclose(found[:, 3], build_smoother(cfg)(
        points[:, 3:], scores[:, 3:], frames)[:, 0])


@each
def test_labels_are_not_moved(cfg):
    points, scores, frames = track(9)
    points[10, :2] += 50
    labelled = np.zeros(scores.shape, dtype=bool)
    labelled[10, :2] = True
    found = build_smoother(cfg)(points, scores, frames, labelled)
    np.testing.assert_array_equal(found[10, :2], points[10, :2])
    # it draws its neighbour towards it; other keypoints do not know of it
    points[10, :2] -= 50
    without = build_smoother(cfg)(points, scores, frames)
    assert (found[11, :2] > without[11, :2] + 0.1).all()
    np.testing.assert_array_equal(found[:, 2:], without[:, 2:])


@each
def test_people_of_a_video(cfg):
    """Each shot of each person alone, in a stream and of a recording; labels
    stay."""
    rng = np.random.default_rng(0)
    cut, shown = 5, {0: [0, 1, 3, 4, 5, 6, 7], 4: [2, 3, 6]}
    points = rng.uniform(0, 50, (8, 5, 3, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, (8, 5, 3)).astype(np.float32)
    labelled = np.zeros((8, 5, 3), dtype=bool)
    labelled[3, 0, 0] = True
    video = [[] for _ in range(8)]
    for person, times in shown.items():
        for t in times:
            sample = PoseDataSample(
                metainfo=dict(
                    track_id=person, frame_index=t - cut * (t >= cut)))
            if labelled[t, person].any():
                sample.set_metainfo(dict(labelled=labelled[t, person]))
            sample.pred_instances = InstanceData(
                keypoints=points[t, person][None],
                keypoint_scores=scores[t, person][None])
            video[t].append(sample)
    if cfg['type'] == 'OneEuro':
        stream = StreamSmoother(cfg)
        for t, samples in enumerate(video):
            if t == cut:
                stream.reset()
            stream(samples)
    else:
        smooth_recording(video, build_smoother(cfg))
        with pytest.raises(ValueError, match='OneEuro'):
            StreamSmoother(cfg)
    found = {(t, sample.track_id): sample.pred_instances.keypoints[0]
             for t, samples in enumerate(video) for sample in samples}
    for person, times in shown.items():
        for shot in (range(0, cut), range(cut, 8)):
            rows = [t for t in times if t in shot]
            expected = build_smoother(cfg)(points[rows, person],
                                           scores[rows, person], rows,
                                           labelled[rows, person])
            np.testing.assert_allclose([found[t, person] for t in rows],
                                       expected, rtol=1e-5)
    np.testing.assert_array_equal(found[3, 0][0], points[3, 0, 0])


@st.composite
def tracks(draw):
    length = draw(st.integers(1, 12))
    points = draw(
        arrays(np.float32, (length, 2, 2),
               elements=st.floats(-1000, 1000, width=32)))
    scores = draw(
        arrays(np.float32, (length, 2), elements=st.floats(0, 2, width=32)))
    steps = draw(
        st.lists(st.integers(1, 12), min_size=length, max_size=length))
    return points.astype(np.float64), scores, np.cumsum(steps)


@each
@settings(deadline=None, max_examples=60)
@given(data=tracks(), shift=st.floats(-1000, 1000))
def test_moves_with_the_picture(cfg, data, shift):
    """And what stands still stays; means stay among what they are of."""
    points, scores, frames = data
    smooth = build_smoother(cfg)
    found = smooth(points, scores, frames)
    np.testing.assert_allclose(
        smooth(points + shift, scores, frames), found + shift, atol=1e-3)
    still = np.broadcast_to(points[0], points.shape)
    np.testing.assert_allclose(
        smooth(still, scores, frames), still, rtol=1e-9, atol=1e-5)
    if cfg['type'] != 'Whittaker':
        assert (found >= points.min(axis=0) - 1e-6).all()
        assert (found <= points.max(axis=0) + 1e-6).all()


@each
def test_input_stays_as_it_is(cfg):
    points, scores, frames = track(11)
    before = points.copy(), scores.copy(), frames.copy()
    build_smoother(cfg)(points, scores, frames, scores > 0.5)
    for now, then in zip((points, scores, frames), before):
        np.testing.assert_array_equal(now, then)
    assert build_smoother(cfg)(points[:0], scores[:0], ()).shape == (0, 4, 2)


@pytest.mark.parametrize('cfg, word', [
    (dict(sigma=2), 'Gaussian'),
    (dict(type='Median'), 'Whittaker'),
    (dict(type='Gaussian', window=3), 'window'),
    (dict(type='OneEuro', fps=0), 'fps'),
    (dict(type='OneEuro', beta=-1), 'beta'),
    (dict(type='OneEuro', min_cutoff='1'), 'min_cutoff'),
    (dict(type='Gaussian', sigma=math.nan), 'sigma'),
    (dict(type='Gaussian', max_gap=0), 'max_gap'),
    (dict(type='Whittaker', stiffness=0), 'stiffness'),
], ids=str)  # yapf: disable
def test_refused(cfg, word):
    with pytest.raises((ValueError, TypeError), match=word):
        build_smoother(cfg)
