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
from pathlib import Path
from typing import Dict, List

from projects.temporal_corr.engine import AtomicLocalBackend
from projects.temporal_corr.video_io.arguments import run_command

from .published_results import COLUMNS, PUBLISHED, published_rows
from .table import Spread, cell, markdown


def read_result(path: str, prefix: str) -> dict:
    """Read a file of tools/test.py --out, whose columns have a prefix:
    ``file``, its ``run``, ``videos``, a set of the test videos, and
    ``scores``, percent by column."""
    remedy = f'make it with tools/test.py CONFIG CHECKPOINT --out {path}'
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        run, videos = content['run'], frozenset(
            content['run']['test_videos'] or ())
        run['train_videos'], run['frame_stride'], run['num_frames']
        scores = {name: 100 * content[prefix + name] for name in COLUMNS}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} does not say what was tested, or has not the columns '
            f'{prefix}{COLUMNS[0]} to {prefix}{COLUMNS[-1]} of '
            f'GroupPCKAccuracy, which --prefix chooses ({error!r}): {remedy}'
        ) from error
    if not videos or run.get('indices') is not None:
        # Earlier files do not say indices; check_rows compares num_frames.
        raise ValueError(
            f'{path} is of no videos (test_videos) or of a partial test '
            '(test_dataloader.dataset.indices='
            f'{str(run.get("indices")):.30}): use a data set of videos, leave '
            f'indices out, and {remedy}')
    if not all(map(math.isfinite, scores.values())):
        raise ValueError(f'{path} has a column {prefix}... that is no number: '
                         f'{scores}')
    leaked = sorted(videos & set(run['train_videos'] or ()))
    if leaked:
        raise ValueError(
            f'{path}: the model was trained on {len(leaked)} of the '
            f'{len(videos)} videos it was tested on, such as {leaked[0]}. '
            'Test each checkpoint on the split that it was trained for '
            '(JHMDB_SPLIT)')
    return dict(
        file=path,
        run=dict(run, ann_file=osp.basename(run['ann_file'] or '')),
        videos=videos,
        scores=scores)


def check_rows(rows: Dict[str, List[dict]], num_splits: int) -> None:
    """Raise ValueError unless the rows can stand in one table."""
    first_name, first = next(iter(rows.items()))
    tests = {result['videos']: result for result in first}
    for name, results in rows.items():
        videos = {result['videos'] for result in results}
        files = ', '.join(result['file'] for result in results)
        if len(results) > num_splits:
            raise ValueError(f'row "{name}" has {len(results)} files, and the '
                             f'data set {num_splits} split(s)')
        if len(videos) < len(results):
            raise ValueError(f'row "{name}" has one split twice: {files} '
                             'were tested on the same videos')
        if videos != set(tests):
            raise ValueError(
                f'rows "{first_name}" and "{name}" were tested on different '
                f'videos: give both the same splits, not {files}')
        for result in results:
            other = tests[result['videos']]
            for key in ('frame_stride', 'num_frames'):
                here, there = (x['run'][key] for x in (result, other))
                if here != there:
                    raise ValueError(
                        f'{result["file"]} was tested with {key}={here}, '
                        f'{other["file"]} with {there}: use one for the whole '
                        'table, on all frames (dataset.indices unset)')


def splits_table(rows: Dict[str, List[dict]], data: str, prefix: str) -> str:
    """The table as Markdown."""
    published = PUBLISHED[data]
    first = sorted((result['run'] for result in next(iter(rows.values()))),
                   key=lambda run: run['ann_file'])
    splits = ''
    if published.num_splits > 1:
        splits = f', mean over {len(first)} of {published.num_splits} splits'
    if first[0]['frame_stride'] > 1:
        splits += f', temporal downsampling rate {first[0]["frame_stride"]}'
    tested = '; '.join(f'{run["ann_file"]}, {len(run["test_videos"])} videos, '
                       f'{run["num_frames"]} frames' for run in first)
    values = {f'paper: {name}': [x and Spread(x, None) for x in row]
              for name, row in published_rows(data).items()}
    values.update({name: [Spread.of(x['scores'][column] for x in results)
                          for column in COLUMNS]
                   for name, results in rows.items()})  # yapf: disable
    parts = [
        f'PCK@0.2 in percent, {prefix}{COLUMNS[0]} to {prefix}{COLUMNS[-1]} '
        f'of the results{splits} ({tested}). Rows of the paper: Table '
        f'{published.number}, {published.title} ({published.num_clips} clips '
        'in all), as printed.',
        markdown(['method', *COLUMNS],
                 [[name, *map(cell, row)] for name, row in values.items()])
    ]
    if len(first) > 1:
        parts.append('±: standard deviation over the splits (n - 1).')
    unknown = [name for name, results in rows.items() if any(
        x['run']['train_videos'] is None for x in results)]
    if unknown:
        parts.append('It is not known on which videos these were trained, so '
                     f'that a leak is not ruled out: {", ".join(unknown)}.')
    return '\n\n'.join(parts) + '\n'


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog='python -m studies.average_splits',
        description="Average results over splits, beside the paper's")
    add = parser.add_argument
    add('--row', nargs='+', action='append', required=True,
        metavar=('NAME', 'FILE'),
        help='a row: its name, and the files of tools/test.py --out, one for '
        'each split; may be given several times')
    add('--data', choices=list(PUBLISHED), default='jhmdb',
        help="the paper's rows: Table 1 (jhmdb) or 2 (penn). Defaults to "
        'jhmdb')
    add('--prefix', default='',
        help='take the columns PREFIX/Head ... PREFIX/Mean, of the evaluator '
        "with that prefix: the OpenPose configs report 'assembled' too. "
        'Defaults to those without a prefix')
    add('--out', required=True, help='table to write: .md')
    args = parser.parse_args(argv)
    names = [row[0] for row in args.row]
    if min(map(len, args.row)) < 2 or len(set(names)) < len(names):
        parser.error('--row needs a name of its own and at least one file')
    prefix = f'{args.prefix}/' if args.prefix else ''
    rows = {name: [read_result(path, prefix) for path in paths]
            for name, *paths in args.row}  # yapf: disable
    check_rows(rows, PUBLISHED[args.data].num_splits)
    text = splits_table(rows, args.data, prefix)
    AtomicLocalBackend().put_text(text, args.out)
    print(text)


if __name__ == '__main__':
    run_command(main)
