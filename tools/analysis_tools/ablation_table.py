# Copyright (c) temporal_corr authors. All rights reserved.
"""The tables of an ablation as Markdown."""
from typing import Dict, List

from ablation_results import MORE_COLUMNS, RowSummary, entries, runs, summarize
from ablation_study import quoted

from projects.temporal_corr.evaluation.published_results import COLUMNS

NONE = '-'


def ablation_table(content: dict) -> str:
    """Results of an ablation, and all that a reader needs to know of them.

    Args:
        content (dict): Content of a file of ablation.py.

    Returns:
        str: A table of body parts, one of temporal downsampling rates if
        there are any, data, schedule, machine and command.
    """
    rows = summarize(content)
    parts = [_caption(content, rows), _parts_table(content, rows)]
    if any(row.strides for row in rows):
        parts += [
            'Mean against the temporal downsampling rate (rate k keeps every '
            'k-th frame of each test video):',
            _stride_table(rows)
        ]
    parts += _notes(content)
    parts += [f'```shell\n{content["command"]}\n```']
    return '\n\n'.join(parts) + '\n'


def label(content: dict) -> str:
    """What the numbers are, such as 'PCK@0.2'."""
    thr = _tested(content)['thr']
    return 'PCK' if thr is None else f'PCK@{thr:g}'


def _caption(content: dict, rows: List[RowSummary]) -> str:
    tested = _tested(content)
    seeds = _seeds(rows)
    text = (f'{label(content)} in percent on {tested["videos"]} videos, '
            f'{tested["frames"]:,} frames ({tested["ann_file"]})')
    if not any(run['training'] for entry in entries(content)
               for run in runs(entry).values()):
        text += '.'
    elif len(seeds) == 1:
        text += f', seed {seeds[0]}.'
    else:
        text += (f', mean over the seeds {", ".join(seeds)}; '
                 '±: standard deviation over the seeds (n - 1).')
    if any('acceleration error' in row.columns for row in rows):
        text += (' Acc. error: mean error of the acceleration, percent of the '
                 'larger side of the box per squared frame.')
    if len(rows) > sum(bool(runs(entry)) for entry in entries(content)):
        text += ' Differences are those of rows with the same filter.'
    return text


def _parts_table(content: dict, rows: List[RowSummary]) -> str:
    reference = content['rows'][0]['name']
    more = {name: head for name, head in MORE_COLUMNS.items()
            if any(name in row.columns for row in rows)}  # yapf: disable
    # In the order of the rows that have them.
    tests = {name: None for row in rows for name in row.tests}
    head = ['model', *COLUMNS, *more.values(), f'Mean, to {reference}']
    head += [f'Mean, {name}' for name in tests]
    lines = []
    for row in rows:
        cells = [_name(row, rows)]
        cells += [f'{row.columns[name].mean:.1f}' for name in COLUMNS[:-1]]
        cells.append(str(row.columns[COLUMNS[-1]]))
        cells += [column(row, name) for name in more]
        cells.append(row.difference.format('+.1f') if row.difference else NONE)
        cells += [str(row.tests.get(name, NONE)) for name in tests]
        lines.append(cells)
    return markdown(head, lines)


def column(row: RowSummary, name: str) -> str:
    """A cell: accelerations are small, and differ by less."""
    value = row.columns.get(name)
    spec = '.2f' if name.startswith('acceleration') else '.1f'
    return value.format(spec) if value else NONE


def _stride_table(rows: List[RowSummary]) -> str:
    rows = [row for row in rows if row.strides]
    strides = sorted({stride for row in rows for stride in row.strides})
    return markdown(
        ['rate', *map(str, strides)],
        [[_name(row, rows), *(str(row.strides.get(stride, NONE))
                              for stride in strides)]
         for row in rows])  # yapf: disable


def _notes(content: dict) -> List[str]:
    """Schedules, machines and what is to be held against the results."""
    schedules: Dict[str, List[str]] = {}
    machines: Dict[str, None] = {}
    commits: Dict[str, None] = {}
    seconds, resumed, leaks, unknown = 0., False, [], []
    for entry in entries(content):
        for run in runs(entry).values():
            training, leaked = run['training'], run['tested']['leaked_videos']
            if training is None:
                continue
            names = schedules.setdefault(_schedule(training['schedule']), [])
            _add(names, entry['name'])
            machines[_machine(training)] = None
            commits[_commit(training)] = None
            seconds += training['seconds']
            resumed |= training['resumed']
            if leaked is None:
                _add(unknown, entry['name'])
            elif leaked:
                _add(leaks, f'{entry["name"]} on {leaked}')
    if not schedules:
        return []
    lines = [f'{quoted(names)}: {text}.'
             for text, names in schedules.items()]
    lines.append(f'{"; ".join(machines)}; {", ".join(commits)}; '
                 f'{"more than " if resumed else ""}'
                 f'{seconds / 3600:.1f} hours of training in all.')
    found = [' '.join(lines)]
    missing = [entry['name'] for entry in entries(content) if not runs(entry)]
    if missing:
        found.append(f'Rows of the study without results: {quoted(missing)}.')
    if leaks:
        found.append('Trained on test videos, so that the result says nothing '
                     f'about others: {", ".join(leaks)}.')
    if unknown:
        found.append('It is not known on which videos these were trained, so '
                     f'that a leak is not ruled out: {", ".join(unknown)}.')
    return found


def _add(names: List[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _schedule(schedule: dict) -> str:
    epochs = schedule['epochs']
    length = f'{schedule["iterations"]:,} iterations'
    if epochs is not None:
        length = f'{epochs} epoch{"s" if epochs > 1 else ""} ({length})'
    data = f'{schedule["train_frames"]:,} frames'
    if schedule['train_videos'] is not None:
        data += f' of {schedule["train_videos"]:,} videos'
    return (f'{length} on {data}, batch {schedule["batch_size"]}, '
            f'{schedule["optimizer"]}, learning rate {schedule["lr"]:g}')


def _machine(training: dict) -> str:
    if training['device'] is None:
        return 'trained by tools/train.py'
    threads = training['num_threads']
    return (f'{training["device"]}, {threads} '
            f'thread{"s" if threads > 1 else ""}, torch {training["torch"]}')


def _commit(training: dict) -> str:
    if training['commit'] is None:
        return 'commit unknown'
    changes = ' with uncommitted changes' if training['dirty'] else ''
    return f'commit {training["commit"][:7]}{changes}'


def _tested(content: dict) -> dict:
    return next(run['tested'] for entry in entries(content)
                for run in runs(entry).values())


def _seeds(rows: List[RowSummary]) -> List[str]:
    return sorted({seed for row in rows for seed in row.seeds}, key=int)


def _name(row: RowSummary, rows: List[RowSummary]) -> str:
    """The name, with the seeds where some are not finished."""
    if len(row.seeds) == len(_seeds(rows)):
        return row.name
    return f'{row.name} (seed {", ".join(row.seeds)} only)'


def markdown(head: List[str], rows: List[List[str]]) -> str:
    """A table of cells."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines)
