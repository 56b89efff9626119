# Copyright (c) temporal_corr authors. All rights reserved.
"""PCK against the temporal downsampling rate (the paper's Fig. 3).

    python -m studies.frame_stride --model 'single frame' CONFIG CHECKPOINT \
        --model correlation CONFIG CHECKPOINT --out DIR

Rate k keeps every k-th frame of each test video, from the first. What is
finished is in DIR/frame_stride.json after every test, and is not run again
as long as config, checkpoint and annotations are the same.
"""
import argparse
import hashlib
import json
import os.path as osp
import sys
from pathlib import Path
from typing import Dict, List

from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS, METRICS

from projects.temporal_corr.engine import AtomicLocalBackend
from projects.temporal_corr.engine.launch import (prepare_launcher,
                                                  prepare_loaders)
from projects.temporal_corr.engine.trained_videos_hook import (
    trained_videos_hook, video_ids)
from projects.temporal_corr.video_io.output_files import save_figure
from projects.temporal_corr.visualization import draw_stride_plot

from .study import as_folder, digest
from .table import markdown


def build_test_dataset(cfg: Config):
    """The test data set of a config.

    Raises:
        TypeError: If it knows no videos.
    """
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    settings = cfg.test_dataloader.dataset
    if not hasattr(DATASETS.get(settings.type), 'videos'):
        raise TypeError(
            f'test_dataloader.dataset of {cfg.filename} is a {settings.type}, '
            'which has no frame_stride: use SubJhmdbDataset or '
            'PennActionDataset without a wrapper')
    return DATASETS.build(settings)


def identity(cfg: Config, *paths: str) -> str:
    """What results depend on: settings and files."""
    found = hashlib.sha256(digest(cfg).encode())
    for path in paths:
        found.update(Path(path).read_bytes())
    return found.hexdigest()


def test(cfg: Config, stride: int, work_dir: str) -> Dict[str, dict]:
    """Test at one rate.

    Args:
        cfg (Config): The config, with ``load_from``.
        stride (int): Keep every so many frames of each video.
        work_dir (str): Folder for logs.

    Returns:
        dict: ``metrics``, fractions, and what was tested (``run``).
    """
    cfg = Config(cfg.to_dict(), filename=cfg.filename)
    cfg.test_dataloader.dataset.frame_stride = stride
    cfg.work_dir = work_dir
    # MMEngine keeps loggers and visualizers by this name.
    cfg.experiment_name = f'{as_folder(work_dir)}_{stride}'
    runner = Runner.from_cfg(cfg)
    hook = trained_videos_hook(runner)
    metrics = runner.test()
    return dict(metrics=metrics, run=hook.describe_test(runner))


def pck_label(cfg: Config, column: str) -> str:
    """What a column is, with the threshold of the evaluator of its prefix."""
    metrics = cfg.test_evaluator
    metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    metrics = {metric.get('prefix') or '': metric for metric in metrics[::-1]}
    metric = metrics.get(column.rpartition('/')[0])
    # Built, it knows its default.
    thr = metric and getattr(METRICS.build(metric), 'thr', None)
    return f'PCK@{thr:g} ({column})' if thr else column


def stride_table(models: Dict[str, dict], strides: List[int], column: str,
                 label: str) -> str:
    """The table as Markdown, with what a reader needs to know."""
    runs = {name: model['1']['run'] if '1' in model else next(
        iter(model.values()))['run'] for name, model in models.items()}
    first = next(iter(runs.values()))
    rows = [[name, *(f'{100 * model[str(k)]["metrics"][column]:.1f}'
                     for k in strides)] for name, model in models.items()]
    last = [*models.values()][-1]
    rows.append(
        ['frames', *(str(last[str(k)]['run']['num_frames']) for k in strides)])
    parts = [
        f'{label} in percent against the temporal downsampling rate, on '
        f'{len(first["test_videos"])} videos '
        f'({osp.basename(first["ann_file"])}). Rate k keeps every k-th frame '
        'of each video, from the first; only the frames that are kept are '
        'seen and evaluated.',
        markdown(['rate', *map(str, strides)], rows)
    ]
    for name, run in runs.items():
        leaked = {*(run['train_videos'] or ())} & {*run['test_videos']}
        if run['train_videos'] is None:
            parts.append(f'{name}: the checkpoint does not say on which '
                         'videos it was trained.')
        elif leaked:
            parts.append(f'{name} was trained on {len(leaked)} of these '
                         'videos: its curve says nothing about others.')
    return '\n\n'.join(parts) + '\n'


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        prog='python -m studies.frame_stride',
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
    args = parser.parse_args(argv)
    names = [name for name, _, _ in args.model]
    if len(set(names)) < len(names):
        parser.error(f'two models have one name: {", ".join(names)}')
    if min(args.strides) < 1:
        parser.error('--strides must be positive')
    args.strides = sorted(set(args.strides))
    return args


def main(argv=None):
    args = parse_args(argv)
    path = Path(args.out) / 'frame_stride.json'
    try:
        known = json.loads(path.read_text())['models'] if (
            path.is_file()) else {}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f'{path} is none of this tool ({error}): remove it '
                         'or choose another --out') from error
    models, configs, videos = {}, {}, {}
    for name, config, checkpoint in args.model:
        cfg = Config.fromfile(config)
        cfg.merge_from_dict(args.cfg_options)
        cfg.load_from, cfg.resume = checkpoint, False
        prepare_loaders(cfg)
        dataset = build_test_dataset(cfg)
        configs[name] = prepare_launcher(cfg, 'none')
        mark = identity(cfg, checkpoint, dataset.ann_file)
        model = known.get(name, {})
        models[name] = model if model.get('identity') == mark else dict(
            identity=mark, strides={})
        videos.setdefault(tuple(video_ids(dataset)), name)
        if len(videos) > 1:
            raise ValueError(
                f'{" and ".join(videos.values())} are tested on different '
                'videos: use configs of the same data set and split')
    todo = [(name, k) for name in models for k in args.strides
            if str(k) not in models[name]['strides']]
    for number, (name, stride) in enumerate(todo, start=1):
        print(f'\n[{number}/{len(todo)}] {name}: rate {stride}', flush=True)
        models[name]['strides'][str(stride)] = test(
            configs[name], stride, osp.join(args.out, 'log', as_folder(name)))
        AtomicLocalBackend().put_text(
            json.dumps(dict(models={**known, **models}), indent=1), path)
    strides = {name: model['strides'] for name, model in models.items()}
    label = pck_label(cfg, args.column)
    try:
        text = stride_table(strides, args.strides, args.column, label)
    except KeyError:
        some = next(iter(next(iter(strides.values())).values()))['metrics']
        raise ValueError(f'the results have no column {args.column}: choose '
                         f'--column from {", ".join(some)}') from None
    AtomicLocalBackend().put_text(text, path.with_suffix('.md'))
    figure = draw_stride_plot({
        name: {k: 100 * model[str(k)]['metrics'][args.column]
               for k in args.strides}
        for name, model in strides.items()
    }, label)  # yapf: disable
    save_figure(figure, str(path.with_suffix('.png')))
    print(f'\n{text}\n{path.with_suffix(".png")}')


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
