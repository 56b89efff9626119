# Copyright (c) temporal_corr authors. All rights reserved.
"""Frames to label where it is known what a person would choose."""
import numpy as np
import pytest

from projects.temporal_corr.label_suggestion import suggest_frame

NAMES = ['head', 'left_wrist', 'left_ankle']


def still(total=41):
    """A pose that does not move, predicted alike in all frames."""
    points = np.tile([[50., 20.], [30., 60.], [45., 110.]], (total, 1, 1))
    return points, np.full((total, 3), 0.6), np.zeros(total, bool)


def test_equal_frames_are_divided():
    """First the middle, then the middles of what is left."""
    points, scores, labelled = still()
    found = []
    for _ in range(3):
        suggestion = suggest_frame(points, scores, labelled, 100.)
        found.append(suggestion.frame)
        labelled[suggestion.frame] = True
        assert 0 <= suggestion.doubt.min() and suggestion.doubt.max() <= 1
    assert found[0] == pytest.approx(20, abs=1)
    assert sorted(found[1:]) == pytest.approx([7, 33], abs=3)
    assert not suggest_frame(points, scores, labelled, 1).doubt[found].any()


def test_doubt_draws_the_label_and_is_named():
    points, scores, labelled = still()
    scores[28:32, 1] = 0.
    labelled[20] = True
    suggestion = suggest_frame(points, scores, labelled, 100., NAMES)
    assert 26 <= suggestion.frame <= 34
    points, scores, labelled = still()
    points[9, 2] += 40
    labelled[20] = True
    suggestion = suggest_frame(points, scores, labelled, 100., NAMES)
    assert 4 <= suggestion.frame <= 14


def test_frames_without_a_person_and_the_end():
    points, scores, labelled = still()
    points[:30] = np.nan
    frames = [suggest_frame(points, scores, labelled, 100.).frame]
    assert frames[0] >= 30
    labelled[30:] = True
    assert suggest_frame(points, scores, labelled, 100.).frame is None
