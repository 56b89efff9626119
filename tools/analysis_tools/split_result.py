# Copyright (c) temporal_corr authors. All rights reserved.
"""Files of tools/test.py --out, as results of one split each."""
import json
import math
import os.path as osp
from dataclasses import dataclass
from typing import Dict, FrozenSet, List, Optional

from projects.temporal_corr.evaluation.published_results import COLUMNS

#: What tools/test.py says of a test, beside the metrics.
RUN_KEYS = ('ann_file', 'test_videos', 'train_videos', 'frame_stride',
            'num_frames')


@dataclass(frozen=True)
class SplitResult:
    """One file of tools/test.py --out.

    Attributes:
        path (str): The file.
        scores (dict): Percent by column of the paper's tables.
        ann_file (str): Name of the annotation file that was tested.
        test_videos (frozenset): Ids of the test videos.
        train_videos (frozenset | None): Ids of the videos that the model was
            trained on, None if the checkpoint does not say.
        frame_stride (int): Temporal downsampling rate of the test.
        num_frames (int): Frames that were tested.
    """
    path: str
    scores: Dict[str, float]
    ann_file: str
    test_videos: FrozenSet[str]
    train_videos: Optional[FrozenSet[str]]
    frame_stride: int
    num_frames: int

    def check_unseen(self, allow_unknown: bool = False) -> None:
        """Check that the model had not seen the test videos.

        Args:
            allow_unknown (bool): Whether to accept a checkpoint that does
                not say what it was trained on. Defaults to False

        Raises:
            ValueError: If it had, or if that is not known.
        """
        if self.train_videos is None:
            if allow_unknown:
                return
            raise ValueError(
                f'{self.path}: the checkpoint does not say on which videos '
                'it was trained, so a leak cannot be ruled out. Train with '
                'TrainedVideosHook (default_runtime.py has it), or accept it '
                'with --allow-unknown')
        leaked = sorted(self.test_videos & self.train_videos)
        if leaked:
            raise ValueError(
                f'{self.path}: the model was trained on {len(leaked)} of the '
                f'{len(self.test_videos)} videos it was tested on, such as '
                f'{leaked[0]}. Test each checkpoint on the split that it was '
                'trained for (JHMDB_SPLIT)')


def read_result(path: str, prefix: Optional[str] = None) -> SplitResult:
    """Read one file.

    Args:
        path (str): A file of tools/test.py --out.
        prefix (str, optional): ``prefix`` of the evaluator whose scores are
            read. Defaults to None, the one without

    Returns:
        SplitResult: What it says.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of tools/test.py, lacks a column, or only
            a part of the data set was tested.
    """
    remedy = f'make it with tools/test.py CONFIG CHECKPOINT --out {path}'
    if not osp.isfile(path):
        raise FileNotFoundError(f'there is no {path}: {remedy}')
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
    except ValueError as error:
        raise ValueError(f'{path} is no JSON ({error}): {remedy}') from error
    run = content.get('run') if isinstance(content, dict) else None
    if not isinstance(run, dict):
        raise ValueError(f'{path} does not say what was tested (run): it is '
                         f'of an earlier version; {remedy}')
    missing = [key for key in RUN_KEYS if key not in run]
    if missing or not run['test_videos']:
        raise ValueError(f'{path} lacks run.{(missing or ["test_videos"])[0]}'
                         f': use a data set of videos, and {remedy}')
    # Earlier files do not say it; check_rows compares their num_frames.
    if run.get('indices') is not None:
        raise ValueError(
            f'{path} is of a partial test (test_dataloader.dataset.indices='
            f'{_shortened(run["indices"])}): leave indices out of the config '
            f'and the --cfg-options, and {remedy}')
    scores = {
        name: content.get(f'{prefix}/{name}' if prefix else name)
        for name in COLUMNS
    }
    absent = [name for name, score in scores.items() if not _is_number(score)]
    if absent:
        raise ValueError(_without_columns(path, content, prefix, absent,
                                          remedy))
    trained = run['train_videos']
    return SplitResult(
        path=path,
        scores={name: 100 * score
                for name, score in scores.items()},
        ann_file=osp.basename(run['ann_file'] or ''),
        test_videos=frozenset(run['test_videos']),
        train_videos=None if trained is None else frozenset(trained),
        frame_stride=run['frame_stride'],
        num_frames=run['num_frames'])


def _without_columns(path: str, content: dict, prefix: Optional[str],
                     absent: List[str], remedy: str) -> str:
    """What is wrong with a file that lacks columns, and what to do."""
    found = [key.rpartition('/')[0] for key in content
             if key.rpartition('/')[2] == 'Mean']  # yapf: disable
    if found and (prefix or '') not in found:
        named = ', '.join(f'--prefix {name}' for name in found if name)
        if '' in found:
            named = f'no --prefix or {named}' if named else 'no --prefix'
        wanted = f'of prefix {prefix}' if prefix else 'without a prefix'
        return f'{path} has no columns {wanted}: what it has is {named}'
    return (f'{path} has no column {", ".join(absent)}: use '
            "test_evaluator=dict(type='GroupPCKAccuracy') and a data set "
            f'whose metainfo has these pck_groups, and {remedy}')


def _shortened(indices) -> str:
    text = str(indices)
    return text if len(text) <= 30 else f'{text[:30]}...'


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
