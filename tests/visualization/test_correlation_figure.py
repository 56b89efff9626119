# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest

from projects.temporal_corr.visualization import (CorrelationViews,
                                                  draw_correlation_figure,
                                                  overlay_map)

NAMES = ('head', 'left_ankle')

# MMPose's visualizer draws circles with arrays as radius.
pytestmark = pytest.mark.filterwarnings('ignore:Conversion of an array')


@pytest.fixture
def views(image):
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(5, 40, (15, 2))
    return CorrelationViews(
        exemplar_image=image,
        image=image[:, ::-1].copy(),
        exemplar_keypoints=keypoints,
        keypoints=keypoints + 2,
        keypoints_alone=keypoints - 2,
        correlation=rng.normal(size=(15, 12, 16)),
        heatmaps=rng.uniform(size=(15, 12, 16)),
        stride=(4., 4.),
        origin=(0., 0.),
        video_id='frames/0007',
        frame=9,
        exemplar_frame=4)


def test_panels_show_the_chosen_maps_on_the_current_frame(views, metainfo):
    figure = draw_correlation_figure(views, NAMES, metainfo)
    shown = {axes.get_title(): axes.images[0].get_array()
             for axes in figure.axes if axes.get_title()}  # yapf: disable
    ids = metainfo['keypoint_name2id']
    for name in NAMES:
        expected = overlay_map(views.image, views.correlation[ids[name]],
                               views.stride)
        title = name.replace('_', ' ') + ': correlation'
        np.testing.assert_array_equal(shown[title], expected)
    np.testing.assert_array_equal(shown['heatmap'],
                                  overlay_map(views.image,
                                              views.heatmaps[ids[NAMES[-1]]],
                                              views.stride))
    np.testing.assert_array_equal(shown['frame 4, exemplars'],
                                  views.exemplar_image)
    np.testing.assert_array_equal(shown['frame 9'], views.image)
    assert 'frames/0007' in [text.get_text() for text in figure.texts]


def test_exemplar_keypoints_are_marked(views, metainfo):
    figure = draw_correlation_figure(views, NAMES, metainfo)
    axes = next(axes for axes in figure.axes
                if 'exemplars' in axes.get_title())
    marks = {tuple(np.ravel(line.get_data())) for line in axes.lines}
    ids = metainfo['keypoint_name2id']
    assert marks == {
        tuple(views.exemplar_keypoints[ids[name]])
        for name in NAMES
    }


def test_unknown_keypoint_names_those_there_are(views, metainfo):
    with pytest.raises(ValueError, match='nose.*neck, belly, head'):
        draw_correlation_figure(views, ['nose'], metainfo)
