# Copyright (c) temporal_corr authors. All rights reserved.
"""Metrics of smoothed predictions, and PCK at several thresholds."""
import math
from copy import deepcopy

import numpy as np
import pytest

from projects.temporal_corr.evaluation import (GroupPCKAccuracy,
                                               KeypointAcceleration)
from projects.temporal_corr.smoothing import gaussian_smooth

META = dict(
    dataset_name='small',
    keypoint_name2id=dict(head=0, wrist=1),
    pck_groups=dict(Head=['head'], Wri=['wrist']))


def video(xs, name='a', track=0, scores=None, frames=None):
    """Samples of a person whose ground truth stays at 0.

    Both keypoints are predicted at x of ``xs``, the box is 100 x 50.
    """
    frames = range(len(xs)) if frames is None else frames
    scores = np.ones(len(xs)) if scores is None else scores
    return [
        dict(
            pred_instances=dict(
                keypoints=np.array([[[x, 0.], [x, 0.]]], dtype=np.float32),
                keypoint_scores=np.full((1, 2), score, dtype=np.float32)),
            gt_instances=dict(
                keypoints=np.zeros((1, 2, 2), dtype=np.float32),
                keypoints_visible=np.ones((1, 2), dtype=np.float32),
                bboxes=np.array([[0., 0., 100., 50.]])),
            video_id=name,
            track_id=track,
            frame_index=frame,
            previous_frame_index=frame - 1)
        for x, score, frame in zip(xs, scores, frames)
    ]


def evaluate(samples, metric=GroupPCKAccuracy, meta=META, **kwargs):
    metric = metric(**kwargs)
    metric.dataset_meta = meta
    metric.process(None, deepcopy(samples))
    return metric.evaluate(len(samples))


def weight(distance, sigma=1.):
    return math.exp(-distance**2 / (2 * sigma**2))


def test_by_hand():
    """One jump of 50 px among three frames, which 20 px away are right."""
    samples = video([0, 50, 0])
    smoothing = dict(type='Gaussian', sigma=1)
    assert evaluate(samples)['Mean'] == pytest.approx(2 / 3)
    # 50 / (1 + 2 w(1)) = 22.6 is wrong, 50 w(1) / (1 + w(1) + w(2)) = 17.4
    # is right
    result = evaluate(samples, smoothing=smoothing, thr=[0.2, 0.175, 0.174])
    middle = 50 / (1 + 2 * weight(1))
    end = 50 * weight(1) / (1 + weight(1) + weight(2))
    assert 17.4 < end < 17.5 < 20 < middle
    assert result['Mean'] == result['Mean@0.2'] == pytest.approx(2 / 3)
    assert result['Mean@0.175'] == pytest.approx(2 / 3)
    assert result['Mean@0.174'] == 0
    # half as sure, the jump draws its neighbours half as much
    samples = video([0, 50, 0], scores=[1, 0.5, 1])
    middle = 25 / (0.5 + 2 * weight(1))
    assert middle < 20
    assert evaluate(samples, smoothing=smoothing)['Mean'] == 1
    found = evaluate(samples, KeypointAcceleration, smoothing=smoothing)
    end = 25 * weight(1) / (1 + 0.5 * weight(1) + weight(2))
    assert found['acceleration'] == pytest.approx(2 * (middle - end) / 100)
    assert found['acceleration error'] == pytest.approx(found['acceleration'])


def test_each_person_of_each_video_alone():
    """In whichever order the frames of several come in."""
    rng = np.random.default_rng(0)
    parts = [
        video(rng.uniform(0, 60, 12), name, track, rng.uniform(.1, 1, 12))
        for name in 'ab' for track in (0, 3)
    ]
    together = [sample for part in parts for sample in part]
    rng.shuffle(together)
    smoothing = dict(type='Gaussian', sigma=1.5)
    for metric, name in ((GroupPCKAccuracy, 'Pooled'),
                         (KeypointAcceleration, 'acceleration')):
        expected = np.mean([
            evaluate(part, metric, smoothing=smoothing)[name]
            for part in parts
        ])
        found = evaluate(together, metric, smoothing=smoothing)[name]
        assert found == pytest.approx(expected)
        assert found != evaluate(together, metric)[name]


def test_real_distances_of_frames():
    """Of frames 0, 1 and 9 the first is right; the last stays as it is."""
    xs, frames = [0, 30, 40], [0, 1, 9]
    samples = video(xs, frames=frames)
    points = np.array([[[x, 0.]] for x in xs])
    end = gaussian_smooth(points, np.ones((3, 1)), frames, sigma=1)[:, 0, 0]
    assert end[2] == 40
    first = 30 * weight(1) / (1 + weight(1))
    assert end[0] == pytest.approx(first)
    result = evaluate(
        samples,
        smoothing=dict(type='Gaussian', sigma=1),
        thr=[first / 100 + 1e-6, first / 100 - 1e-6])
    assert result['Mean'] == pytest.approx(1 / 3)
    assert result['Mean@' + f'{first / 100 - 1e-6:g}'] == 0


def test_not_assembled_stays_wrong():
    """Smoothing does not put keypoints where there are none."""
    samples = video([0, 30, 0])
    for sample, assembled in zip(samples, ([1, 1], [0, 1], [1, 1])):
        sample['pred_instances']['keypoints_visible'] = np.array([assembled])
    result = evaluate(
        samples, smoothing=dict(type='Gaussian', sigma=1), assembled_only=True)
    assert result['Head'] == pytest.approx(2 / 3) and result['Wri'] == 1


def test_thresholds_one_by_one():
    samples = video(np.random.default_rng(2).uniform(0, 30, 30))
    thrs = [0.2, 0.1, 0.05]
    torso = deepcopy(META)
    torso['keypoint_name2id'] = dict(left_shoulder=0, right_hip=1)
    torso['pck_groups'] = dict(Sho=['left_shoulder'], Hip=['right_hip'])
    for sample in samples:
        sample['gt_instances']['keypoints'][0, 1] = 0, 60
    items = ['bbox', 'torso']
    together = evaluate(samples, meta=torso, thr=thrs, norm_item=items)
    expected = evaluate(samples, meta=torso, norm_item=items)
    assert set(expected) < set(together)
    for thr in thrs:
        alone = evaluate(samples, meta=torso, norm_item=items, thr=thr)
        for name, value in alone.items():
            assert together[f'{name}@{thr:g}'] == value
            assert thr != 0.2 or together[name] == value
    assert len(together) == 4 * len(expected)
    # as it always was
    assert 'Mean@0.2' not in expected


def test_report(messages):
    """The table has a row for each threshold and says what was smoothed."""
    smoothing = dict(type='Gaussian', sigma=1)
    evaluate(video([0, 50, 0]), smoothing=smoothing, thr=[0.2, 0.1])
    evaluate(video([0, 50, 0]), KeypointAcceleration, smoothing=smoothing)
    text = '\n'.join(text for _, text in messages)
    for words in ('small PCK (bbox), Gaussian', '| @0.1 |', '| @0.2 |',
                  'squared frame step, Gaussian'):
        assert words in text


@pytest.mark.parametrize('metric', [GroupPCKAccuracy, KeypointAcceleration])
def test_refused(metric):
    with pytest.raises(ValueError, match='SavitzkyGolay'):
        metric(smoothing=dict(type='Median'))
    samples = video([0, 50, 0])
    for sample in samples:
        del sample['video_id']
    with pytest.raises(ValueError, match='video_id'):
        evaluate(samples, metric, smoothing=dict(type='Gaussian'))


@pytest.mark.parametrize('thr', [[], [0.2, 0.2], [0.2, -0.1], 0])
def test_thresholds_refused(thr):
    with pytest.raises(ValueError, match='thr'):
        GroupPCKAccuracy(thr=thr)
