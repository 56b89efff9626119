# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest
from mmpose.codecs import MSRAHeatmap, UDPHeatmap

from projects.temporal_corr.visualization import (CorrelationViews,
                                                  draw_correlation_figure,
                                                  overlay_map)

NAMES = ('head', 'left_ankle')


@pytest.mark.parametrize('codec', [MSRAHeatmap, UDPHeatmap])
@pytest.mark.parametrize('point', [(12., 8.), (80., 100.)])
def test_peak_lies_where_the_codec_puts_it(codec, point):
    """Where the colour turns red: low blue and full opacity."""
    codec = codec(input_size=(96, 128), heatmap_size=(24, 32), sigma=2.)
    encoded = codec.encode(np.array([[point]], dtype=np.float32))
    zoom = 3
    stride = zoom * np.asarray(codec.scale_factor)
    black = np.zeros((384, 288, 3), np.uint8)
    overlay = overlay_map(black, encoded['heatmaps'][0], stride, alpha=1.)
    # the darkest red of the jet colours is the highest
    score = np.where(overlay[..., 0] > 100, 255. - overlay[..., 0], -1)
    score[overlay[..., 1:].any(axis=-1)] = -1
    rows, columns = np.nonzero(score == score.max())
    centre = np.array([columns.mean(), rows.mean()])
    # The peak is at the nearest cell.
    assert (np.abs(centre - zoom * np.array(point)) <= stride / 2 + 1).all()


def test_overlay_spans_the_range_of_the_map(image):
    """Red where high, blue where low, whatever the unit of the map is."""
    heatmap = np.zeros((12, 16))
    heatmap[3, 5] = 1.
    overlay = overlay_map(image, heatmap, (4., 4.), alpha=1.)
    high, low = overlay[12, 20].astype(int), overlay[40, 60].astype(int)
    assert high[0] > 100 and high[2] == 0
    assert low[2] > 100 and low[0] == 0
    np.testing.assert_array_equal(
        overlay, overlay_map(image, 5. * heatmap - 3., (4., 4.), alpha=1.))
    constant = overlay_map(image, np.zeros((12, 16)), (4., 4.), alpha=1.)
    assert constant[24, 32, 2] > 100 and constant[24, 32, 0] == 0


def test_figure_shows_the_chosen_maps_on_the_current_frame(image, metainfo):
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(5, 40, (15, 2))
    views = CorrelationViews(
        exemplar_image=image,
        image=image[:, ::-1].copy(),
        exemplar_keypoints=keypoints,
        keypoints=keypoints + 2,
        keypoints_alone=keypoints - 2,
        correlation=rng.normal(size=(15, 12, 16)),
        heatmaps=rng.uniform(size=(15, 12, 16)),
        stride=(4., 4.),
        origin=(1., 2.),
        video_id='frames/0007',
        frame=9,
        exemplar_frame=4)
    figure = draw_correlation_figure(views, NAMES, metainfo)
    shown = {axes.get_title(): axes for axes in figure.axes}
    ids = metainfo['keypoint_name2id']
    expected = {
        'frame 4, exemplars': views.exemplar_image,
        'frame 9': views.image,
        'head: correlation': views.correlation[ids['head']],
        'left ankle: correlation': views.correlation[ids['left_ankle']],
        'heatmap': views.heatmaps[ids['left_ankle']]  # the last one
    }
    for title, panel in expected.items():
        if panel.ndim == 2:
            panel = overlay_map(views.image, panel, views.stride, views.origin)
        np.testing.assert_array_equal(shown[title].images[0].get_array(),
                                      panel, title)
    pose, alone = (
        shown[title].images[0].get_array()
        for title in ('pose', 'pose without the maps'))
    assert not np.array_equal(pose, alone)
    marked = shown['frame 4, exemplars'].lines
    assert {tuple(np.ravel(line.get_data())) for line in marked
            } == {tuple(keypoints[ids[name]]) for name in NAMES}
