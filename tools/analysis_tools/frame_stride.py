# Copyright (c) temporal_corr authors. All rights reserved.
"""PCK against the temporal downsampling rate (the paper's Fig. 3).

    frame_stride.py --model 'single frame' CONFIG CHECKPOINT \
        --model correlation CONFIG CHECKPOINT --out DIR

Rate k keeps every k-th frame of each test video, from the first. What is
finished is in DIR/frame_stride.json after every test, and is not run again
as long as config, checkpoint and annotations are the same.
"""
import argparse
import hashlib
import json
import os
import os.path as osp
import re
import sys
from typing import Dict, List

from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process
from mmengine.registry import init_default_scope

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402
from projects.temporal_corr.engine.launch import prepare_launcher  # noqa: E402
from projects.temporal_corr.engine.trained_videos_hook import \
    video_ids  # noqa: E402
from projects.temporal_corr.visualization import save_figure  # noqa: E402
from projects.temporal_corr.visualization.stride_plot import \
    draw_stride_plot  # noqa: E402

from stride_evaluation import (  # noqa: E402 isort: skip
    StrideEvaluation, build_test_dataset)


def parse_args():
    parser = argparse.ArgumentParser(
        description='PCK against the temporal downsampling rate')
    parser.add_argument(
        '--model',
        nargs=3,
        action='append',
        required=True,
        metavar=('NAME', 'CONFIG', 'CHECKPOINT'),
        help='a model, with its name in the figure; may be given several '
        'times')
    parser.add_argument(
        '--strides',
        nargs='+',
        type=int,
        default=list(range(1, 11)),
        help='temporal downsampling rates. Defaults to 1 2 ... 10')
    parser.add_argument(
        '--out',
        required=True,
        help='folder for frame_stride.json, frame_stride.md and '
        'frame_stride.png')
    parser.add_argument(
        '--column',
        default='Mean',
        help='what to show, of the results of tools/test.py: Mean, Wri, PCK '
        '... All columns are in the JSON file. Defaults to Mean')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override settings of all configs, as KEY=VALUE')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher, as of tools/test.py')
    # torch.distributed.launch passes it, in either spelling.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    names = [name for name, _, _ in args.model]
    if len(set(names)) < len(names):
        parser.error(f'two models have one name: {", ".join(names)}')
    if min(args.strides) < 1:
        parser.error('--strides must be positive')
    args.strides = sorted(set(args.strides))
    return args


def load_config(config: str, checkpoint: str, cfg_options: dict) -> Config:
    """The config of a test of a checkpoint."""
    if '://' not in checkpoint and not osp.isfile(checkpoint):
        raise FileNotFoundError(
            f'there is no checkpoint {checkpoint}: give the .pth file that '
            'tools/train.py left in its work directory')
    cfg = Config.fromfile(config_path(config))
    cfg.merge_from_dict(cfg_options)
    cfg.load_from = checkpoint
    cfg.resume = False
    return cfg


def identity(cfg: Config, ann_file: str) -> Dict[str, str]:
    """What results depend on; they are kept as long as it is the same."""
    settings = cfg.to_dict()
    del settings['load_from']
    text = json.dumps(settings, sort_keys=True, default=str)
    found = dict(config_sha256=hashlib.sha256(text.encode()).hexdigest())
    for name, path in (('checkpoint', cfg.load_from), ('ann_file', ann_file)):
        digest = hashlib.sha256()
        if '://' in path:
            digest.update(path.encode())
        else:
            with open(path, 'rb') as file:
                for block in iter(lambda: file.read(1 << 20), b''):
                    digest.update(block)
        found[f'{name}_sha256'] = digest.hexdigest()
    return found


def read_results(path: str) -> dict:
    """The results of an earlier run, by model."""
    if not osp.isfile(path):
        return {}
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)['models']
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is none of this tool ({error}): remove it '
                         'or choose another --out') from error


def check_same_videos(videos: Dict[str, List[str]]) -> None:
    """Raise unless all models are tested on the same videos."""
    first = next(iter(videos))
    for name, ids in videos.items():
        if ids != videos[first]:
            raise ValueError(
                f'{first} and {name} are tested on different videos: use '
                'configs of the same data set and split')


def table(models: Dict[str, dict], strides: List[int], column: str,
          label: str) -> str:
    """The curves as Markdown."""
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


def write_figure(models: Dict[str, dict], args, label: str) -> None:
    """Write the table and the plot of the chosen models."""
    some = models[args.model[0][0]]['strides'][str(args.strides[0])]
    if args.column not in some:
        columns = [name for name in some if name != 'num_frames']
        raise ValueError(f'the results have no column {args.column}: choose '
                         f'--column from {", ".join(columns)}')
    models = {name: models[name] for name, _, _ in args.model}
    text = table(models, args.strides, args.column, label)
    AtomicLocalBackend().put_text(text, osp.join(args.out, 'frame_stride.md'))
    curves = {
        name: {
            stride: 100 * model['strides'][str(stride)][args.column]
            for stride in args.strides
        }
        for name, model in models.items()
    }
    save_figure(
        draw_stride_plot(curves, label),
        osp.join(args.out, 'frame_stride.png'))
    print(f'\n{text}\n{osp.join(args.out, "frame_stride.png")}')


def main():
    args = parse_args()
    path = osp.join(args.out, 'frame_stride.json')
    results = read_results(path)
    configs, marks, videos = {}, {}, {}
    for name, config, checkpoint in args.model:
        cfg = load_config(config, checkpoint, args.cfg_options)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        dataset = build_test_dataset(cfg, 1)
        configs[name] = cfg
        marks[name] = identity(cfg, dataset.ann_file)
        videos[name] = video_ids(dataset)
    check_same_videos(videos)

    for number, (name, cfg) in enumerate(configs.items(), start=1):
        model = results.get(name)
        if model is None or model.get('identity') != marks[name]:
            model = results[name] = dict(
                identity=marks[name], run={}, strides={})
        todo = [s for s in args.strides if str(s) not in model['strides']]
        evaluation = None
        for stride in todo:
            if is_main_process():
                print(f'\n[model {number}/{len(configs)}] {name}: rate '
                      f'{stride}, {len(todo) - todo.index(stride)} to go',
                      flush=True)  # yapf: disable
            if evaluation is None:
                cfg.work_dir = osp.join(args.out, 'log',
                                        re.sub(r'\W+', '_', name))
                cfg.experiment_name = f'frame_stride_{number}'
                evaluation = StrideEvaluation(
                    prepare_launcher(cfg, args.launcher))
            model['strides'][str(stride)] = evaluation.test(stride)
            if not model['run']:
                model['run'] = evaluation.describe()
                for key in ('frame_stride', 'num_frames'):
                    del model['run'][key]
            if is_main_process():
                AtomicLocalBackend().put_text(
                    json.dumps(dict(models=results), indent=1), path)
    if is_main_process():
        metrics = next(iter(configs.values())).test_evaluator
        thr = metrics.get('thr') if isinstance(metrics, dict) else None
        label = f'PCK@{thr:g} ({args.column})' if thr else args.column
        write_figure(results, args, label)


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
