# Copyright (c) temporal_corr authors. All rights reserved.
"""Tables and figures from files of results.

    python -m studies.table results/NAME.json           # prints the table
    python -m studies.table results/NAME.json --figure strides.png
    python -m studies.table --write README.md           # or --check

The files are those of studies.ablation, studies.label_rivals,
studies.annotator and benchmarks.
A file {"kind": "headline", "rows": [[NAME, FILE, ROW], ...]} makes a table of
chosen rows of the first two, with files beside it.

In a document, a table stands between ``<!-- results/NAME.json -->`` and
``<!-- end of results/NAME.json -->``, each on a line of its own, where the
path is relative to the document. --write and --check without files take all
that the document names.
"""
import argparse
import json
import os
import os.path as osp
import re
import sys
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Optional, Union

import numpy as np

from benchmarks.report import benchmark_table
from projects.temporal_corr.engine import AtomicLocalBackend
from projects.temporal_corr.video_io.arguments import run_command
from projects.temporal_corr.video_io.output_files import save_figure
from projects.temporal_corr.visualization import draw_stride_plot

from .published_results import COLUMNS
from .study import quoted

#: What a file of studies.ablation says it is.
KIND = 'ablation'
#: What a file of studies.annotator says it is.
ANNOTATOR = 'annotator'
#: Heads of columns of the table by metric. The last are optional.
HEADS = dict({name: name for name in COLUMNS}, **{
    'Mean@0.1': '@0.1',
    'Mean@0.05': '@0.05',
    'acceleration error': 'acc. error'
})
BEGIN = re.compile(r'^<!-- (?!end of )(\S+\.json) -->$', re.MULTILINE)


def read_results(path: str, kind: Optional[str] = None) -> dict:
    """What is in a file of results of a kind, by default of any."""
    try:
        content = json.loads(Path(path).read_text(encoding='utf-8'))
        if content['kind'] not in ([kind] if kind else TABLES):
            raise ValueError(f'its kind is {content["kind"]}')
        content['rows']
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f'{path} is no file of results ({error!r}): make one with '
            'python -m studies.ablation, or choose another') from error
    return content


def write_results(content: dict, path: Union[str, Path]) -> None:
    """Write what is to be read again, never half of it."""
    AtomicLocalBackend().put_text(
        json.dumps(content, indent=1, default=str) + '\n', path)


def entries(content: dict) -> List[dict]:
    """The start, if there is one, and the rows of a file."""
    return [*filter(None, [content['start']]), *content['rows']]


def finished(entry: dict) -> Dict[str, dict]:
    """What is tested of a row, by seed."""
    return {seed: run for seed, run in entry['seeds'].items()
            if 'metrics' in run}  # yapf: disable


class Spread(NamedTuple):
    """Values of several seeds: their mean, and their standard deviation as
    of a sample, by n - 1 (None for one seed)."""
    mean: float
    std: Optional[float]

    @classmethod
    def of(cls, values: Iterable[float]) -> Optional['Spread']:
        """Average values; None if there are none."""
        values = list(values)
        if not values:
            return None
        std = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return cls(float(np.mean(values)), std)


class Summary(NamedTuple):
    """A row of the table, percent.

    Attributes:
        name (str): What it is called.
        seeds (list[str]): Seeds that are finished.
        columns (dict): By head: what was measured of :data:`HEADS`, the Mean
            minus that of the reference row with the same seed and filter,
            and the Mean of each of the other tests.
        strides (dict): Mean by temporal downsampling rate.
    """
    name: str
    seeds: List[str]
    columns: Dict[str, Spread]
    strides: Dict[int, Spread]


def summarize(content: dict) -> List[Summary]:
    """Average the content of a file of studies.ablation over seeds: the
    start, if there is one, and the rows, one for each filter; without those
    of which no seed is finished."""
    tested = [(entry['name'], run['tested']) for entry in entries(content)
              for run in finished(entry).values()]
    if not tested:
        raise ValueError('no test is finished yet: run '
                         'python -m studies.ablation on')
    for name, found in tested:
        for key in ('ann_file', 'videos', 'frames', 'thr'):
            if found[key] != tested[0][1][key]:
                raise ValueError(
                    f'"{tested[0][0]}" and "{name}" cannot stand in one '
                    f'table, tested.{key} is {tested[0][1][key]} and '
                    f'{found[key]}: test all rows on the same data')
    found = []
    for entry in filter(finished, entries(content)):
        metrics = next(iter(finished(entry).values()))['metrics']
        # Those of the evaluators of PCK, the plain one first.
        prefixes = [name[:-len('Mean')] for name in metrics
                    if name.endswith('/Mean') and 'acceleration' not in name]
        found += [_summarize(entry, content, prefix)
                  for prefix in ['', *prefixes]]
    return found


def _summarize(entry: dict, content: dict, prefix: str) -> Summary:
    runs, reference = finished(entry), content['rows'][0]
    mean, others = f'{prefix}Mean', finished(reference)

    def average(parts, name=mean):
        return Spread.of(100 * part[name] for part in parts if name in part)

    def averages(field):
        names = [name for run in runs.values() for name in run.get(field, {})]
        return {name: average(run[field][name] for run in runs.values()
                              if name in run.get(field, {}))
                for name in dict.fromkeys(names)}  # yapf: disable

    columns = {head: average((run['metrics'] for run in runs.values()),
                             prefix + name)
               for name, head in HEADS.items()}  # yapf: disable
    if entry not in (content['start'], reference):
        columns[f'Mean, to {reference["name"]}'] = Spread.of(
            100 * (run['metrics'][mean] - others[seed]['metrics'][mean])
            for seed, run in runs.items() if seed in others)
    columns.update({f'Mean, {name}': value
                    for name, value in averages('tests').items()})
    strides = {} if prefix else averages('strides')
    return Summary(
        f'{entry["name"]} + {prefix[:-1]}' if prefix else entry['name'],
        list(runs), {head: x for head, x in columns.items() if x},
        {k: strides[str(k)] for k in sorted(map(int, strides))})


def cell(value: Optional[Spread], head: str = '') -> str:
    """A cell as '76.7 ± 0.3', or without spread for one seed."""
    if value is None:
        return '-'
    # Accelerations are small, and differ by less.
    spec = '.2f' if head == 'acc. error' else (
        '+.1f' if head.startswith('Mean, to ') else '.1f')
    text = format(value.mean, spec)
    if value.std is None or head in COLUMNS[:-1]:
        return text
    return f'{text} ± {value.std:.1f}'


def markdown(head: List[str], rows: List[List[str]]) -> str:
    """A table of cells."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)


def label(content: dict) -> str:
    """What the numbers are, such as 'PCK@0.2'."""
    thr = next(run['tested']['thr'] for entry in entries(content)
               for run in finished(entry).values())
    return 'PCK' if thr is None else f'PCK@{thr:g}'


def ablation_table(content: dict, _='') -> str:
    """Results of a study, and all that a reader needs to know of them, as
    Markdown: a table of body parts, one of temporal downsampling rates if
    there are any, data, schedule, machine and command."""
    rows = summarize(content)
    seeds = sorted({seed for row in rows for seed in row.seeds}, key=int)
    runs = [run for entry in entries(content)
            for run in finished(entry).values()]
    tested = runs[0]['tested']

    def name(row):
        return row.name + f' (seed {", ".join(row.seeds)} only)' * (
            len(row.seeds) < len(seeds))

    text = (f'{label(content)} in percent on {tested["videos"]} videos, '
            f'{tested["frames"]:,} frames ({tested["ann_file"]})')
    if not any(run['training'] for run in runs):
        text += '.'
    elif len(seeds) == 1:
        text += f', seed {seeds[0]}.'
    else:
        text += (f', mean over the seeds {", ".join(seeds)}; '
                 '±: standard deviation over the seeds (n - 1).')
    if any('acc. error' in row.columns for row in rows):
        text += (' Acc. error: mean error of the acceleration, percent of the '
                 'larger side of the box per squared frame.')
    if len(rows) > len([*filter(finished, entries(content))]):
        text += ' Differences are those of rows with the same filter.'
    heads = dict.fromkeys(HEADS.values())
    heads[f'Mean, to {content["rows"][0]["name"]}'] = None
    heads.update(dict.fromkeys(head for row in rows for head in row.columns))
    heads = [head for head in heads
             if any(head in row.columns for row in rows)]  # yapf: disable
    parts = [text, markdown(
        ['model', *heads],
        [[name(row), *(cell(row.columns.get(head), head) for head in heads)]
         for row in rows])]  # yapf: disable
    strides = sorted({k for row in rows for k in row.strides})
    if strides:
        parts += [
            'Mean against the temporal downsampling rate (rate k keeps every '
            'k-th frame of each test video):',
            markdown(['rate', *map(str, strides)],
                     [[name(row), *(cell(row.strides.get(k)) for k in strides)]
                      for row in rows if row.strides])
        ]  # yapf: disable
    parts += _notes(content)
    return '\n\n'.join([*parts, f'```shell\n{content["command"]}\n```']) + '\n'


def _notes(content: dict) -> List[str]:
    """Schedules, machines and what is to be held against the results."""
    # Dicts as ordered sets.
    schedules: Dict[str, dict] = {}
    machines, commits, leaks, unknown = {}, {}, {}, {}
    seconds, more = 0., False
    for entry in entries(content):
        for run in finished(entry).values():
            training, leaked = run['training'], run['tested']['leaked_videos']
            if leaked is None:
                unknown[entry['name']] = 0
            elif leaked:
                leaks[f'{entry["name"]} on {leaked}'] = 0
            if training is None:
                continue
            schedules.setdefault(_schedule(**training['schedule']),
                                 {})[entry['name']] = None
            threads = training.get('num_threads')
            machines['trained by tools/train.py' if threads is None else
                     f'{training["device"]}, {threads} thread'
                     f'{"s" * (threads > 1)}, torch {training["torch"]}'] = 0
            commits[f'commit {(training["commit"] or "unknown")[:7]}'
                    + ' with uncommitted changes' * bool(
                        training['dirty'])] = 0
            seconds += training['seconds']
            more |= training['resumed']
    lines = [f'{quoted(names)}: {text}.' for text, names in schedules.items()]
    lines.append(f'{"; ".join(machines)}; {", ".join(commits)}; '
                 f'{"more than " * more}{seconds / 3600:.1f} hours of '
                 'training in all.')
    missing = [entry['name'] for entry in entries(content)
               if not finished(entry)]
    notes = {
        ' '.join(lines): schedules,
        f'Rows of the study without results: {quoted(missing)}.': missing,
        'Trained on test videos, so that the result says nothing about '
        f'others: {", ".join(leaks)}.': leaks,
        'It is not known on which videos these were trained, so that a leak '
        f'is not ruled out: {", ".join(unknown)}.': unknown
    }
    return [text for text, said in notes.items() if said]


def _schedule(epochs, iterations, batch_size, optimizer, lr, train_videos,
              train_frames) -> str:
    length, data = f'{iterations:,} iterations', f'{train_frames:,} frames'
    if epochs is not None:
        length = f'{epochs} epoch{"s" * (epochs > 1)} ({length})'
    if train_videos is not None:
        data += f' of {train_videos:,} videos'
    return (f'{length} on {data}, batch {batch_size}, {optimizer}, learning '
            f'rate {lr:g}')


def headline_table(content: dict, folder: str) -> str:
    """A table of chosen rows of files in a folder."""
    found = []
    for name, file, row in content['rows']:
        path = osp.join(folder, file)
        known = {x.name: x for x in summarize(read_results(path, KIND))}
        if row not in known:
            raise ValueError(f'there is no row "{row}" in {path}: choose from '
                             f'{quoted(known)}')
        found.append((name, known[row].columns))
    heads = [head for head in list(HEADS.values())[len(COLUMNS) - 1:]
             if any(head in columns for _, columns in found)]  # yapf: disable
    return markdown(['', *heads], [
        [name, *(cell(columns.get(head), head) for head in heads)]
        for name, columns in found]) + '\n'  # yapf: disable


def annotator_table(content: dict, _: str = '') -> str:
    """Results of a simulated annotator: a row for each way to fill the frames
    between the labels, a column for each number of labels."""
    tested, machine = content['tested'], content['machine']
    counts = list(content['rows'][0]['labels'])

    def cells(labels):
        return [' / '.join(f'{100 * labels[n][f"Mean@{thr}"]:.1f}'
                           for thr in (0.1, 0.2)) for n in counts]

    return '\n\n'.join([
        f'PCK@0.1 / PCK@0.2 in percent on {tested["videos"]} videos, '
        f'{tested["frames"]:,} frames ({tested["ann_file"]}), by the number '
        'of labelled frames of each video; a labelled frame has its label.',
        markdown(['labels', *counts],
                 [[row['name'], *cells(row['labels'])]
                  for row in content['rows']]),
        f'Videos that the model was trained on: {tested["leaked_videos"]}. '
        f'{machine["device"]}, torch {machine["torch"]}.',
        f'```shell\n{content["command"]}\n```'
    ]) + '\n'  # yapf: disable


#: Tables by the kind of the file: functions of its content and folder.
TABLES = {
    KIND: ablation_table,
    ANNOTATOR: annotator_table,
    'benchmark': benchmark_table,
    'headline': headline_table
}


def table(path: str) -> str:
    """The table of a file of results, as Markdown."""
    content = read_results(path)
    try:
        return TABLES[content['kind']](content, osp.dirname(path))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error


def replace_table(document: str, text: str, path: str) -> str:
    """The text of a document with the table of a file between the marks."""
    name = osp.relpath(path, osp.dirname(osp.abspath(document)))
    name = name.replace(os.sep, '/')
    begin, end = f'<!-- {name} -->\n', f'<!-- end of {name} -->\n'
    if not (text.count(begin) == text.count(end) == 1
            and text.index(begin) < text.index(end)):
        raise ValueError(
            f'{document} needs these two lines, once and in this order, '
            f'where the table is to be:\n{begin}{end}')
    before, rest = text.split(begin)
    _, after = rest.split(end)
    link = f'The numbers: [{name}]({name}).'
    return f'{before}{begin}\n{table(path)}\n{link}\n\n{end}{after}'


def draw_curves(content: dict, figure: str, only: str = '') -> None:
    """Draw the Mean against the temporal downsampling rate, of a simulated
    annotator against the number of labelled frames, of rows with some text
    in their names."""
    if content['kind'] == ANNOTATOR:
        curves = {
            row['name']: {int(n): 100 * found['Mean@0.1']
                          for n, found in row['labels'].items()}
            for row in content['rows'] if only in row['name']
        }  # yapf: disable
        plot = draw_stride_plot(
            curves, 'PCK@0.1 (Mean)', xlabel='labelled frames of a video')
        save_figure(plot, figure)
        return
    rows = [row for row in summarize(content)
            if row.strides and only in row.name]  # yapf: disable
    if not rows:
        raise ValueError('there are no temporal downsampling rates of rows '
                         f'with "{only}": set strides in the study')
    curves, spreads = ({
        row.name: {k: getattr(v, part) or 0. for k, v in row.strides.items()}
        for row in rows
    } for part in ('mean', 'std'))
    save_figure(
        draw_stride_plot(curves, f'{label(content)} (Mean)', spreads), figure)


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        prog='python -m studies.table',
        description='Tables and figures from files of results')
    add = parser.add_argument
    add('files', nargs='*', help='files of results')
    add('--write', metavar='FILE.md', help='put the tables into a document')
    add('--check', metavar='FILE.md',
        help='exit with 1 if the tables in a document are not those of the '
        'files')
    add('--figure',
        help='picture of the Mean against the temporal downsampling rate, or '
        'the number of labels, to write, of one file: .png, .pdf, .svg')
    add('--only', default='', metavar='TEXT',
        help='draw only rows with this in their names')
    args = parser.parse_args(argv)
    if not args.files and not (args.write or args.check):
        parser.error('give files, --write or --check')
    if args.figure and len(args.files) != 1:
        parser.error('--figure needs one file')
    return args


def main(argv=None):
    args = parse_args(argv)
    document = args.write or args.check
    if args.figure:
        draw_curves(read_results(args.files[0]), args.figure, args.only)
    if document is None:
        for path in args.files:
            print(table(path))
        return
    text = Path(document).read_text(encoding='utf-8')
    for path in args.files or [osp.join(osp.dirname(document), name)
                               for name in BEGIN.findall(text)]:
        new = replace_table(document, text, path)
        if new == text:
            print(f'{document} has the table of {path}')
        elif args.check:
            sys.exit(f'{document} differs from {path}: run python -m '
                     f'studies.table {path} --write {document}')
        else:
            AtomicLocalBackend().put_text(new, document)
            print(f'{document}: table of {path} replaced')
        text = new


if __name__ == '__main__':
    run_command(main)
