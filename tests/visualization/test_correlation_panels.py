# Copyright (c) temporal_corr authors. All rights reserved.
import cv2
import numpy as np
import pytest

from projects.temporal_corr.visualization import (CorrelationViews,
                                                  draw_correlation_panels,
                                                  overlay_map)
from projects.temporal_corr.visualization.correlation_panels import \
    mark_keypoint
from projects.temporal_corr.visualization.prediction_panels import BAR

NAMES = ('head', 'left_ankle')


@pytest.fixture
def views(image):
    rng = np.random.default_rng(0)
    return CorrelationViews(
        exemplar_image=image,
        image=image[:, ::-1].copy(),
        exemplar_keypoints=rng.uniform(10, 40, (15, 2)),
        keypoints=rng.uniform(10, 40, (15, 2)),
        keypoints_alone=np.zeros((15, 2)),
        correlation=rng.normal(size=(15, 12, 16)),
        heatmaps=rng.uniform(size=(15, 12, 16)),
        stride=(4., 4.),
        origin=(0., 0.),
        video_id='frames/0007',
        frame=9,
        exemplar_frame=4)


def test_rows_are_exemplar_correlation_and_heatmap(views, metainfo):
    """At the size of the views; the rings are small and of one colour."""
    frame = draw_correlation_panels(views, NAMES, metainfo, height=48)
    assert frame.shape == (2 * (BAR + 48) + BAR, 3 * 64, 3)
    ids = metainfo['keypoint_name2id']
    for row, name in enumerate(NAMES):
        index = ids[name]
        top = row * (BAR + 48) + BAR
        shown = np.split(frame[top:top + 48], 3, axis=1)
        correlation, heatmap = (
            overlay_map(views.image, maps[index], views.stride)
            for maps in (views.correlation, views.heatmaps))
        np.testing.assert_array_equal(shown[1], correlation)
        marked = ((shown[0], views.exemplar_image,
                   views.exemplar_keypoints[index]),
                  (shown[2], heatmap, views.keypoints[index]))
        for panel, plain, point in marked:
            changed = np.argwhere((panel != plain).any(axis=-1))
            assert len(changed)
            assert np.abs(changed[:, ::-1] - point).max() <= 8


def test_size_is_even_and_that_of_the_panels(views, metainfo):
    frame = draw_correlation_panels(views, ['neck'], metainfo, height=101)
    assert frame.shape[0] % 2 == frame.shape[1] % 2 == 0
    assert frame.shape[0] == 2 * BAR + 100


def test_views_stay_as_they_are(views, metainfo):
    before = views.image.copy(), views.exemplar_image.copy()
    draw_correlation_panels(views, NAMES, metainfo)
    np.testing.assert_array_equal(views.image, before[0])
    np.testing.assert_array_equal(views.exemplar_image, before[1])


def test_ring_is_black_around_the_colour(image):
    ringed = mark_keypoint(image, (30., 20.), '#ff0000')
    plain = cv2.circle(image.copy(), (30, 20), 4, (0, 0, 0), 3, cv2.LINE_AA)
    plain = cv2.circle(plain, (30, 20), 4, (255, 0, 0), 1, cv2.LINE_AA)
    np.testing.assert_array_equal(ringed, plain)
    np.testing.assert_array_equal(ringed[20, 30], image[20, 30])


def test_keypoints_that_are_not_finite_have_no_ring(image):
    ringed = mark_keypoint(image, (np.nan, 3.), '#ff0000')
    np.testing.assert_array_equal(ringed, image)


def test_unknown_keypoint_names_those_there_are(views, metainfo):
    with pytest.raises(ValueError, match='nose.*neck, belly, head'):
        draw_correlation_panels(views, ['nose'], metainfo)
