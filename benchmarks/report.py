# Copyright (c) temporal_corr authors. All rights reserved.
"""Measurements and their goals as rows of a table."""
from typing import Optional

CLOCKS = dict(cpu='CPU time', wall='wall-clock time')


def make_row(section: str,
             name: str,
             unit: str,
             ours: float,
             other: float,
             bound: Optional[float] = None) -> dict:
    """One comparison of values in a unit ('ms' takes seconds), whose ratio,
    ours / other, should meet an upper bound, if there is one."""
    if unit == 'ms':
        ours, other = 1000 * ours, 1000 * other
    ratio = ours / other
    return dict(section=section, name=name, unit=unit, ours=ours, other=other,
                ratio=ratio, goal=bound and dict(bound=bound),
                met=bound and ratio <= bound)  # yapf: disable


def benchmark_table(content: dict, _: str = '') -> str:
    """The content of a file of results as Markdown."""
    lines = [['', 'ours', 'other', 'ratio', 'goal', 'met?'], 6 * ['---']]
    section = None
    for row in content['rows']:
        if row['section'] != section:
            section = row['section']
            lines.append([f'**{section}**', *5 * ['']])
        goal = ['', '']
        if row['goal']:
            bound = _number(row['goal']['bound'])
            goal = [f'<= {bound}', 'yes' if row['met'] else 'NO']
        values = [f'{_number(row[key])} {row["unit"]}'
                  for key in ('ours', 'other')]  # yapf: disable
        lines.append([row['name'], *values, _number(row['ratio']), *goal])
    table = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    machine, code = content['machine'], content['code']
    threads = machine['num_threads']
    return (
        f'{table}\n\nMedians of interleaved runs; ratio: ours / other, the '
        f'names before and after the slash; {CLOCKS[content["clock"]]}. '
        f'{machine["device"]}, {threads} thread{"s" * (threads > 1)}, models '
        f'on {content["device"]}, torch {machine["torch"]}; commit '
        f'{(code["commit"] or "unknown")[:7]}'
        f'{" with uncommitted changes" * bool(code["dirty"])}; '
        f'{sum(content["seconds"].values()) / 60:.1f} minutes in all.\n\n'
        f'```shell\n{content["command"]}\n```\n')


def _number(value: float) -> str:
    """Four digits, never as a power of ten."""
    if value == int(value) or abs(value) >= 1000:
        return f'{value:.0f}'
    return f'{value:.4g}' if abs(value) >= 0.001 else f'{value:.5f}'
