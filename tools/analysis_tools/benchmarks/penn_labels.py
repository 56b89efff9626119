# Copyright (c) temporal_corr authors. All rights reserved.
"""All of Penn Action's labels: converting them, building the data set."""
import json
import sys
import tempfile
from pathlib import Path
from typing import List

import numpy as np

from .fresh_process import run_fresh
from .penn_source import penn_source
from .report import Goal, Row, write_json
from .settings import Settings

SECTION = 'Annotations of Penn Action: ours / goal'
MIB = 2**20


def measure(settings: Settings) -> List[Row]:
    """Seconds by the clock on the wall, and peak memory of a fresh process
    with all that it imports."""
    source = penn_source(settings)
    root = source.prepare()
    with tempfile.TemporaryDirectory() as out:
        conversions = [
            _run('convert', root, out)
            for _ in range(settings.repetitions(1))
        ]
        ann_file = Path(out) / 'all.json'
        write_json(ann_file, merged(Path(out)))
        builds = [
            _run('build', ann_file) for _ in range(settings.repetitions(3))
        ]
    frames = builds[0]['frames']
    title = f'{frames} frames ({source.kind} labels)'
    rows = [
        _seconds(f'converting {title}', conversions, 30),
        *_mebibytes('converting, peak', conversions, 'peak'),
        _seconds(f'building the data set, {title}', builds, 5),
        *_mebibytes('building, peak', builds, 'peak', Goal(600, 'ours')),
    ]
    worker = builds[0]['worker']
    if worker['private'] is not None:
        # One copy: what a worker touches for itself is no second one.
        rows.append(
            Row(SECTION,
                "a loader worker's own memory / the annotations",
                'MiB',
                worker['private'] / MIB,
                worker['arrays'] / MIB,
                goal=Goal(0.1)))
    return rows


def merged(folder: Path) -> dict:
    """Both subsets in one.

    Args:
        folder (Path): Where the converter wrote.

    Returns:
        dict: Contents of an annotation file.
    """
    whole: dict = {}
    for subset in ('train', 'test'):
        path = folder / f'penn_action_{subset}.json'
        part = json.loads(path.read_text(encoding='utf-8'))
        for key in ('images', 'annotations'):
            whole.setdefault(key, []).extend(part.pop(key))
        whole.update(part)
    return whole


def _run(task: str, *args) -> dict:
    print(f'{task} in a fresh process', file=sys.stderr)
    return run_fresh(task, *args)


def _seconds(name: str, runs: List[dict], bound: float) -> Row:
    wall, cpu = ([run[clock] for run in runs] for clock in ('wall', 'cpu'))
    return Row(
        SECTION,
        name,
        's',
        float(np.median(wall)),
        goal=Goal(bound, 'ours'),
        details=dict(repetitions=len(runs), wall=wall, cpu=cpu))


def _mebibytes(name: str, runs: List[dict], field: str, goal=None):
    if runs[0][field] is None:
        return
    values = [run[field] / MIB for run in runs]
    yield Row(
        SECTION,
        name,
        'MiB',
        float(np.median(values)),
        goal=goal,
        details=dict(
            repetitions=len(runs),
            mebibytes=values,
            mebibytes_before=[run['before'] / MIB for run in runs]))
