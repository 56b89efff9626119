# Copyright (c) temporal_corr authors. All rights reserved.
"""A temporal module of one's own needs one file and one config."""
import importlib
import re
import sys

import pytest
import torch
from mmpose.registry import MODELS

from projects.temporal_corr.models import ClipDataPreprocessor
from projects.temporal_corr.models.streaming_step import StreamingStep


@pytest.fixture
def running_mean(repo_root, tmp_path, monkeypatch):
    """The running mean of heatmaps of the documentation, as a user would
    have it."""
    text = (repo_root / 'docs/training.md').read_text()
    code, = (block for block in re.findall(r'```python\n(.*?)```', text, re.S)
             if 'class RunningMean' in block)
    (tmp_path / 'running_mean.py').write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module('running_mean')
    yield
    MODELS.module_dict.pop('RunningMean')
    sys.modules.pop('running_mean')


def test_it_trains_streams_and_exports(running_mean, make_model, clip_batch,
                                       videos, predict, stream):
    model = make_model('RunningMean', refine=.3, momentum=.5, mask_rate=0.)
    assert {'head.running_mean.scale',
            'head.running_mean.bias'} < set(model.state_dict())
    model.loss(*clip_batch())['loss_kpt'].backward()
    assert (model.head.temporal.scale.grad != 0).any()
    assert all(p.grad is not None for p in model.parameters())
    model.test_cfg['output_heatmaps'] = True
    for sample, wanted in zip(
            predict(model, 'B0 B1 B2'),
            stream(model, videos[0]['B'], videos[1]['B'])):
        torch.testing.assert_close(
            sample.pred_fields.heatmaps, wanted, atol=1e-4, rtol=1e-4)
    model.data_preprocessor = ClipDataPreprocessor()
    assert StreamingStep(model, (64, 64)).input_names == (
        'image', 'memory_mean', 'memory_crops', 'crops')
