# Copyright (c) temporal_corr authors. All rights reserved.
"""Tiny models of each kind, as files and as exported models."""
import copy
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

import projects.temporal_corr  # noqa: F401
from projects.temporal_corr.models.streaming_step import StreamingStep

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'tools/deployment')]

OPENPOSE = (
    ROOT / 'projects/temporal_corr/configs/openpose'
    '/correlation_openpose-slim_1xb16-6e_jhmdb-128x128.py')
#: What differs from the tiny model of the correlation, or from OpenPose.
CONFIGS = dict(
    correlation={},
    cosine=dict(head=dict(temporal=dict(normalize=True))),
    fixed=dict(test_cfg=dict(memory=dict(policy='fixed'))),
    average=dict(test_cfg=dict(memory=dict(policy='average'))),
    none=dict(test_cfg=dict(memory=dict(policy='none'))),
    lstm=dict(head=dict(temporal=dict(type='ConvLSTM'))),
    heatmap=dict(head=dict(temporal=dict(type='PreviousHeatmaps'))),
    single=dict(head=dict(temporal=None)),
    openpose=dict(head=dict(center_map=False)),
    openpose_center=dict(head=dict(center_map=True)))


@pytest.fixture(autouse=True)
def data_root(monkeypatch, tiny_jhmdb):
    """The tiny data set is where the configs look."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setenv('JHMDB_SPLIT', '1')


@pytest.fixture(scope='session')
def model_files(tiny_config, tmp_path_factory):
    """Config and checkpoint of each kind, made once."""
    folder = tmp_path_factory.mktemp('models')

    @lru_cache(maxsize=None)
    def make(kind):
        config, checkpoint = folder / f'{kind}_tiny.py', folder / f'{kind}.pth'
        base = OPENPOSE if kind.startswith('openpose') else tiny_config
        config.write_text(f"_base_ = '{base}'\nmodel = {CONFIGS[kind]}\n")
        torch.save(
            dict(state_dict=build(config).state_dict(), meta={}), checkpoint)
        return str(config), str(checkpoint)

    return make


def build(config):
    """A model whose weights keep the size of what passes through."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(Config.fromfile(config).model)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.kaiming_normal_(parameter)
        if hasattr(model.head, 'final_layer'):
            model.head.final_layer.weight /= 100
    return model.eval()


@pytest.fixture(scope='session')
def make_step(model_files):
    """Builds the step of a kind of model, once; not to be changed."""

    @lru_cache(maxsize=None)
    def make(kind, **kwargs):
        model = build(model_files(kind)[0])
        return StreamingStep(model, model.head.decoder.input_size, **kwargs)

    return make


@pytest.fixture(scope='session')
def to_onnx():
    """Exports a step, once; gives a copy of the model."""
    import onnx_model
    export = lru_cache(maxsize=None)(onnx_model.to_onnx)
    return lambda step: copy.deepcopy(export(step, 17))


@pytest.fixture(scope='session')
def session_of(to_onnx):
    """Opens a step in ONNX Runtime, once."""

    @lru_cache(maxsize=None)
    def open_session(step):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(
            to_onnx(step).SerializeToString(),
            options,
            providers=['CPUExecutionProvider'])

    return open_session


@pytest.fixture(scope='session')
def run(session_of):
    """Runs an exported step; zeros stand for inputs that are not given."""

    def run_session(step, **given):
        session, count = session_of(step), len(given['image'])
        inputs = {
            item.name: np.asarray(
                given.get(item.name, np.zeros((count, *item.shape[1:]))),
                np.float32 if 'float' in item.type else np.uint8)
            for item in session.get_inputs()
        }
        names = [item.name for item in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs)))

    return run_session
