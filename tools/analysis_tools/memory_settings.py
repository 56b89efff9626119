# Copyright (c) temporal_corr authors. All rights reserved.
"""What exemplar_memory.py compares: settings of ``model.test_cfg``."""
from typing import NamedTuple, Optional, Union


class MemorySetting(NamedTuple):
    """A way to remember.

    Attributes:
        name (str): What it is called.
        test_cfg (dict): Options of ``model.test_cfg``.
        labels (str | int | None): The frames that are labelled, None if none
            are.
    """

    name: str
    test_cfg: dict
    labels: Optional[Union[str, int]] = None


def _policy(name: str, **arguments) -> dict:
    return dict(memory=dict(policy=name, **arguments))


def _labels(frames: Union[str, int]) -> MemorySetting:
    names = dict(first='the first frame', middle='the middle frame')
    return MemorySetting(
        f'labelled: {names.get(frames, f"every {frames}th frame")}',
        dict(trusted=dict(source='labels', frames=frames)), frames)


#: In the order of the table.
SETTINGS = [
    MemorySetting('none, every frame alone', _policy('none')),
    MemorySetting('previous, as in the paper', {}),
    MemorySetting('fixed', _policy('fixed')),
    MemorySetting('average, momentum 0.9', _policy('average')),
    MemorySetting('weighted average', _policy('weighted_average')),
    MemorySetting('gated', _policy('gated', decay=0.98)),
    MemorySetting('bank of 4', _policy('bank', size=4, decay=0.98)),
    MemorySetting('two passes, 8 trusted frames',
                  dict(trusted=dict(source='predictions', num_frames=8))),
    _labels('first'),
    _labels('middle'),
    _labels(10),
    MemorySetting('ground truth of every frame before',
                  dict(exemplars='ground_truth'), 1),
]
