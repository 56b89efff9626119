# Copyright (c) temporal_corr authors. All rights reserved.
"""Test a checkpoint, with MMPose's flags."""
import argparse
import os
import os.path as osp
import sys

import mmengine
from mmengine.config import Config, DictAction
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from repo_path import config_path

from projects.temporal_corr.engine.launch import (add_shared_arguments,
                                                  prepare_launcher,
                                                  prepare_loaders,
                                                  set_visualization)
from projects.temporal_corr.engine.safe_loading import (CheckpointError,
                                                        is_missing)
from projects.temporal_corr.engine.trained_videos_hook import \
    trained_videos_hook


def parse_args():
    parser = argparse.ArgumentParser(
        description='Test (and evaluate) a pose model')
    parser.add_argument('config', help='test config file path')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--work-dir', help='the directory to save evaluation results')
    parser.add_argument(
        '--out',
        help='file for the metrics, with what was tested under the key "run": '
        '.json, .yaml or .pkl')
    parser.add_argument(
        '--dump',
        metavar='FILE.pkl',
        help='dump predictions to a pickle file for offline evaluation')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override settings of the config, as KEY=VALUE: '
        'test_dataloader.batch_size=8, or for lists KEY="[a,b]" or KEY=a,b, '
        'without white space')
    add_shared_arguments(parser)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    for path, suffixes in ((args.dump, ('.pkl', '.pickle')),
                           (args.out, ('.json', '.yaml', '.yml', '.pkl'))):
        if path is not None and not path.endswith(suffixes):
            parser.error(f'{path} must end with one of {", ".join(suffixes)}')
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Merge the command line into the config."""
    cfg.merge_from_dict(args.cfg_options)
    cfg.load_from = args.checkpoint
    cfg.resume = False

    # command line > config > name of the config
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('./work_dirs', name)

    if args.dump is not None:
        metrics = cfg.test_evaluator
        metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        dump = dict(type='DumpResults', out_file_path=temporary(args.dump))
        cfg.test_evaluator = [*metrics, dump]

    prepare_loaders(cfg)
    set_visualization(cfg, args)
    return prepare_launcher(cfg, args.launcher)


def temporary(path: str) -> str:
    """A name beside a file, with its suffix, for the time of writing."""
    folder, name = osp.split(osp.abspath(path))
    os.makedirs(folder, exist_ok=True)
    return osp.join(folder, f'.incomplete_{name}')


def main():
    args = parse_args()
    args.config = config_path(args.config)
    if is_missing(args.checkpoint):
        sys.exit(f'there is no checkpoint {args.checkpoint}: give the .pth '
                 'file that tools/train.py left in its work directory')
    cfg = merge_args(Config.fromfile(args.config), args)
    runner = Runner.from_cfg(cfg)
    hook = trained_videos_hook(runner)
    metrics = runner.test()
    if is_main_process():
        if args.dump is not None:
            os.replace(temporary(args.dump), args.dump)
        if args.out is not None:
            result = dict(metrics, run=hook.describe_test(runner))
            mmengine.dump(result, temporary(args.out))
            os.replace(temporary(args.out), args.out)


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, FileNotFoundError) as error:
        sys.exit(f'error: {error}')
