# Copyright (c) temporal_corr authors. All rights reserved.
"""PCK against the temporal downsampling rate (the paper's Fig. 3).

    python -m studies.frame_stride --model 'single frame' CONFIG CHECKPOINT \
        --model correlation CONFIG CHECKPOINT --out DIR

Rate k keeps every k-th frame of each test video, from the first.
"""
import argparse
import shlex
import sys
from pathlib import Path

from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import DATASETS

from projects.temporal_corr.engine.launch import (prepare_launcher,
                                                  prepare_loaders)
from projects.temporal_corr.engine.trained_videos_hook import (
    trained_videos_hook, video_ids)
from projects.temporal_corr.video_io.arguments import number, run_command

from .provenance import describe_test, without_folders
from .study import as_folder, merged
from .table import KIND, ablation_table, draw_curves, write_results

STRIDE = 'test_dataloader.dataset.frame_stride'


def parse_args(argv):
    parser = argparse.ArgumentParser(
        prog='python -m studies.frame_stride',
        description='PCK against the temporal downsampling rate')
    add = parser.add_argument
    add('--model', nargs=3, action='append', required=True,
        metavar=('NAME', 'CONFIG', 'CHECKPOINT'),
        help='a model, with its name in the figure; may be given several '
        'times')
    add('--strides', nargs='+', type=number(int, 1),
        default=list(range(1, 11)),
        help='temporal downsampling rates beside 1. Defaults to 1 2 ... 10')
    add('--out', required=True, type=Path,
        help='folder for frame_stride.json, frame_stride.md and '
        'frame_stride.png')
    add('--cfg-options', nargs='+', action=DictAction, default={},
        help='override settings of all configs, as KEY=VALUE')
    args = parser.parse_args(argv)
    names = [name for name, _, _ in args.model]
    if len(set(names)) < len(names):
        parser.error(f'two models have one name: {", ".join(names)}')
    return args


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    path = args.out / 'frame_stride.json'
    configs, videos = {}, {}
    for name, config, checkpoint in args.model:
        cfg = Config.fromfile(config)
        cfg.merge_from_dict(args.cfg_options)
        cfg.load_from, cfg.resume = checkpoint, False
        cfg.work_dir = str(args.out / 'log' / as_folder(name))
        prepare_loaders(cfg)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        # Built with a rate, so that a data set that has none is told at once.
        dataset = DATASETS.build(
            merged(cfg, {STRIDE: 1}).test_dataloader.dataset)
        videos.setdefault(tuple(video_ids(dataset)), name)
        if len(videos) > 1:
            raise ValueError(
                f'{" and ".join(videos.values())} are tested on different '
                'videos: use configs of the same data set and split')
        configs[name] = prepare_launcher(cfg, 'none')

    command = shlex.join(
        ['python', '-m', 'studies.frame_stride', *map(without_folders, argv)])
    content = dict(kind=KIND, study='frame_stride', start=None,
                   command=command, rows=[])  # yapf: disable
    for name, cfg in configs.items():
        run = dict(training=None, strides={})
        content['rows'].append(dict(name=name, seeds={'0': run}))
        for stride in sorted({1, *args.strides}):
            print(f'\n{name}: rate {stride}', flush=True)
            # MMEngine keeps loggers and visualizers by the name.
            runner = Runner.from_cfg(merged(cfg, {
                STRIDE: stride,
                'experiment_name': f'{as_folder(cfg.work_dir)}_{stride}'
            }))  # yapf: disable
            hook = trained_videos_hook(runner)
            metrics = runner.test()
            described = hook.describe_test(runner)
            run['strides'][str(stride)] = dict(
                metrics, num_frames=described['num_frames'])
            if stride == 1:
                run.update(
                    metrics=metrics, tested=describe_test(described, cfg))
            write_results(content, path)
    text = ablation_table(content)
    path.with_suffix('.md').write_text(text, encoding='utf-8')
    draw_curves(content, str(path.with_suffix('.png')))
    print(f'\n{text}\n{path.with_suffix(".png")}')


if __name__ == '__main__':
    run_command(main)
