# Copyright (c) temporal_corr authors. All rights reserved.
"""Decoding: what was encoded comes back, and nobody steals a limb."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paf_cases import (STANDING, maps_of, matched, random_people,
                       standing_people)
from plain_part_affinity import plain_decode
from scipy.io import loadmat

from projects.temporal_corr.codecs import PartAffinityField

# joints of JHMDB in the order of the parts
JHMDB_TO_MPI = [2, 0, 3, 7, 11, 4, 8, 12, 5, 9, 13, 6, 10, 14, 1]


def decode(people, *sizes, visible=None, **options):
    """What is decoded of the maps of people: keypoints (K, 2), scores and
    which are assembled, (K, )."""
    codec = PartAffinityField(*sizes, **options)
    keypoints, (scores, assembled) = codec.decode(
        maps_of(codec, people, visible))
    return keypoints[0], scores[0], assembled[0]


def assert_comes_back(person, *sizes, **options):
    keypoints, _, assembled = decode(person[None], *sizes, **options)
    assert assembled.all() and np.abs(keypoints - person).max() < 0.01


@settings(deadline=None, max_examples=60)
@given(num_people=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_random_people_come_back(num_people, seed):
    people = random_people(num_people, seed)
    codec = PartAffinityField()
    decoded, scores, person_scores = codec.decode_people(
        maps_of(codec, people))
    assert decoded.shape == (num_people, 15, 2)
    # far from each other Gaussians are whole, and found exactly
    assert matched(decoded, people).max() < 0.01
    assert (scores > 0.5).all() and (np.diff(person_scores) <= 0).all()


@pytest.mark.parametrize('sizes', [
    pytest.param(((192, 256), (24, 32)), id='not square'),
    pytest.param(((192, 256), (48, 64)), id='stride 4'),
])
def test_other_sizes(sizes):
    assert_comes_back(STANDING * 0.55 + np.array(sizes[0]) / 2, *sizes)


@pytest.mark.parametrize('corner', [(0., 0.), (367., 0.), (2., 366.),
                                    (-0.5, 367.5)], ids=str)
def test_a_part_on_the_border(corner):
    [person] = random_people(1, seed=0)
    person[4] = corner  # the wrist
    assert_comes_back(person, distance_prior=None)


def test_real_people_come_back(jhmdb_root):
    """Also those whose shoulder hides their neck."""
    files = sorted(jhmdb_root.glob('joint_positions/*/*/*.mat'))[::3]
    assert files
    for file in files:
        person = loadmat(str(file))['pos_img'][:, JHMDB_TO_MPI, 0].T
        low, high = person.min(axis=0), person.max(axis=0)
        scale = 128 / (1.4 * (high - low).max())
        assert_comes_back((person - (low + high) / 2) * scale + 64,
                          (128, 128), (16, 16))


@pytest.mark.parametrize('num_people, options', [
    (1, dict()),
    (2, dict()),
    (2, dict(peak_threshold=0.9)),
    (2, dict(sample_threshold=1.1)),
    (2, dict(sample_ratio=1.)),
    (2, dict(distance_prior=0.05)),
    (2, dict(min_parts=16)),
    (2, dict(min_score=1.85)),
], ids=str)  # yapf: disable
def test_noisy_people_equal_plain_loops(num_people, options):
    """Each threshold takes something away."""
    people = standing_people(num_people, np.random.default_rng(1))
    codec = PartAffinityField(**options)
    maps = maps_of(codec, people, noise=0.02, seed=1)
    maps[16:] /= 2  # fields half as strong as they should be
    before = maps.copy()
    decoded, scores, _ = codec.decode_people(maps)
    np.testing.assert_array_equal(maps, before)
    people = plain_decode(maps, codec)
    expected = np.full((len(people), 15, 3), [np.nan, np.nan, 0])
    for joints, row in zip(people, expected):
        row[list(joints)] = list(joints.values())
    np.testing.assert_allclose(
        np.dstack([decoded, scores]), expected, atol=1e-3)
    assembled = sum(map(len, people))
    if options:
        everybody = PartAffinityField().decode_people(maps)[0]
        assert assembled < (~np.isnan(everybody[..., 0])).sum()
    else:
        assert assembled >= 15 * num_people


def test_the_person_closest_to_the_centre():
    codec = PartAffinityField()
    people = standing_people(3, np.random.default_rng(0))
    maps = maps_of(codec, people)
    keypoints, _ = codec.decode(maps)
    assert np.abs(keypoints[0] - people[1]).max() < 0.1
    for person in people:
        keypoints, _ = codec.decode(maps, center=person.mean(axis=0))
        assert np.abs(keypoints[0] - person).max() < 0.1


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    apart=st.floats(45, 90),
    joint=st.sampled_from([0, 4, 7, 10, 13]))
def test_nobody_steals_a_limb(seed, apart, joint):
    """The person in the middle lacks a joint that the one beside has."""
    rng = np.random.default_rng(seed)
    people = STANDING + 183.5 + rng.normal(0, 2, (2, 15, 2))
    people[1, :, 0] += apart
    visible = np.ones((2, 15))
    visible[0, joint] = 0
    keypoints, scores, assembled = decode(people, visible=visible)
    assert np.nonzero(assembled == 0)[0].tolist() == [joint]
    others = np.delete(np.arange(15), joint)
    assert np.abs(keypoints - people[0])[others].max() < 1
    # the maximum of the heatmap is the other person's
    assert np.abs(keypoints[joint] - people[1, joint]).max() < 1
    assert scores[joint] > 0.5


def test_nobody_is_assembled():
    person = random_people(1, seed=2)
    codec = PartAffinityField()
    maps = maps_of(codec, person)
    maps[16:] = 0
    assert codec.decode_people(maps)[0].shape == (0, 15, 2)
    keypoints, (scores, assembled) = codec.decode(maps)
    assert keypoints.shape == (1, 15, 2) and not assembled.any()
    assert scores.shape == assembled.shape == (1, 15)
    assert np.abs(keypoints - person).max() < 0.01 and scores.all()


@pytest.mark.parametrize('value', [0., -1., 0.5], ids='all {}'.format)
def test_maps_without_anybody(value):
    maps = np.full((44, 46, 46), value, np.float32)
    keypoints, (scores, assembled) = PartAffinityField().decode(maps)
    assert np.isfinite(keypoints).all() and (scores == value).all()
    assert not assembled.any()
    # of a damaged network: the metrics count what is not finite
    keypoints, _ = PartAffinityField().decode(maps * np.nan)
    assert np.isnan(keypoints).all()
