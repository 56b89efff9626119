# Copyright (c) temporal_corr authors. All rights reserved.
"""One person, found in the whole frame and followed."""
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from projects.temporal_corr.video_io.followed_person import (FollowedPerson,
                                                             box_of_pose)

SIZE = (640, 360)
NAMES = ('nose', 'left_shoulder', 'right_shoulder', 'left_wrist',
         'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee',
         'left_ankle', 'right_ankle')
TORSO = ((1, 2), (5, 6))
#: A standing person of height 1 about the hips.
POSE = np.array([(0, -.42), (-.1, -.28), (.1, -.28), (-.2, 0), (.2, 0),
                 (-.07, 0), (.07, 0), (-.08, .25), (.08, .25), (-.1, .48),
                 (.1, .48)])


def model(person, height, box, cells=48):
    """What a heatmap model would say of a person at a place.

    It sees what is in the square crop around the box, on a grid of cells,
    and only people who are neither tiny nor larger than the crop.
    """
    middle, side = (box[:2] + box[2:]) / 2, 1.25 * max(box[2:] - box[:2])
    corner = middle - side / 2
    cell = np.floor((person + height * POSE - corner) / side * cells)
    visible = ((cell >= 0) & (cell < cells)).all(axis=1)
    visible &= 0.1 < height / side < 1.2
    points = corner + (np.clip(cell, 0, cells - 1) + 0.5) * side / cells
    return points, np.where(visible, 0.45, 0.05)


def walk(places, height, person):
    """Boxes, and whether there was a person, frame by frame."""
    boxes, seen = [], []
    for place in places:
        boxes.append(person.box(SIZE))
        seen.append(person.follow(*model(place, height, boxes[-1]), SIZE))
    return np.array(boxes), seen


def is_whole(box):
    middle, sides = (box[:2] + box[2:]) / 2, 1.25 * (box[2:] - box[:2])
    return np.allclose(middle, np.divide(SIZE, 2)) and np.allclose(sides, SIZE)


@pytest.mark.parametrize('speed', [0, 12, 40])
def test_found_followed_lost_and_found_again(speed):
    """A person of 100 pixels, who leaves on the right and comes back."""
    away = 12
    xs = [*range(60, 600, max(speed, 12))]
    there = [(x, 180) for x in xs]
    person = FollowedPerson(NAMES)
    boxes, seen = walk(
        there + [(2000, 180)] * away + there[::-1] + [(xs[0], 180)] * 3, 100,
        person)
    n = len(there)
    assert is_whole(boxes[0])
    assert all(seen[:n]) and not any(seen[n + 1:n + away])
    assert all(map(is_whole, boxes[n + 1:n + away]))
    assert all(seen[n + away:])
    for box, (x, y) in zip(boxes[1:n], there[:-1]):
        # all of the person of the frame before, and little else
        low, high = (np.array([x, y]) + 100 * POSE.min(0),
                     np.array([x, y]) + 100 * POSE.max(0))
        inner = np.clip(np.concatenate([low, high]), 0, np.tile(SIZE, 2))
        assert (box[:2] <= inner[:2] + 5).all()
        assert (box[2:] >= inner[2:] - 5).all()
        assert (box[2:] - box[:2]).max() < 150


@pytest.mark.parametrize('score, found, kept', [
    (0.2, True, True),
    # not enough to begin with, and enough to go on
    (0.08, False, True),
    (0.05, False, False),
])
def test_it_takes_more_to_find_than_to_keep(score, found, kept):
    points, low = 300 + 100 * POSE, np.full(11, score)
    person = FollowedPerson(NAMES)
    assert person.follow(points, low, SIZE) == found
    person.follow(points, np.full(11, 0.4), SIZE)
    assert person.follow(points, low, SIZE) == kept
    # Nobody is expected in the next shot.
    person.reset()
    assert person.follow(points, low, SIZE) == found


def test_each_shot_begins_with_its_own_box():
    start = [[100, 50, 180, 200], [300, 20, 400, 300]]
    person = FollowedPerson(NAMES, start)
    boxes, _ = walk([(140, 125)] * 2, 130, person)
    assert boxes[0].tolist() == start[0] and boxes[1].tolist() != start[0]
    person.reset()
    assert person.box(SIZE).tolist() == start[1]
    person.reset()
    assert is_whole(person.box(SIZE))


def test_provider():
    """As the demo uses it."""
    frame = SimpleNamespace(image=np.zeros((*SIZE[::-1], 3), np.uint8))
    person = FollowedPerson(NAMES)
    found = person(frame)
    assert is_whole(found.bboxes[0]) and found.track_ids == [0]
    points, scores = model((300, 180), 120, found.bboxes[0])
    for share, lost in ((1, []), (0.1, [0])):
        pose = SimpleNamespace(
            keypoints=points[None], keypoint_scores=share * scores[None])
        assert person.see([SimpleNamespace(pred_instances=pose)]) == lost
        assert is_whole(person(frame).bboxes[0]) == bool(lost)


@pytest.mark.parametrize('sure, torso, found', [
    (range(11), TORSO, True),
    # limbs alone are not a person whose torso is known ...
    ((0, 3, 4, 7, 8, 9, 10), TORSO, False),
    ((0, 1, 3, 7, 8, 9, 10), TORSO, False),
    # ... and are where the names do not tell which keypoints are the torso
    ((0, 3, 4, 7, 8, 9, 10), ((), ()), True),
    # too few
    ((1, 2, 5), TORSO, False),
    ((1, 2, 5, 6), TORSO, True),
])
def test_what_is_a_person(sure, torso, found):
    scores = np.isin(np.arange(11), list(sure)) * 0.4
    box = box_of_pose(300 + 100 * POSE, scores, (600, 600), torso)
    assert (box is not None) == found


def test_limbs_that_are_not_seen_have_room():
    """The torso alone: the box holds the whole person nevertheless."""
    scores = np.isin(np.arange(11), sum(TORSO, ())) * 0.4
    box = box_of_pose(300 + 100 * POSE, scores, (600, 600), TORSO)
    points = 300 + 100 * POSE[1:9]
    assert (box[:2] < points.min(0)).all() and (box[2:] > points.max(0)).all()
    assert (box[2:] - box[:2] < 120).all()


@given(
    points=arrays(np.float64, (11, 2)),
    scores=arrays(np.float32, 11, elements=st.floats(-1, 2, width=32)),
    size=st.tuples(st.integers(2, 5000), st.integers(2, 5000)),
    # A folder of images may hold several sizes.
    other=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    torso=st.sampled_from([TORSO, ((), ()), ()]))
def test_a_box_is_in_the_frame_and_has_an_area(points, scores, size, other,
                                               torso):
    with np.errstate(over='ignore', invalid='ignore'):
        box = box_of_pose(points, scores, size, torso)
        person = FollowedPerson(NAMES)
        person.follow(points, scores, size)
    found = [(person.box(size), size), (person.box(other), other)]
    for (x1, y1, x2, y2), (w, h) in found + [(box, size)] * (box is not None):
        assert 0 <= x1 < x2 <= w and 0 <= y1 < y2 <= h
