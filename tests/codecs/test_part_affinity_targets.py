# Copyright (c) temporal_corr authors. All rights reserved.
"""Encoding against a loop over cells, MMPose and hand-made cases."""
import numpy as np
import pytest
from mmpose.codecs.utils import generate_unbiased_gaussian_heatmaps
from paf_cases import plain_encode, random_people, standing_people

from projects.temporal_corr.codecs import MPI_LIMBS, PartAffinityField


def two_parts(**kwargs):
    """A codec of one limb on 8 x 6 cells of 8 pixels."""
    return PartAffinityField((64, 48), (8, 6), limbs=((0, 1), ),
                             num_keypoints=2, **kwargs)


@pytest.mark.parametrize('sizes, num_people, overhang', [
    pytest.param((368, 46), 1, 1., id='one person'),
    pytest.param((368, 46), 4, 0., id='four people, limbs end at the joints'),
    pytest.param((128, 16), 3, 1., id='small input'),
    pytest.param(((192, 256), (24, 32)), 2, 0.5, id='not square'),
    pytest.param(((192, 256), (48, 32)), 2, 1., id='two strides'),
])
def test_equals_a_loop_over_cells(sizes, num_people, overhang):
    input_size, heatmap_size = (size if isinstance(size, tuple) else
                                (size, size) for size in sizes)
    codec = PartAffinityField(
        input_size, heatmap_size, limb_overhang=overhang)
    rng = np.random.default_rng(0)
    # some of them outside
    people = rng.uniform(-20, np.array(input_size) + 20, (num_people, 15, 2))
    visible = (rng.random((num_people, 15)) > 0.2).astype(np.float32)
    encoded = codec.encode(people, visible)
    heatmaps, pafs = plain_encode(people, visible, codec)
    np.testing.assert_allclose(encoded['heatmaps'], heatmaps, atol=1e-6)
    np.testing.assert_allclose(encoded['pafs'], pafs, atol=1e-6)
    assert (heatmaps[:15].max() > 0.5) and np.abs(pafs).max() > 0.5


def test_overlapping_people_equal_a_loop_over_cells():
    codec = PartAffinityField()
    people = np.repeat(standing_people(1, np.random.default_rng(1)), 3, axis=0)
    people += np.arange(3)[:, None, None] * 7
    heatmaps, pafs = plain_encode(people, np.ones((3, 15)), codec)
    assert (heatmaps[:15] == 1).any(), 'no sum was clipped'
    encoded = codec.encode(people)
    np.testing.assert_allclose(encoded['heatmaps'], heatmaps, atol=1e-6)
    np.testing.assert_allclose(encoded['pafs'], pafs, atol=1e-6)


def test_one_person_has_the_gaussians_of_mmpose():
    person = random_people(1, seed=3)
    ours = PartAffinityField().encode(person)['heatmaps'][:15]
    theirs, _ = generate_unbiased_gaussian_heatmaps(
        (46, 46), (person - 3.5) / 8, np.ones((1, 15)), sigma=7 / 8)
    np.testing.assert_allclose(
        ours, np.where(theirs >= np.exp(-4.6052), theirs, 0), atol=1e-5)


def test_limb_by_hand():
    # in cells from (1, 2) to (4, 2)
    keypoints = np.array([[[11.5, 19.5], [35.5, 19.5]]])
    x = np.zeros((6, 8))
    x[1:4, 1:5] = 1  # one cell to each side, both ends included
    pafs = two_parts(limb_overhang=0.).encode(keypoints)['pafs']
    np.testing.assert_array_equal(pafs, [x, np.zeros((6, 8))])
    x[1:4, 0:6] = 1
    pafs = two_parts(limb_overhang=1.).encode(keypoints)['pafs']
    np.testing.assert_array_equal(pafs, [x, np.zeros((6, 8))])


def test_opposite_limbs_cancel_and_crossing_ones_average():
    there = np.array([[11.5, 19.5], [35.5, 19.5]])
    down = np.array([[27.5, 11.5], [27.5, 27.5]])
    codec = two_parts()
    pafs = codec.encode(np.stack([there, there[::-1]]))['pafs']
    np.testing.assert_array_equal(pafs, 0)
    pafs = codec.encode(np.stack([there, there, down]))['pafs']
    np.testing.assert_allclose(pafs[:, 2, 3], [2 / 3, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize('length', [0., 1e-200, 1e-9, 0.5])
def test_short_limbs_are_finite(length):
    keypoints = np.array([[[20., 20.], [20. + length, 20.]]])
    pafs = two_parts().encode(keypoints)['pafs']
    assert np.isfinite(pafs).all() and np.abs(pafs).max() <= 1
    assert pafs.any() == (length >= 1e-9)


def test_mirrored_people_have_the_mirrored_targets():
    codec = PartAffinityField()
    swap = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 14]
    limbs = [tuple(limb) for limb in MPI_LIMBS]
    swap_limbs = [limbs.index((swap[a], swap[b])) for a, b in limbs]
    people = random_people(3, seed=0)
    mirrored = people[:, swap] * (-1, 1) + (367, 0)
    targets, other = codec.encode(people), codec.encode(mirrored)
    np.testing.assert_allclose(
        other['heatmaps'],
        targets['heatmaps'][swap + [15]][..., ::-1],
        atol=1e-6)
    vectors = targets['pafs'].reshape(14, 2, 46, 46)[swap_limbs, ..., ::-1]
    vectors = vectors * np.array([-1, 1])[:, None, None]
    np.testing.assert_allclose(
        other['pafs'].reshape(14, 2, 46, 46), vectors, atol=1e-6)


@pytest.mark.parametrize('where', [
    pytest.param((100., 100.), id='in the input'),
    pytest.param((-1., 100.), id='outside'),
])
def test_unlabelled_parts_are_not_drawn(where):
    person = random_people(1, seed=0)
    elbow = 3
    everything = PartAffinityField().encode(person)
    person[0, elbow] = where
    seen = np.ones((1, 15))
    seen[0, elbow] = 0
    encoded = PartAffinityField().encode(person, seen)
    limbs = [i for i, limb in enumerate(MPI_LIMBS) if elbow in limb]
    pafs = encoded['pafs'].reshape(14, 2, 46, 46)
    assert not encoded['heatmaps'][elbow].any() and not pafs[limbs].any()
    others = np.delete(np.arange(14), limbs)
    np.testing.assert_array_equal(
        pafs[others], everything['pafs'].reshape(14, 2, 46, 46)[others])
    expected = np.ones((1, 15))
    expected[0, elbow] = 0
    np.testing.assert_array_equal(encoded['keypoint_weights'], expected)


def test_a_part_counts_only_if_labelled_for_everybody():
    """Who is outside altogether takes nothing from the others."""
    people = random_people(2, 0)
    visible = np.ones((2, 15))
    visible[0, 4] = visible[1, 9] = 0
    weights = PartAffinityField().encode(people, visible)['keypoint_weights']
    assert np.nonzero(weights[0] == 0)[0].tolist() == [4, 9]
    people[1] += 1000.
    visible[0, 4] = 1
    weights = PartAffinityField().encode(people, visible)['keypoint_weights']
    assert weights.all()


def test_nobody():
    encoded = PartAffinityField().encode(np.zeros((0, 15, 2)))
    assert not encoded['heatmaps'][:15].any() and not encoded['pafs'].any()
    assert (encoded['heatmaps'][15] == 1).all()
    assert encoded['keypoint_weights'].tolist() == [[1.] * 15]
    assert {array.dtype for array in encoded.values()} == {np.dtype('f4')}


@pytest.mark.parametrize('shape', [(1, 13, 2), (15, 2)])
def test_wrong_shapes_are_named(shape):
    with pytest.raises(ValueError, match=r'\(N, 15, 2\)'):
        PartAffinityField().encode(np.zeros(shape))


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_coordinates_that_are_not_finite_are_named(value):
    people = random_people(2, seed=0)
    people[1, 6, 1] = value
    with pytest.raises(ValueError, match='keypoint 6 of person 1'):
        PartAffinityField().encode(people)


@pytest.mark.parametrize('arguments, message', [
    (dict(limbs=((0, 1), (1, 2), (2, 0))), 'closes a cycle'),
    (dict(missing='zero'), 'argmax'),
])
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        PartAffinityField(**arguments)
