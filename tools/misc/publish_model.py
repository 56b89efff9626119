# Copyright (c) temporal_corr authors. All rights reserved.
"""Make a file of weights to be handed on out of a training's checkpoint.

The file is called ``<config>-<sha8>_<date>.pth``, where sha8 are the first
eight digits of the SHA-256 of its contents, as in MMPose's model zoo. It holds
the weights, the metainfo of the data set and the videos that the model was
trained on, in types that ``torch.load(weights_only=True)`` allows; no
optimizer, no logs, no paths.
"""
import argparse
import hashlib
import io
import os.path as osp
import sys
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from repo_path import config_path

from projects.temporal_corr.engine import (AtomicLocalBackend, load_from_local,
                                           load_pose_model)
from projects.temporal_corr.engine.trained_videos_hook import META_KEY
from projects.temporal_corr.version import __version__
from projects.temporal_corr.video_io.arguments import run_command

#: What is taken over from the meta of the checkpoint, where it is there.
KEPT = ('dataset_meta', META_KEY, 'epoch', 'iter', 'seed')


def plain(value: Any) -> Any:
    """Nested containers of numbers, strings and arrays in types that pickle
    without naming a class: lists for arrays, Python's numbers for NumPy's."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(plain(item) for item in value)
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f'cannot publish a {type(value).__name__}: {value!r}')


def halve(model: nn.Module, state_dict: dict) -> dict:
    """The state dict with the model's parameters in float16. Buffers, such
    as running variances, stay: they are small, and can be larger."""
    parameters = dict(model.named_parameters())
    halved = {}
    for name, tensor in state_dict.items():
        half = tensor.half() if name in parameters else tensor
        if not torch.isfinite(half).all() and torch.isfinite(tensor).all():
            raise ValueError(
                f'{name} reaches {tensor.abs().max():.3g}, beyond the '
                '65504 of float16: publish without --half')
        halved[name] = half
    return halved


def publish(checkpoint: str, config: str, half: bool = False) -> dict:
    """``meta`` and ``state_dict`` of a checkpoint of a config, with parameters
    as float16 if ``half``."""
    # Through the model: old names and wrappers' prefixes are gone after it.
    model = load_pose_model(Config.fromfile(config), checkpoint)
    state_dict = {
        name: tensor.detach().clone()
        for name, tensor in model.state_dict().items()
    }
    meta = load_from_local(checkpoint).get('meta') or {}
    return dict(
        meta=dict(
            config=osp.splitext(osp.basename(config))[0],
            temporal_corr_version=__version__,
            **{key: plain(meta[key])
               for key in KEPT if meta.get(key) is not None}),
        state_dict=halve(model, state_dict) if half else state_dict)


def write(published: dict, out_dir: str) -> str:
    """Write what :func:`publish` returned to a folder, under the name that
    its contents give it; returns the path."""
    buffer = io.BytesIO()
    torch.save(published, buffer)
    content = buffer.getvalue()
    sha8 = hashlib.sha256(content).hexdigest()[:8]
    name = (f'{published["meta"]["config"]}-{sha8}_'
            f'{date.today().strftime("%Y%m%d")}.pth')
    path = osp.join(out_dir, name)
    # under another name until it is complete
    AtomicLocalBackend().put(content, path)
    return path


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Process a checkpoint to be published')
    parser.add_argument('checkpoint', help='checkpoint of tools/train.py')
    parser.add_argument('config', help='config that it was trained with')
    parser.add_argument('out_dir', help='folder for the published file')
    parser.add_argument(
        '--half',
        action='store_true',
        help='store parameters as float16, half the size; a model that loads '
        'them computes in float32 as before')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    config = config_path(args.config)
    published = publish(args.checkpoint, config, args.half)
    path = write(published, args.out_dir)
    count = sum(tensor.numel() for tensor in published['state_dict'].values())
    before, after = (osp.getsize(osp.expanduser(name)) / 2**20
                     for name in (args.checkpoint, path))
    print(f'{path}\n{count:,} numbers, {after:.1f} MiB '
          f'(the checkpoint: {before:.1f} MiB)')
    videos = published['meta'].get(META_KEY)
    print(f'trained on {len(videos)} videos, which it names' if videos else
          'the checkpoint does not say which videos it was trained on')


if __name__ == '__main__':
    run_command(main)
