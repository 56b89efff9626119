# Copyright (c) temporal_corr authors. All rights reserved.
import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.temporal_corr.video_io.output_files import fit_image
from projects.temporal_corr.visualization import (PredictionPainter,
                                                  VideoExcerpt,
                                                  draw_contact_sheet)
from projects.temporal_corr.visualization.prediction_panels import (
    BAR, MAGENTA, fit_person, join_panels, panel_size)

# MMPose's visualizer draws circles with arrays as radius.
pytestmark = pytest.mark.filterwarnings('ignore:Conversion of an array')


def make_sample(error=0.):
    """Keypoints on a grid in a box of 20 x 10; the first is off."""
    keypoints = np.stack([10. + np.arange(15), np.full(15, 20.)], -1)[None]
    predicted = keypoints.copy()
    predicted[0, 0] += error, 0
    sample = PoseDataSample(metainfo=dict(frame_index=3))
    sample.gt_instances = InstanceData(
        keypoints=keypoints,
        keypoints_visible=np.ones((1, 15)),
        bboxes=np.array([[10., 15., 30., 25.]]),
        bbox_size=np.array([[20., 10.]]))
    sample.pred_instances = InstanceData(keypoints=predicted)
    return sample


def test_whole_image_is_shown_as_opencv_resizes_it(image):
    size = (96, 72)
    shown = cv2.warpAffine(image, fit_image((64, 48), size), size)
    resized = cv2.resize(image, size)
    inner = (slice(2, -2), slice(2, -2))
    difference = np.abs(shown[inner].astype(int) - resized[inner])
    assert difference.max() <= 3  # rounding of OpenCV's warp to 1/32 pixel


@pytest.mark.parametrize('size, target, corner', [
    ((64, 48), (128, 96), (0.5, 0.5)),
    ((64, 48), (148, 96), (10.5, 0.5)),
    ((64, 48), (128, 100), (0.5, 2.5)),
], ids=['exact', 'bars left and right', 'bars above and below'])
def test_image_is_centred(size, target, corner):
    # Twice as large: pixel 0 covers pixels 0 and 1, so its centre is 0.5.
    matrix = fit_image(size, target)
    np.testing.assert_allclose(matrix, [[2, 0, corner[0]], [0, 2, corner[1]]])


@pytest.mark.parametrize('box, centre', [
    ((30., 20., 34., 28.), (32., 24.)),
    ((0., 0., 4., 4.), (9.5, 9.5)),
], ids=['in the middle', 'the panel stays inside of the image'])
def test_person_is_shown_at_one_scale(box, centre):
    matrix = fit_person(np.array(box), 20., (64, 48), (40, 40))
    assert matrix[0, 0] == matrix[1, 1] == 2.
    np.testing.assert_allclose(matrix @ (*centre, 1.), (19.5, 19.5))


def test_panel_size_is_even_and_fits_the_widest():
    assert panel_size([(320, 240), (270, 480)], 361) == (480, 360)
    assert panel_size([(333, 240)], 180) == (250, 180)


@pytest.mark.parametrize('error, wrong', [
    (4., False),
    (4.01, True),
    (np.nan, True),
], ids=['0.2 of the larger side is a hit', 'beyond', 'not finite'])
def test_hits_follow_the_larger_side_of_the_box(metainfo, error, wrong):
    painter = PredictionPainter(metainfo, (64, 48), show_gt=True)
    hits = painter.hits(make_sample(error))
    assert hits[1:].all() and hits[0] == (not wrong)


@pytest.mark.parametrize('error, show_gt, marked', [
    (15., True, True),
    (1., True, False),
    (15., False, False),
], ids=['wrong', 'correct', 'not asked for'])
def test_wrong_keypoints_are_marked(image, metainfo, error, show_gt, marked):
    size = (480, 360)
    painter = PredictionPainter(metainfo, size, show_gt)
    panel = painter(image, make_sample(error), fit_image((64, 48), size))
    assert panel.shape == (360, 480, 3)
    assert (panel == MAGENTA).all(axis=-1).any() == marked


def test_panels_are_joined_in_order():
    panels = [np.full((20, 40, 3), value, np.uint8) for value in (100, 200)]
    joined = join_panels(panels, ['one', 'other'], 'a caption that is long')
    assert joined.shape == (20 + 2 * BAR, 80, 3)
    np.testing.assert_array_equal(joined[BAR:-BAR],
                                  np.concatenate(panels, axis=1))


def test_contact_sheet_has_a_cell_for_each_frame_and_model(image, metainfo):
    excerpts = []
    for video_id, length in (('frames/1', 3), ('frames/2', 2)):
        excerpt = VideoExcerpt(video_id)
        for _ in range(length):
            excerpt.append(image, [make_sample(), make_sample(9.)])
        excerpts.append(excerpt)
    figure = draw_contact_sheet(excerpts, ['one', 'other'], metainfo, True)
    assert len(figure.axes) == (3 + 2) * 2
    words = [text.get_text() for text in figure.texts]
    assert {'frames/1', 'frames/2', 'one', 'other', 'frame 4'} <= set(words)
    for axes in figure.axes:
        x0, y0, x1, y1 = axes.get_position().extents
        assert 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
