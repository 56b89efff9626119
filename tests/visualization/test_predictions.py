# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.temporal_corr.video_io.output_files import fit_image
from projects.temporal_corr.visualization.predictions import (
    BAR, MAGENTA, draw_prediction, join_panels, panel_size, prediction_colors)


def make_sample(error=0.):
    """Keypoints on a grid in a box of 20 x 10; the first is off."""
    keypoints = np.stack([10. + np.arange(15), np.full(15, 20.)], -1)[None]
    predicted = keypoints.copy()
    predicted[0, 0] += 0, error
    sample = PoseDataSample()
    sample.gt_instances = InstanceData(
        keypoints=keypoints,
        keypoints_visible=np.ones((1, 15)),
        bboxes=np.array([[10., 15., 30., 25.]]),
        bbox_size=np.array([[20., 10.]]))
    sample.pred_instances = InstanceData(keypoints=predicted)
    return sample


@pytest.mark.parametrize('target, corner', [
    ((128, 96), (0.5, 0.5)),
    ((148, 96), (10.5, 0.5)),
    ((128, 100), (0.5, 2.5)),
], ids=['exact', 'bars left and right', 'bars above and below'])
def test_image_is_centred(target, corner):
    # Twice as large: pixel 0 covers pixels 0 and 1, so its centre is 0.5.
    np.testing.assert_allclose(
        fit_image((64, 48), target), [[2, 0, corner[0]], [0, 2, corner[1]]])


@pytest.mark.parametrize('error, show_gt, marked', [
    (4., True, False),
    (4.01, True, True),
    (np.nan, True, False),
    (4.01, False, False),
], ids=['0.2 of the larger side', 'wrong', 'nowhere', 'not asked for'])
def test_wrong_keypoints_are_marked(image, metainfo, error, show_gt, marked):
    size = (480, 360)
    panel = draw_prediction(image, make_sample(error), metainfo, size, show_gt)
    assert panel.shape == (360, 480, 3)
    assert (panel == MAGENTA).all(axis=-1).any() == marked
    assert ('wrong by PCK@0.2'
            in prediction_colors(metainfo, show_gt)) == show_gt


def test_panels_are_joined_in_order():
    """Of an even size that fits the widest image."""
    assert panel_size([(320, 240), (270, 480)], 361) == (480, 360)
    panels = [np.full((20, 40, 3), value, np.uint8) for value in (100, 200)]
    joined = join_panels(panels, ['one', 'other'], 'a caption that is long')
    assert joined.shape == (20 + 2 * BAR, 80, 3)
    np.testing.assert_array_equal(joined[BAR:-BAR],
                                  np.concatenate(panels, axis=1))
    words = join_panels(panels, ['one', 'other'], '', dict(left=(0, 255, 0)))
    assert len(words) == 20 + 3 * BAR
    assert (words[-BAR:, :, 1] > 200).any()
