# Copyright (c) temporal_corr authors. All rights reserved.
"""Labels without a network, on motion that is known."""
import json

import cv2
import numpy as np
import pytest

from studies.label_rivals import RIVALS, lucas_kanade, main
from studies.table import table

#: Pixels a frame, x and y.
SPEED = np.array([1.5, -0.75])
TOTAL = 9
LABELS = np.array([[60., 70.], [90., 50.], [75., 95.]])


@pytest.fixture(scope='module')
def moving():
    """A texture that moves as a whole, and where three points of it are."""
    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.random((160, 160)).astype('f4'), (0, 0), 2)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    images, points = [], []
    for t in range(TOTAL):
        shift = np.array([[1, 0, t * SPEED[0]], [0, 1, t * SPEED[1]]])
        images.append(
            cv2.warpAffine(
                texture, shift, (160, 160),
                borderMode=cv2.BORDER_REFLECT).astype('u1'))
        points.append(LABELS + t * SPEED)
    return images, np.stack(points)


@pytest.mark.parametrize('numbers', [[0], [4], [0, 8], [1, 5]])
@pytest.mark.parametrize('name', ['Lucas-Kanade', 'DIS flow'])
def test_flow_follows_what_a_copy_does_not(moving, name, numbers):
    """From labels anywhere, on and back."""
    images, truth = moving
    boxes = np.tile([0., 0., 160., 160.], (TOTAL, 1))
    found = RIVALS[name](truth[numbers], numbers, boxes, images)
    error = np.linalg.norm(found - truth, axis=-1)
    assert error.max() < 1 and not error[numbers].any()
    copied = RIVALS['kept in the image'](truth[numbers], numbers, boxes,
                                         images)
    away = np.abs(np.arange(TOTAL)[:, None] - numbers).min(axis=1)
    errors = np.linalg.norm(copied - truth, axis=-1)
    assert errors == pytest.approx(
        np.repeat(away[:, None] * np.linalg.norm(SPEED), 3, axis=1))


def test_boxes_carry_the_label(moving):
    """A pose that moves and grows with its box is the same in the box."""
    scale = 1 + np.arange(TOTAL)[:, None, None] / 4
    truth = moving[1][:1] * scale
    boxes = np.array([40., 30., 100., 110.]) * scale[:, 0]
    found = RIVALS['kept in the box'](truth[[2]], [2], boxes, None)
    assert found == pytest.approx(truth)


def test_interpolation(moving):
    """Exact for a steady motion between labels, at rest outside of them."""
    truth = moving[1]
    boxes = np.tile([0., 0., 160., 160.], (TOTAL, 1))
    for name in ('interpolated in the image', 'interpolated in the box'):
        found = RIVALS[name](truth[[2, 6]], [2, 6], boxes, None)
        assert found[2:7] == pytest.approx(truth[2:7])
        assert found[:2] == pytest.approx(truth[[2, 2]])
        assert found[7:] == pytest.approx(truth[[6, 6]])


def test_lost_points_stay():
    """Nothing can be followed out of the image."""
    image = np.zeros((20, 20), np.uint8)
    points = np.array([[300., 300.]])
    assert lucas_kanade(image, image, points).tolist() == [[300., 300.]]


def test_file(tiny_config, tiny_jhmdb, monkeypatch, tmp_path):
    """By the metrics of the study; the table is that of studies.ablation."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    study = tmp_path / 'study.py'
    study.write_text(f"""
rows = [dict(name='ours', config={str(tiny_config)!r})]
common = dict(test_evaluator=[
    dict(type='GroupPCKAccuracy', thr=[0.2, 0.1]),
    dict(type='KeypointAcceleration')])
""")
    out = tmp_path / 'rivals.json'
    main(
        [str(study), '--labels', 'first', '1', '--out',
         str(out)])
    content = json.loads(out.read_text())
    scores = {row['name']: row['seeds']['0']['metrics']
              for row in content['rows']}  # yapf: disable
    assert [name for name in scores if name.startswith('first')] == [
        f'first frame labelled: {name}' for name in (
            'kept in the box', 'kept in the image', 'Lucas-Kanade',
            'DIS flow')]  # yapf: disable
    for name in RIVALS:
        # All frames are labelled.
        perfect = scores[f'every 1th frame labelled: {name}']
        assert perfect['Mean'] == perfect['Mean@0.1'] == 1
        assert perfect['acceleration error'] == pytest.approx(0, abs=1e-6)
    text = table(str(out))
    assert 'on 5 videos, 20 frames (Sub1_test.json). Acc. error' in text
    assert '| first frame labelled: kept in the box |' in text
