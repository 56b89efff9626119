# Copyright (c) temporal_corr authors. All rights reserved.
"""Frames to label where it is known what a person would choose."""
import numpy as np
import pytest

from projects.temporal_corr.label_suggestion import REACH, suggest_frame

NAMES = ['head', 'left_wrist', 'left_ankle']


def clip(total=31):
    """Frames that are equally doubtful, none of them labelled."""
    return np.full((total, 3), 0.6), np.zeros(total, bool)


def test_gaps_are_divided():
    """No label is given beside another one while others are far."""
    scores, labelled = clip(4 * REACH)
    for _ in range(4):
        suggestion = suggest_frame(scores, labelled, NAMES)
        gaps = np.abs(np.flatnonzero(labelled) - suggestion.frame)
        assert gaps.min(initial=99) >= REACH // 2
        where = 'far from labels' if labelled.any() else 'nothing is labelled'
        assert suggestion.reason == f'{where}, head least certain'
        labelled[suggestion.frame] = True
    doubt = suggest_frame(scores, labelled).doubt
    assert not doubt[labelled].any() and (doubt[~labelled] > 0).all()
    assert doubt.max() <= 0.4 + 1e-9


def brute_force(scores, labelled):
    """The label after which least is left of the doubt."""

    def left(times):
        away = [min([abs(t - s) for s in times] + [REACH])
                for t in range(len(scores))]  # yapf: disable
        return sum((1 - row.mean()) * d for row, d in zip(scores, away))

    times = np.flatnonzero(labelled).tolist()
    return {s: left([*times, s]) for s in np.flatnonzero(~labelled)}


@pytest.mark.parametrize('times', [[], [0], [7, 30]])
def test_the_most_doubt_is_taken_away(times):
    scores, labelled = clip()
    scores[:] = np.random.default_rng(0).uniform(size=scores.shape)
    labelled[times] = True
    found = suggest_frame(scores, labelled)
    left = brute_force(scores, labelled)
    assert left[found.frame] == pytest.approx(min(left.values()))


def test_reason_names_the_keypoint():
    scores, labelled = clip()
    labelled[3] = True
    scores[20:23, 1] = 0.1
    suggestion = suggest_frame(scores, labelled, NAMES)
    assert suggestion.frame in (20, 21, 22)
    assert suggestion.reason == 'left wrist in doubt'


def test_frames_without_a_person():
    """And the end: nothing is left to label."""
    scores, labelled = clip()
    scores[:30] = np.nan
    assert suggest_frame(scores, labelled).frame == 30
    labelled[30] = True
    assert suggest_frame(scores, labelled).frame is None
