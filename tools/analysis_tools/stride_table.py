# Copyright (c) temporal_corr authors. All rights reserved.
import os.path as osp
from typing import Dict, List


def stride_table(models: Dict[str, dict], strides: List[int], column: str,
                 label: str) -> str:
    """PCK against the temporal downsampling rate as Markdown.

    Args:
        models (dict): Name of each model to its entry in
            frame_stride.json: ``run``, what was tested, and ``strides``, the
            fractions and ``num_frames`` of each rate.
        strides (list[int]): The rates, columns of the table.
        column (str): Which of the fractions to show.
        label (str): What it is called.

    Returns:
        str: The table, with what a reader needs to know above and below.
    """
    runs = {name: model['run'] for name, model in models.items()}
    first = next(iter(runs.values()))
    lines = [
        f'{label} in percent against the temporal downsampling rate, on '
        f'{len(first["test_videos"])} videos '
        f'({osp.basename(first["ann_file"])}). Rate k keeps every k-th frame '
        'of each video, from the first; only the frames that are kept are '
        'seen and evaluated.', '',
        '| rate | ' + ' | '.join(map(str, strides)) + ' |',
        '| --- ' * (len(strides) + 1) + '|'
    ]

    def row(name, cells):
        lines.append(f'| {name} | ' + ' | '.join(cells) + ' |')

    for name, model in models.items():
        scores = [model['strides'][str(stride)] for stride in strides]
        row(name, [f'{100 * score[column]:.1f}' for score in scores])
    row('frames', [str(score['num_frames']) for score in scores])
    for name, run in runs.items():
        if run['train_videos'] is None:
            lines += ['', f'{name}: the checkpoint does not say on which '
                      'videos it was trained.']
            continue
        leaked = set(run['train_videos']) & set(run['test_videos'])
        if leaked:
            lines += ['', f'{name} was trained on {len(leaked)} of these '
                      'videos: its curve says nothing about others.']
    return '\n'.join(lines) + '\n'
