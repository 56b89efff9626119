# Copyright (c) temporal_corr authors. All rights reserved.
"""Crops and center maps, one frame at a time."""
import numpy as np
import pytest
import torch
from mmpose.datasets.transforms import TopdownAffine
from mmpose.registry import TRANSFORMS

import projects.temporal_corr.datasets  # noqa: F401


def build(name, **kwargs):
    return TRANSFORMS.build(dict(type=name, **kwargs))


def frame(rotation=0., box=(20., 30., 60., 90.)):
    image = np.random.default_rng(0).integers(
        0, 256, (120, 100, 3), dtype=np.uint8)
    return dict(
        img=image,
        img_shape=(120, 100),
        bbox=np.array([box], dtype=np.float32),
        bbox_rotation=np.array([rotation], dtype=np.float32),
        keypoints=np.array([[[20., 30.], [60., 30.], [60., 90.]]]),
        keypoints_visible=np.ones((1, 3)))


@pytest.mark.parametrize('image_scale', [1.0, 1.2])
@pytest.mark.parametrize('box', [(20., 30., 60., 90.), (5., 5., 6., 100.)],
                         ids=['person', 'sliver'])
@pytest.mark.parametrize('input_size', [(64, 64), (48, 64)])
def test_an_image_pixel_has_a_fixed_size(image_scale, box, input_size):
    options = dict(input_size=input_size, image_scale=image_scale)
    scale = build('GetBBoxCenterFixedScale', **options)
    item = build('CropAffine', input_size=input_size)(scale(frame(box=box)))
    center = np.reshape(box, (2, 2)).mean(axis=0)
    shift = np.divide(input_size, 2) - image_scale * center
    np.testing.assert_allclose(
        item['crop'],
        np.column_stack([image_scale * np.eye(2), shift]),
        atol=1e-4)
    if input_size == (64, 64) and image_scale == 1 and box[0] == 20:
        # no interpolation: the pixels themselves
        np.testing.assert_array_equal(item['img'],
                                      frame()['img'][28:92, 8:72])
    # a given center is kept
    item = scale(dict(frame(), bbox_center=np.float32([[11., 12.]])))
    assert item['bbox_center'].tolist() == [[11., 12.]]


@pytest.mark.parametrize('use_udp', [False, True], ids=['msra', 'udp'])
@pytest.mark.parametrize('rotation', [0., 33.])
def test_without_padding_it_is_topdown_affine(use_udp, rotation):
    item = build('GetBBoxCenterScale')(frame(rotation))
    ours = build('CropAffine', input_size=(48, 64), use_udp=use_udp)
    theirs = TopdownAffine(input_size=(48, 64), use_udp=use_udp)
    ours, theirs = ours(dict(item)), theirs(dict(item))
    matrix = ours.pop('crop')
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(
        item['keypoints'] @ matrix[:, :2].T + matrix[:, 2],
        theirs['transformed_keypoints'],
        atol=1e-3)
    assert ours.keys() == theirs.keys()
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key], key)


def test_padding():
    """Grey outside of the image in every channel, and nothing else."""
    item = build('GetBBoxCenterScale')(
        frame(rotation=20., box=(60., 80., 120., 140.)))
    white = np.full_like(item['img'], 255)
    black, grey, share = (
        build('CropAffine', input_size=(48, 64), pad_value=value)(
            dict(item, img=image))['img']
        for value, image in ((0, item['img']), (128, item['img']), (0, white)))
    assert 0.2 < (share.min(axis=2) == 255).mean() < 0.8, 'crosses the border'
    # at the border both are blended
    np.testing.assert_allclose(grey, black + (1 - share / 255.) * 128, atol=2)


@pytest.mark.parametrize('key, kwargs, limit', [
    # the inverse of the box's size; that of a uniform box scale leaves
    # the range
    ('bbox_scale', dict(resize='image'), (0.7, 1.3)),
    ('bbox_scale', dict(), (0.7, 1.3)),
    ('bbox_center', dict(shift_factor=0.2, scale_factor=(1, 1)), (-.2, .2)),
    ('bbox_rotation', dict(), (-40, 40)),
])  # yapf: disable
def test_draws_are_uniform(key, kwargs, limit):
    np.random.seed(0)
    transform = build('UniformBBoxTransform', **kwargs)
    box = dict(bbox_center=np.zeros((2000, 2)), bbox_scale=np.ones((2000, 2)))
    values = transform(box)[key].reshape(2000, -1).T
    for value in 1 / values if 'resize' in kwargs else values:
        quarters = np.histogram(value, 4, limit)[0]
        assert quarters.sum() == 2000
        assert np.abs(quarters - 500).max() < 80  # 500 +- 19 each


def test_unknown_resize():
    with pytest.raises(AssertionError, match='person'):
        build('UniformBBoxTransform', resize='person')


def center_map(matrix, size=(64, 48), cells=(8, 6), **kwargs):
    """Of a box around (50, 80)."""
    return build('GenerateCenterMap', heatmap_size=cells, **kwargs)(
        dict(
            bbox=np.array([[30., 40., 70., 120.]], dtype=np.float32),
            crop=np.array(matrix, dtype=np.float32),
            input_size=size))['center_map']


def gaussian(size, center, sigma, stride=1):
    """Of the middles of cells of so many pixels."""
    x, y = np.meshgrid(*(stride * np.arange(side) + (stride - 1) / 2
                         for side in size))  # yapf: disable
    return np.exp(-((x - center[0])**2 + (y - center[1])**2) / (2 * sigma**2))


@pytest.mark.parametrize('matrix, center', [
    ([[1, 0, -20], [0, 1, -60]], (30, 20)),
    ([[0, -.5, 60], [.5, 0, 0]], (20, 25)),
    ([[1, 0, 50], [0, 1, -80]], (100, 0)),
], ids=['moved', 'turned and halved', 'outside'])
@pytest.mark.parametrize('sigma', [21., 5.])
def test_center_maps_are_gaussians(matrix, center, sigma):
    """Cells are 8 x 8 pixels."""
    made = center_map(matrix, sigma=sigma)
    assert made.dtype == np.float32
    np.testing.assert_allclose(
        made, gaussian((8, 6), center, sigma, 8)[None], atol=1e-6)


@pytest.mark.parametrize('side, cells', [(368, 46), (64, 8)])
def test_center_maps_equal_average_pooling(side, cells):
    """9x9 with stride 8 over a map of the input's size, at the end over what
    is left, as Caffe; against torch."""
    made = center_map([[1, 0, side / 2 - 60], [0, 1, side / 2 - 70]],
                      (side, side), (cells, cells), pool_size=9)
    image = gaussian((side, side), (side / 2 - 10, side / 2 + 10), 21)
    expected = torch.nn.functional.avg_pool2d(
        torch.from_numpy(image)[None], 9, stride=8, ceil_mode=True)
    np.testing.assert_allclose(made, expected.numpy(), atol=1e-6)
