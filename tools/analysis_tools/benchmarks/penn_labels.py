# Copyright (c) temporal_corr authors. All rights reserved.
"""All of Penn Action's labels: converting them, building the data set."""
import json
import sys
import tempfile
from pathlib import Path
from typing import Iterator, List, Optional

import numpy as np

from .fresh_process import run_fresh
from .penn_source import penn_source
from .report import Goal, Row
from .settings import Settings

SECTION = 'Annotations of Penn Action'
MB = 10**6


def measure(settings: Settings) -> List[Row]:
    """Seconds and peak memory of fresh processes of one thread. What the
    data set adds to a process, at its peak, has the goal; the process with
    PyTorch and MMPose imported is in the details."""
    source = penn_source(settings)
    root = source.prepare()
    with tempfile.TemporaryDirectory() as out:
        conversions = [
            _run('convert', root, out)
            for _ in range(settings.repetitions(1))
        ]
        ann_file = Path(out) / 'all.json'
        # Written as the converter writes.
        ann_file.write_text(
            json.dumps(merged(Path(out)), separators=(',', ':')),
            encoding='utf-8')
        builds = [
            _run('build', ann_file) for _ in range(settings.repetitions(2))
        ]
    frames = builds[0]['frames']
    title = f'{frames} frames ({source.kind} labels)'
    rows = [
        _seconds(f'converting {title}', conversions, 30),
        *_added_memory('converting, added at the peak', conversions),
        _seconds(f'building the data set, {title}', builds, 5),
        *_added_memory('building, added at the peak', builds,
                       Goal(600, 'ours')),
    ]
    worker = builds[0]['worker']
    if worker['private'] is not None:
        # One copy: what a worker touches for itself is no second one.
        rows.append(
            Row(SECTION,
                "a loader worker's own memory / the annotations",
                'MB',
                worker['private'] / MB,
                worker['arrays'] / MB,
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
        float(np.median(cpu)),
        goal=Goal(bound, 'ours'),
        details=dict(
            repetitions=len(runs), clock='cpu', wall=wall, cpu=cpu))


def _added_memory(name: str,
                  runs: List[dict],
                  goal: Optional[Goal] = None) -> Iterator[Row]:
    if runs[0]['peak'] is None:
        return
    before, peak = ([run[field] / MB for run in runs]
                    for field in ('before', 'peak'))
    yield Row(
        SECTION,
        name,
        'MB',
        float(np.median(np.subtract(peak, before))),
        goal=goal,
        details=dict(
            repetitions=len(runs), before_in_mb=before, peak_in_mb=peak))
