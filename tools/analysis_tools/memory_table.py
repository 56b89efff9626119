# Copyright (c) temporal_corr authors. All rights reserved.
"""Table and figure of exemplar_memory.py."""
from typing import Dict, List

from ablation_results import Spread
from matplotlib.figure import Figure

from projects.temporal_corr.evaluation.published_results import COLUMNS
from projects.temporal_corr.visualization.stride_plot import draw_stride_plot

#: What a file of exemplar_memory.py says it is.
MEMORY_KIND = 'exemplar memory'
#: What the figure shows, if it was tested.
CURVES = ('single frame', 'previous, as in the paper',
          'two passes, 8 trusted frames', 'labelled: the first frame',
          'labelled: the middle frame', 'ground truth of every frame before')


def memory_table(content: dict) -> str:
    """Results of exemplar_memory.py as Markdown.

    Args:
        content (dict): Content of its file.

    Returns:
        str: The table, and what it was made with.
    """
    reference = content['rows'][0]
    head = [
        'exemplars', *COLUMNS, f'to {reference["name"]}', 'acc. error',
        'bytes a person'
    ]
    lines = [head, ['---'] * len(head)]
    for row in content['rows']:
        lines.append([row['name'], *_cells(row, reference)])
    seeds = sorted(reference['seeds'], key=int)
    frames = next(iter(reference['seeds'].values()))['frames']
    table = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    return (
        f'PCK@{content["thr"]:g} in percent on {frames:,} frames, mean over '
        f'{len(seeds)} seed{"s" * (len(seeds) > 1)}; ±: standard deviation '
        '(n - 1). Acc. error: mean error of the acceleration, percent of the '
        f'larger side of the box per squared frame.\n\n{table}\n\n'
        f'{content["device"]}, {content["num_threads"]} '
        f'thread{"s" * (content["num_threads"] > 1)}, torch '
        f'{content["torch"]}; commit {(content["commit"] or "unknown")[:7]}'
        f'{" with uncommitted changes" * bool(content["dirty"])}.\n\n'
        f'```shell\n{content["command"]}\n```\n')


def _cells(row: dict, reference: dict) -> List[str]:
    runs: Dict[str, dict] = row['seeds']

    def spread(name: str) -> Spread:
        return Spread.of([100 * run['metrics'][name] for run in runs.values()])

    cells = [f'{spread(name).mean:.1f}' for name in COLUMNS[:-1]]
    cells.append(str(spread(COLUMNS[-1])))
    shared = [seed for seed in runs if seed in reference['seeds']]
    difference = Spread.of([
        100 * (runs[seed]['metrics'][COLUMNS[-1]] -
               reference['seeds'][seed]['metrics'][COLUMNS[-1]])
        for seed in shared
    ])
    cells.append('-' if row is reference else difference.format('+.1f'))
    cells.append(spread('acceleration error').format('.2f'))
    cells.append(f'{max(run["bytes_per_person"] for run in runs.values()):,}')
    return cells


def draw_distances(content: dict) -> Figure:
    """PCK against the distance from the labelled frame.

    Args:
        content (dict): Content of a file of exemplar_memory.py.

    Returns:
        Figure: Of models without labels, by the distance from the first
        frame.
    """
    curves, spreads = {}, {}
    rows = {row['name']: row for row in content['rows']}
    for name in CURVES:
        if name not in rows:
            continue
        runs = [run['by_distance'] for run in rows[name]['seeds'].values()]
        ends = sorted(set.intersection(*map(set, runs)), key=int)
        values = {
            int(end): Spread.of([100 * run[end] for run in runs])
            for end in ends
        }
        curves[name] = {end: value.mean for end, value in values.items()}
        spreads[name] = {
            end: value.std or 0.
            for end, value in values.items()
        }
    return draw_stride_plot(
        curves,
        f'PCK@{content["thr"]:g} (Mean)',
        spreads,
        xlabel='distance from the labelled, or else the first, frame (up to)')
