# Copyright (c) temporal_corr authors. All rights reserved.
"""Peaks and thresholds, on maps made by hand."""
import numpy as np
import pytest

from projects.temporal_corr.codecs.heatmap_peaks import find_peaks
from projects.temporal_corr.codecs.person_assembly import connect, score_limbs

SIGMA = np.full(2, 7 / 8)


def peaks_of(cells, shape=(8, 8), threshold=0.05, radius=0.75, max_peaks=9):
    """Peaks of one heatmap with these values at these (row, column)."""
    heatmap = np.zeros((1, *shape), np.float32)
    for cell, value in cells.items():
        heatmap[(0, *cell)] = value
    _, positions, scores = find_peaks(heatmap, threshold, np.full(2, radius),
                                      max_peaks, SIGMA)
    return positions, scores.astype(float).round(6).tolist()


@pytest.mark.parametrize('cells, positions', [
    pytest.param({(3, 4): 1.}, [[4, 3]], id='one cell'),
    pytest.param({(3, 4): 1., (3, 5): 1.}, [[4.5, 3]], id='two equal cells'),
    pytest.param({(3, 4): 1., (4, 5): 1.}, [[4.5, 3.5]], id='diagonal ones'),
    pytest.param({(2, x): 1.
                  for x in (3, 4, 5)}, [[4, 2]], id='a wide plateau'),
    pytest.param({(y, x): 1.
                  for y in (5, 6, 7)
                  for x in (0, 1, 2)}, [[1, 6]], id='one in the corner'),
    # vertex of the parabola through (-1, ln 0.01), (0, 0), (1, ln 0.9)
    pytest.param({(3, 4): 1., (3, 5): .9}, [[4.47763, 3]], id='a slope'),
    pytest.param({(1, 1): .5, (5, 6): .7}, [[6, 5], [1, 1]], id='best first'),
    pytest.param({(1, 1): .5, (5, 6): .5}, [[1, 1], [6, 5]], id='equal ones'),
    pytest.param({(1, 1): 0.05}, [], id='not above the threshold'),
])
def test_peaks(cells, positions):
    found, _ = peaks_of(cells)
    np.testing.assert_allclose(
        found, np.reshape(positions, (-1, 2)), atol=1e-5)


@pytest.mark.parametrize('arguments, scores', [
    (dict(), [.9, .8, .7]),
    # the peak in the middle is too near to the first, and takes no other
    # one with it
    (dict(radius=2.1), [.9, .7]),
    (dict(max_peaks=2), [.9, .8]),
])
def test_peak_scores_radius_and_number(arguments, scores):
    cells = {(1, 1): .9, (1, 3): .8, (1, 5): .7}
    assert peaks_of(cells, **arguments)[1] == scores
    # peaks of different parts do not suppress each other
    heatmaps = np.zeros((2, 8, 8), np.float32)
    heatmaps[:, 3, 3] = 1
    parts, _, _ = find_peaks(heatmaps, 0.05, np.full(2, 5.), 9, SIGMA)
    assert parts.tolist() == [0, 1]


def test_limb_scores_by_hand():
    """A field that is (1, 0) left of column 4 and (0, 0) from there on."""
    pafs = np.zeros((2, 6, 9), np.float32)
    pafs[0, :, :4] = 1
    start = np.array([(0, 2), (4, 1), (0, 0), (3, 3), (1, 1)], float)
    end = np.array([(8, 2), (0, 1), (3, 4), (3, 3), (1, 5)], float)
    score, support = np.transpose([
        np.ravel(score_limbs(pafs, np.zeros(1, int), a[None], b[None], n, .01))
        for a, b, n in zip(start, end, (9, 9, 4, 5, 5))
    ])
    # samples 1 1 1 1 0 0 0 0 0; backwards; 0.6 of a unit vector; no
    # direction; perpendicular. The second ends half in the last cell:
    # 0 .5 1 1 1 1 1 1 1, negative
    np.testing.assert_allclose(
        score, [4 / 9, -7.5 / 9, 0.6, 0, 0], atol=1e-6)
    np.testing.assert_allclose(support, [4 / 9, 0, 1, 0, 0], atol=1e-6)


def test_greedy_choice():
    limb = np.array([0, 0, 0, 0, 1])
    first = np.array([0, 0, 1, 1, 2])
    second = np.array([2, 3, 2, 3, 4])
    score = np.array([.8, .9, .95, .1, .5])
    # (1, 2) first, then (0, 3), which leaves nothing for the rest
    assert connect(limb, first, second, score).tolist() == [2, 1, 4]
    assert connect(limb, first, second, np.full(5, .5)).tolist() == [0, 3, 4]
