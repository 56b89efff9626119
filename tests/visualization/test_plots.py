# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest

from projects.temporal_corr.visualization import (draw_stride_plot,
                                                  draw_trajectories)


def legend_of(figure):
    legend, = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_stride_plot_has_a_line_a_model_told_apart_without_colour():
    curves = {
        f'model {i}': {5: 80. + i, 1: 90. + i, 10: 70. + i}
        for i in range(8)
    }
    figure = draw_stride_plot(curves, 'PCK@0.2 (Mean)')
    axes, = figure.axes
    assert axes.get_ylabel().startswith('PCK@0.2 (Mean)')
    for i, line in enumerate(axes.lines):
        assert line.get_xdata().tolist() == [1, 5, 10]
        assert line.get_ydata().tolist() == [90. + i, 80. + i, 70. + i]
    assert len({line.get_marker() for line in axes.lines}) == 8
    assert legend_of(figure) == list(curves)
    # A small difference looks small.
    axes, = draw_stride_plot({'model': {1: 77.0, 2: 77.1}}, 'PCK').axes
    np.testing.assert_allclose(axes.get_ylim(), (72.05, 82.05))


def test_trajectories_of_each_keypoint_and_model(metainfo):
    """With a gap in the ground truth where the keypoint is invisible."""
    frames, names = [3, 4, 5, 6], ('right_wrist', 'head')
    rng = np.random.default_rng(0)
    tracks = {
        name: rng.uniform(20, 22, (4, 15, 2))
        for name in ('single frame', 'correlation')
    }
    truth, visible = tracks['correlation'] + 1, np.ones((4, 15))
    ids = metainfo['keypoint_name2id']
    visible[2, ids['head']] = 0
    figure = draw_trajectories(frames, tracks, truth, visible, names, metainfo,
                               'frames/0007')
    truth[2, ids['head']] = np.nan
    expected = {**tracks, 'ground truth': truth}
    assert legend_of(figure) == list(expected)
    for number, axes in enumerate(figure.axes):
        name, axis = names[number // 2], number % 2
        assert axes.get_ylabel() == (
            f'{name.replace("_", " ")}, {"xy"[axis]} (px)')
        for line, points in zip(axes.lines, expected.values()):
            assert list(line.get_xdata()) == frames
            np.testing.assert_array_equal(line.get_ydata(),
                                          points[:, ids[name], axis])
        # y counts from above, as in the image; tremble looks small
        low, high = axes.get_ylim()
        assert (low > high) == bool(axis) and abs(low - high) >= 10
    with pytest.raises(ValueError, match='nose.*neck, belly, head'):
        draw_trajectories(frames, tracks, truth, visible, ['nose'], metainfo)
