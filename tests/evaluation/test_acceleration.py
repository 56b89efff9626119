# Copyright (c) temporal_corr authors. All rights reserved.
"""Triples of frames and accelerations against plain loops."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projects.temporal_corr.evaluation.acceleration import (
    UNKNOWN, accelerations, consecutive_triples)
from projects.temporal_corr.evaluation.pck import keypoint_means


def plain_triples(frames):
    """Frames are (track, time, previous), in any order."""
    places = {frame[:2]: i for i, frame in enumerate(frames)}

    def before(i):
        track, time, previous = frames[i]
        if previous == UNKNOWN:
            earlier = [t for k, t in places if k == track and t < time]
            previous = max(earlier, default=None)
        return places.get((track, previous))

    steps = {}
    for i, (track, time, _) in enumerate(frames):
        if before(i) is not None:
            step = time - frames[before(i)][1]
            steps[track] = min(step, steps.get(track, step))
    found = []
    for i, (track, time, _) in enumerate(frames):
        middle = before(i)
        first = None if middle is None else before(middle)
        if first is None:
            continue
        times = [frames[k][1] for k in (first, middle, i)]
        if set(np.diff(times)) == {steps[track]}:
            found.append((first, middle, i))
    return sorted(found, key=lambda triple: frames[triple[0]])


@st.composite
def videos(draw):
    """Some frames of some videos, which name the frame before: the last one
    that there is or was, none, or do not say."""
    frames = []
    for track in range(draw(st.integers(1, 3))):
        times = draw(st.lists(st.integers(0, 12), unique=True, max_size=8))
        last = -1
        for time in sorted(times):
            previous = draw(st.sampled_from([last, last, last, -1, UNKNOWN]))
            if draw(st.integers(0, 5)):  # else it was not evaluated
                frames.append((track, time, previous))
            last = time
    return draw(st.permutations(frames))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(videos())
def test_triples_are_those_of_a_plain_loop(frames):
    columns = zip(*frames) if frames else ([], [], [])
    found = consecutive_triples(*columns)
    assert found.shape == (len(found), 3)
    assert [tuple(row) for row in found.tolist()] == plain_triples(frames)


@pytest.mark.parametrize('times, previous, expected', [
    pytest.param([0, 1, 2, 3], [-1, 0, 1, 2], [[0, 1, 2], [1, 2, 3]],
                 id='four frames are two triples'),
    pytest.param([0, 3, 6], [-1, 0, 3], [[0, 3, 6]],
                 id='every third frame of a video is kept'),
    pytest.param([0, 1, 2, 6, 7], [-1, 0, 1, 2, 6], [[0, 1, 2]],
                 id='the video has a gap'),
    pytest.param([0, 1, 5, 9], [-1, 0, 1, 5], [],
                 id='two gaps of one length are gaps all the same'),
    pytest.param([0, 1, 3, 4], [-1, 0, 2, 3], [],
                 id='frame 2 was not evaluated'),
    pytest.param([0, 1, 2, 3, 4, 5], [-1, 0, 1, -1, 3, 4],
                 [[0, 1, 2], [3, 4, 5]], id='a shot starts at frame 3'),
    pytest.param([0, 1, 2], [UNKNOWN] * 3, [[0, 1, 2]],
                 id='without previous_frame_index'),
    pytest.param([0, 1], [-1, 0], [], id='too short'),
    pytest.param([], [], [], id='nothing'),
])  # yapf: disable
def test_hand_made_triples(times, previous, expected):
    found = consecutive_triples([0] * len(times), times, previous)
    assert np.array(times)[found].tolist() == expected


def test_constant_velocity_has_none_and_a_parabola_a_constant_one():
    time = np.arange(20.)[:, None, None]
    start, velocity = np.array([[[3., 4.]]]), np.array([[[.5, -.25]]])
    triples = consecutive_triples([0] * 20, range(20), range(-1, 19))
    steady = start + velocity * time
    np.testing.assert_array_equal(accelerations(steady, triples), 0)
    falling = steady + [0, 1] * time**2
    np.testing.assert_array_equal(
        accelerations(falling, triples), np.tile([[[0., 2.]]], (18, 1, 1)))


def test_what_is_not_finite_stays_so():
    points = np.zeros((4, 2, 2))
    points[3, 0] = np.nan, np.inf
    found = accelerations(points, np.array([[0, 1, 2], [1, 2, 3]]))
    assert np.isfinite(found[0]).all() and np.isfinite(found[1, 1]).all()
    assert not np.isfinite(found[1, 0]).any()


def test_means_leave_out_what_does_not_count():
    values = np.array([[1., np.nan, 5.], [3., 7., np.inf]])
    counted = np.array([[True, False, False], [True, True, False]])
    np.testing.assert_array_equal(
        keypoint_means(values, counted), [2., 7., np.nan])
