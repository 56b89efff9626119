# Copyright (c) temporal_corr authors. All rights reserved.
from itertools import permutations
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from projects.temporal_corr.apis import SourceFrame, detection
from projects.temporal_corr.apis.detection import BoxTracker, ScipyByteTracker

FRAME = SourceFrame(0, np.zeros((48, 64, 3), np.uint8), True)


class Detector:
    """Finds the same in every picture, as MMDetection's do."""

    cfg = Config(
        dict(
            test_dataloader=dict(
                dataset=dict(pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='PackDetInputs', meta_keys=('img_shape', ))
                ]))))

    def __init__(self):
        self.data_preprocessor = torch.nn.Identity()
        self.data_preprocessor.device = torch.device('cpu')

    def modules(self):
        return iter(())

    def test_step(self, data):
        assert data['inputs'][0].shape == (3, 48, 64)
        sample = DetDataSample()
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([
                [0., 0., 10., 40.],  # a person
                [1., 0., 11., 40.],  # the same, weaker
                [6., 0., 16., 40.],  # another, who is behind
                [30., 0., 60., 40.],  # a dog
                [20., 5., 20., 30.],  # nothing
            ]),
            scores=torch.tensor([0.8, 0.9, 0.7, 0.95, 0.6]),
            labels=torch.tensor([0, 0, 0, 16, 0]))
        return [sample]


def test_people_strongest_first(monkeypatch):
    monkeypatch.setattr(detection, 'init_detector',
                        lambda *args, **kwargs: Detector())
    boxes, scores = detection.PersonDetector('config.py')(FRAME)
    assert boxes.tolist() == [[1, 0, 11, 40], [6, 0, 16, 40]]
    np.testing.assert_allclose(scores, [0.9, 0.7])
    # MMPose stays the default scope for everybody else.
    assert DefaultScope.get_current_instance().scope_name == 'mmpose'
    with pytest.raises(FileNotFoundError, match='none.pth'):
        detection.PersonDetector('config.py', 'none.pth')


def boxes_at(*centres, half=(15, 40)):
    centres = np.array(centres, dtype=float).reshape(-1, 2)
    return np.concatenate([centres - half, centres + half], axis=1)


@pytest.mark.parametrize('missing', [(), (19, 20, 21)],
                         ids=['always found', 'one hides the other'])
def test_two_who_cross_keep_their_identities(missing):
    """Walking to the right and to the left, meeting in frame 20."""
    tracker, rng = BoxTracker(), np.random.default_rng(0)
    for t in range(40):
        centres = np.array([[40 + 5 * t, 100], [240 - 5 * t, 104]])
        order = rng.permutation([0] if t in missing else [0, 1])
        found = tracker(
            boxes_at(*(centres + rng.normal(size=(2, 2)))[order]),
            np.array([0.9, 0.85])[order])
        assert len(set(found.track_ids)) == len(order)
        if len(order) == 2 and abs(t - 20) > 2:
            x = (found.bboxes[:, 0] + found.bboxes[:, 2]) / 2
            for place, identity in zip(x, found.track_ids):
                assert abs(place - centres[identity, 0]) < 5


BOTH = boxes_at((50, 50), (150, 50))


def test_identity_of_who_was_gone():
    tracker = BoxTracker(max_age=5)
    for _ in range(4):
        assert tracker(BOTH, [1., 1.]).track_ids == [0, 1]
    for away, again in (5, [0, 1]), (6, [0, 2]):
        for _ in range(away):
            assert tracker(BOTH[:1], [1.]).track_ids == [0]
        assert sorted(tracker(BOTH, [1., 1.]).track_ids) == again


def test_weak_boxes_continue_but_do_not_start():
    tracker = BoxTracker(score_thr=0.6)
    assert tracker(BOTH, [0.9, 0.3]).track_ids == [0]
    assert tracker(BOTH, [0.3, 0.3]).track_ids == [0]
    assert tracker(BOTH, [0.1, 0.9]).track_ids == [1]


def test_nobody_and_cuts():
    """No number is given twice, so nobody is taken for who was there before;
    nothing grows."""
    tracker = BoxTracker()
    for _ in range(3):
        found = tracker(np.zeros((0, 4)), np.zeros(0))
        assert found.bboxes.shape == (0, 4) and found.track_ids == []
    assert tracker(BOTH[:1], [1.]).track_ids == [0]
    tracker.reset()
    for _ in range(50):
        assert tracker(BOTH[:1], [1.]).track_ids == [1]
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
    centres = rng.uniform(0, 60, size=(count, 2))
    for i, place in enumerate(places):
        # centre, aspect ratio, height
        tracker.tracks[i] = SimpleNamespace(
            mean=np.array([*place, 30 / 80, 80.] + [0.] * 4))
    rows, columns = tracker.assign_ids([*range(tracks)],
                                       torch.tensor(boxes_at(*centres)), None,
                                       None, False, 0.4)
    # of boxes of 30 x 80
    shared = np.clip((30, 80) - np.abs(places[:, None] - centres), 0, None)
    both = shared.prod(axis=-1)
    ious = both / (2 * 30 * 80 - both)

    def cost(choice):
        """Each pair costs 1 - IoU, each two who stay alone 0.6."""
        pairs = [(i, j) for i, j in enumerate(choice) if j >= 0]
        alone = tracks + count - 2 * len(pairs)
        return sum(1 - ious[pair] for pair in pairs) + 0.3 * alone

    options = set(permutations([*range(count)] + [-1] * tracks, int(tracks)))
    assert cost(rows) == pytest.approx(min(map(cost, options)), abs=1e-4)
    for i, j in enumerate(rows):
        assert j < 0 or columns[j] == i
