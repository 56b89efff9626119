# Copyright (c) temporal_corr authors. All rights reserved.
"""GroupPCKAccuracy against a plain statement of the paper's protocol."""
import math
from copy import deepcopy

import numpy as np
import pytest
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.evaluation.metrics import JhmdbPCKAccuracy, PCKAccuracy
from scipy.io import loadmat

from projects.temporal_corr.evaluation import GroupPCKAccuracy

GROUPS = ('Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank')


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


def frame(pred, gt, visible=None, box=(100., 40.), released=None, **meta):
    """A data sample as the model hands it to the metric."""
    gt = np.array(gt, dtype=np.float32)[None]
    if visible is None:
        visible = np.ones(gt.shape[1])
    instances = dict(
        keypoints=gt,
        keypoints_visible=np.array(visible, dtype=np.float32)[None],
        bboxes=np.array([[10., 10., 10. + box[0], 10. + box[1]]]))
    if released is not None:
        instances['bbox_size'] = np.array([released], dtype=np.float32)
    return dict(
        pred_instances=dict(keypoints=np.array(pred, dtype=np.float32)[None]),
        gt_instances=instances,
        **meta)


def evaluate(metainfo, samples, **kwargs):
    metric = GroupPCKAccuracy(**kwargs)
    metric.dataset_meta = metainfo
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def random_samples(seed, frames=30, keypoints=15):
    rng = np.random.default_rng(seed)
    samples = []
    for index in range(frames):
        gt = rng.uniform(0, 200, (keypoints, 2))
        samples.append(
            frame(
                gt + rng.normal(0, 12, gt.shape),
                gt,
                visible=rng.random(keypoints) > 0.2,
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
        gt = sample['gt_instances']
        box = gt['bboxes'][0]
        reach = 0.2 * max(box[2] - box[0], box[3] - box[1])
        for k in range(15):
            if gt['keypoints_visible'][0, k]:
                total[k] += 1
                error = math.dist(gt['keypoints'][0, k],
                                  sample['pred_instances']['keypoints'][0, k])
                correct[k] += error <= reach
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
    for name in expected:
        assert result[name] == pytest.approx(expected[name], rel=1e-12)


def test_agrees_with_mmpose_where_the_protocols_do(sub_jhmdb):
    """Away from ties: 15-joint mean and torso-normalised groups."""
    samples = random_samples(1)
    for sample in samples:
        sample['gt_instances']['keypoints_visible'][:] = 1
    ours = evaluate(
        sub_jhmdb, deepcopy(samples), norm_item=['bbox', 'torso'])
    theirs = PCKAccuracy(thr=0.2, norm_item='bbox')
    groups = JhmdbPCKAccuracy(thr=0.2, norm_item=['bbox', 'torso'])
    for metric in (theirs, groups):
        metric.process(None, deepcopy(samples))
    assert ours['PCK'] == pytest.approx(theirs.evaluate(30)['PCK'])
    groups = groups.evaluate(30)
    for name in (*GROUPS, 'tPCK'):
        key = name if name == 'tPCK' else f'{name} PCK'
        assert ours[name] == pytest.approx(groups[key]), name
        if name in GROUPS:
            assert ours[f't{name}'] == pytest.approx(groups[f'{name} tPCK'])


GT = [[50, 50], [50, 30], [40, 60], [60, 60], [58, 90]]


def shifted(*distances):
    return np.array(GT, dtype=float) + [[d, 0] for d in distances]


@pytest.mark.parametrize('samples, kwargs, expected', [
    pytest.param([frame(shifted(0, 0, 0, 0, 0), GT)], {},
                 dict(Head=1, Sho=1, Mean=1, PCK=1, Pooled=1),
                 id='perfect'),
    pytest.param([frame(shifted(0, 20, 20, 20.1, 0), GT)], {},
                 dict(Head=1, Sho=.5, Mean=.75, PCK=.8, Pooled=.8),
                 id='the larger side of the box is 100: 20 px is a hit'),
    pytest.param([frame(shifted(0, 11, 9, 9, 0), GT, released=(50, 20))], {},
                 dict(Head=0, Sho=1, Mean=.5, PCK=.8, Pooled=.8),
                 id='the released box wins over the filled one'),
    pytest.param([frame(shifted(0, 0, 0, 99, 0), GT, visible=[1, 1, 1, 0, 1])],
                 {}, dict(Head=1, Sho=1, Mean=1, PCK=1, Pooled=1),
                 id='an invisible keypoint does not count'),
    pytest.param([frame(shifted(0, 0, 0, 0, 0), GT),
                  frame(shifted(0, 0, 0, 0, 0), GT, released=(0, 80))], {},
                 dict(Head=.5, Sho=.5, Mean=.5, PCK=.5, Pooled=.5),
                 id='no width, no box: all of its keypoints are wrong'),
    pytest.param([frame(shifted(0, 0, 0, 0, 0), GT),
                  frame(shifted(0, 0, 0, 0, 0), GT, released=(0, 80))],
                 dict(zero_box='ignore'),
                 dict(Head=1, Sho=1, Mean=1, PCK=1, Pooled=1),
                 id='... or none of them counts'),
    pytest.param([frame(shifted(0, np.nan, 0, 0, np.inf), GT)], {},
                 dict(Head=0, Sho=1, Mean=.5, PCK=.6, Pooled=.6),
                 id='predictions that are not finite are wrong'),
    pytest.param([frame(shifted(0, 0, 0, 0, 0), GT),
                  frame(shifted(99, 99, 0, 0, 0), GT,
                        visible=[1, 1, 0, 0, 0])], {},
                 # neck 1/2, head 1/2, the others 1/1
                 dict(Head=.5, Sho=1, Mean=.75, PCK=.8, Pooled=5 / 7),
                 id='Pooled weighs by visible keypoints, PCK does not'),
    pytest.param([frame(shifted(99, 0, 0, 0, 99), GT)],
                 dict(meta=dict(eval_keypoints=[
                     'head', 'left_shoulder', 'right_shoulder'])),
                 dict(Head=1, Sho=1, Mean=1, PCK=1, Pooled=1),
                 id='eval_keypoints leaves neck and hip out'),
    pytest.param([frame(shifted(0, 0, 0, 0, 0), GT),
                  frame(shifted(0, 0, 0, 0, 0), GT,
                        visible=[1, 1, 0, 1, 1])],
                 dict(norm_item='torso'),
                 dict(tHead=1, tSho=1, tMean=1, tPCK=1, tPooled=1),
                 id='no torso without the left shoulder: not counted'),
    pytest.param([frame(shifted(0, 6.9, 7, 7.1, 0), GT)],
                 dict(norm_item='torso'),
                 # 0.2 * |(40, 60) - (58, 90)| = 0.2 * 34.99 = 6.997
                 dict(tHead=1, tSho=0, tMean=.5, tPCK=.6, tPooled=.6),
                 id='torso: left shoulder to right hip'),
])  # yapf: disable
def test_hand_computed(samples, kwargs, expected):
    kwargs = dict(kwargs)
    metainfo = dict(SMALL, **kwargs.pop('meta', {}))
    result = evaluate(metainfo, samples, **kwargs)
    assert result == pytest.approx(expected)


def test_report(messages):
    """The table is in percent, and says what was counted and what was odd."""
    result = evaluate(SMALL, [frame(GT, GT, visible=[1, 1, 0, 0, 1])])
    assert math.isnan(result.pop('Sho'))
    assert result == dict(Head=1, Mean=1, PCK=1, Pooled=1)
    evaluate(SMALL, [
        frame(shifted(0, 0, 0, 99, 0), GT),
        frame(shifted(0, np.nan, 0, 0, 0), GT, released=(0, 0)),
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
    for clip in ('0374', '0525', '0541', '0623', '0645', '0700', '1825'):
        label = loadmat(penn_root / f'labels/{clip}.mat')
        boxes = label['bbox'].astype(float)
        for index, box in enumerate(boxes):
            joints = np.stack([label['x'][index], label['y'][index]], axis=-1)
            samples.append(
                frame(
                    joints,
                    joints,
                    visible=label['visibility'][index],
                    released=box[2:] - box[:2],
                    video_id=f'frames/{clip}',
                    frame_index=index))
    visible = sum(s['gt_instances']['keypoints_visible'].sum()
                  for s in samples)
    metainfo = read_metainfo(repo_root /
                             'configs/_base_/datasets/penn_action.py')
    result = evaluate(metainfo, samples)
    assert result['Pooled'] == pytest.approx(1 - 101 / visible)
    assert any('173 frames with a box of size 0, their 101 visible keypoints '
               'counted as wrong' in message for _, message in messages)
    assert evaluate(metainfo, samples, zero_box='ignore')['Pooled'] == 1


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
    with pytest.raises(ValueError, match='VideoSampler') as error:
        evaluate(sub_jhmdb, samples + [samples[1]])
    assert "frame 1 of video 'frames/0001'" in str(error.value)
    # another person in the same frame is another frame of a track
    other = deepcopy(samples[1])
    other['track_id'] = 1
    evaluate(sub_jhmdb, samples + [other])
    # without video fields nothing is known about the frames
    for sample in samples:
        del sample['video_id']
    evaluate(sub_jhmdb, samples + [samples[1]])


def test_missing_frames_are_reported(sub_jhmdb, messages):
    metric = GroupPCKAccuracy()
    metric.dataset_meta = sub_jhmdb
    metric.process(None, random_samples(5, frames=3))
    metric.evaluate(5)
    assert any(level == 'WARNING' and 'only 3 of the 5 frames' in text
               for level, text in messages)
    with pytest.raises(ValueError, match='no frames'):
        evaluate(sub_jhmdb, [])


@pytest.mark.parametrize('metainfo, words', [
    (dict(dataset_name='coco', keypoint_name2id={}),
     "'coco' has no pck_groups.*PCKAccuracy"),
    (dict(SMALL, pck_groups=dict(Head=['nose'])), r"small.*\['nose'\]"),
    (dict(SMALL, eval_keypoints=['nose']), r"\['nose'\]"),
    (dict(SMALL, keypoint_name2id=dict(
        head=0, left_shoulder=1, right_shoulder=2)),
     'names 3 keypoints.*frames have 5'),
])  # yapf: disable
def test_unusable_metainfo(metainfo, words):
    with pytest.raises(ValueError, match=words):
        evaluate(metainfo, [frame(GT, GT)])
    with pytest.raises(ValueError, match='predicts 4 keypoints'):
        evaluate(SMALL, [frame(GT[:4], GT)])
    names = dict(SMALL['keypoint_name2id'], hip=4)
    del names['right_hip']
    with pytest.raises(ValueError, match='right_hip'):
        evaluate(
            dict(SMALL, keypoint_name2id=names), [frame(GT, GT)],
            norm_item='torso')


@pytest.mark.parametrize('kwargs', [
    dict(norm_item='head'),
    dict(norm_item=[]),
    dict(zero_box='drop'),
    dict(thr=0.),
    dict(thr=math.inf),
], ids=str)  # yapf: disable
def test_unusable_arguments(kwargs):
    with pytest.raises(ValueError, match=next(iter(kwargs))):
        GroupPCKAccuracy(**kwargs)
