# Copyright (c) temporal_corr authors. All rights reserved.
"""Metrics of smoothed predictions."""
import math

import evaluation_samples as samples
import numpy as np
import pytest

from projects.temporal_corr.evaluation import (GroupPCKAccuracy,
                                               KeypointAcceleration)

META = dict(
    dataset_name='small',
    keypoint_name2id=dict(head=0, wrist=1),
    pck_groups=dict(Head=['head'], Wri=['wrist']))


def video(xs, **kwargs):
    """Samples of a person whose ground truth stays at 0.

    Both keypoints are predicted at x of ``xs``, the box is 100 x 40.
    """
    return samples.video([[[x, 0.], [x, 0.]] for x in xs], **kwargs)


def evaluate(frames, metric=GroupPCKAccuracy, **kwargs):
    return samples.evaluate(metric, META, frames, **kwargs)


def weight(distance, sigma=1.):
    return math.exp(-distance**2 / (2 * sigma**2))


def test_by_hand(messages):
    """One jump of 50 px among three frames, which 20 px away are right."""
    frames = video([0, 50, 0])
    smoothing = dict(type='Gaussian', sigma=1)
    assert evaluate(frames)['Mean'] == pytest.approx(2 / 3)
    # 50 / (1 + 2 w(1)) = 22.6 is wrong, 50 w(1) / (1 + w(1) + w(2)) = 17.4
    # is right
    result = evaluate(frames, smoothing=smoothing, thr=[0.2, 0.175, 0.174])
    middle = 50 / (1 + 2 * weight(1))
    end = 50 * weight(1) / (1 + weight(1) + weight(2))
    assert 17.4 < end < 17.5 < 20 < middle
    assert result['Mean'] == result['Mean@0.2'] == pytest.approx(2 / 3)
    assert result['Mean@0.175'] == pytest.approx(2 / 3)
    assert result['Mean@0.174'] == 0
    # half as sure, the jump draws its neighbours half as much
    frames = video([0, 50, 0], scores=[1, 0.5, 1])
    middle = 25 / (0.5 + 2 * weight(1))
    assert middle < 20
    assert evaluate(frames, smoothing=smoothing)['Mean'] == 1
    found = evaluate(frames, KeypointAcceleration, smoothing=smoothing)
    end = 25 * weight(1) / (1 + 0.5 * weight(1) + weight(2))
    assert found['acceleration'] == pytest.approx(2 * (middle - end) / 100)
    assert found['acceleration error'] == pytest.approx(found['acceleration'])
    text = '\n'.join(text for _, text in messages)
    for words in ('small PCK (bbox), Gaussian', '| @0.174 |', '| @0.2 ',
                  'squared frame step, Gaussian'):
        assert words in text


def test_each_person_of_each_video_alone():
    """In whichever order the frames of several come in."""
    rng = np.random.default_rng(0)
    parts = [
        video(rng.uniform(0, 60, 12), name=name, track=track,
              scores=rng.uniform(.1, 1, 12))
        for name in 'ab' for track in (0, 3)
    ]  # yapf: disable
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
    first = 30 * weight(1) / (1 + weight(1))
    thr = [first / 100 + 1e-6, first / 100 - 1e-6]
    result = evaluate(
        video([0, 30, 40], frames=[0, 1, 9]),
        smoothing=dict(type='Gaussian', sigma=1),
        thr=thr)
    assert result['Mean'] == pytest.approx(1 / 3)
    assert result[f'Mean@{thr[1]:g}'] == 0


def test_not_assembled_stays_wrong():
    """Smoothing does not put keypoints where there are none."""
    frames = video([0, 30, 0])
    for sample, assembled in zip(frames, ([1, 1], [0, 1], [1, 1])):
        sample['pred_instances']['keypoints_visible'] = np.array([assembled])
    result = evaluate(
        frames, smoothing=dict(type='Gaussian', sigma=1), assembled_only=True)
    assert result['Head'] == pytest.approx(2 / 3) and result['Wri'] == 1
