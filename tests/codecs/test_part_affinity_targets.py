# Copyright (c) temporal_corr authors. All rights reserved.
"""Encoding against a plain statement and hand-made cases."""
import numpy as np
import pytest
from paf_cases import random_people, standing_people
from plain_part_affinity import plain_encode

from projects.temporal_corr.codecs import MPI_LIMBS, PartAffinityField


def assert_equals_plain(codec, people, visible):
    encoded = codec.encode(people, visible)
    heatmaps, pafs = plain_encode(people, visible, codec)
    assert heatmaps[:15].max() > 0.5 and np.abs(pafs).max() > 0.5
    np.testing.assert_allclose(encoded['heatmaps'], heatmaps, atol=1e-6)
    np.testing.assert_allclose(encoded['pafs'], pafs, atol=1e-6)
    return heatmaps


@pytest.mark.parametrize('sizes, num_people, overhang', [
    pytest.param(((368, 368), (46, 46)), 1, 1., id='one person'),
    pytest.param(((128, 128), (16, 16)), 3, 0., id='limbs end at the joints'),
    pytest.param(((192, 256), (48, 32)), 2, 0.5, id='two strides'),
])
def test_random_people_equal_a_plain_statement(sizes, num_people, overhang):
    """Some joints are outside, some hidden."""
    rng = np.random.default_rng(0)
    people = rng.uniform(-20, np.array(sizes[0]) + 20, (num_people, 15, 2))
    visible = (rng.random((num_people, 15)) > 0.2).astype(np.float32)
    assert_equals_plain(
        PartAffinityField(*sizes, limb_overhang=overhang), people, visible)


def test_overlapping_people_equal_a_plain_statement():
    people = np.repeat(standing_people(1, np.random.default_rng(1)), 3, axis=0)
    people = (people + np.arange(3)[:, None, None] * 7) * 128 / 368
    heatmaps = assert_equals_plain(
        PartAffinityField((128, 128), (16, 16)), people, np.ones((3, 15)))
    assert (heatmaps[:15] == 1).any(), 'no sum was clipped'


def fields(*limbs, overhang=1.):
    """Fields of a codec of one limb on 8 x 6 cells of 8 pixels."""
    codec = PartAffinityField((64, 48), (8, 6), limbs=((0, 1), ),
                              num_keypoints=2, limb_overhang=overhang)
    return codec.encode(np.array(limbs))['pafs']


# in cells from (1, 2) to (4, 2)
THERE = [[11.5, 19.5], [35.5, 19.5]]


@pytest.mark.parametrize('overhang, first, last', [(0., 1, 5), (1., 0, 6)])
def test_limb_by_hand(overhang, first, last):
    x = np.zeros((6, 8))
    x[1:4, first:last] = 1  # one cell to each side, both ends included
    np.testing.assert_array_equal(
        fields(THERE, overhang=overhang), [x, np.zeros((6, 8))])


def test_opposite_limbs_cancel_and_crossing_ones_average():
    np.testing.assert_array_equal(fields(THERE, THERE[::-1]), 0)
    down = [[27.5, 11.5], [27.5, 27.5]]
    np.testing.assert_allclose(
        fields(THERE, THERE, down)[:, 2, 3], [2 / 3, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize('length', [0., 1e-200, 1e-9, 0.5])
def test_short_limbs_are_finite(length):
    pafs = fields([[20., 20.], [20. + length, 20.]])
    assert np.isfinite(pafs).all() and np.abs(pafs).max() <= 1
    assert pafs.any() == (length >= 1e-9)


@pytest.mark.parametrize('where', [
    pytest.param((100., 100.), id='in the input'),
    pytest.param((-1., 100.), id='outside'),
])
def test_unlabelled_parts_are_not_drawn(where):
    person, elbow = random_people(1, seed=0), 3
    everything = PartAffinityField().encode(person)
    person[0, elbow] = where
    seen = np.ones((1, 15))
    seen[0, elbow] = 0
    encoded = PartAffinityField().encode(person, seen)
    expected = everything['pafs'].reshape(14, 2, 46, 46)
    expected[[i for i, limb in enumerate(MPI_LIMBS) if elbow in limb]] = 0
    np.testing.assert_array_equal(
        encoded['pafs'].reshape(expected.shape), expected)
    assert not encoded['heatmaps'][elbow].any()
    np.testing.assert_array_equal(encoded['keypoint_weights'], seen)


def test_a_part_counts_only_if_labelled_for_everybody():
    """Who is outside altogether takes nothing from the others; without
    anybody all is known to be background."""
    people = random_people(2, 0)
    visible = np.ones((2, 15))
    visible[0, 4] = visible[1, 9] = 0
    weights = PartAffinityField().encode(people, visible)['keypoint_weights']
    assert np.nonzero(weights[0] == 0)[0].tolist() == [4, 9]
    people[1] += 1000.
    visible[0, 4] = 1
    weights = PartAffinityField().encode(people, visible)['keypoint_weights']
    assert weights.all()
    nobody = PartAffinityField().encode(np.zeros((0, 15, 2)))
    assert not nobody['heatmaps'][:15].any() and not nobody['pafs'].any()
    assert (nobody['heatmaps'][15] == 1).all()
    assert nobody['keypoint_weights'].tolist() == [[1.] * 15]


def test_a_cycle_is_no_tree():
    with pytest.raises(ValueError, match='2, 0.* closes a cycle'):
        PartAffinityField(limbs=((0, 1), (1, 2), (2, 0)))
