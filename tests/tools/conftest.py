# Copyright (c) temporal_corr authors. All rights reserved.
"""Tools run in this process, where MMPose is imported already."""
import itertools
import runpy
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import DATASETS, MODELS

import projects.temporal_corr  # noqa: F401

_runs = itertools.count()


@pytest.fixture
def run_tool(repo_root, monkeypatch):
    """Runs a tool as Python runs a script; returns its global names."""

    def run(path, *arguments):
        path = repo_root / path
        with monkeypatch.context() as context:
            context.setattr(sys, 'argv', [str(path), *map(str, arguments)])
            context.setattr(sys, 'path', [str(path.parent), *sys.path])
            return runpy.run_path(str(path), run_name='__main__')

    return run


@pytest.fixture
def run_launcher(run_tool, tiny_jhmdb, monkeypatch):
    """Runs tools/train.py or tools/test.py on the tiny videos.

    Without worker processes, and with a visualizer of its own: MMEngine
    keeps those of earlier runs in this process by their name.
    """
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setattr(sys, 'excepthook', sys.excepthook)

    def run(tool, *arguments, options=()):
        here = [
            f'{phase}_dataloader.num_workers=0'
            for phase in ('train', 'val', 'test')
        ]
        run_tool(tool, *arguments, '--cfg-options',
                 f'visualizer.name=visualizer_{next(_runs)}', *here, *options)

    return run


@pytest.fixture(scope='session')
def untrained(tiny_config, tiny_jhmdb, tmp_path_factory) -> Path:
    """A checkpoint as training leaves it, of the tiny model, not trained."""
    cfg = Config.fromfile(tiny_config)
    cfg.train_dataloader.dataset.data_root = str(tiny_jhmdb)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg.model)
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
    model.init_weights()
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()  # has its statistics from the first step on
    path = tmp_path_factory.mktemp('untrained') / 'epoch_2.pth'
    torch.save(
        dict(
            meta=dict(
                cfg=cfg.pretty_text,
                epoch=2,
                iter=10,
                dataset_meta=dataset.metainfo,
                train_videos=['Rename_Images/act/clip1']),
            state_dict=model.state_dict(),
            message_hub=dict(),
            optimizer=optimizer.state_dict()), path)
    return path
