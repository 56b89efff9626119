# Copyright (c) temporal_corr authors. All rights reserved.
"""The table of benchmark.py as Markdown."""
from benchmarks.report import HEADER, Row, row_cells

#: What a file of benchmark.py says it is.
BENCHMARK_KIND = 'benchmark'
CLOCKS = dict(cpu='of the processor', wall='by the clock on the wall')


def benchmark_table(content: dict) -> str:
    """Results of benchmark.py, and what they were measured with.

    Args:
        content (dict): Content of its file.

    Returns:
        str: The table, with a row above each section.
    """
    lines = [HEADER, ['---'] * len(HEADER)]
    section = None
    for row in map(Row.from_dict, content['rows']):
        if row.section != section:
            section = row.section
            lines.append([f'**{section}**'] + [''] * (len(HEADER) - 1))
        lines.append([row.name, *row_cells(row)])
    table = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    machine, code = content['machine'], content['code']
    threads = machine['num_threads']
    return (
        f'{table}\n\nMedians, measured in turns; ratio: ours / other, which '
        'are before and behind the slash of a name; times '
        f'{CLOCKS[content["clock"]]} where nothing else is said. '
        f'{machine["device"]}, {threads} '
        f'thread{"s" * (threads > 1)}, models on {content["device"]}, torch '
        f'{machine["torch"]}; commit {(code["commit"] or "unknown")[:7]}'
        f'{" with uncommitted changes" * bool(code["dirty"])}; '
        f'{sum(content["seconds"].values()) / 60:.1f} minutes in all.\n\n'
        f'```shell\n{content["command"]}\n```\n')
