# Copyright (c) temporal_corr authors. All rights reserved.
"""Triples of frames and accelerations against plain loops."""
import math
from functools import partial

import numpy as np
import pytest
from evaluation_samples import evaluate, video
from hypothesis import given, settings
from hypothesis import strategies as st

from projects.temporal_corr.evaluation import KeypointAcceleration
from projects.temporal_corr.evaluation.keypoint_acceleration import (
    UNKNOWN, accelerations, consecutive_triples)

evaluate = partial(evaluate, KeypointAcceleration)

#: Three keypoints in two groups, one in none.
META = dict(
    dataset_name='small',
    keypoint_name2id=dict(neck=0, head=1, left_wrist=2, right_wrist=3),
    pck_groups=dict(Head=['head'], Wri=['left_wrist', 'right_wrist']))
GROUPS = dict(Head=[1], Wri=[2, 3])


def plain_triples(frames):
    """Frames are (track, time, previous), in any order."""
    places = {frame[:2]: i for i, frame in enumerate(frames)}

    def before(i):
        track, time, previous = frames[i]
        if previous == UNKNOWN:
            earlier = [t for k, t in places if k == track and t < time]
            previous = max(earlier, default=None)
        return places.get((track, previous))

    steps = {}
    for i, (track, time, _) in enumerate(frames):
        if before(i) is not None:
            step = time - frames[before(i)][1]
            steps[track] = min(step, steps.get(track, step))
    found = []
    for i, (track, time, _) in enumerate(frames):
        middle = before(i)
        first = None if middle is None else before(middle)
        if first is None:
            continue
        times = [frames[k][1] for k in (first, middle, i)]
        if set(np.diff(times)) == {steps[track]}:
            found.append((first, middle, i))
    return sorted(found, key=lambda triple: frames[triple[0]])


@st.composite
def videos(draw):
    """Some frames of some videos, which name the frame before: the last one
    that there is or was, none, or do not say."""
    frames = []
    for track in range(draw(st.integers(1, 3))):
        times = draw(st.lists(st.integers(0, 12), unique=True, max_size=8))
        last = -1
        for time in sorted(times):
            previous = draw(st.sampled_from([last, last, last, -1, UNKNOWN]))
            if draw(st.integers(0, 5)):  # else it was not evaluated
                frames.append((track, time, previous))
            last = time
    return draw(st.permutations(frames))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(videos())
def test_triples_are_those_of_a_plain_loop(frames):
    columns = zip(*frames) if frames else ([], [], [])
    found = consecutive_triples(*columns)
    assert found.shape == (len(found), 3)
    assert [tuple(row) for row in found.tolist()] == plain_triples(frames)


@pytest.mark.parametrize('times, previous, expected', [
    pytest.param([0, 1, 2, 6, 7], [-1, 0, 1, 2, 6], [[0, 1, 2]],
                 id='the video has a gap'),
    pytest.param([0, 1, 5, 9], [-1, 0, 1, 5], [],
                 id='two gaps of one length are gaps all the same'),
    pytest.param([0, 1, 3, 4], [-1, 0, 2, 3], [],
                 id='frame 2 was not evaluated'),
    pytest.param([0, 1, 2, 3, 4, 5], [-1, 0, 1, -1, 3, 4],
                 [[0, 1, 2], [3, 4, 5]], id='a shot starts at frame 3'),
])  # yapf: disable
def test_hand_made_triples(times, previous, expected):
    found = consecutive_triples([0] * len(times), times, previous)
    assert np.array(times)[found].tolist() == expected


def test_constant_velocity_has_none_and_a_parabola_a_constant_one():
    """What is not finite stays so."""
    time = np.arange(20.)[:, None, None]
    steady = [[[3., 4.]]] + time * [[[.5, -.25]]]
    triples = consecutive_triples([0] * 20, range(20), range(-1, 19))
    np.testing.assert_array_equal(accelerations(steady, triples), 0)
    falling = steady + [0, 1] * time**2
    found = accelerations(falling, triples)
    np.testing.assert_array_equal(found, np.tile([[[0., 2.]]], (18, 1, 1)))
    falling[5] = np.nan, np.inf
    finite = np.isfinite(accelerations(falling, triples)).any(axis=(1, 2))
    assert np.flatnonzero(~finite).tolist() == [3, 4, 5]


# --- the metric ---------------------------------------------------------


def random_videos(seed, lengths, stride=1):
    """Two people in each video."""
    rng = np.random.default_rng(seed)
    return [
        video(
            *rng.normal(scale=30, size=(2, length, 4, 2)),
            f'video{number // 2}',
            number % 2,
            frames=range(0, length * stride, stride),
            visible=rng.random((length, 4)) < .8,
            box=rng.uniform(30, 90, 2))
        for number, length in enumerate(lengths)
    ]


@pytest.mark.parametrize('stride', [1, 3])
def test_equals_a_plain_statement(stride):
    """In whichever order the frames come."""
    videos = random_videos(0, (7, 2, 3, 1, 12), stride)
    samples = [sample for frames in videos for sample in frames]
    result = evaluate(META, samples)
    order = np.random.default_rng(0).permutation(len(samples))
    assert evaluate(META, [samples[i] for i in order]) == result

    kinds = 'acceleration', 'acceleration error', 'ground truth acceleration'
    values = {kind: [[], [], [], []] for kind in kinds}
    for frames in videos:
        for triple in zip(frames, frames[1:], frames[2:]):
            x1, y1, x2, y2 = triple[1]['gt_instances']['bboxes'][0]
            for k in range(4):
                if not all(frame['gt_instances']['keypoints_visible'][0, k]
                           for frame in triple):
                    continue
                pred, gt = (
                    np.diff([frame[kind]['keypoints'][0, k]
                             for frame in triple], 2, axis=0)[0]
                    for kind in ('pred_instances', 'gt_instances'))
                for kind, vector in zip(kinds, (pred, pred - gt, gt)):
                    values[kind][k].append(
                        math.hypot(*vector) / max(x2 - x1, y2 - y1))
    expected = {kind: np.mean(sum(values[kind], [])) for kind in kinds}
    for kind in kinds[:2]:
        means = {name: np.mean([np.mean(values[kind][k]) for k in members])
                 for name, members in GROUPS.items()}  # yapf: disable
        means['Mean'] = np.mean(list(means.values()))
        expected.update({f'{kind}/{name}': means[name] for name in means})
    assert result == pytest.approx(expected, rel=1e-9)


def test_a_tremor_of_known_size():
    """Up and down by one pixel: |1 - (-1) - (-1) + 1| = 4 of 100 pixels."""
    pred = np.zeros((9, 4, 2))
    pred[:, 1, 1] = [1, -1] * 4 + [1]
    wanted = {'': .01, '/Head': .04, '/Wri': 0, '/Mean': .02}
    assert evaluate(META, video(pred)) == pytest.approx({
        'ground truth acceleration': 0,
        **{f'acceleration{name}': value for name, value in wanted.items()},
        **{f'acceleration error{name}': value
           for name, value in wanted.items()}
    })  # yapf: disable
    still = dict(META, eval_keypoints=['left_wrist', 'right_wrist'])
    assert evaluate(still, video(pred))['acceleration'] == 0


def test_visible_in_all_three_frames():
    pred = np.zeros((4, 4, 2))
    pred[3, 1] = 99., 0.
    visible = np.ones((4, 4))
    for hidden, wanted in ((3, 0), (2, math.nan)):
        visible[hidden, 1] = 0
        result = evaluate(META, video(pred, visible=visible))
        assert result['acceleration/Head'] == pytest.approx(
            wanted, nan_ok=True)
    assert result['acceleration/Mean'] == 0  # of the group that is known


def test_what_is_left_out_is_reported(messages):
    pred = np.zeros((5, 4, 2))
    pred[4, 2] = np.nan
    result = evaluate(META, [
        *video(pred), *video(np.ones((3, 4, 2)), name='b', box=(0, 40))])
    assert result['acceleration'] == 0
    result = evaluate(META, [
        *video(pred[:2]), *video(pred[:1], name='b')])
    assert result and all(math.isnan(value) for value in result.values())
    assert any(level == 'WARNING' and 'three consecutive frames' in text
               for level, text in messages)
    text = '\n'.join(text for _, text in messages)
    for words in ('8 frames of 2 videos; 4 times three consecutive frames',
                  '11 keypoints counted', '1 times with a box of size 0, not',
                  '1 predictions not finite, not counted',
                  'small % of the box per squared frame step',
                  '2 videos without three consecutive frames'):
        assert words in text


def test_what_is_refused():
    samples = video(np.zeros((3, 4, 2)))
    with pytest.raises(ValueError, match='VideoSampler'):
        evaluate(META, samples + samples[:1])
    with pytest.raises(ValueError, match='KeypointAcceleration.*pck_groups'):
        evaluate(dict(META, pck_groups=None), samples)
    for sample in samples:
        del sample['video_id']
    with pytest.raises(ValueError, match='PackClipInputs'):
        evaluate(META, samples)
