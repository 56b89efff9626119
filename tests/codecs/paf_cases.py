# Copyright (c) temporal_corr authors. All rights reserved.
"""People to encode, and their maps."""
import sys
from pathlib import Path

import numpy as np

sys.path.insert(
    0, str(Path(__file__).resolve().parents[2] / 'tools/analysis_tools'))

from benchmark_paf import STANDING, standing_people  # noqa: E402,F401
from plain_part_affinity import plain_decode, plain_encode  # noqa: E402,F401


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
