# Copyright (c) temporal_corr authors. All rights reserved.
"""Tiny models of each kind, as files and as exported models."""
import copy
import importlib

import numpy as np
import onnxruntime
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

import projects.temporal_corr  # noqa: F401
from projects.temporal_corr.models.streaming_step import StreamingStep

CONFIGS = dict(
    correlation='',
    cosine='model = dict(head=dict(temporal=dict(normalize=True)))',
    fixed="model = dict(test_cfg=dict(memory=dict(policy='fixed')))",
    average="model = dict(test_cfg=dict(memory=dict(policy='average')))",
    none="model = dict(test_cfg=dict(memory=dict(policy='none')))",
    lstm="model = dict(head=dict(temporal=dict(type='ConvLSTM')))",
    heatmap="model = dict(head=dict(temporal=dict(type='PreviousHeatmaps')))",
    single='model = dict(head=dict(temporal=None))')
OPENPOSE = 'configs/openpose/{}_openpose-slim_1xb16-6e_jhmdb-128x128.py'


@pytest.fixture
def tool(repo_root, monkeypatch, tiny_jhmdb):
    """Imports a module of the tool; the tiny data set is where it looks."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setenv('JHMDB_SPLIT', '1')
    for folder in ('tools', 'tools/deployment'):
        monkeypatch.syspath_prepend(str(repo_root / folder))
    return importlib.import_module


@pytest.fixture(scope='session')
def model_files(tiny_config, repo_root, tmp_path_factory):
    """Config and checkpoint of each kind, made once."""
    folder = tmp_path_factory.mktemp('models')
    made = {}

    def make(kind):
        if kind in made:
            return made[kind]
        config = folder / f'{kind}_tiny.py'
        if kind.startswith('openpose'):
            base = repo_root / 'projects/temporal_corr' / OPENPOSE.format(
                'correlation')
            center = kind == 'openpose_center'
            config.write_text(
                f"_base_ = '{base}'\n"
                f'model = dict(head=dict(center_map={center}))\n')
        else:
            config.write_text(f"_base_ = '{tiny_config}'\n{CONFIGS[kind]}\n")
        checkpoint = folder / f'{kind}.pth'
        torch.save(
            dict(state_dict=build(config).state_dict(), meta={}), checkpoint)
        made[kind] = str(config), str(checkpoint)
        return made[kind]

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
    made = {}

    def make(kind, **kwargs):
        key = (kind, *kwargs.items())
        if key not in made:
            model = build(model_files(kind)[0])
            made[key] = StreamingStep(model, model.head.decoder.input_size,
                                      **kwargs)
        return made[key]

    return make


@pytest.fixture(scope='session')
def exported_steps():
    """What was exported so far: step and model by the id of the step."""
    return {}


@pytest.fixture
def to_onnx(tool, exported_steps):
    """Exports a step, once; gives a copy of the model."""

    def convert(step):
        if id(step) not in exported_steps:
            model = tool('onnx_model').to_onnx(step, 17)
            exported_steps[id(step)] = step, model
        return copy.deepcopy(exported_steps[id(step)][1])

    return convert


@pytest.fixture
def session_of(to_onnx):
    """Opens a step in ONNX Runtime."""

    def open_session(step):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(
            to_onnx(step).SerializeToString(),
            options,
            providers=['CPUExecutionProvider'])

    return open_session


@pytest.fixture
def run():
    """Runs a session; zeros stand for inputs that are not given."""

    def run_session(session, **given):
        count = len(given['image'])
        inputs = {
            item.name: np.asarray(
                given.get(item.name, np.zeros((count, *item.shape[1:]))),
                np.float32 if 'float' in item.type else np.uint8)
            for item in session.get_inputs()
        }
        names = [item.name for item in session.get_outputs()]
        return dict(zip(names, session.run(names, inputs)))

    return run_session
