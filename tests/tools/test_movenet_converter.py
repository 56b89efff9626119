# Copyright (c) temporal_corr authors. All rights reserved.
"""MoveNet's graph against an evaluation of its own, and what is refused."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn as nn
from mmengine.runner import load_checkpoint
from mmpose.models import build_backbone, build_neck

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/model_converters'))
sys.path.insert(0, str(ROOT / 'tests/tools'))

import movenet  # noqa: E402
import movenet_reference as reference  # noqa: E402
from tfjs_graph_model import read_graph_model  # noqa: E402

from projects.temporal_corr.models import HeatmapBranch  # noqa: E402

CONV1 = reference.NETWORK + 'model/Conv1/Conv2D_bn_offset'
LATERAL = reference.NETWORK + 'conv2d_2/BiasAdd/ReadVariableOp'


@pytest.fixture(scope='module')
def arrays():
    return reference.random_arrays()


def lightning():
    model = nn.Module()
    model.backbone = build_backbone(
        dict(type='FoldedMobileNetV2', last_channels=1280))
    model.neck = build_neck(
        dict(
            type='SeparableFPN',
            in_channels=(24, 32, 64, 1280),
            lateral_channels=(24, 32, 64),
            out_channels=24))
    model.head = nn.Module()
    model.head.final_layer = HeatmapBranch(24, 17)
    return model.eval()


@torch.no_grad()
def test_heatmaps(arrays, tmp_path, capsys):
    # the weights come in two files, as those of larger models do
    source = reference.write_graph_model(tmp_path / 'light', arrays, shards=2)
    out = tmp_path / 'light.pth'
    movenet.main([str(source), str(out)])
    printed = capsys.readouterr().out
    assert 'MoveNet Lightning' in printed and 'kpt_offset_0' in printed
    model = lightning()
    load_checkpoint(model, str(out), strict=True)
    images = torch.rand(2, 3, 64, 96) * 2 - 1
    feats = model.neck(model.backbone(images))
    heatmaps = model.head.final_layer(feats[-1]).sigmoid()
    expected = reference.evaluate(arrays, images)
    assert expected.std() > .05  # not saturated
    assert heatmaps.shape == (2, 17, 16, 24)
    torch.testing.assert_close(heatmaps.double(), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize('dtype, quantisation, tolerance', [
    ('float16', {}, 2e-3),
    ('uint8', dict(scale=8 / 255, min=-4.), 4.1 / 255),
    ('uint16', dict(scale=8 / 65535, min=-4.), 4.1 / 65535),
])
def test_quantised_weights(dtype, quantisation, tolerance, tmp_path):
    values = np.linspace(-4, 4, 100, dtype='f4').reshape(4, 25)
    stored = (values - quantisation.get('min', 0)) / quantisation.get(
        'scale', 1)
    if dtype != 'float16':
        stored = stored.round()
    source = reference.write_graph_model(tmp_path / 'net',
                                         dict(w=stored.astype(dtype)))
    model = json.loads(source.read_text())
    model['weightsManifest'][0]['weights'][0].update(
        dtype='float32', quantization=dict(dtype=dtype, **quantisation))
    source.write_text(json.dumps(model))
    read = read_graph_model(source)['w']
    assert read.dtype == np.float32
    np.testing.assert_allclose(read, values, atol=tolerance)


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def rewrite(**changes):

    def change(folder):
        path = folder / 'net.json'
        path.write_text(
            json.dumps(dict(json.loads(path.read_text()), **changes)))

    return change


def manifest(**entry):
    return [dict(paths=['net0.bin'], weights=[dict(name='a', **entry)])]


@pytest.mark.parametrize('damage, words', [
    # other models
    (dict(stem=np.zeros(32, 'f4')),
     ['another model', '126 missing: model_1/model/Conv1']),
    ({CONV1: np.zeros(48, 'f4')}, ['another model, with 48 channels']),
    ({LATERAL: np.zeros(31, 'f4')},
     ['1 of other shapes: model_1/conv2d_2/BiasAdd', '(31,)', 'not (32,)']),
    ({LATERAL: np.full(32, np.nan, 'f4')},
     ['1 not finite: model_1/conv2d_2/BiasAdd']),
    # other files
    (lambda folder: cut(folder / 'net0.bin'),
     ['net0.bin: 43 bytes', '48', 'fetch both anew']),
    (lambda folder: (folder / 'net0.bin').unlink(), ['net0.bin']),
    (lambda folder: (folder / 'net.json').write_text('<html>'),
     ['net.json is no TensorFlow.js graph model']),
    (rewrite(format='layers-model'), ['its format is layers']),
    (rewrite(weightsManifest=None), ['weightsManifest']),
    # a kind of entry whose size the manifest does not tell
    (rewrite(weightsManifest=manifest(shape=[], dtype='string')),
     ["KeyError('string')", 'float32']),
    (rewrite(weightsManifest=manifest(dtype='int32')), ["KeyError('shape')"]),
])  # yapf: disable
def test_refused(damage, words, arrays, tmp_path):
    """What is there stays."""
    given = dict(a=np.zeros((3, 4), 'f4'))
    if isinstance(damage, dict):
        given = damage if 'stem' in damage else dict(arrays, **damage)
    source = reference.write_graph_model(tmp_path / 'net', given)
    if callable(damage):
        damage(tmp_path)
    out = tmp_path / 'out.pth'
    out.write_text('mine')
    with pytest.raises((ValueError, FileNotFoundError)) as error:
        movenet.main([str(source), str(out)])
    for word in [str(tmp_path / 'net'), *words]:
        assert word in str(error.value)
    assert out.read_text() == 'mine'
