# Copyright (c) temporal_corr authors. All rights reserved.
"""People to encode, and their maps."""
import numpy as np

# A standing person in pixels around the middle of the input.
STANDING = np.array([(0, -95), (0, -70), (-22, -68), (-35, -35), (-40, 0),
                     (22, -68), (35, -35), (40, 0), (-14, 5), (-15, 50),
                     (-16, 95), (14, 5), (15, 50), (16, 95), (0, -30)], float)


def standing_people(num_people: int, rng) -> np.ndarray:
    """Keypoints of people side by side, each a little different, (N, K, 2)."""
    shift = (np.arange(num_people) - (num_people - 1) / 2) * 85
    people = STANDING + 183.5 + rng.normal(0, 4, (num_people, 15, 2))
    people[..., 0] += shift[:, None]
    return people


def random_people(num_people, seed, size=368., gap=40.):
    """Any pose, each person in a quarter of the input of its own."""
    rng = np.random.default_rng(seed)
    quarters = np.array([(0, 0), (1, 0), (0, 1), (1, 1)]) * size / 2
    quarters = rng.permutation(quarters)[:num_people]
    return quarters[:, None] + rng.uniform(gap / 2, (size - gap) / 2,
                                           (num_people, 15, 2))


def maps_of(codec, people, visible=None, noise=0., seed=0):
    """Encoded people, as the network would predict them."""
    encoded = codec.encode(people, visible)
    maps = np.concatenate([encoded['heatmaps'], encoded['pafs']])
    noise = np.random.default_rng(seed).normal(0, noise, maps.shape)
    return (maps + noise).astype(np.float32)


def matched(decoded, people):
    """Distance of each joint (N, 15) to the decoded person it belongs to."""
    distance = np.linalg.norm(decoded[:, None] - people, axis=-1)
    own = np.nanmean(distance, axis=-1).argmin(axis=0)
    assert len(set(own)) == len(people), 'two people decoded as one'
    return distance[own, np.arange(len(people))]
