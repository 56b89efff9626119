# Copyright (c) temporal_corr authors. All rights reserved.
"""What to remember: test trained models with each exemplar policy.

    exemplar_memory.py --single CONFIG CHECKPOINT... \
        --correlation CONFIG CHECKPOINT... --out results/NAME.json
    exemplar_memory.py --study STUDY --single ROW --correlation ROW \
        --out results/NAME.json

One checkpoint of each a seed, in the same order, or two rows of a study that
ablation.py has trained. Prints and writes a table (.md beside the JSON file)
and draws PCK against the distance from the first frame. What is finished is
in the file and is not run again.
"""
import argparse
import json
import os
import os.path as osp
import shlex
import sys
from pathlib import Path
from typing import Callable, List, Optional

import torch
from mmengine.registry import init_default_scope
from mmpose.registry import METRICS

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402
from projects.temporal_corr.engine.launch import prepare_launcher  # noqa: E402
from projects.temporal_corr.visualization import save_figure  # noqa: E402

from ablation import Ablation  # noqa: E402 isort: skip
from ablation_study import Study, quoted, read_study  # noqa: E402 isort: skip
from frame_stride import identity, load_config  # noqa: E402 isort: skip
from memory_evaluation import MemoryEvaluation  # noqa: E402 isort: skip
from memory_settings import SETTINGS  # noqa: E402 isort: skip
from memory_table import (  # noqa: E402 isort: skip
    MEMORY_KIND, draw_distances, memory_table)
from provenance import (  # noqa: E402 isort: skip
    describe_code, describe_machine, without_folders)
from stride_evaluation import build_test_dataset  # noqa: E402 isort: skip


def parse_args():
    parser = argparse.ArgumentParser(
        description='Test trained models with each exemplar policy')
    parser.add_argument(
        '--study', help='study file path; --single and --correlation are rows')
    parser.add_argument(
        '--work-dir',
        help='where ablation.py has trained the study. Defaults to '
        'work_dirs/ablation/STUDY')
    parser.add_argument(
        '--single',
        nargs='+',
        required=True,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='config of the single-frame model and a checkpoint a seed, or '
        'its row of the study')
    parser.add_argument(
        '--correlation',
        nargs='+',
        required=True,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='config of the correlation model and a checkpoint a seed, or '
        'its row of the study')
    parser.add_argument(
        '--settings',
        nargs='+',
        choices=[setting.name for setting in SETTINGS],
        help='only these. Defaults to all')
    parser.add_argument('--out', required=True, help='results file: .json')
    parser.add_argument(
        '--figure', help='picture of PCK against the distance: .png, .pdf')
    args = parser.parse_args()
    args.command = command_line(args)
    if args.study:
        if len(args.single) != 1 or len(args.correlation) != 1:
            parser.error('with --study give --single and --correlation the '
                         'name of one row each')
        study = read_study(config_path(args.study))
        args.single, args.correlation = trained(
            study, args.work_dir, [args.single[0], args.correlation[0]])
        args.seeds = study.seeds
    else:
        args.seeds = list(range(len(args.single) - 1))
    if len(args.single) != len(args.correlation) or len(args.single) < 2:
        parser.error('give --single and --correlation a config each and as '
                     'many checkpoints as there are seeds')
    if not args.out.endswith('.json'):
        parser.error('--out must end with .json')
    return args


def command_line(args) -> str:
    """The command that makes the file, without folders of this machine."""
    words = ['python', 'tools/analysis_tools/exemplar_memory.py']
    if args.study:
        words += ['--study', args.study]
    words += ['--single', *map(shown_path, args.single)]
    words += ['--correlation', *map(shown_path, args.correlation)]
    if args.settings:
        words += ['--settings', *args.settings]
    return shlex.join([*words, '--out', without_folders(args.out)])


def trained(study: Study, work_dir: Optional[str],
            names: List[str]) -> List[List[str]]:
    """What ablation.py has trained.

    Args:
        study (Study): The study.
        work_dir (str, optional): Its folder; None for that of ablation.py.
        names (list[str]): Names of rows.

    Returns:
        list[list[str]]: Of each row the config and a checkpoint a seed.

    Raises:
        ValueError: If there is no such row, or it is not trained.
    """
    folder = Path(work_dir or f'work_dirs/ablation/{study.name}').resolve()
    ablation = Ablation(study, [], folder, torch.get_num_threads())
    found = []
    for name in names:
        if (name, study.seeds[0]) not in ablation.runs:
            known = quoted(row.name for row in study.rows)
            raise ValueError(f'{study.path} has no row "{name}": choose from '
                             f'{known}')
        runs = [ablation.runs[name, seed] for seed in study.seeds]
        for run in runs:
            if run.checkpoint is None:
                raise ValueError(
                    f'{run.title} is not trained in {folder} with these '
                    'settings (the folder of the data is one): set '
                    'JHMDB_ROOT or PENN_ROOT as for the training, name '
                    'another --work-dir, or run ablation.py')
        found.append([runs[0].test_config('test')] +
                     [str(run.checkpoint) for run in runs])
    return found


def run(args, content: dict, save: Callable) -> None:
    """Run all tests that are left to do.

    Args:
        args: The command line.
        content (dict): The content of the file; gets the results.
        save (Callable): Called after each test.
    """
    chosen = [s for s in SETTINGS if s.name in (args.settings or s.name)]
    jobs = [('single frame', args.single, [None])]
    jobs.append(('correlation', args.correlation, chosen))
    rows = {row['name']: row for row in content['rows']}
    for model, (config, *checkpoints), settings in jobs:
        for seed, checkpoint in zip(args.seeds, checkpoints):
            cfg = load_config(config, checkpoint, {})
            init_default_scope(cfg.get('default_scope', 'mmpose'))
            mark = identity(cfg, build_test_dataset(cfg, 1).ann_file)
            metric = cfg.test_evaluator
            cfg.test_evaluator = [metric, dict(type='KeypointAcceleration')]
            cfg.work_dir = osp.join(
                osp.splitext(args.out)[0], f'{model}_{seed}'.replace(' ', '_'))
            cfg.experiment_name = f'{model}_{seed}'
            evaluation = None
            for setting in settings:
                name = setting.name if setting else model
                row = rows.setdefault(
                    name,
                    dict(
                        name=name,
                        model=model,
                        config=shown_path(config),
                        test_cfg=setting.test_cfg if setting else {},
                        seeds={}))
                if row['seeds'].get(str(seed), {}).get('identity') == mark:
                    continue
                if evaluation is None:
                    evaluation = MemoryEvaluation(
                        prepare_launcher(cfg, 'none'))
                print(f'\n{name}, seed {seed}', flush=True)
                row['seeds'][str(seed)] = dict(
                    identity=mark, **evaluation.test(setting))
                order = ['single frame', *(s.name for s in SETTINGS)]
                content['rows'] = [rows[n] for n in order if n in rows]
                save()


def shown_path(path: str) -> str:
    """A path without the folders of this machine."""
    parts = osp.normpath(path).split(os.sep)
    first = parts.index('work_dirs') if 'work_dirs' in parts else -1
    return '/'.join(parts[first:])


def main():
    args = parse_args()
    content = dict(kind=MEMORY_KIND, rows=[])
    if osp.isfile(args.out):
        with open(args.out, encoding='utf-8') as file:
            content = json.load(file)
        if content.get('kind') != MEMORY_KIND:
            raise ValueError(f'{args.out} is none of this tool: choose '
                             'another --out')
    metric = METRICS.build(load_config(*args.single[:2], {}).test_evaluator)
    content.update(
        thr=metric.thr,
        command=args.command,
        **describe_code(),
        **describe_machine(torch.get_num_threads()))

    def save():
        AtomicLocalBackend().put_text(
            json.dumps(content, indent=1) + '\n', args.out)

    run(args, content, save)
    save()
    table = memory_table(content)
    AtomicLocalBackend().put_text(table, f'{osp.splitext(args.out)[0]}.md')
    print(f'\n{table}\n{args.out}')
    if args.figure:
        save_figure(draw_distances(content), args.figure)


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
