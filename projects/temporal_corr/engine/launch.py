# Copyright (c) temporal_corr authors. All rights reserved.
"""Arguments that tools/train.py and tools/test.py share."""
import argparse
import os
import os.path as osp
import sys

import torch.distributed as torch_dist
from mmengine.config import Config
from mmengine.device import get_device

from ..video_io.arguments import number
from ..video_io.window import can_open_windows


def add_shared_arguments(parser: argparse.ArgumentParser) -> None:
    """Add MMPose's flags for pictures and for the launcher."""
    parser.add_argument(
        '--show-dir',
        help='directory where the visualization images will be saved')
    parser.add_argument(
        '--show',
        action='store_true',
        help='whether to display the prediction results in a window')
    parser.add_argument(
        '--interval',
        type=number(int, 1),
        default=1,
        help='visualize per interval samples')
    parser.add_argument(
        '--wait-time',
        type=float,
        default=1,
        help='display time of every window (second)')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='job launcher')
    # torch.distributed.launch passes it, in either spelling.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def announce_world_size(launcher: str) -> None:
    """Set ``WORLD_SIZE``, by which configs divide a batch, as torchrun does
    and Slurm and MPI do not."""
    names = dict(
        slurm=('SLURM_NTASKS', ), mpi=('OMPI_COMM_WORLD_SIZE', 'PMI_SIZE'))
    for name in names.get(launcher, ()):
        if name in os.environ:
            os.environ.setdefault('WORLD_SIZE', os.environ[name])


def set_work_dir(cfg: Config, args: argparse.Namespace) -> None:
    """Command line goes before config, and config before its name."""
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        name = osp.splitext(osp.basename(args.config))[0]
        cfg.work_dir = osp.join('./work_dirs', name)


def prepare_loaders(cfg: Config) -> None:
    """Make ``num_workers=0`` work, for which PyTorch refuses
    ``persistent_workers`` and ``prefetch_factor``."""
    for phase in ('train', 'val', 'test'):
        loader = cfg.get(f'{phase}_dataloader') or {}
        if loader.get('num_workers') == 0:
            for name in ('persistent_workers', 'prefetch_factor'):
                loader.pop(name, None)


def set_visualization(cfg: Config, args: argparse.Namespace) -> None:
    """Switch the visualization hook on for ``--show`` and ``--show-dir``."""
    if args.show and not can_open_windows():
        args.show = False
    if not args.show and args.show_dir is None:
        return
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        sys.exit('--show and --show-dir need default_hooks.visualization='
                 "dict(type='VideoVisualizationHook') in the config")
    hook.update(
        enable=True,
        show=args.show,
        out_dir=args.show_dir,
        interval=args.interval)
    if args.show:
        hook.wait_time = args.wait_time


def prepare_launcher(cfg: Config, launcher: str) -> Config:
    """Set the launcher and add the CheckpointGuardHook.

    MMEngine needs a CUDA device for each process. Without CUDA the process
    group is made here, with gloo, and DistributedDataParallel gets no device.
    """
    if 'model' not in cfg:
        sys.exit(f'{cfg.filename} has no field model: give the config of a '
                 'model, as in projects/temporal_corr/configs')
    # Also where a config replaces the list of hooks by its own.
    hooks = cfg.get('custom_hooks') or []
    if not any('CheckpointGuardHook' in str(hook.type) for hook in hooks):
        cfg.custom_hooks = [*hooks, dict(type='mmpose.CheckpointGuardHook')]
    cfg.launcher = launcher
    if launcher == 'none' or get_device() != 'cpu':
        return cfg
    if launcher != 'pytorch':
        sys.exit(f'--launcher {launcher} needs GPUs, and this process sees '
                 'none: use tools/dist_train.sh or tools/dist_test.sh, which '
                 'also work on a CPU')
    if not torch_dist.is_initialized():
        if 'RANK' not in os.environ:
            sys.exit('--launcher pytorch is for torchrun: use '
                     'tools/dist_train.sh or tools/dist_test.sh')
        torch_dist.init_process_group(backend='gloo')
    wrapper = dict(
        type='MMDistributedDataParallel',
        broadcast_buffers=False,
        find_unused_parameters=cfg.get('find_unused_parameters', False))
    wrapper.update(cfg.get('model_wrapper_cfg') or {})
    wrapper['device_ids'] = None
    cfg.model_wrapper_cfg = wrapper
    return cfg
