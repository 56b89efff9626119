# Copyright (c) temporal_corr authors. All rights reserved.
from types import SimpleNamespace
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpose.registry import DATA_SAMPLERS
from scipy.io import loadmat

from projects.temporal_corr.datasets import VideoSampler
from projects.temporal_corr.datasets.samplers import balance

RANK = 'projects.temporal_corr.datasets.samplers.get_dist_info'


def videos_of(lengths):
    """A data set of videos of these lengths, as far as a sampler looks."""
    ends = np.cumsum(lengths)
    videos = [(f'clip{i}', np.arange(end - length, end))
              for i, (length, end) in enumerate(zip(lengths, ends))]
    return SimpleNamespace(videos=videos)


def sample(lengths, rank=0, world_size=1, **kwargs):
    with mock.patch(RANK, return_value=(rank, world_size)):
        sampler = VideoSampler(videos_of(lengths), **kwargs)
    assert len(sampler) == len(list(sampler))
    return list(sampler)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=20),
    world_size=st.integers(1, 9),
    lanes=st.integers(1, 9))
@settings(deadline=None, max_examples=150)
def test_properties(lengths, world_size, lanes):
    video = np.repeat(np.arange(len(lengths)), lengths)
    ranks = [
        sample(lengths, rank, world_size, lanes=lanes)
        for rank in range(world_size)
    ]
    everything = np.concatenate(ranks).astype(int)
    assert sorted(everything) == list(range(sum(lengths))), 'exactly once'
    for number in range(len(lengths)):
        parts = [[item for item in items if video[item] == number]
                 for items in ranks]
        [own] = filter(None, parts)  # whole videos
        assert own == sorted(own), 'in time'
    loads = [len(items) for items in ranks]
    assert max(loads) - min(loads) <= max(lengths), 'balanced'


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=15),
    lanes=st.integers(1, 6))
@settings(deadline=None, max_examples=150)
def test_lanes_hold_different_videos_before_the_tail(lengths, lanes):
    """While all lanes are busy, as replayed with the longest video next."""
    video = np.repeat(np.arange(len(lengths)), lengths)
    items = sample(lengths, lanes=lanes)
    ends = [0] * lanes
    waiting = sorted(lengths)
    while waiting:
        lane = ends.index(min(ends))
        ends[lane] += waiting.pop()
    for step in range(min(ends)):
        batch = video[items[step * lanes:(step + 1) * lanes]]
        assert len(set(batch.tolist())) == lanes


def test_by_hand():
    # frames: video 0 = 0 1, video 1 = 2 3 4 5, video 2 = 6 7 8
    assert sample([2, 4, 3]) == [2, 3, 4, 5, 6, 7, 8, 0, 1]
    # lanes: 2 3 4 5 | 6 7 8, then 0 1 in the second lane
    assert sample([2, 4, 3], lanes=2) == [2, 6, 3, 7, 4, 8, 5, 0, 1]
    # 5 + 3 and 4 + 4; of one video the second and third process get nothing
    assert [len(sample([5, 4, 3, 4], rank, 2)) for rank in (0, 1)] == [8, 8]
    assert sorted(len(sample([6], rank, 3)) for rank in range(3)) == [0, 0, 6]
    assert sample([], 0, 2) == []


def test_real_penn_action_lengths_balance(penn_root):
    """Within 1 % of the best there can be, on 1 to 60 processes."""
    lengths = []
    for path in sorted((penn_root / 'labels').glob('*.mat')):
        clip = loadmat(str(path), variable_names=['train', 'nframes'])
        if clip['train'].item() != 1:
            lengths.append(clip['nframes'].item())
    assert (len(lengths), sum(lengths)) == (1068, 76298)
    for world_size in range(1, 61):
        loads = [
            sum(lengths[i] for i in videos)
            for videos in balance(lengths, world_size)
        ]
        assert len(loads) == world_size and sum(loads) == 76298
        best = max(sum(lengths) / world_size, max(lengths))
        assert max(loads) <= 1.01 * best, world_size


def test_with_a_data_set(make_videos, read):
    ann_file = make_videos([2, 4, 3])
    sampler = DATA_SAMPLERS.build(
        dict(
            type='VideoSampler',
            dataset=read(ann_file, lazy_init=True),
            lanes=2,
            seed=7))
    sampler.set_epoch(3)
    assert list(sampler) == [2, 6, 3, 7, 4, 8, 5, 0, 1]
    # kept: frame 0 of video 0, frames 0 and 2 of video 1, frame 0 of video 2
    strided = read(ann_file, frame_stride=2, indices=4)
    assert list(VideoSampler(strided)) == [1, 2, 0, 3]
