# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest
from mmpose.codecs import MSRAHeatmap, UDPHeatmap

from projects.temporal_corr.visualization.overlay import (PosePainter,
                                                          crop_view,
                                                          overlay_map,
                                                          resize_map)

# MMPose's visualizer draws circles with arrays as radius.
pytestmark = pytest.mark.filterwarnings('ignore:Conversion of an array')


def test_crop_view_puts_pixels_where_the_crop_does():
    image = np.zeros((48, 64, 3), dtype=np.uint8)
    image[20, 30] = 255
    crop = np.array([[0.5, 0., -3.], [0., 0.5, 2.]])  # (30, 20) -> (12, 12)
    view = crop_view(image, crop, size=(24, 32), zoom=4.)
    assert view.shape == (128, 96, 3)
    row, column = np.unravel_index(view[..., 0].argmax(), view.shape[:2])
    assert (column, row) == (48, 48)


@pytest.mark.parametrize('codec', [MSRAHeatmap, UDPHeatmap])
@pytest.mark.parametrize('point', [(12., 8.), (80., 100.)])
def test_resized_peak_lies_where_the_codec_puts_it(codec, point):
    codec = codec(input_size=(96, 128), heatmap_size=(24, 32), sigma=2.)
    encoded = codec.encode(np.array([[point]], dtype=np.float32))
    zoom = 3
    resized = resize_map(encoded['heatmaps'][0], (288, 384),
                         zoom * np.asarray(codec.scale_factor))
    row, column = np.unravel_index(resized.argmax(), resized.shape)
    # The peak is at the nearest cell.
    half_cell = zoom * np.asarray(codec.scale_factor) / 2
    assert (np.abs([column, row] - zoom * np.array(point)) <= half_cell).all()


def test_resized_map_is_bilinear_between_cells():
    heatmap = np.array([[0., 4.], [8., 12.]])
    resized = resize_map(heatmap, (5, 5), (4., 4.))
    rows, cols = np.mgrid[:5, :5]
    np.testing.assert_allclose(resized, 2. * rows + cols, atol=1e-5)


def test_overlay_is_red_where_high_and_blue_where_low(image):
    heatmap = np.zeros((12, 16))
    heatmap[3, 5] = 1.
    overlay = overlay_map(image, heatmap, (4., 4.), alpha=1.)
    high, low = overlay[12, 20].astype(int), overlay[40, 60].astype(int)
    assert high[0] > 100 and high[2] == 0
    assert low[2] > 100 and low[0] == 0


def test_overlay_keeps_the_range_of_the_map_apart_from_its_colours(image):
    heatmap = np.random.default_rng(0).normal(size=(12, 16))
    np.testing.assert_array_equal(
        overlay_map(image, heatmap, (4., 4.)),
        overlay_map(image, 5. * heatmap - 3., (4., 4.)))


def test_constant_map_is_blue(image):
    red, _, blue = overlay_map(
        image, np.zeros((12, 16)), (4., 4.), alpha=1.)[24, 32]
    assert blue > 100 and red == 0


def test_pose_has_the_colours_of_the_data_set(image, metainfo):
    keypoints = np.full((15, 2), np.nan)
    head = metainfo['keypoint_name2id']['head']
    keypoints[head] = 20, 30
    before = image.copy()
    drawn = PosePainter(metainfo, radius=3, outline=False)(image, keypoints)
    np.testing.assert_array_equal(drawn[30, 20],
                                  metainfo['keypoint_colors'][head])
    changed = np.argwhere((drawn != image).any(axis=-1))
    assert np.abs(changed - (30, 20)).max() <= 3
    np.testing.assert_array_equal(image, before)


def test_invisible_keypoints_are_left_out(image, metainfo):
    keypoints = np.tile([[20., 30.]], (15, 1))
    drawn = PosePainter(metainfo)(image, keypoints, np.zeros(15))
    np.testing.assert_array_equal(drawn, image)


def test_outline_is_black_around_the_colour(image, metainfo):
    keypoints = np.full((15, 2), np.nan)
    keypoints[0] = 20, 30
    drawn = PosePainter(metainfo, radius=3)(image, keypoints)
    assert not drawn[30, 24].any()
    assert drawn[30, 20].any()
