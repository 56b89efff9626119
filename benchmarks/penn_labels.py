# Copyright (c) temporal_corr authors. All rights reserved.
"""All of Penn Action's labels: converting them, building the data set."""
import json
import os
import sys
import tempfile
from contextlib import redirect_stderr
from multiprocessing import get_context
from pathlib import Path
from typing import List

import numpy as np
from mmengine.registry import init_default_scope

from projects.temporal_corr.datasets import PennActionDataset

from .models import ROOT
from .processes import memory_bytes, run_fresh
from .report import make_row

SECTION = 'Annotations of Penn Action'
MB = 10**6


def measure(args) -> List[dict]:
    """Seconds and memory that fresh processes add, at their peak, to what
    they have with PyTorch and MMPose imported."""
    if args.penn_labels is None:
        print('      left out, for want of --penn-labels', file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as out:
        convert_runs = [run_fresh(convert, args.penn_labels, out)
                        for _ in range(args.repeat or 1)]
        build_runs = [run_fresh(build, str(merge(Path(out))))
                      for _ in range(args.repeat or 2)]
    title = f'{build_runs[0]["frames"]} frames (real labels)'
    rows = []
    for name, runs, seconds, memory in (
            ('converting', convert_runs, 30, None),
            ('building', build_runs, 5, 600)):
        whole = 'building the data set,' if name == 'building' else name
        rows.append(
            make_row(SECTION, f'{whole} {title}', 's',
                     float(np.median([run['cpu'] for run in runs])), None,
                     seconds, 'ours'))
        if runs[0]['added'] is not None:
            rows.append(
                make_row(SECTION, f'{name}, added at the peak', 'MB',
                         float(np.median([run['added'] for run in runs])) / MB,
                         None, memory, 'ours'))
    if build_runs[0]['private'] is not None:
        # One copy: what a worker touches for itself is no second one.
        rows.append(
            make_row(SECTION,
                     "a loader worker's own memory / the annotations", 'MB',
                     *(build_runs[0][x] / MB for x in ('private', 'arrays')),
                     0.1))
    return rows


def convert(root: Path, out: str) -> dict:
    """Convert all label files under ROOT/labels to JSON files in OUT."""
    sys.path.append(str(ROOT / 'tools/dataset_converters'))
    import penn_action
    with open(os.devnull, 'w') as null, redirect_stderr(null):
        penn_action.convert(Path(root), Path(out))
    return {}


def merge(folder: Path) -> Path:
    """Both subsets in one file, written as the converter writes."""
    whole: dict = {}
    for subset in ('train', 'test'):
        path = folder / f'penn_action_{subset}.json'
        part = json.loads(path.read_text(encoding='utf-8'))
        for key in ('images', 'annotations'):
            whole.setdefault(key, []).extend(part.pop(key))
        whole.update(part)
    path = folder / 'all.json'
    path.write_text(
        json.dumps(whole, separators=(',', ':')), encoding='utf-8')
    return path


def build(ann_file: str) -> dict:
    """Build PennActionDataset, then read frames all over it in a forked
    worker: ``frames``, ``arrays``, bytes of the annotations, and
    ``private``, bytes that became the worker's own meanwhile."""
    init_default_scope('mmpose')
    dataset = PennActionDataset(ann_file=ann_file, check_files=False)
    context = get_context('fork')
    receiver, sender = context.Pipe(duplex=False)

    def read():
        before = memory_bytes('Private_Dirty')
        # Some frames of every page of memory.
        for index in range(0, len(dataset), 4):
            dataset.get_data_info(index)
        sender.send(before and memory_bytes('Private_Dirty') - before)

    worker = context.Process(target=read)
    worker.start()
    private = receiver.recv()
    worker.join()
    arrays = sum(
        getattr(value, 'nbytes', 0)
        for value in vars(dataset.data_list).values())
    return dict(frames=len(dataset), private=private, arrays=arrays)
