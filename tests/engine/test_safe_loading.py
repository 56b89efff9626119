# Copyright (c) temporal_corr authors. All rights reserved.
"""Checkpoints of MMEngine load, code in them does not run."""
import os
import subprocess
import sys
from collections import Counter, OrderedDict
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.error import URLError

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

from projects.temporal_corr.engine import load_from_local
from projects.temporal_corr.engine.safe_loading import load_from_http


def test_a_real_checkpoint_loads_whole(build_runner, tmp_path):
    hook = dict(
        type='CheckpointHook', interval=1, save_best='Mean', rule='greater')
    runner = build_runner(tmp_path / 'run', hook, scores=[0.5, 0.75])
    runner.train()
    path = tmp_path / 'run' / 'epoch_2.pth'
    loaded = CheckpointLoader.load_checkpoint(str(path), 'cpu')
    assert set(loaded) == {
        'meta', 'state_dict', 'message_hub', 'optimizer', 'param_schedulers'
    }
    torch.testing.assert_close(loaded['state_dict'],
                               runner.model.state_dict())
    loss = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(loss, HistoryBuffer)
    np.testing.assert_array_equal(
        loss.data[0], runner.message_hub.get_scalar('train/loss').data[0])
    assert loss.statistics('mean') == loss.mean()
    assert loaded['message_hub']['runtime_info']['best_score'] == 0.75
    assert loaded['meta']['dataset_meta']['sigmas'].dtype == np.float32
    assert loaded['optimizer']['param_groups'][0]['momentum'] == 0.9


def test_every_kind_of_array_loads(tmp_path):
    """And a Counter, in which MultiStepLR keeps its milestones."""
    kinds = ('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16',
             'uint32', 'uint64', 'float16', 'float32', 'float64')
    arrays = {kind: np.ones((2, 3), dtype=kind) for kind in kinds}
    scalars = {kind: np.ones((), dtype=kind)[()] for kind in kinds}
    torch.save(
        dict(
            state_dict=dict(w=torch.ones(1)), arrays=arrays, scalars=scalars,
            milestones=Counter([1, 2])),
        tmp_path / 'arrays.pth')  # yapf: disable
    loaded = load_from_local(str(tmp_path / 'arrays.pth'))
    assert loaded['milestones'] == Counter([1, 2])
    for kind in kinds:
        np.testing.assert_array_equal(loaded['arrays'][kind], arrays[kind])
        assert loaded['arrays'][kind].dtype == kind
        assert loaded['scalars'][kind] == scalars[kind]


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def inside_a_history_buffer(command):
    poison = HistoryBuffer([1.], [1])
    poison._log_history = Call(os.system, command)
    return poison


@pytest.mark.parametrize('poison', [
    lambda command: Call(os.system, command),
    lambda command: Call(eval, f'__import__("os").system("{command}")'),
    lambda command: Call(getattr, torch.Tensor, '__class__'),
    lambda command: Call(getattr, HistoryBuffer, '__init__'),
    inside_a_history_buffer,
    lambda command: Call(setattr, HistoryBuffer, 'mean', 1),
], ids=['system', 'eval', 'getattr', 'getattr of HistoryBuffer',
        'inside a HistoryBuffer', 'as a class attribute'])  # yapf: disable
def test_code_does_not_run(poison, tmp_path):
    path = tmp_path / 'poisoned.pth'
    poison = poison(f'touch {tmp_path}/ran')
    torch.save(dict(state_dict=OrderedDict(), extra=poison), path)
    with pytest.raises(RuntimeError, match='could run code.*state_dict') as e:
        CheckpointLoader.load_checkpoint(str(path), 'cpu')
    assert str(path) in str(e.value)
    assert not (tmp_path / 'ran').exists()


def spoiled(spoil):

    def write(path):
        torch.save(dict(state_dict=dict(weight=torch.ones(1000))), path)
        path.write_bytes(spoil(path.read_bytes()))

    return write


def saved(content):
    return lambda path: torch.save(content, path)


@pytest.mark.parametrize('write, words', [
    (spoiled(lambda data: data[:len(data) // 2]), 'damaged or cut off'),
    (spoiled(lambda data: bytes(len(data))), 'damaged or cut off'),
    (b'', 'is empty'),
    ('\ufeff\n <!DOCTYPE html>é'.encode(), 'is a web page'),
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:1\n',
     'git lfs pull'),
    ('# größer\nmodel = dict()\n'.encode(), 'is a text file.*a config before'),
    (b'\x08\x07\x12\x07pytorch' + bytes(range(256)), 'is an ONNX model'),
    (b'\x40' + bytes(7) + b'{"a":{"dtype":"F32"}}' + bytes(9), 'safetensors'),
    (b'\x1f\x8b\x08' + bytes(99), 'unpack it'),
    (lambda path: np.savez(open(path, 'wb'), w=np.ones(2)), 'is an archive'),
    (lambda path: torch.jit.save(
        torch.jit.script(torch.nn.Linear(1, 1)), str(path)), 'TorchScript'),
    (saved([1, 2]), 'it holds a list'),
    (saved(dict(state_dict=None)), 'no state dict, only state_dict'),
    (saved(dict(optimizer={}, epoch=1)), 'no state dict, only optimizer, ep'),
    (saved(dict(model=dict(w=torch.ones(1)), ema=dict(w=torch.ones(1)))),
     'several models, model, ema'),
])  # yapf: disable
def test_what_is_no_checkpoint_is_told(write, words, tmp_path):
    path = tmp_path / 'other.pth'
    if callable(write):
        write(path)
    else:
        path.write_bytes(write)
    with pytest.raises(RuntimeError, match=words) as error:
        CheckpointLoader.load_checkpoint(str(path), 'cpu')
    assert str(path) in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize('wrap', [
    lambda weights: dict(state_dict=weights, ema_state_dict=dict(weights)),
    lambda weights: dict(model=weights, optimizer=dict(state={})),
    lambda weights: dict(epoch=1, state_dict=dict(model_state_dict=weights)),
    lambda weights: dict(ema_state_dict=weights, loss=torch.ones(1)),
], ids=['MMEngine', 'torchvision', 'nested', 'averaged'])  # yapf: disable
@pytest.mark.parametrize('new_format', [True, False])
def test_weights_are_found_where_trainers_put_them(wrap, new_format, tmp_path):
    """Of two sets MMEngine's ``state_dict`` is meant, and it holds the
    averages where there are any."""
    path, weights = tmp_path / 'own.pth', dict(w=torch.arange(3.))
    torch.save(wrap(weights), path, _use_new_zipfile_serialization=new_format)
    loaded = load_from_local(str(path))['state_dict']
    assert list(loaded) == ['w'] and torch.equal(loaded['w'], weights['w'])


def test_downloads_are_loaded_safely(tmp_path, monkeypatch):
    """Over a real connection, by URL and by MMEngine's short names."""
    torch.save(dict(weight=torch.ones(2)), tmp_path / 'good.pth')
    torch.save(
        Call(os.system, f'touch {tmp_path}/ran'), tmp_path / 'poisoned.pth')
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.chdir(tmp_path)
    server = ThreadingHTTPServer(('127.0.0.1', 0), SimpleHTTPRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f'http://127.0.0.1:{server.server_port}'
        loaded = CheckpointLoader.load_checkpoint(f'{url}/good.pth', 'cpu')
        torch.testing.assert_close(loaded['weight'], torch.ones(2))
        bad = f'{url}/poisoned.pth'
        monkeypatch.setattr('mmengine.runner.checkpoint.get_mmcls_models',
                            lambda: dict(bad=bad))
        for name in (bad, 'mmcls://bad'):
            with pytest.raises(RuntimeError, match='could run code'):
                CheckpointLoader.load_checkpoint(name, 'cpu')
        assert not (tmp_path / 'ran').exists()
    finally:
        server.shutdown()
        server.server_close()


def test_failed_download_names_the_file_and_the_remedy(tmp_path, monkeypatch):

    def no_network(url, path, progress):
        raise URLError('Name or service not known')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', no_network)
    url = 'https://nowhere.example/weights-0123abcd.pth'
    with pytest.raises(RuntimeError, match='init_cfg=None') as error:
        load_from_http(url, model_dir=str(tmp_path))
    assert url in str(error.value)
    assert str(tmp_path / 'weights-0123abcd.pth') in str(error.value)


def test_an_import_changes_nothing_for_others(repo_root):
    """How MMEngine loads is decided by tools, not by imports."""
    code = ('from mmengine.runner import CheckpointLoader, checkpoint\n'
            'def state():\n'
            '    return CheckpointLoader._schemes, checkpoint.load_from_http\n'
            'before = state()\n'
            'import projects.temporal_corr\n'
            'assert state() == before\n')
    subprocess.run([sys.executable, '-c', code], cwd=repo_root, check=True)
