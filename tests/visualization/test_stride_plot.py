# Copyright (c) temporal_corr authors. All rights reserved.
import pytest

from projects.temporal_corr.visualization.stride_plot import draw_stride_plot


def test_one_line_a_model_told_apart_without_colour():
    curves = {
        f'model {i}': {5: 80. + i, 1: 90. + i, 10: 70. + i}
        for i in range(8)
    }
    figure = draw_stride_plot(curves, 'PCK@0.2 (Mean)')
    axes, = figure.axes
    assert axes.get_xlabel() == 'temporal downsampling rate'
    assert axes.get_ylabel().startswith('PCK@0.2 (Mean)')
    assert axes.get_xticks().tolist() == [1, 5, 10]
    assert len(axes.lines) == 8
    for i, line in enumerate(axes.lines):
        assert line.get_xdata().tolist() == [1, 5, 10]
        assert line.get_ydata().tolist() == [90. + i, 80. + i, 70. + i]
        assert line.get_label() == f'model {i}'
    assert len({line.get_marker() for line in axes.lines}) == 8
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == list(curves)


def test_a_small_difference_looks_small():
    axes, = draw_stride_plot({'model': {1: 77.0, 2: 77.1}}, 'PCK').axes
    low, high = axes.get_ylim()
    assert high - low == pytest.approx(10)
    assert (low + high) / 2 == pytest.approx(77.05)
