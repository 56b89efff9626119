# Copyright (c) temporal_corr authors. All rights reserved.
"""Train a model, with MMPose's flags."""
import argparse
import os
import os.path as osp
import sys
from typing import Optional

from mmengine.config import Config, ConfigDict
from mmengine.runner import Runner
from repo_path import add_cfg_options, config_path

from projects.temporal_corr.engine import find_resumable_checkpoint
from projects.temporal_corr.engine.launch import (add_shared_arguments,
                                                  announce_world_size,
                                                  prepare_launcher,
                                                  prepare_loaders,
                                                  set_visualization,
                                                  set_work_dir)
from projects.temporal_corr.engine.resume import (describe_finished,
                                                  load_resumable)
from projects.temporal_corr.engine.safe_loading import (CheckpointError,
                                                        is_missing)


def parse_args():
    parser = argparse.ArgumentParser(description='Train a pose model')
    parser.add_argument('config', help='train config file path')
    parser.add_argument('--work-dir', help='the dir to save logs and models')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from a checkpoint; without a path, from the newest '
        'complete one in the work directory, or from the start (load_from, '
        'if set) where there is none')
    parser.add_argument(
        '--amp',
        action='store_true',
        help='enable automatic-mixed-precision training')
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='whether not to evaluate the checkpoint during training')
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate by the actual batch size over '
        "auto_scale_lr['base_batch_size'] of the config")
    add_cfg_options(parser)
    add_shared_arguments(parser)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def merge_args(cfg: Config, args: argparse.Namespace) -> Config:
    """Merge the command line into the config."""
    # First of all: what --resume finds must win over a load_from given here.
    cfg.merge_from_dict(args.cfg_options)

    if args.no_validate:
        cfg.val_cfg = None
        cfg.val_dataloader = None
        cfg.val_evaluator = None

    set_work_dir(cfg, args)

    if args.amp:
        wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
        if wrapper not in ('OptimWrapper', 'AmpOptimWrapper'):
            sys.exit(f'--amp does not go with the optim_wrapper {wrapper}')
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
        cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')

    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', ConfigDict()):
            sys.exit('--auto-scale-lr needs auto_scale_lr='
                     f'dict(base_batch_size=...) in {args.config}')
        cfg.auto_scale_lr.enable = True

    prepare_loaders(cfg)
    set_visualization(cfg, args)
    set_resume(cfg, args.resume)
    return prepare_launcher(cfg, args.launcher)


def set_resume(cfg: Config, resume: Optional[str]) -> None:
    """Find the checkpoint that ``--resume`` goes on from."""
    auto = resume == 'auto' or (resume is None and cfg.get('resume')
                                and cfg.get('load_from') is None)
    if auto:
        folders = [cfg.work_dir]
        hook = cfg.get('default_hooks', {}).get('checkpoint') or {}
        if hook.get('out_dir'):
            # CheckpointHook adds the name of the work directory.
            name = osp.basename(osp.normpath(cfg.work_dir))
            folders.append(osp.join(hook['out_dir'], name))
        try:
            resume = find_resumable_checkpoint(*folders)
        except RuntimeError as error:
            sys.exit(f'--resume: {error}')
        cfg.resume = resume is not None
        if resume is None:
            print(f'--resume: no complete checkpoint in {folders[0]}; '
                  f'starting from {cfg.get("load_from") or "scratch"}')
    if resume is None:
        return
    if is_missing(resume):
        sys.exit(f'--resume: there is no checkpoint {resume}')
    finished = describe_finished(
        load_resumable(resume), cfg.get('train_cfg') or {})
    if finished and auto:  # a script that always passes --resume goes on
        print(f'--resume: {finished}')
        sys.exit(0)
    if finished:
        sys.exit(f'--resume {resume}: {finished}')
    cfg.resume, cfg.load_from = True, resume


def check_start(cfg: Config, config: str) -> None:
    """Say at once where the checkpoint that the config starts from is."""
    start = cfg.get('load_from')
    if start and is_missing(start):
        sys.exit(
            f'there is no checkpoint {start}, from which {config} starts '
            '(load_from): make it first, as the comment beside load_from '
            'says, name another with --cfg-options load_from=FILE, or start '
            'from random weights with load_from=None')


def main():
    args = parse_args()
    args.config = config_path(args.config)
    announce_world_size(args.launcher)
    cfg = merge_args(Config.fromfile(args.config), args)
    check_start(cfg, args.config)
    Runner.from_cfg(cfg).train()


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, FileNotFoundError) as error:
        sys.exit(f'error: {error}')
