# Copyright (c) temporal_corr authors. All rights reserved.
"""A table of measured results beside the paper's own (Tables 1 and 2).

    python -m studies.average_splits --out table.md \
        --row correlation s1.json s2.json s3.json \
        --row 'single frame' t1.json t2.json t3.json

The files are those of ``tools/test.py --out``, one a split; a row is their
mean. Results that cannot stand in one table are refused.
"""
import argparse
import json
import math
import os.path as osp
import sys
from pathlib import Path
from typing import Dict, List

from projects.temporal_corr.engine import AtomicLocalBackend
from projects.temporal_corr.evaluation.published_results import (
    COLUMNS, PUBLISHED, published_rows)

from .table import Spread, cell, markdown


def read_result(path: str, prefix: str, allow_unknown: bool) -> dict:
    """Read a file of tools/test.py --out.

    Args:
        path (str): The file.
        prefix (str): ``prefix`` of the evaluator whose scores are read.
        allow_unknown (bool): Whether to accept a checkpoint that does not
            say what it was trained on.

    Returns:
        dict: ``file``, its ``run``, and ``scores``, percent by column.

    Raises:
        ValueError: If it is none of tools/test.py, lacks a column, if only a
            part of the data set was tested, or if the model was trained on
            test videos.
    """
    remedy = f'make it with tools/test.py CONFIG CHECKPOINT --out {path}'
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        run = content['run']
        if not run['test_videos']:
            raise KeyError('test_videos: use a data set of videos')
        run['train_videos'], run['frame_stride'], run['num_frames']
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is no result of videos ({error!r}): '
                         f'{remedy}') from error
    # Earlier files do not say it; check_rows compares their num_frames.
    if run.get('indices') is not None:
        raise ValueError(
            f'{path} is of a partial test (test_dataloader.dataset.indices='
            f'{str(run["indices"]):.30}): leave indices out, and {remedy}')
    scores = {name: content.get(f'{prefix}/{name}' if prefix else name)
              for name in COLUMNS}  # yapf: disable
    absent = [name for name, score in scores.items() if not isinstance(
        score, (int, float)) or not math.isfinite(score)]
    if absent:
        found = [key[:-len('Mean')].rstrip('/') or 'none' for key in content
                 if key.rpartition('/')[2] == 'Mean']  # yapf: disable
        raise ValueError(
            f'{path} has no column {", ".join(absent)} of --prefix '
            f'{prefix or "none"} (it has --prefix {", ".join(found)}): use '
            "test_evaluator=dict(type='GroupPCKAccuracy') and a data set "
            f'whose metainfo has these pck_groups, and {remedy}')
    if run['train_videos'] is None and not allow_unknown:
        raise ValueError(
            f'{path}: the checkpoint does not say on which videos it was '
            'trained, so a leak cannot be ruled out. Train with '
            'TrainedVideosHook (default_runtime.py has it), or accept it with '
            '--allow-unknown')
    leaked = sorted({*run['test_videos']} & {*(run['train_videos'] or ())})
    if leaked:
        raise ValueError(
            f'{path}: the model was trained on {len(leaked)} of the '
            f'{len(run["test_videos"])} videos it was tested on, such as '
            f'{leaked[0]}. Test each checkpoint on the split that it was '
            'trained for (JHMDB_SPLIT)')
    return dict(
        file=path,
        run=dict(run, ann_file=osp.basename(run['ann_file'] or '')),
        scores={name: 100 * score for name, score in scores.items()})


def check_rows(rows: Dict[str, List[dict]], num_splits: int) -> None:
    """Raise ValueError unless the rows can stand in one table."""
    first_name, first = next(iter(rows.items()))

    def tests(results):
        return {frozenset(x['run']['test_videos']): x for x in results}

    for name, results in rows.items():
        if len(results) > num_splits:
            raise ValueError(f'row "{name}" has {len(results)} files, and the '
                             f'data set {num_splits} split(s)')
        if len(tests(results)) < len(results):
            raise ValueError(
                f'row "{name}" has one split twice, of the same test videos: '
                + ', '.join(x['file'] for x in results))
        if {*tests(results)} != {*tests(first)}:
            raise ValueError(
                f'rows "{first_name}" and "{name}" were tested on different '
                'videos: give both the same splits, ' + ' and '.join(
                    ', '.join(sorted(x['run']['ann_file'] for x in some))
                    for some in (first, results)))
        for videos, result in tests(results).items():
            for key in ('frame_stride', 'num_frames'):
                here, there = (x['run'][key]
                               for x in (result, tests(first)[videos]))
                if here != there:
                    raise ValueError(
                        f'{result["file"]} was tested with {key}={here}, '
                        f'{tests(first)[videos]["file"]} with {there}: use '
                        'one for the whole table, on all frames '
                        '(dataset.indices unset)')


def markdown_table(rows: Dict[str, List[dict]],
                   averages: Dict[str, Dict[str, Spread]], data: str,
                   prefix: str) -> str:
    """The table as Markdown."""
    published = PUBLISHED[data]
    first = [result['run'] for result in next(iter(rows.values()))]
    first.sort(key=lambda run: run['ann_file'])
    splits = ''
    if published.num_splits > 1:
        splits = f', mean over {len(first)} of {published.num_splits} splits'
    if first[0]['frame_stride'] > 1:
        splits += (', temporal downsampling rate '
                   f'{first[0]["frame_stride"]}')
    tested = '; '.join(f'{run["ann_file"]}, {len(run["test_videos"])} videos, '
                       f'{run["num_frames"]} frames' for run in first)
    paper = {f'paper: {name}': [x and Spread(x, None) for x in values]
             for name, values in published_rows(data).items()}
    measured = {name: row.values() for name, row in averages.items()}
    prefix = f'{prefix}/' if prefix else ''
    parts = [
        f'PCK@0.2 in percent, {prefix}{COLUMNS[0]} to {prefix}{COLUMNS[-1]} '
        f'of the results{splits} ({tested}). Rows of the paper: Table '
        f'{published.number}, {published.title} ({published.num_clips} clips '
        'in all), as printed.',
        markdown(['method', *COLUMNS],
                 [[name, *map(cell, values)]
                  for name, values in {**paper, **measured}.items()])
    ]
    if len(first) > 1:
        parts.append('±: standard deviation over the splits (n - 1).')
    unknown = [name for name, results in rows.items() if any(
        x['run']['train_videos'] is None for x in results)]
    if unknown:
        parts.append('It is not known on which videos these were trained, so '
                     f'that a leak is not ruled out: {", ".join(unknown)}.')
    return '\n\n'.join(parts) + '\n'


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        prog='python -m studies.average_splits',
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
        default='',
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
    args = parser.parse_args(argv)
    names = [row[0] for row in args.row]
    if any(len(row) < 2 for row in args.row):
        parser.error('--row needs a name and at least one file')
    if len(set(names)) < len(names):
        parser.error(f'two rows have one name: {", ".join(names)}')
    if not args.out.endswith('.md'):
        parser.error('--out must end with .md')
    return args


def main(argv=None):
    args = parse_args(argv)
    rows = {name: [read_result(path, args.prefix, args.allow_unknown)
                   for path in paths]
            for name, *paths in args.row}  # yapf: disable
    check_rows(rows, PUBLISHED[args.data].num_splits)
    averages = {
        name: {column: Spread.of(x['scores'][column] for x in results)
               for column in COLUMNS}
        for name, results in rows.items()
    }  # yapf: disable
    text = markdown_table(rows, averages, args.data, args.prefix)
    record = dict(
        columns=COLUMNS, prefix=args.prefix, rows={
            name: dict(mean={k: x.mean for k, x in averages[name].items()},
                       std={k: x.std for k, x in averages[name].items()},
                       splits=rows[name]) for name in rows
        }, paper=published_rows(args.data))  # yapf: disable
    AtomicLocalBackend().put_text(
        json.dumps(record, indent=1), args.out[:-len('.md')] + '.json')
    AtomicLocalBackend().put_text(text, args.out)
    print(text)


if __name__ == '__main__':
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
