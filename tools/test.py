# Copyright (c) temporal_corr authors. All rights reserved.
"""Test a checkpoint, with MMPose's flags."""
import argparse
import os
import sys

import mmengine
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from repo_path import add_cfg_options, add_model_arguments, model_files

from projects.temporal_corr.engine.launch import (add_shared_arguments,
                                                  prepare_launcher,
                                                  prepare_loaders,
                                                  set_visualization,
                                                  set_work_dir)
from projects.temporal_corr.engine.safe_loading import CheckpointError
from projects.temporal_corr.engine.trained_videos_hook import \
    trained_videos_hook
from projects.temporal_corr.video_io.output_files import (output_path,
                                                          replacing,
                                                          temporary_path)


def parse_args():
    parser = argparse.ArgumentParser(
        description='Test (and evaluate) a pose model')
    add_model_arguments(parser)
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
    add_cfg_options(parser)
    add_shared_arguments(parser)
    args = parser.parse_intermixed_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    try:
        args.out = args.out and output_path(
            args.out, ('.json', '.yaml', '.yml', '.pkl'))
        args.dump = args.dump and output_path(args.dump, ('.pkl', '.pickle'))
    except ValueError as error:
        parser.error(str(error))
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Merge the command line into the config."""
    cfg.merge_from_dict(args.cfg_options)
    cfg.load_from = args.checkpoint
    cfg.resume = False

    set_work_dir(cfg, args)

    if args.dump is not None:
        metrics = cfg.test_evaluator
        metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
        dump = dict(
            type='DumpResults', out_file_path=str(temporary_path(args.dump)))
        cfg.test_evaluator = [*metrics, dump]

    prepare_loaders(cfg)
    set_visualization(cfg, args)
    return prepare_launcher(cfg, args.launcher)


def main():
    args = parse_args()
    args.config, args.checkpoint = model_files(args.config, args.checkpoint)
    cfg = merge_args(Config.fromfile(args.config), args)
    runner = Runner.from_cfg(cfg)
    hook = trained_videos_hook(runner)
    metrics = runner.test()
    if is_main_process():
        if args.dump is not None:
            os.replace(temporary_path(args.dump), args.dump)
        if args.out is not None:
            with replacing(args.out) as temporary:
                mmengine.dump(
                    dict(metrics, run=hook.describe_test(runner)), temporary)


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, FileNotFoundError) as error:
        sys.exit(f'error: {error}')
