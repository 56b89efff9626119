# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest

from projects.temporal_corr.visualization.trajectory_plot import \
    draw_trajectories

FRAMES = [3, 4, 5, 6]
NAMES = ('right_wrist', 'head')


@pytest.fixture
def tracks():
    rng = np.random.default_rng(0)
    return {
        name: rng.uniform(20, 200, (4, 15, 2))
        for name in ('single frame', 'correlation')
    }


def draw(tracks, metainfo, visible=None, names=NAMES):
    truth = next(iter(tracks.values())) + 1
    visible = np.ones((4, 15)) if visible is None else visible
    return truth, draw_trajectories(FRAMES, tracks, truth, visible, names,
                                    metainfo, 'frames/0007')


def test_a_row_for_each_keypoint_and_a_line_for_each_model(tracks, metainfo):
    truth, figure = draw(tracks, metainfo)
    assert 'frames/0007' in [text.get_text() for text in figure.texts]
    ids = metainfo['keypoint_name2id']
    for number, axes in enumerate(figure.axes):
        name, axis = NAMES[number // 2], number % 2
        label = name.replace('_', ' ')
        assert axes.get_ylabel() == f'{label}, {"xy"[axis]} (px)'
        lines = {line.get_label(): line for line in axes.lines}
        assert list(lines) == [*tracks, 'ground truth']
        for model, points in dict(
                tracks, **{'ground truth': truth}).items():
            x, y = lines[model].get_data()
            assert list(x) == FRAMES
            np.testing.assert_array_equal(y, points[:, ids[name], axis])
        # y counts from above, as in the image
        low, high = axes.get_ylim()
        assert (low > high) == bool(axis)
    legend, = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        *tracks, 'ground truth'
    ]


def test_truth_has_a_gap_where_the_keypoint_is_invisible(tracks, metainfo):
    visible = np.ones((4, 15))
    head = metainfo['keypoint_name2id']['head']
    visible[2, head] = 0
    truth, figure = draw(tracks, metainfo, visible, ['head'])
    for axis, axes in enumerate(figure.axes):
        expected = truth[:, head, axis].copy()
        expected[2] = np.nan
        np.testing.assert_array_equal(axes.lines[-1].get_ydata(), expected)


def test_a_small_tremor_looks_small(metainfo):
    tracks = dict(model=np.full((4, 15, 2), 50.))
    tracks['model'][::2] += .5
    _, figure = draw(tracks, metainfo)
    for axes in figure.axes:
        assert abs(np.diff(axes.get_ylim())) >= 10


def test_unknown_keypoint_names_those_there_are(tracks, metainfo):
    with pytest.raises(ValueError, match='nose.*neck, belly, head'):
        draw(tracks, metainfo, names=['nose'])
