# Copyright (c) temporal_corr authors. All rights reserved.
"""KeypointAcceleration against a plain statement of what it measures."""
import math
from copy import deepcopy

import numpy as np
import pytest
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.temporal_corr.evaluation import KeypointAcceleration

#: Three keypoints in two groups, one in none.
META = dict(
    dataset_name='small',
    keypoint_name2id=dict(neck=0, head=1, left_wrist=2, right_wrist=3),
    pck_groups=dict(Head=['head'], Wri=['left_wrist', 'right_wrist']))
GROUPS = dict(Head=[1], Wri=[2, 3])


def make_video(pred, gt=None, name='a', stride=1, visible=None, box=(100, 40),
               track=0):
    """Samples of a video, keypoints (T, 4, 2)."""
    pred = np.asarray(pred, dtype=np.float64)
    gt = np.zeros_like(pred) if gt is None else np.asarray(gt, np.float64)
    visible = np.ones(pred.shape[:2]) if visible is None else visible
    samples = []
    for t in range(len(pred)):
        instances = dict(
            keypoints=gt[t][None],
            keypoints_visible=np.array(visible[t], dtype=np.float32)[None],
            bboxes=np.array([[0., 0., *box]]))
        samples.append(
            dict(
                pred_instances=dict(keypoints=pred[t][None]),
                gt_instances=instances,
                video_id=name,
                track_id=track,
                frame_index=t * stride,
                previous_frame_index=(t - 1) * stride if t else -1))
    return samples


def evaluate(samples, meta=META):
    metric = KeypointAcceleration()
    metric.dataset_meta = meta
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def random_videos(seed, lengths, stride=1):
    rng = np.random.default_rng(seed)
    samples = []
    for number, length in enumerate(lengths):
        pred, gt = rng.normal(scale=30, size=(2, length, 4, 2))
        samples += make_video(
            pred,
            gt,
            f'video{number // 2}',  # of two people
            stride,
            track=number % 2,
            visible=rng.random((length, 4)) < .8,
            box=rng.uniform(30, 90, 2))
    return samples


@pytest.mark.parametrize('stride', [1, 3])
def test_equals_a_plain_statement(stride):
    lengths = (7, 2, 3, 1, 12)
    samples = random_videos(0, lengths, stride)
    result = evaluate(samples)

    values = {'acceleration': {}, 'acceleration error': {},
              'ground truth acceleration': {}}
    start = 0
    for length in lengths:
        video = samples[start:start + length]
        start += length
        for before, now, after in zip(video, video[1:], video[2:]):
            three = before, now, after
            side = max(now['gt_instances']['bboxes'][0, 2:])
            for k in range(4):
                if not all(s['gt_instances']['keypoints_visible'][0, k]
                           for s in three):
                    continue
                (px, py), (gx, gy) = (
                    [after[kind]['keypoints'][0, k, axis] -
                     2 * now[kind]['keypoints'][0, k, axis] +
                     before[kind]['keypoints'][0, k, axis]
                     for axis in (0, 1)]
                    for kind in ('pred_instances', 'gt_instances'))
                found = {
                    'acceleration': math.hypot(px, py),
                    'acceleration error': math.hypot(px - gx, py - gy),
                    'ground truth acceleration': math.hypot(gx, gy)
                }
                for name, value in found.items():
                    values[name].setdefault(k, []).append(value / side)
    expected = {}
    for name, found in values.items():
        everything = [value for k in found for value in found[k]]
        expected[name] = np.mean(everything)
        if name.startswith('ground'):
            continue
        for group, members in GROUPS.items():
            expected[f'{name}/{group}'] = np.mean(
                [np.mean(found[k]) for k in members])
        expected[f'{name}/Mean'] = np.mean(
            [expected[f'{name}/{group}'] for group in GROUPS])
    assert set(result) == set(expected)
    for name in expected:
        assert result[name] == pytest.approx(expected[name], rel=1e-9), name


def test_order_of_frames_does_not_matter():
    samples = random_videos(1, (5, 9, 4))
    order = np.random.default_rng(0).permutation(len(samples))
    assert evaluate([samples[i] for i in order]) == evaluate(samples)


def test_a_tremor_of_known_size():
    """Up and down by one pixel: |1 - (-1) - (-1) + 1| = 4 of 100 pixels."""
    pred = np.zeros((9, 4, 2))
    pred[:, 1, 1] = [1, -1] * 4 + [1]
    result = evaluate(make_video(pred))
    assert result['acceleration/Head'] == pytest.approx(.04)
    assert result['acceleration/Wri'] == 0
    assert result['acceleration/Mean'] == pytest.approx(.02)
    assert result['acceleration'] == pytest.approx(.01)
    assert result['acceleration error/Head'] == pytest.approx(.04)
    assert result['ground truth acceleration'] == 0


def test_visible_in_all_three_frames():
    pred = np.zeros((4, 4, 2))
    pred[3, 1] = 99., 0.
    visible = np.ones((4, 4))
    visible[3, 1] = 0
    result = evaluate(make_video(pred, visible=visible))
    assert result['acceleration/Head'] == 0
    visible[2, 1] = 0
    result = evaluate(make_video(pred, visible=visible))
    assert math.isnan(result['acceleration/Head'])
    assert result['acceleration/Mean'] == 0  # of the group that is known


def test_eval_keypoints_leave_others_out():
    pred = np.zeros((3, 4, 2))
    pred[1, 0] = pred[1, 2] = 10., 0.
    meta = dict(META, eval_keypoints=['head', 'right_wrist'])
    assert evaluate(make_video(pred), meta)['acceleration'] == 0


def test_nothing_to_say_is_nan_with_a_warning(messages):
    samples = make_video(np.zeros((2, 4, 2))) + make_video(
        np.zeros((1, 4, 2)), name='b')
    result = evaluate(samples)
    assert result and all(math.isnan(value) for value in result.values())
    assert any(level == 'WARNING' and 'three consecutive frames' in text
               for level, text in messages)
    assert any('2 videos without three consecutive frames' in text
               for _, text in messages)


def test_what_is_left_out_is_reported(messages):
    pred = np.zeros((5, 4, 2))
    pred[4, 2] = np.nan
    samples = make_video(pred) + make_video(
        np.ones((3, 4, 2)), name='b', box=(0, 40))
    result = evaluate(samples)
    assert result['acceleration'] == 0
    text = '\n'.join(text for _, text in messages)
    assert '8 frames of 2 videos; 4 times three consecutive frames' in text
    assert '11 keypoints counted' in text
    assert '1 times with a box of size 0, not counted' in text
    assert '1 predictions not finite, not counted' in text
    assert 'small % of the box per squared frame step' in text


def test_stays_beside_pck(messages):
    """As a config has them, on the data samples of a model."""
    evaluator = Evaluator([
        dict(type='GroupPCKAccuracy'),
        dict(type='KeypointAcceleration'),
        dict(type='KeypointAcceleration', prefix='val'),
    ])
    evaluator.dataset_meta = META
    samples = []
    for sample in random_videos(2, (4, 5)):
        sample = deepcopy(sample)
        parts = {
            name: InstanceData(**sample.pop(name))
            for name in ('pred_instances', 'gt_instances')
        }
        samples.append(PoseDataSample(metainfo=sample, **parts))
    evaluator.process(samples)
    result = evaluator.evaluate(len(samples))
    assert result['acceleration'] > 0
    assert 0 <= result['PCK'] <= 1
    assert result['val/acceleration/Mean'] == result['acceleration/Mean']
    assert result['acceleration'] == evaluate(
        random_videos(2, (4, 5)))['acceleration']


def test_what_is_refused():
    samples = make_video(np.zeros((3, 4, 2)))
    with pytest.raises(ValueError, match='VideoSampler'):
        evaluate(samples + samples[:1])
    with pytest.raises(ValueError, match='KeypointAcceleration.*pck_groups'):
        evaluate(samples, dict(META, pck_groups=None))
    with pytest.raises(ValueError, match='KeypointAcceleration got no'):
        evaluate([])
    for sample in samples:
        del sample['video_id']
    with pytest.raises(ValueError, match='PackClipInputs'):
        evaluate(samples)
