# Copyright (c) temporal_corr authors. All rights reserved.
"""How evenly VideoSampler deals videos out to processes."""
from typing import List, Sequence, Tuple

from projects.temporal_corr.datasets.samplers import balance

from .penn_source import penn_source
from .report import Goal, Row
from .settings import Settings

SECTION = 'Videos dealt out to processes: makespan / ideal'
MAX_RANKS = 64


def measure(settings: Settings) -> List[Row]:
    """The worst of 1 to 64 processes on the lengths of Penn Action's test
    videos."""
    source = penn_source(settings)
    lengths = source.test_lengths()
    makespans = {
        ranks: makespan_and_ideal(lengths, ranks)
        for ranks in range(1, MAX_RANKS + 1)
    }
    worst = max(makespans, key=lambda k: makespans[k][0] / makespans[k][1])
    longest, ideal = makespans[worst]
    return [
        Row(SECTION,
            f'{len(lengths)} videos ({source.kind}), worst of 1 to '
            f'{MAX_RANKS}: {worst} processes',
            'frames',
            longest,
            ideal,
            goal=Goal(1.01),
            details=dict(
                makespan_and_ideal_by_processes={
                    str(ranks): value
                    for ranks, value in makespans.items()
                }))
    ]


def makespan_and_ideal(lengths: Sequence[int],
                       ranks: int) -> Tuple[int, float]:
    """Frames of the fullest process, and the least that there can be.

    Args:
        lengths (Sequence[int]): Frames of each video.
        ranks (int): Number of processes.

    Returns:
        tuple: Frames of the fullest process, and the larger of the mean and
        the longest video.
    """
    fullest = max(
        sum(lengths[i] for i in videos) for videos in balance(lengths, ranks))
    return fullest, max(sum(lengths) / ranks, max(lengths))
