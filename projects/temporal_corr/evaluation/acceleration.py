# Copyright (c) temporal_corr authors. All rights reserved.
"""How much keypoints accelerate from frame to frame, as pure functions.

Shapes: N frames, M triples of consecutive frames, K keypoints.
"""
from typing import Sequence

import numpy as np

#: A frame that does not say which frame comes before it.
UNKNOWN = -2


def consecutive_triples(track: Sequence[int], frame_index: Sequence[int],
                        previous: Sequence[int]) -> np.ndarray:
    """Find three frames at a time that follow each other.

    Two frames follow each other if the later one names the earlier one as
    the frame before it, and they are as far apart as the closest frames of
    their track: in videos of which every k-th frame is kept that is k, and a
    larger step is a gap, which is not bridged.

    Args:
        track, frame_index (Sequence[int]): Number of the track, one person in
            one video, and of the frame in the video, (N, ) each, from 0. The
            frames come in any order, each once in a track.
        previous (Sequence[int]): Number of the frame before it, (N, ); -1
            at the start of a video or shot, ``UNKNOWN`` for whichever comes
            before.

    Returns:
        np.ndarray: Indices of the frames of each triple in time, (M, 3);
        by track and time.
    """
    track, time, previous = (
        np.asarray(values, dtype=np.int64)
        for values in (track, frame_index, previous))
    order = np.lexsort((time, track))
    track, time, previous = track[order], time[order], previous[order]
    # Whether a frame and the next in this order follow each other.
    step = np.diff(time)
    linked = (track[1:] == track[:-1]) & ((previous[1:] == time[:-1]) |
                                          (previous[1:] == UNKNOWN))
    closest = np.full(track.max(initial=0) + 1, np.iinfo(np.int64).max)
    np.minimum.at(closest, track[1:][linked], step[linked])
    linked &= step == closest[track[1:]]
    first = np.flatnonzero(linked[:-1] & linked[1:])
    return order[first[:, None] + np.arange(3)]


def accelerations(points: np.ndarray, triples: np.ndarray) -> np.ndarray:
    """Second differences ``x[t+1] - 2 x[t] + x[t-1]`` of keypoints (N, K, 2)
    in triples of frames (M, 3): pixels per squared step, (M, K, 2), float64;
    not finite where a keypoint is not."""
    before, now, after = np.moveaxis(
        np.asarray(points, dtype=np.float64)[triples], 1, 0)
    with np.errstate(invalid='ignore', over='ignore'):
        return (after - now) - (now - before)
