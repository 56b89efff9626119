# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest
from mmcv.transforms.utils import cache_random_params
from mmpose.datasets.transforms import TopdownAffine
from mmpose.registry import TRANSFORMS

import projects.temporal_corr.datasets  # noqa: F401


def build(name, **kwargs):
    return TRANSFORMS.build(dict(type=name, **kwargs))


def frame(seed=0, rotation=0., box=(20., 30., 60., 90.)):
    image = np.random.default_rng(seed).integers(
        0, 256, (120, 100, 3), dtype=np.uint8)
    return dict(
        img=image,
        img_shape=(120, 100),
        bbox=np.array([box], dtype=np.float32),
        bbox_rotation=np.array([rotation], dtype=np.float32),
        keypoints=np.array([[[20., 30.], [60., 30.], [60., 90.]]]),
        keypoints_visible=np.ones((1, 3)))


@pytest.mark.parametrize('image_scale', [1.0, 1.2, 0.5])
@pytest.mark.parametrize('box', [(20., 30., 60., 90.), (5., 5., 6., 100.)],
                         ids=['person', 'sliver'])
@pytest.mark.parametrize('input_size', [(64, 64), (48, 64)],
                         ids=['square', 'upright'])
def test_an_image_pixel_has_a_fixed_size(image_scale, box, input_size):
    item = frame(box=box)
    item = build(
        'GetBBoxCenterFixedScale',
        input_size=input_size,
        image_scale=image_scale)(item)
    assert item['bbox_scale'].dtype == item['bbox_center'].dtype == np.float32
    item = build('CropAffine', input_size=input_size)(item)
    center = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2]
    np.testing.assert_allclose(
        item['crop'][:, :2], image_scale * np.eye(2), atol=1e-5)
    np.testing.assert_allclose(
        item['crop'] @ [*center, 1], np.divide(input_size, 2), atol=1e-4)
    if input_size == (64, 64) and image_scale == 1:
        # no interpolation: the pixels themselves, where the box is centered
        # on whole numbers
        if center == [40, 60]:
            np.testing.assert_array_equal(item['img'],
                                          frame()['img'][28:92, 8:72])


def test_a_given_center_is_kept():
    item = dict(frame(), bbox_center=np.array([[11., 12.]], np.float32))
    item = build('GetBBoxCenterFixedScale', input_size=(64, 64))(item)
    assert item['bbox_center'].tolist() == [[11., 12.]]
    assert item['bbox_scale'].tolist() == [[64., 64.]]


def test_without_a_crop_box_it_is_mmposes():
    ours, theirs = (
        build(name, padding=1.5)(frame())
        for name in ('GetCropCenterScale', 'GetBBoxCenterScale'))
    for key in ('bbox_center', 'bbox_scale'):
        np.testing.assert_array_equal(ours[key], theirs[key])
        assert ours[key].dtype == theirs[key].dtype


@pytest.mark.parametrize('use_udp', [False, True], ids=['msra', 'udp'])
@pytest.mark.parametrize('rotation', [0., 33.])
def test_without_padding_it_is_topdown_affine(use_udp, rotation):
    item = frame(rotation=rotation)
    item = build('GetBBoxCenterScale')(item)
    ours = build('CropAffine', input_size=(48, 64), use_udp=use_udp)
    theirs = TopdownAffine(input_size=(48, 64), use_udp=use_udp)
    ours, theirs = ours(dict(item)), theirs(dict(item))
    assert ours.pop('crop').shape == (2, 3)
    assert ours.keys() == theirs.keys()
    for key in theirs:
        np.testing.assert_array_equal(ours[key], theirs[key], key)


def test_padding():
    """Grey outside of the image in every channel, and nothing else."""
    item = frame(rotation=20., box=(60., 80., 120., 140.))
    item = build('GetBBoxCenterScale')(item)
    black, grey = (
        build('CropAffine', input_size=(48, 64), pad_value=value)(dict(item))
        for value in (0, 128))
    white = dict(item, img=np.full_like(item['img'], 255))
    share = build('CropAffine', input_size=(48, 64))(white)['img']
    assert (grey['img'][share.max(axis=2) == 0] == 128).all()
    inside = share.min(axis=2) == 255
    np.testing.assert_array_equal(grey['img'][inside], black['img'][inside])
    assert 0.2 < inside.mean() < 0.8, 'the crop crosses the border'
    # between, the border is blended
    np.testing.assert_allclose(
        grey['img'], black['img'] + (1 - share / 255.) * 128, atol=2)


def draws(count, **kwargs):
    transform = build('UniformBBoxTransform', **kwargs)
    box = dict(bbox_center=np.zeros((1, 2)), bbox_scale=np.ones((1, 2)))
    return [transform(dict(box)) for _ in range(count)]


def test_scales_of_images_are_uniform():
    """The inverse of the box's size, evenly over [0.7, 1.3]."""
    np.random.seed(0)
    made = draws(4000, resize='image')
    scale = 1 / np.array([item['bbox_scale'][0, 0] for item in made])
    quarters = np.histogram(scale, 4, (0.7, 1.3))[0]
    assert quarters.sum() == 4000
    # 1000 +- 27 each if uniform; the inverse of a uniform box scale leaves
    # the range
    assert np.abs(quarters - 1000).max() < 110


def test_shifts_are_uniform():
    """Up to 0.2 crops in x and in y, in every draw."""
    np.random.seed(0)
    made = draws(2000, shift_factor=0.2, scale_factor=(1, 1))
    for shift in np.concatenate([item['bbox_center'] for item in made]).T:
        quarters = np.histogram(shift, 4, (-0.2, 0.2))[0]
        assert quarters.sum() == 2000
        # 500 +- 19 each
        assert np.abs(quarters - 500).max() < 80


def test_frames_of_a_clip_share_the_scale_of_the_image():
    transform = build('UniformBBoxTransform', resize='image')
    first, second = (
        dict(bbox_center=np.zeros((1, 2)), bbox_scale=np.full((1, 2), size))
        for size in (1., 3.))
    scales = []
    for _ in range(3):
        with cache_random_params(transform):
            first_done, second_done = (
                transform(dict(item)) for item in (first, second))
        np.testing.assert_allclose(first_done['bbox_scale'] * 3,
                                   second_done['bbox_scale'])
        scales.append(float(first_done['bbox_scale'][0, 0]))
    assert len(set(scales)) == 3


def test_unknown_resize_is_refused():
    with pytest.raises(ValueError, match="'box' or 'image'"):
        build('UniformBBoxTransform', resize='person')
