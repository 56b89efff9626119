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
    assert axes.get_xlabel() == 'temporal downsampling rate'
    assert axes.get_ylabel().startswith('PCK@0.2 (Mean)')
    assert axes.get_xticks().tolist() == [1, 5, 10]
    for i, line in enumerate(axes.lines):
        assert line.get_xdata().tolist() == [1, 5, 10]
        assert line.get_ydata().tolist() == [90. + i, 80. + i, 70. + i]
    assert len({line.get_marker() for line in axes.lines}) == 8
    assert legend_of(figure) == list(curves)


def test_a_small_difference_looks_small(metainfo):
    """Percent of accuracy, and pixels."""
    axes, = draw_stride_plot({'model': {1: 77.0, 2: 77.1}}, 'PCK').axes
    low, high = axes.get_ylim()
    assert high - low == pytest.approx(10)
    assert (low + high) / 2 == pytest.approx(77.05)
    tracks = dict(model=np.full((4, 15, 2), 50.))
    tracks['model'][::2] += .5
    figure = draw_trajectories([3, 4, 5, 6], tracks, tracks['model'],
                               np.ones((4, 15)), ['head'], metainfo)
    for axes in figure.axes:
        assert abs(np.diff(axes.get_ylim())) >= 10


def test_trajectories_of_each_keypoint_and_model(metainfo):
    """With a gap in the ground truth where the keypoint is invisible."""
    frames, names = [3, 4, 5, 6], ('right_wrist', 'head')
    rng = np.random.default_rng(0)
    tracks = {
        name: rng.uniform(20, 200, (4, 15, 2))
        for name in ('single frame', 'correlation')
    }
    truth, visible = tracks['correlation'] + 1, np.ones((4, 15))
    ids = metainfo['keypoint_name2id']
    visible[2, ids['head']] = 0
    figure = draw_trajectories(frames, tracks, truth, visible, names, metainfo,
                               'frames/0007')
    truth[2, ids['head']] = np.nan
    expected = {**tracks, 'ground truth': truth}
    assert figure.get_suptitle() == 'frames/0007'
    assert legend_of(figure) == list(expected)
    for number, axes in enumerate(figure.axes):
        name, axis = names[number // 2], number % 2
        label = name.replace('_', ' ')
        assert axes.get_ylabel() == f'{label}, {"xy"[axis]} (px)'
        lines = {line.get_label(): line for line in axes.lines}
        assert list(lines) == list(expected)
        for model, points in expected.items():
            x, y = lines[model].get_data()
            assert list(x) == frames
            np.testing.assert_array_equal(y, points[:, ids[name], axis])
        # y counts from above, as in the image
        low, high = axes.get_ylim()
        assert (low > high) == bool(axis)
    with pytest.raises(ValueError, match='nose.*neck, belly, head'):
        draw_trajectories(frames, tracks, truth, visible, ['nose'], metainfo)
