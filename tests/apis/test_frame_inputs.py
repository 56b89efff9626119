# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest

BOX = [8., 6., 56., 42.]
OTHER = [20., 2., 60., 40.]


def keypoints(inferencer, frame):
    """Keypoints of one person in the same box, (K, 2)."""
    sample, = inferencer(frame, [BOX])
    return sample.pred_instances.keypoints[0]


@pytest.mark.parametrize('convert', [
    lambda grey: grey,
    lambda grey: grey[..., None],
    lambda grey: np.stack([grey] * 3, axis=-1),
    lambda grey: np.dstack([grey, grey, grey, grey // 2]),
    lambda grey: np.asfortranarray(np.stack([grey] * 3, axis=-1)),
    lambda grey: np.stack([grey[:, ::-1]] * 3, axis=-1)[:, ::-1],
], ids=['grey', 'grey 1', 'bgr', 'bgra', 'column-major', 'a view'])
def test_kinds_of_images(make_inferencer, video, convert):
    inferencer = make_inferencer(None)
    grey = video[0, ..., 0]
    expected = keypoints(inferencer, np.stack([grey] * 3, axis=-1))
    np.testing.assert_array_equal(
        keypoints(inferencer, convert(grey)), expected)


NAN = float('nan')
BAD = [
    (dict(frame='a.jpg'), 'is a str.*cv2.imread'),
    (dict(frame=np.zeros((0, 4, 3), np.uint8)), 'is empty'),
    (dict(frame=np.zeros((48, 64, 3))), 'float64, not uint8'),
    (dict(frame=np.zeros((3, 48, 64), np.uint8)), 'channels last'),
    (dict(frame=np.zeros((1, 4, 4, 3), np.uint8)), 'one frame at a time'),
    (dict(bboxes=[[0, 0, NAN, 9]]), r'bboxes\[0\].*not finite'),
    (dict(bboxes=[BOX, [0, 0, np.inf, 9]]), r'bboxes\[1\].*not finite'),
    (dict(bboxes=[[9, 9, 9, 20]]), 'no area.*xywh2xyxy'),
    (dict(bboxes=[BOX + [0.9]]), r'\(1, 5\).*bbox_scores'),
    (dict(bboxes=BOX), r'\(4,\); it must be \(N, 4\)'),
    (dict(bboxes=[BOX, [1, 2]]), 'equal length'),
    (dict(bboxes='all'), 'must be numbers'),
    (dict(bboxes=[BOX, OTHER], track_ids=[4, 4]), 'person 4 2 times'),
    (dict(bboxes=[BOX, OTHER], track_ids=[4]), r'\(1,\), but there are 2'),
    (dict(bboxes=[BOX], track_ids=[0.5]), 'integers'),
    (dict(bboxes=[BOX], track_ids=[NAN]), 'integers'),
    (dict(bboxes=[BOX], bbox_scores=[1, 1]), r'\(2,\), but there are 1'),
    (dict(bboxes=[], track_ids=[1]), r'\(1,\), but there are 0'),
]


@pytest.mark.parametrize('change, message', BAD)
def test_bad_input_is_refused(make_inferencer, video, change, message):
    inferencer = make_inferencer()
    arguments = dict(dict(frame=video[0], bboxes=[BOX]), **change)
    with pytest.raises(ValueError, match=message):
        inferencer(**arguments)
    # It does not count.
    assert inferencer(video[0], [BOX])[0].frame_index == 0


def test_arguments_are_not_changed(make_inferencer, video):
    inferencer = make_inferencer()
    frame, boxes = video[0].copy(), np.array([BOX, OTHER])
    kept = boxes.copy()
    inferencer(frame, boxes)
    np.testing.assert_array_equal(frame, video[0])
    np.testing.assert_array_equal(boxes, kept)
