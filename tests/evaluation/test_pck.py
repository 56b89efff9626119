# Copyright (c) temporal_corr authors. All rights reserved.
"""The pure functions of PCK against loops, hand-made cases and MMPose."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpose.evaluation.functional import keypoint_pck_accuracy

from projects.temporal_corr.evaluation.pck import group_means, keypoint_hits


def random_frames(seed, frames=40, keypoints=6):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0, 200, (frames, keypoints, 2))
    pred = gt + rng.normal(0, 15, gt.shape)
    size = rng.uniform(20, 150, frames)
    visible = rng.random((frames, keypoints)) > 0.3
    return pred, gt, size, visible


@pytest.mark.parametrize(
    'offset, size, hit',
    [
        pytest.param((20., 0.), 100., True, id='exactly thr * size is a hit'),
        pytest.param((12., 16.), 100., True, id='the same along a diagonal'),
        pytest.param((20.0001, 0.), 100., False, id='just beyond is a miss'),
        pytest.param((0., 0.), 0., False, id='size 0: not even a perfect one'),
        pytest.param((0., 0.), 1e-6, True, id='a perfect one, any box'),
        pytest.param((np.nan, 0.), 100., False, id='NaN is wrong'),
        pytest.param((np.inf, 0.), 100., False, id='infinity is wrong'),
        pytest.param((-np.inf, np.nan), 0., False, id='both at size 0'),
    ])
def test_hit_of_one_keypoint(offset, size, hit):
    gt = np.array([[[50., 60.]]])
    result = keypoint_hits(gt + np.array(offset), gt, np.array([size]), 0.2)
    assert result.tolist() == [[hit]]


def test_differs_from_mmpose_at_the_tie():
    gt = np.zeros((1, 1, 2))
    pred = np.array([[[25., 0.]]])
    visible = np.ones((1, 1), dtype=bool)
    size = np.array([100.])
    theirs, _, _ = keypoint_pck_accuracy(pred, gt, visible, 0.25,
                                         np.stack([size, size], axis=1))
    assert theirs.tolist() == [0.]
    assert keypoint_hits(pred, gt, size, 0.25).tolist() == [[True]]


@settings(deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    # powers of two: scaling by them is exact, so no tie can tip over
    exponent=st.integers(-10, 10))
def test_scaling_everything_changes_nothing(seed, exponent):
    pred, gt, size, _ = random_frames(seed, frames=5)
    scale = 2.**exponent
    np.testing.assert_array_equal(
        keypoint_hits(pred, gt, size, 0.2),
        keypoint_hits(pred * scale, gt * scale, size * scale, 0.2))


@pytest.mark.parametrize('accuracy, group, expected', [
    pytest.param([0.5, 1.], [0, 1], 0.75, id='plain mean of its keypoints'),
    pytest.param([0.5, np.nan], [0, 1], 0.5, id='of those that are known'),
    pytest.param([0.5, np.nan], [1], np.nan, id='none is known'),
    pytest.param([0.5, 1.], [], np.nan, id='no keypoint at all'),
])
def test_group_means(accuracy, group, expected):
    result = group_means(np.array(accuracy), dict(Sho=group))
    np.testing.assert_equal(result, dict(Sho=expected, Mean=expected))
