# Copyright (c) temporal_corr authors. All rights reserved.
"""A training that takes milliseconds, run by MMEngine's own Runner."""
import itertools

import numpy as np
import pytest
import torch
import torch.nn as nn
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import CheckpointLoader, Runner, checkpoint
from torch.utils.data import Dataset

from projects.temporal_corr.engine import register_safe_loaders

_names = itertools.count()


@pytest.fixture(autouse=True)
def safe_loaders(monkeypatch):
    """As in our tools, and only for these tests."""
    monkeypatch.setattr(CheckpointLoader, '_schemes',
                        CheckpointLoader._schemes)
    monkeypatch.setattr(checkpoint, 'load_from_http',
                        checkpoint.load_from_http)
    register_safe_loaders()


class Points(Dataset):
    """Eight points; the metainfo holds arrays, as MMPose's does."""
    metainfo = dict(
        dataset_name='points',
        sigmas=np.arange(3, dtype=np.float32),
        colors=np.zeros((3, 3), dtype=np.uint8),
        pairs=[[0, 1]])

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([float(index), float(index % 3)]))


class Line(BaseModel):

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)
        self.norm = nn.BatchNorm1d(1)

    def forward(self, inputs, mode='tensor'):
        outputs = self.norm(self.linear(torch.stack(inputs)))
        if mode == 'loss':
            return dict(loss=(outputs - 1).square().mean())
        return [outputs]


class Score(BaseMetric):
    """Gives the scores it was told, one an epoch; numpy's, as real ones."""

    def __init__(self, scores):
        super().__init__()
        self.scores = iter(scores)

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        score = np.float64(next(self.scores))
        return dict(Mean=score, Other=score)


def _loader(dataset):
    return dict(
        batch_size=4,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dataset or Points(),
        collate_fn=dict(type='pseudo_collate'))


@pytest.fixture
def build_runner():
    """Builds a Runner with the given hook; keywords go to the Runner.

    It trains on ``dataset``, validates on ``val`` if that or ``scores`` is
    given, or tests on ``test``.
    """

    def build(work_dir, checkpoint_hook, epochs=2, scores=None, dataset=None,
              val=None, test=None, **kwargs):
        torch.manual_seed(0)
        score = [Score(scores or itertools.repeat(.5))]
        phases = {} if test is not None else dict(
            train_dataloader=_loader(dataset),
            train_cfg=dict(by_epoch=True, max_epochs=epochs),
            optim_wrapper=dict(
                optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
            param_scheduler=dict(type='StepLR', step_size=1))
        for phase, data, wanted in (('val', val, scores),
                                    ('test', test, None)):
            if data is not None or wanted is not None:
                phases.update({
                    f'{phase}_dataloader': _loader(data),
                    f'{phase}_cfg': {},
                    f'{phase}_evaluator': score
                })
        options = dict(
            model=Line(),
            work_dir=str(work_dir),
            default_hooks=dict(checkpoint=checkpoint_hook),
            default_scope='mmengine',
            randomness=dict(seed=0),
            log_level='WARNING',
            experiment_name=f'tiny_{next(_names)}')
        return Runner(**{**options, **phases, **kwargs})

    return build
