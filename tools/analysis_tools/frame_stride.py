# Copyright (c) temporal_corr authors. All rights reserved.
"""PCK against the temporal downsampling rate (the paper's Fig. 3).

    frame_stride.py --model 'single frame' CONFIG CHECKPOINT \
        --model correlation CONFIG CHECKPOINT --out DIR

Rate k keeps every k-th frame of each test video, from the first. What is
finished is in DIR/frame_stride.json after every test, and is not run again
as long as config, checkpoint and annotations are the same. Runs on a GPU if
one is visible, as tools/test.py does.
"""
import argparse
import hashlib
import json
import os
import os.path as osp
import re
import sys
from typing import Callable, Dict, List

from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process
from mmengine.registry import init_default_scope
from mmpose.registry import METRICS

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402
from projects.temporal_corr.engine.launch import (  # noqa: E402
    prepare_launcher, prepare_loaders)
from projects.temporal_corr.engine.safe_loading import is_missing  # noqa: E402
from projects.temporal_corr.engine.trained_videos_hook import \
    video_ids  # noqa: E402
from projects.temporal_corr.video_io.output_files import \
    save_figure  # noqa: E402
from projects.temporal_corr.visualization import draw_stride_plot  # noqa: E402

from stride_evaluation import (  # noqa: E402 isort: skip
    StrideEvaluation, build_test_dataset)
from stride_table import stride_table  # noqa: E402 isort: skip


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
    if is_missing(checkpoint):
        raise FileNotFoundError(
            f'there is no checkpoint {checkpoint}: give the .pth file that '
            'tools/train.py left in its work directory')
    cfg = Config.fromfile(config_path(config))
    cfg.merge_from_dict(cfg_options)
    cfg.load_from = checkpoint
    cfg.resume = False
    prepare_loaders(cfg)
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
            with open(osp.expanduser(path), 'rb') as file:
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


def pck_label(cfg: Config, column: str) -> str:
    """What a column is, with the threshold of its evaluator.

    Of several evaluators it is the one with the column's prefix.
    """
    metrics = cfg.test_evaluator
    metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    metrics = {metric.get('prefix') or '': metric for metric in metrics[::-1]}
    metric = metrics.get(column.rpartition('/')[0])
    # Built, it knows its default.
    thr = metric and getattr(METRICS.build(metric), 'thr', None)
    return f'PCK@{thr:g} ({column})' if thr else column


def write_figure(models: Dict[str, dict], args, label: str) -> None:
    """Write the table and the plot of the chosen models."""
    some = models[args.model[0][0]]['strides'][str(args.strides[0])]
    if args.column not in some:
        columns = [name for name in some if name != 'num_frames']
        raise ValueError(f'the results have no column {args.column}: choose '
                         f'--column from {", ".join(columns)}')
    models = {name: models[name] for name, _, _ in args.model}
    text = stride_table(models, args.strides, args.column, label)
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


def run_strides(cfg: Config, strides: List[int], model: dict, title: str,
                save: Callable) -> None:
    """Test a model at those strides that it was not tested at yet.

    Args:
        cfg (Config): The config of the test.
        strides (list[int]): All strides.
        model (dict): The model's entry in the file; gets ``run`` and
            ``strides``.
        title (str): What to call it on the screen.
        save (Callable): Called after each test.
    """
    todo = [s for s in strides if str(s) not in model['strides']]
    evaluation = StrideEvaluation(cfg) if todo else None
    for number, stride in enumerate(todo, start=1):
        if is_main_process():
            print(f'\n{title}: rate {stride} ({number}/{len(todo)})',
                  flush=True)  # yapf: disable
        model['strides'][str(stride)] = evaluation.test(stride)
        if not model['run']:
            model['run'] = evaluation.describe()
            for key in ('frame_stride', 'num_frames'):
                del model['run'][key]
        save()


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

    def save():
        if is_main_process():
            AtomicLocalBackend().put_text(
                json.dumps(dict(models=results), indent=1), path)

    for number, (name, cfg) in enumerate(configs.items(), start=1):
        if results.get(name, {}).get('identity') != marks[name]:
            results[name] = dict(identity=marks[name], run={}, strides={})
        cfg.work_dir = osp.join(args.out, 'log', re.sub(r'\W+', '_', name))
        cfg.experiment_name = f'frame_stride_{number}'
        run_strides(
            prepare_launcher(cfg, args.launcher), args.strides, results[name],
            f'[model {number}/{len(configs)}] {name}', save)
    if is_main_process():
        write_figure(results, args, pck_label(cfg, args.column))


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
