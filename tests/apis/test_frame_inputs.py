# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest

from projects.temporal_corr.apis.frame_inputs import as_bgr

BOX = [8., 6., 56., 42.]
OTHER = [20., 2., 60., 40.]
NAN = float('nan')


@pytest.mark.parametrize('convert', [
    lambda grey: grey,
    lambda grey: grey[..., None],
    lambda grey: np.dstack([grey, grey, grey, grey // 2]),
    lambda grey: np.asfortranarray(np.stack([grey] * 3, axis=-1)),
    lambda grey: np.stack([grey[:, ::-1]] * 3, axis=-1)[:, ::-1],
], ids=['grey', 'grey 1', 'bgra', 'column-major', 'a view'])
def test_kinds_of_images(video, convert):
    grey = video[0, ..., 0]
    found = as_bgr(convert(grey))
    np.testing.assert_array_equal(found, np.stack([grey] * 3, axis=-1))
    assert found.flags.c_contiguous


@pytest.mark.parametrize('change, message', [
    (dict(frame='a.jpg'), 'str.*cv2.imread'),
    (dict(frame=np.zeros((0, 4, 3), np.uint8)), r'\(0, 4, 3\)'),
    (dict(frame=np.zeros((48, 64, 3))), 'float64.*uint8'),
    (dict(frame=np.zeros((3, 48, 64), np.uint8)), 'channels last'),
    (dict(frame=np.zeros((1, 4, 4, 3), np.uint8)), 'one frame'),
    (dict(bboxes=[[0, 0, NAN, 9]]), r'bboxes\[0\].*finite'),
    (dict(bboxes=[BOX, [0, 0, np.inf, 9]]), r'bboxes\[1\].*finite'),
    (dict(bboxes=[[9, 9, 9, 20]]), 'area.*xywh2xyxy'),
    (dict(bboxes=[BOX + [0.9]]), r'\(1, 5\).*bbox_scores'),
    (dict(bboxes=BOX), r'\(4,\); it must be \(N, 4\)'),
    (dict(bboxes=[BOX, [1, 2]]), 'equal length'),
    (dict(bboxes='all'), 'must be numbers'),
    (dict(bboxes=[BOX, OTHER], track_ids=[4, 4]), r'\[4, 4\].*different'),
    (dict(bboxes=[BOX, OTHER], track_ids=[4]), '2 different'),
    (dict(bboxes=[BOX], track_ids=[0.5]), 'integers'),
    (dict(bboxes=[BOX], track_ids=[NAN]), 'integers'),
    (dict(bboxes=[BOX], bbox_scores=[1, 1]), r'\(2,\), but there are 1'),
    (dict(bboxes=[], track_ids=[1]), '0 different'),
])
def test_bad_input_is_refused(make_inferencer, video, change, message):
    inferencer = make_inferencer()
    arguments = dict(dict(frame=video[0], bboxes=[BOX]), **change)
    with pytest.raises(ValueError, match=message):
        inferencer(**arguments)
    # It does not count.
    assert inferencer(video[0], [BOX])[0].frame_index == 0


def test_arguments_are_not_changed(make_inferencer, video):
    frame, boxes = video[0].copy(), np.array([BOX, OTHER])
    kept = boxes.copy()
    make_inferencer()(frame, boxes)
    np.testing.assert_array_equal(frame, video[0])
    np.testing.assert_array_equal(boxes, kept)
