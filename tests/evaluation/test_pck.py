# Copyright (c) temporal_corr authors. All rights reserved.
"""GroupPCKAccuracy against a plain statement of the paper's protocol, MMPose
and hand-made cases."""
import math
from copy import deepcopy
from functools import partial

import numpy as np
import pytest
from evaluation_samples import evaluate, frame
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.evaluation.metrics import JhmdbPCKAccuracy, PCKAccuracy
from scipy.io import loadmat

from projects.temporal_corr.evaluation import GroupPCKAccuracy

evaluate = partial(evaluate, GroupPCKAccuracy)


def read_metainfo(path):
    raw = Config.fromfile(path).dataset_info.to_dict()
    return dict(parse_pose_metainfo(raw), pck_groups=raw['pck_groups'])


@pytest.fixture(scope='module')
def sub_jhmdb(repo_root):
    return read_metainfo(repo_root / 'configs/_base_/datasets/sub_jhmdb.py')


#: Four keypoints in two groups, one in none.
SMALL = dict(
    dataset_name='small',
    keypoint_name2id=dict(
        neck=0, head=1, left_shoulder=2, right_shoulder=3, right_hip=4),
    pck_groups=dict(Head=['head'], Sho=['left_shoulder', 'right_shoulder']))


def random_samples(seed, frames=30, seen=.8):
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(frames):
        gt = rng.uniform(0, 200, (15, 2))
        samples.append(
            frame(
                gt + rng.normal(0, 12, gt.shape),
                gt,
                visible=rng.random(15) < seen,
                box=rng.uniform(30, 120, 2),
                video_id='frames/0001',
                frame_index=index,
                track_id=0))
    return samples


def test_equals_a_plain_statement_of_the_protocol(sub_jhmdb):
    samples = random_samples(0)
    result = evaluate(sub_jhmdb, deepcopy(samples))

    correct, total = np.zeros(15), np.zeros(15)
    for sample in samples:
        gt, pred = sample['gt_instances'], sample['pred_instances']
        x1, y1, x2, y2 = gt['bboxes'][0]
        for k in range(15):
            if gt['keypoints_visible'][0, k]:
                total[k] += 1
                error = math.dist(gt['keypoints'][0, k],
                                  pred['keypoints'][0, k])
                correct[k] += error <= 0.2 * max(x2 - x1, y2 - y1)
    accuracy = correct / total
    # JHMDB: neck, belly, head, R/L shoulder, hip, elbow, knee, wrist, ankle
    columns = dict(
        Head=accuracy[2],
        Sho=accuracy[[3, 4]].mean(),
        Elb=accuracy[[7, 8]].mean(),
        Wri=accuracy[[11, 12]].mean(),
        Hip=accuracy[[5, 6]].mean(),
        Knee=accuracy[[9, 10]].mean(),
        Ank=accuracy[[13, 14]].mean())
    expected = dict(
        columns,
        Mean=sum(columns.values()) / 7,
        PCK=accuracy.mean(),
        Pooled=correct.sum() / total.sum())
    assert list(result) == list(expected)
    assert result == pytest.approx(expected, rel=1e-12)


def test_agrees_with_mmpose_where_the_protocols_do(sub_jhmdb):
    """Away from ties: 15-joint mean and groups."""
    samples = random_samples(1, seen=1)
    ours = evaluate(sub_jhmdb, deepcopy(samples))
    theirs = {}
    for metric in (JhmdbPCKAccuracy(thr=0.2, norm_item='bbox'),
                   PCKAccuracy(thr=0.2, norm_item='bbox')):
        metric.process(None, deepcopy(samples))
        theirs.update(metric.evaluate(30))
    names = dict(PCK='PCK')
    for name in ('Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank'):
        names[name] = f'{name} PCK'
    assert {name: ours[name] for name in names} == pytest.approx(
        {name: theirs[their] for name, their in names.items()})


GT = [[50, 50], [50, 30], [40, 60], [60, 60], [58, 90]]
PERFECT = frame(GT, GT)
NO_WIDTH = frame(GT, GT, released=(0, 80))


def shifted(*distances, **kwargs):
    pred = np.array(GT, dtype=float) + [[d, 0] for d in distances]
    return frame(pred, GT, **kwargs)


@pytest.mark.parametrize('samples, meta, expected', [
    pytest.param([shifted(0, 20, 20, 20.0001, 0)], {}, [1, .5, .75, .8, .8],
                 id='the larger side of the box is 100: 20 px is a hit'),
    pytest.param([shifted(0, 11, 9, 9, 0, released=(50, 20))], {},
                 [0, 1, .5, .8, .8],
                 id='the released box wins over the filled one'),
    pytest.param([shifted(0, 0, 0, 99, 0, visible=[1, 1, 1, 0, 1])], {},
                 [1] * 5, id='an invisible keypoint does not count'),
    pytest.param([frame(GT, GT, released=(1e-6, 1e-6))], {}, [1] * 5,
                 id='perfect in any box'),
    pytest.param([PERFECT, NO_WIDTH], {}, [.5] * 5,
                 id='no width, no box: all of its keypoints are wrong'),
    pytest.param([shifted(0, np.nan, 0, 0, np.inf)], {}, [0, 1, .5, .6, .6],
                 id='predictions that are not finite are wrong'),
    pytest.param([shifted(0, -np.inf, np.nan, 0, 0, released=(0, 0))], {},
                 [0] * 5, id='... also in no box'),
    # neck 1/2, head 1/2, the others 1/1
    pytest.param([PERFECT, shifted(99, 99, 0, 0, 0, visible=[1, 1, 0, 0, 0])],
                 {}, [.5, 1, .75, .8, 5 / 7],
                 id='Pooled weighs by visible keypoints, PCK does not'),
    pytest.param([shifted(99, 0, 0, 0, 99)],
                 dict(eval_keypoints=['head', 'left_shoulder',
                                      'right_shoulder']),
                 [1] * 5, id='eval_keypoints leave neck and hip out'),
])  # yapf: disable
def test_hand_computed(samples, meta, expected):
    names = 'Head', 'Sho', 'Mean', 'PCK', 'Pooled'
    result = evaluate(dict(SMALL, **meta), samples)
    assert result == pytest.approx(dict(zip(names, expected)))


def test_thresholds_one_by_one(sub_jhmdb):
    samples = random_samples(2)
    together = evaluate(sub_jhmdb, samples, thr=[0.2, 0.1])
    expected = evaluate(sub_jhmdb, samples)
    assert 'Mean@0.2' not in expected and 'Mean@0.2' in together
    assert expected.items() <= together.items()
    assert len(together) == 3 * len(expected)
    alone = evaluate(sub_jhmdb, samples, thr=0.1)
    for name, value in alone.items():
        assert together[f'{name}@0.1'] == value


def test_report(messages):
    """The table is in percent, and says what was counted and what was odd."""
    result = evaluate(SMALL, [frame(GT, GT, visible=[1, 1, 0, 0, 1])])
    assert math.isnan(result.pop('Sho'))
    assert result == dict(Head=1, Mean=1, PCK=1, Pooled=1)
    evaluate(SMALL, [
        shifted(0, 0, 0, 99, 0),
        shifted(0, np.nan, 0, 0, 0, released=(0, 0))
    ])
    assert any(level == 'WARNING' and 'no ground truth for Sho' in message
               for level, message in messages)
    text = '\n'.join(message for _, message in messages)
    for words in ('no ground truth for left_shoulder, right_shoulder', 'nan',
                  'small PCK@0.2 (bbox)', '| 50.00 | 25.00 | 37.50 |',
                  '2 frames; 10 keypoints counted; 0 invisible',
                  '1 frames with a box of size 0, their 5 visible keypoints',
                  '1 predictions not finite'):
        assert words in text


def test_degenerate_boxes_of_penn_action(penn_root, repo_root, messages):
    """Even the ground truth misses 101 keypoints on the 173 real ones."""
    samples = []
    visible = 0
    for clip in ('0374', '0525', '0541', '0623', '0645', '0700', '1825'):
        label = loadmat(penn_root / f'labels/{clip}.mat')
        visible += label['visibility'].sum()
        for index, (x1, y1, x2, y2) in enumerate(label['bbox'].astype(float)):
            joints = np.stack([label['x'][index], label['y'][index]], axis=-1)
            samples.append(
                frame(
                    joints,
                    joints,
                    visible=label['visibility'][index],
                    released=(x2 - x1, y2 - y1),
                    video_id=clip,
                    frame_index=index))
    metainfo = read_metainfo(repo_root /
                             'configs/_base_/datasets/penn_action.py')
    result = evaluate(metainfo, samples)
    assert result['Pooled'] == pytest.approx(1 - 101 / visible)
    assert any('173 frames with a box of size 0, their 101 visible keypoints '
               'counted as wrong' in message for _, message in messages)


def test_samples_and_their_order_do_not_matter(sub_jhmdb):
    """What is kept of a sample does not change with it."""
    samples = random_samples(3)
    before = deepcopy(samples)
    metric = GroupPCKAccuracy()
    metric.dataset_meta = sub_jhmdb
    metric.process(None, samples)
    np.testing.assert_equal(samples, before)
    for sample in samples:
        sample['pred_instances']['keypoints'][:] = 1e6
    assert metric.evaluate(30) == evaluate(sub_jhmdb, before[::-1])


def test_frame_twice_is_refused(sub_jhmdb):
    samples = random_samples(4, frames=3)
    with pytest.raises(
            ValueError,
            match="frame 1 of video 'frames/0001'.*VideoSampler"):
        evaluate(sub_jhmdb, samples + [samples[1]])
    # another person in the same frame is another frame of a track
    evaluate(sub_jhmdb, samples + [dict(samples[1], track_id=1)])


@pytest.mark.parametrize('changes, words', [
    (dict(pck_groups=None), "'small' has no pck_groups.*PCKAccuracy"),
    (dict(pck_groups=dict(Head=['nose'])), r"small.*\['nose'\]"),
    (dict(eval_keypoints=['nose']), r"\['nose'\]"),
])  # yapf: disable
def test_unusable_metainfo(changes, words):
    with pytest.raises(ValueError, match=words):
        evaluate(dict(SMALL, **changes), [PERFECT])
