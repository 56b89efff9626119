# Copyright (c) temporal_corr authors. All rights reserved.
import math

import numpy as np
import pytest
import torch
from mmpose.registry import TRANSFORMS

import projects.temporal_corr.datasets  # noqa: F401


def results(matrix, box=(30., 40., 70., 120.)):
    return dict(
        bbox=np.array([box], dtype=np.float32),
        crop=np.array(matrix, dtype=np.float32),
        input_size=(64, 48))


def generate(matrix, **kwargs):
    transform = TRANSFORMS.build(
        dict(type='GenerateCenterMap', heatmap_size=(8, 6), **kwargs))
    return transform(results(matrix))['center_map']


@pytest.mark.parametrize('matrix, center', [
    ([[1, 0, -20], [0, 1, -60]], (30, 20)),
    ([[0, -.5, 60], [.5, 0, 0]], (20, 25)),
    ([[1, 0, 50], [0, 1, -80]], (100, 0)),
], ids=['moved', 'turned and halved', 'outside'])
@pytest.mark.parametrize('sigma', [21., 5.])
def test_equals_a_loop_over_cells(matrix, center, sigma):
    """The box is centered on (50, 80); cells are 8 x 8 pixels."""
    made = generate(matrix, sigma=sigma)
    assert made.shape == (1, 6, 8) and made.dtype == np.float32
    for row in range(6):
        for column in range(8):
            square = (8 * column + 3.5 - center[0])**2 + (
                8 * row + 3.5 - center[1])**2
            expected = math.exp(-square / (2 * sigma**2))
            assert made[0, row, column] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize('size, cells', [((368, 368), 46), ((64, 64), 8)])
def test_equals_average_pooling(size, cells):
    """9x9 with stride 8 over a map of the input's size, at the end over what
    is left, as Caffe; against torch."""
    transform = TRANSFORMS.build(
        dict(
            type='GenerateCenterMap',
            heatmap_size=(cells, cells),
            pool_size=9))
    matrix = [[1, 0, size[0] / 2 - 60], [0, 1, size[1] / 2 - 70]]
    made = transform(dict(results(matrix), input_size=size))['center_map']
    x, y = size[0] / 2 - 10, size[1] / 2 + 10
    rows, columns = np.mgrid[:size[1], :size[0]]
    image = np.exp(-((columns - x)**2 + (rows - y)**2) / (2 * 21**2))
    expected = torch.nn.functional.avg_pool2d(
        torch.from_numpy(image)[None], 9, stride=8, ceil_mode=True)
    np.testing.assert_allclose(made, expected.numpy(), atol=1e-6)


def test_follows_flip_and_shifted_crops():
    """Through the real transforms, against the box mapped by hand."""
    shift = dict(type='UniformBBoxTransform', shift_factor=0.16)
    pipeline = [
        TRANSFORMS.build(cfg) for cfg in (
            dict(type='GetBBoxCenterFixedScale', input_size=(64, 48)),
            dict(type='RandomFlip', prob=1.0), shift,
            dict(type='CropAffine', input_size=(64, 48)),
            dict(type='GenerateCenterMap', heatmap_size=(8, 6), sigma=5.))
    ]
    np.random.seed(0)
    peaks = []
    for _ in range(20):
        item = dict(
            img=np.zeros((200, 100, 3), np.uint8),
            img_shape=(200, 100),
            bbox=np.array([[10., 60., 40., 90.]], dtype=np.float32))
        for transform in pipeline:
            item = transform(item)
        # the box's center (25, 75) mirrored in an image 100 wide
        x, y = item['crop'] @ [99 - 25, 75, 1]
        made = item['center_map'][0]
        row, column = np.unravel_index(made.argmax(), made.shape)
        assert abs(8 * column + 3.5 - x) <= 4 + 1e-3
        assert abs(8 * row + 3.5 - y) <= 4 + 1e-3
        peaks.append((row, column))
    assert len(set(peaks)) > 3, 'the crops are shifted'
