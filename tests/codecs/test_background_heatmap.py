# Copyright (c) temporal_corr authors. All rights reserved.
import math

import numpy as np
import pytest
from mmpose.registry import KEYPOINT_CODECS

import projects.temporal_corr.codecs  # noqa: F401


@pytest.fixture
def codec():
    return KEYPOINT_CODECS.build(
        dict(
            type='BackgroundHeatmap',
            input_size=(96, 64),
            heatmap_size=(12, 8),
            sigma=7.))


def test_equals_a_loop_over_cells(codec):
    """Cells are 8 x 8 pixels, each a Gaussian of its middle above 1 %; the
    background is what the parts leave."""
    keypoints = np.array([[[20.25, 30.5], [70., 10.], [5., 5.]]])
    encoded = codec.encode(keypoints, np.array([[1., 1., 0.]]))
    maps = encoded['heatmaps']
    assert maps.shape == (4, 8, 12) and maps.dtype == np.float32
    assert encoded['keypoint_weights'].tolist() == [[1, 1, 0]]
    for row in range(8):
        for column in range(12):
            expected = []
            for x, y in keypoints[0, :2]:
                square = (8 * column + 3.5 - x)**2 + (8 * row + 3.5 - y)**2
                value = math.exp(-square / (2 * 7**2))
                expected.append(value if value > 0.01 else 0)
            expected += [0, 1 - max(expected)]
            np.testing.assert_allclose(
                maps[:, row, column], expected, atol=1e-6)


def test_round_trip(codec):
    """Finer than a cell, also near the border; the background is no part."""
    rng = np.random.default_rng(0)
    keypoints = rng.uniform((1, 1), (94, 62), (1, 50, 2))
    found, scores = codec.decode(codec.encode(keypoints)['heatmaps'])
    assert found.shape == (1, 50, 2) and scores.shape == (1, 50)
    assert np.abs(found - keypoints).max() < 0.1
    assert scores.max() <= 1 and scores.min() > 0.7
