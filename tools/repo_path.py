# Copyright (c) temporal_corr authors. All rights reserved.
"""Makes the package ``projects.temporal_corr`` of this repository importable,
and has the arguments that tools share.

Importing this module, before ``projects``, puts the root of the repository
first on ``sys.path``, so that the tools run from any directory.
"""
import argparse
import os.path as osp
import sys
import warnings
from typing import Optional, Tuple

ROOT = osp.dirname(osp.dirname(osp.abspath(__file__)))

# MMEngine's, at each start of a tool.
warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
sys.path.insert(0, ROOT)
import projects  # noqa: E402

if osp.join(ROOT, 'projects') not in list(projects.__path__):
    # A package with an __init__.py hides folders without, whichever is first.
    sys.exit(f"another package named 'projects' wins: {projects.__file__}. "
             'Take its folder off PYTHONPATH, uninstall it, or run in another '
             'environment')


def config_path(path: str) -> str:
    """The file of a config relative to the current directory or to the
    repository; a SystemExit if there is none."""
    if not path.endswith(('.py', '.json', '.yaml', '.yml')):
        sys.exit(f'{path} is no config (.py): were the config and the '
                 'checkpoint swapped? --help says in which order they come')
    for candidate in (path, osp.join(ROOT, path)):
        if osp.isfile(candidate):
            return candidate
    folders = dict.fromkeys((osp.abspath(osp.curdir), ROOT))
    sys.exit(f'there is no config {path} in {" nor in ".join(folders)}: see '
             'projects/temporal_corr/configs')


def add_model_arguments(parser: argparse.ArgumentParser,
                        nargs: Optional[str] = None,
                        default: Optional[str] = None) -> None:
    """Add what :func:`model_files` takes, ``config`` (with ``nargs='?'`` it
    need not be given) and ``checkpoint``."""
    text = ('test config file path, or the name of a released model, such as '
            'movenet-lightning')
    parser.add_argument(
        'config',
        nargs=nargs,
        default=default,
        help=f'{text}. Defaults to {default}' if default else text)
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file; a released model brings its own')


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--cfg-options``, settings of the config by name."""
    from mmengine.config import DictAction
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override settings of the config, as KEY=VALUE: '
        'test_dataloader.dataset.frame_stride=3, or for lists KEY="[a,b]" or '
        'KEY=a,b, without white space')


def add_drawing_arguments(parser: argparse.ArgumentParser) -> None:
    """Add how pictures of a model are drawn, and ``--cfg-options``."""
    from projects.temporal_corr.video_io.arguments import number
    parser.add_argument(
        '--fps',
        type=number(float, 0.01, 1000),
        default=12,
        help='frames per second of an .mp4. Defaults to 12')
    parser.add_argument(
        '--height',
        type=number(int, 32),
        default=360,
        help='height of a panel in pixels. Defaults to 360')
    parser.add_argument(
        '--device', default='cpu', help='device to run on. Defaults to cpu')
    add_cfg_options(parser)


def model_files(config: str, checkpoint: Optional[str]) -> Tuple[str, str]:
    """Paths of config and checkpoint; the name of a released model stands for
    both. A SystemExit if a file is not there."""
    from projects.temporal_corr.apis import released_models
    from projects.temporal_corr.engine.safe_loading import is_missing
    released = released_models()
    if config in released:
        config, own = released[config]
        checkpoint = checkpoint or own
    elif checkpoint is None and not osp.splitext(config)[1]:
        sys.exit(f'there is no released model {config}, only '
                 f'{", ".join(released)}: give one of them, or a config and '
                 'its checkpoint')
    config = config_path(config)
    if checkpoint is None or is_missing(checkpoint):
        sys.exit(f'there is no checkpoint {checkpoint or "given"}: give the '
                 '.pth file that tools/train.py left in its work directory')
    return config, checkpoint
