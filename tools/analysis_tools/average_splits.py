# Copyright (c) temporal_corr authors. All rights reserved.
"""A table of measured results beside the paper's own (Tables 1 and 2).

    average_splits.py --row correlation s1.json s2.json s3.json \
        --row 'single frame' t1.json t2.json t3.json --out table.md

The files are those of ``tools/test.py --out``, one a split; a row is their
mean. Results that cannot stand in one table are refused.
"""
import argparse
import json
import os.path as osp
import sys
from typing import Dict, List, Optional

import numpy as np

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
import repo_path  # noqa: F401, E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402
from projects.temporal_corr.evaluation.published_results import (  # noqa: E402
    COLUMNS, PUBLISHED, published_rows)

from split_result import SplitResult, read_result  # noqa: E402 isort: skip


def parse_args():
    parser = argparse.ArgumentParser(
        description="Average results over splits, beside the paper's")
    parser.add_argument(
        '--row',
        nargs='+',
        action='append',
        required=True,
        metavar=('NAME', 'FILE'),
        help='a row: its name, and the files of tools/test.py --out, one for '
        'each split; may be given several times')
    parser.add_argument(
        '--data',
        choices=list(PUBLISHED),
        default='jhmdb',
        help="the paper's rows: Table 1 (jhmdb) or 2 (penn). Defaults to "
        'jhmdb')
    parser.add_argument(
        '--prefix',
        help='take the columns PREFIX/Head ... PREFIX/Mean, of the evaluator '
        "with that prefix: the OpenPose configs report 'assembled' too. "
        'Defaults to those without a prefix')
    parser.add_argument(
        '--allow-unknown',
        action='store_true',
        help='accept checkpoints that do not say which videos they were '
        'trained on; the table says so')
    parser.add_argument(
        '--out',
        required=True,
        help='table to write: .md. The same name with .json gets all numbers')
    args = parser.parse_args()
    names = [row[0] for row in args.row]
    if any(len(row) < 2 for row in args.row):
        parser.error('--row needs a name and at least one file')
    if len(set(names)) < len(names):
        parser.error(f'two rows have one name: {", ".join(names)}')
    if not args.out.endswith('.md'):
        parser.error('--out must end with .md')
    return args


def check_rows(rows: Dict[str, List[SplitResult]], num_splits: int) -> None:
    """Raise ValueError unless the rows can stand in one table."""
    for name, results in rows.items():
        if len(results) > num_splits:
            raise ValueError(
                f'row "{name}" has {len(results)} files, and the data set '
                f'{num_splits} {"splits" if num_splits > 1 else "split"}')
        for number, result in enumerate(results):
            for other in results[:number]:
                if other.test_videos == result.test_videos:
                    raise ValueError(
                        f'row "{name}" has one split twice: {other.path} and '
                        f'{result.path} were tested on the same videos')
    first_name, first = next(iter(rows.items()))
    tests = {result.test_videos: result for result in first}
    stride = first[0].frame_stride
    for name, results in rows.items():
        if {result.test_videos for result in results} != set(tests):
            raise ValueError(
                f'rows "{first_name}" and "{name}" were tested on different '
                'videos: give both the same splits, ' +
                ' and '.join(', '.join(sorted(r.ann_file for r in some))
                             for some in (first, results)))
        for result in results:
            if result.frame_stride != stride:
                raise ValueError(
                    f'{result.path} was tested with frame_stride='
                    f'{result.frame_stride}, {first[0].path} with {stride}: '
                    'use one for the whole table')
            other = tests[result.test_videos]
            if result.num_frames != other.num_frames:
                raise ValueError(
                    f'{result.path} holds {result.num_frames} frames, '
                    f'{other.path} {other.num_frames} of the same videos: '
                    'test both on all frames (dataset.indices unset)')


def average(results: List[SplitResult]) -> dict:
    """Mean and spread over the splits of a row, percent.

    Returns:
        dict: ``mean``, ``std`` (of a sample, by n - 1; None for one split)
        and ``splits``, the values of each, by column.
    """
    values = np.array([[r.scores[name] for name in COLUMNS] for r in results])
    std = values.std(axis=0, ddof=1) if len(results) > 1 else None
    return dict(
        mean=dict(zip(COLUMNS, values.mean(axis=0).tolist())),
        std=std if std is None else dict(zip(COLUMNS, std.tolist())),
        splits=[
            dict(r.scores, file=r.path, ann_file=r.ann_file,
                 num_videos=len(r.test_videos), num_frames=r.num_frames,
                 frame_stride=r.frame_stride,
                 train_videos_known=r.train_videos is not None)
            for r in sorted(results, key=lambda r: r.ann_file)
        ])  # yapf: disable


def markdown(rows: Dict[str, List[SplitResult]], averages: Dict[str, dict],
             data: str, prefix: Optional[str]) -> str:
    """The table as Markdown."""
    published = PUBLISHED[data]
    first = sorted(next(iter(rows.values())), key=lambda r: r.ann_file)
    tested = '; '.join(
        f'{r.ann_file}, {len(r.test_videos)} videos, {r.num_frames} frames'
        for r in first)
    splits = ''
    if published.num_splits > 1:
        splits = f', mean over {len(first)} of {published.num_splits} splits'
    stride = first[0].frame_stride
    if stride > 1:
        splits += f', temporal downsampling rate {stride}'
    first_column, *_, last_column = (
        f'{prefix}/{name}' if prefix else name for name in COLUMNS)
    lines = [
        f'PCK@0.2 in percent, {first_column} to {last_column} of the '
        f'results{splits} ({tested}). Rows of the paper: Table '
        f'{published.number}, {published.title} '
        f'({published.num_clips} clips in all), as printed.', '',
        f'| method | {" | ".join(COLUMNS)} |',
        '| --- ' * (len(COLUMNS) + 1) + '|'
    ]

    def cell(value: Optional[float], spread: Optional[float] = None) -> str:
        if value is None:
            return '-'
        return f'{value:.1f}' + ('' if spread is None else f' ± {spread:.1f}')

    for name, values in published_rows(data).items():
        lines.append(f'| paper: {name} | ' + ' | '.join(map(cell, values)) +
                     ' |')
    for name, row in averages.items():
        std = row['std'] or {}
        cells = (cell(row['mean'][c], std.get(c)) for c in COLUMNS)
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')
    if len(first) > 1:
        lines += ['', '±: standard deviation over the splits (n - 1).']
    unknown = [
        name for name, results in rows.items()
        if any(r.train_videos is None for r in results)
    ]
    if unknown:
        lines += ['', 'It is not known on which videos these were trained, '
                  f'so that a leak is not ruled out: {", ".join(unknown)}.']
    return '\n'.join(lines) + '\n'


def main():
    args = parse_args()
    rows = {row[0]: [read_result(path, args.prefix) for path in row[1:]]
            for row in args.row}  # yapf: disable
    for results in rows.values():
        for result in results:
            result.check_unseen(args.allow_unknown)
    check_rows(rows, PUBLISHED[args.data].num_splits)
    averages = {name: average(results) for name, results in rows.items()}
    text = markdown(rows, averages, args.data, args.prefix)
    record = dict(
        columns=COLUMNS,
        prefix=args.prefix,
        rows=averages,
        paper=published_rows(args.data))
    AtomicLocalBackend().put_text(
        json.dumps(record, indent=1), args.out[:-len('.md')] + '.json')
    AtomicLocalBackend().put_text(text, args.out)
    print(text)


if __name__ == '__main__':
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
