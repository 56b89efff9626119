# Copyright (c) temporal_corr authors. All rights reserved.
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.temporal_corr.apis import (FollowedBox, SourceFrame, WholeFrame,
                                         follow_pose)
from projects.temporal_corr.apis.box_tracker import (BoxTracker,
                                                     ScipyByteTracker)

SIZE = (200, 100)
BOX = np.array([50., 20., 90., 80.], dtype=np.float32)
SURE = np.ones(4)


def corners(x1, y1, x2, y2):
    return np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], dtype=float)


@pytest.mark.parametrize('keypoints, scores, expected', [
    # extent 32 x 48, times 1.25 is 40 x 60, about (70, 50)
    (corners(54, 26, 86, 74), SURE, BOX),
    (corners(64, 26, 96, 74), SURE, BOX + [10, 0, 10, 0]),
    # sides change by a tenth at most
    (corners(20, 26, 120, 74), SURE, [48, 20, 92, 80]),
    (corners(69, 26, 71, 74), SURE, [70 - 20 / 1.1, 20, 70 + 20 / 1.1, 80]),
    # outside of the image
    (corners(-16, 26, 16, 74), SURE, [0, 20, 20, 80]),
    # nothing to go by
    (corners(0, 0, 9, 9), 0.1 * SURE, BOX),
    (corners(0, 0, 9, 9), [1, 0, 0, 0], BOX),
    (corners(-90, 26, -58, 74), SURE, BOX),
    (np.full((4, 2), np.nan), SURE, BOX),
], ids=[
    'still', 'moves', 'grows', 'shrinks', 'clipped', 'unsure', 'one point',
    'gone', 'not finite'
])
def test_box_follows_the_pose(keypoints, scores, expected):
    moved = follow_pose(
        BOX, keypoints, np.asarray(scores), SIZE, thr=0.3, padding=1.25)
    np.testing.assert_allclose(moved, expected, rtol=1e-5)
    assert moved.dtype == np.float32


def frame(width=200, height=100):
    return SourceFrame(0, '0', np.zeros((height, width, 3), np.uint8), True)


def test_followed_box_begins_each_shot_anew():
    people = FollowedBox([BOX, BOX + 5])
    assert people(frame()).bboxes.tolist() == [BOX.tolist()]
    # as large as the box, padded
    keypoints = corners(80 - 20 / 1.4, 50 - 30 / 1.4, 80 + 20 / 1.4,
                        50 + 30 / 1.4)
    pose = InstanceData(
        keypoints=keypoints[None], keypoint_scores=SURE[None])
    sample = PoseDataSample()
    sample.pred_instances = pose
    people.see([sample])
    np.testing.assert_allclose(people(frame()).bboxes[0], [60, 20, 100, 80])
    for _ in range(2):  # the last box serves all further shots
        people.reset()
        found = people(frame())
        assert found.bboxes.tolist() == [(BOX + 5).tolist()]
        assert found.track_ids == [0]


def test_whole_frame():
    found = WholeFrame()(frame(30, 20))
    assert found.bboxes.tolist() == [[0, 0, 30, 20]]


def boxes_at(*centres, half=(15, 40)):
    centres = np.array(centres, dtype=float).reshape(-1, 2)
    return np.concatenate([centres - half, centres + half], axis=1)


def ids_of(found, centres):
    """Identities of the boxes at these centres."""
    middles = (found.bboxes[:, :2] + found.bboxes[:, 2:]) / 2
    return [
        found.track_ids[np.abs(middles - centre).sum(axis=1).argmin()]
        for centre in centres
    ]


@pytest.mark.parametrize('missing', [(), (19, 20, 21)],
                         ids=['always found', 'one hides the other'])
def test_two_who_cross_keep_their_identities(missing):
    """Walking to the right and to the left, meeting in frame 20."""
    tracker = BoxTracker()
    rng = np.random.default_rng(0)
    seen = []
    for t in range(40):
        centres = np.array([[40 + 5 * t, 100], [240 - 5 * t, 104]])
        places = centres + rng.normal(size=(2, 2))
        scores = np.array([0.9, 0.85])
        shown = [0] if t in missing else [0, 1]
        order = rng.permutation(shown)
        found = tracker(boxes_at(*places[order]), scores[order])
        assert len(found.track_ids) == len(set(found.track_ids)) == len(order)
        if len(shown) == 2 and abs(t - 20) > 2:
            seen.append(tuple(ids_of(found, centres)))
    assert set(seen) == {(0, 1)}


def test_identity_of_who_was_gone():
    tracker = BoxTracker(max_age=5)

    def see(*boxes):
        return tracker(boxes_at(*boxes), np.ones(len(boxes))).track_ids

    for _ in range(4):
        assert see((50, 50), (150, 50)) == [0, 1]
    for _ in range(5):
        assert see((50, 50)) == [0]
    assert sorted(see((50, 50), (150, 50))) == [0, 1]
    for _ in range(6):
        assert see((50, 50)) == [0]
    assert sorted(see((50, 50), (150, 50))) == [0, 2]


def test_weak_boxes_continue_but_do_not_start():
    tracker = BoxTracker(score_thr=0.6)
    both = boxes_at((50, 50), (150, 50))
    assert tracker(both, [0.9, 0.3]).track_ids == [0]
    assert tracker(both, [0.3, 0.3]).track_ids == [0]
    assert tracker(both, [0.1, 0.9]).track_ids == [1]


def test_nobody_and_cuts():
    tracker = BoxTracker()
    for _ in range(3):
        found = tracker(np.zeros((0, 4)), np.zeros(0))
        assert found.bboxes.shape == (0, 4) and found.track_ids == []
    assert tracker(boxes_at((50, 50)), [1.]).track_ids == [0]
    tracker.reset()
    # No number is given twice, so nobody is taken for who was there before.
    assert tracker(boxes_at((50, 50)), [1.]).track_ids == [1]


def test_tracker_does_not_grow():
    tracker = BoxTracker()
    for _ in range(50):
        tracker(boxes_at((50, 50)), [1.])
    track, = tracker._tracker.tracks.values()
    assert all(
        len(track[name]) <= 3 for name in ('bboxes', 'scores', 'frame_ids'))


@pytest.mark.parametrize('seed', range(20))
def test_assignment_is_the_best_one(seed):
    """Against all assignments, by the cost that lap.lapjv minimises."""
    rng = np.random.default_rng(seed)
    tracks, count = rng.integers(1, 4, size=2)
    tracker = ScipyByteTracker(0.5, 0.1, 10)
    places = rng.uniform(0, 60, size=(tracks, 2))
    boxes = torch.tensor(
        boxes_at(*rng.uniform(0, 60, size=(count, 2))), dtype=torch.float32)
    ids = list(range(tracks))
    for i, place in enumerate(places):
        # centre, aspect ratio, height
        tracker.tracks[i] = SimpleNamespace(
            mean=np.array([*place, 30 / 80, 80.] + [0.] * 4))
    rows, columns = tracker.assign_ids(ids, boxes, None, None, False, 0.4)

    def overlap(a, b):
        low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
        both = np.prod(np.clip(high - low, 0, None))
        return both / (2 * 30 * 80 - both)

    ious = np.array([[overlap(a, b) for b in boxes.numpy()]
                     for a in boxes_at(*places)])

    def cost(choice):
        """Each pair costs 1 - IoU, each two who stay alone 0.6."""
        pairs = [(i, j) for i, j in enumerate(choice) if j >= 0]
        alone = tracks + count - 2 * len(pairs)
        return sum(1 - ious[pair] for pair in pairs) + 0.3 * alone

    options = set(permutations([*range(count)] + [-1] * tracks, int(tracks)))
    assert cost(rows) == pytest.approx(min(map(cost, options)), abs=1e-4)
    for i, j in enumerate(rows):
        assert j < 0 or columns[j] == i
