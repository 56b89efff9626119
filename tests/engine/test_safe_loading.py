# Copyright (c) temporal_corr authors. All rights reserved.
"""Checkpoints of MMEngine load, code in them does not run."""
import os
from collections import Counter, OrderedDict
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.error import URLError

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

from projects.temporal_corr.engine import (load_from_local,
                                           register_safe_globals)
from projects.temporal_corr.engine.safe_loading import load_from_http


@pytest.fixture
def checkpoint(build_runner, tmp_path):
    """A real one, of MMEngine's own hook."""
    runner = build_runner(
        tmp_path / 'run',
        dict(type='CheckpointHook', interval=1, save_best='Mean',
             rule='greater'),
        scores=[0.5, 0.75])
    runner.train()
    return runner, tmp_path / 'run' / 'epoch_2.pth'


def test_real_checkpoint_loads_whole(checkpoint):
    runner, path = checkpoint
    loaded = CheckpointLoader.load_checkpoint(str(path), 'cpu')

    assert set(loaded) == {
        'meta', 'state_dict', 'message_hub', 'optimizer', 'param_schedulers'
    }
    for name, value in runner.model.state_dict().items():
        torch.testing.assert_close(loaded['state_dict'][name], value)
    loss = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(loss, HistoryBuffer)
    np.testing.assert_array_equal(
        loss.data[0], runner.message_hub.get_scalar('train/loss').data[0])
    assert loss.statistics('mean') == loss.mean()
    assert loaded['message_hub']['runtime_info']['best_score'] == 0.75
    meta = loaded['meta']['dataset_meta']
    assert meta['sigmas'].dtype == np.float32
    assert meta['colors'].shape == (3, 3)
    assert loaded['optimizer']['param_groups'][0]['momentum'] == 0.9


def test_run_resumes_from_it(checkpoint, build_runner):
    _, path = checkpoint
    runner = build_runner(
        path.parent, dict(type='CheckpointHook', interval=1), epochs=3,
        resume=True, load_from=str(path))  # yapf: disable
    runner.train()
    assert runner.iter == 6
    # two iterations an epoch, all of them remembered
    assert len(runner.message_hub.get_scalar('train/loss').data[0]) == 6


@pytest.mark.parametrize('milestones', [[2], [1, 2]])
def test_run_with_milestones_tests_and_resumes(milestones, tmp_path,
                                               build_runner):
    """MultiStepLR keeps them in a Counter, as no other scheduler does."""
    hook = dict(type='CheckpointHook', interval=1)
    schedule = dict(
        param_scheduler=dict(
            type='MultiStepLR', milestones=milestones, gamma=0.1))
    whole = build_runner(tmp_path, hook, epochs=3, **schedule)
    whole.train()
    path = tmp_path / 'epoch_1.pth'
    state, = load_from_local(str(path))['param_schedulers']
    assert state['milestones'] == Counter(milestones)

    resumed = build_runner(
        tmp_path / 'resumed', hook, epochs=3, resume=True,
        load_from=str(path), **schedule)  # yapf: disable
    resumed.train()
    assert resumed.iter == 6
    assert resumed.optim_wrapper.get_lr() == whole.optim_wrapper.get_lr()
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value)

    tested = build_runner(
        tmp_path / 'tested', hook, load_from=str(path), **schedule)
    tested.load_or_resume()  # as Runner.test does
    saved = load_from_local(str(path))['state_dict']
    for name, value in tested.model.state_dict().items():
        torch.testing.assert_close(saved[name], value)


def test_every_kind_of_array_loads(tmp_path):
    path = tmp_path / 'arrays.pth'
    kinds = ('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16',
             'uint32', 'uint64', 'float16', 'float32', 'float64')
    arrays = {kind: np.ones((2, 3), dtype=kind) for kind in kinds}
    scalars = {kind: np.ones((), dtype=kind)[()] for kind in kinds}
    torch.save(
        dict(state_dict=dict(w=torch.ones(1)), arrays=arrays, scalars=scalars),
        path)
    loaded = load_from_local(str(path))
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


def canary(tmp_path):
    return os.system, f'touch {tmp_path}/ran'


@pytest.mark.parametrize('name', [
    'system', 'eval', 'getattr', 'getattr of HistoryBuffer',
    'inside a HistoryBuffer', 'as a class attribute'
])
def test_code_does_not_run(name, tmp_path):
    system, command = canary(tmp_path)
    if name == 'system':
        poison = Call(system, command)
    elif name == 'eval':
        poison = Call(eval, f'__import__("os").system("{command}")')
    elif name == 'getattr':
        poison = Call(getattr, torch.Tensor, '__class__')
    elif name == 'getattr of HistoryBuffer':
        poison = Call(getattr, HistoryBuffer, '__init__')
    elif name == 'inside a HistoryBuffer':
        poison = HistoryBuffer([1.], [1])
        poison._log_history = Call(system, command)
    else:
        poison = Call(setattr, HistoryBuffer, 'mean', 1)
    path = tmp_path / 'poisoned.pth'
    torch.save(dict(state_dict=OrderedDict(), extra=poison), path)

    with pytest.raises(RuntimeError) as error:
        CheckpointLoader.load_checkpoint(str(path), 'cpu')
    assert str(path) in str(error.value)
    assert 'could run code' in str(error.value)
    assert 'save only its state_dict' in str(error.value)
    assert not (tmp_path / 'ran').exists()


@pytest.mark.parametrize('spoil', [
    pytest.param(lambda data: data[:len(data) // 2], id='cut off'),
    pytest.param(lambda data: data[:10], id='only its beginning'),
    pytest.param(lambda data: bytes(len(data)), id='zeros'),
    pytest.param(lambda data: b'\xff\xfe' + bytes(range(256)), id='noise'),
])
def test_damaged_file_is_named(spoil, tmp_path):
    path = tmp_path / 'damaged.pth'
    torch.save(dict(state_dict=dict(weight=torch.ones(1000))), path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(RuntimeError, match='damaged or cut off') as error:
        load_from_local(str(path))
    assert str(path) in str(error.value)


def torchscript(path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), str(path))


@pytest.mark.parametrize('content, words', [
    pytest.param(b'', 'is empty', id='empty'),
    pytest.param(b'<html>404</html>', 'is a web page', id='a web page'),
    pytest.param('\ufeff\n <!DOCTYPE html>é'.encode(), 'is a web page',
                 id='a web page with a byte order mark'),
    pytest.param(b'version https://git-lfs.github.com/spec/v1\noid sha256:1\n',
                 'git lfs pull', id='Git LFS'),
    pytest.param('# größer\nmodel = dict()\n'.encode(),
                 'is a text file.*a config before it', id='a config'),
    pytest.param(b'\x08\x07\x12\x07pytorch' + bytes(range(256)),
                 'is an ONNX model', id='ONNX'),
    pytest.param(b'\x40' + bytes(7) + b'{"a":{"dtype":"F32"}}' + bytes(9),
                 'is a safetensors file', id='safetensors'),
    pytest.param(b'\x1f\x8b\x08' + bytes(99), 'unpack it', id='gzip'),
    pytest.param(lambda path: np.savez(open(path, 'wb'), w=np.ones(2)),
                 'is an archive of other files', id='npz'),
    pytest.param(torchscript, 'is a TorchScript model', id='TorchScript'),
    pytest.param(lambda path: torch.save([1, 2], path), 'it holds a list',
                 id='a list'),
    pytest.param(lambda path: torch.save(torch.ones(2), path),
                 'it holds a Tensor', id='a tensor'),
    pytest.param(lambda path: torch.save(dict(state_dict=None), path),
                 'no state dict, only state_dict', id='None'),
    pytest.param(lambda path: torch.save(dict(state_dict={}), path),
                 'no state dict, only nothing', id='nothing'),
    pytest.param(lambda path: torch.save(dict(optimizer={}, epoch=1), path),
                 'no state dict, only optimizer, epoch', id='no weights'),
    pytest.param(lambda path: torch.save(
        dict(model=dict(w=torch.ones(1)), ema=dict(w=torch.ones(1))), path),
                 'several models, model, ema', id='several'),
])  # yapf: disable
def test_other_files_are_told(content, words, tmp_path):
    path = tmp_path / 'other.pth'
    if callable(content):
        content(path)
    else:
        path.write_bytes(content)
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
def test_weights_are_found_where_trainers_put_them(wrap, tmp_path):
    """Of two sets MMEngine's ``state_dict`` is meant, and it holds the
    averages where there are any."""
    path, weights = tmp_path / 'own.pth', dict(w=torch.arange(3.))
    torch.save(wrap(weights), path)
    loaded = load_from_local(str(path))['state_dict']
    assert list(loaded) == ['w'] and torch.equal(loaded['w'], weights['w'])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nothing.pth'):
        load_from_local(str(tmp_path / 'nothing.pth'))


def test_old_file_format_loads(tmp_path):
    path = tmp_path / 'old.pth'
    torch.save(
        dict(state_dict=dict(weight=torch.arange(4.))),
        path,
        _use_new_zipfile_serialization=False)
    loaded = load_from_local(str(path))['state_dict']['weight']
    torch.testing.assert_close(loaded, torch.arange(4.))


@pytest.mark.parametrize('scheme', ['http', 'mmcls'])
def test_downloads_are_loaded_safely(scheme, tmp_path, monkeypatch):
    """Over a real connection, by URL and by MMEngine's short names."""
    served = tmp_path / 'served'
    served.mkdir()
    torch.save(dict(weight=torch.ones(2)), served / 'good.pth')
    torch.save(Call(*canary(tmp_path)), served / 'poisoned.pth')
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    monkeypatch.chdir(served)
    server = ThreadingHTTPServer(('127.0.0.1', 0), SimpleHTTPRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f'http://127.0.0.1:{server.server_port}'
        names = {'good': f'{url}/good.pth', 'bad': f'{url}/poisoned.pth'}
        if scheme == 'mmcls':
            monkeypatch.setattr('mmengine.runner.checkpoint.get_mmcls_models',
                                lambda: names)
            good, bad = 'mmcls://good', 'mmcls://bad'
        else:
            good, bad = names['good'], names['bad']
        loaded = CheckpointLoader.load_checkpoint(good, 'cpu')
        if scheme == 'http':
            torch.testing.assert_close(loaded['weight'], torch.ones(2))
        with pytest.raises(RuntimeError, match='could run code'):
            CheckpointLoader.load_checkpoint(bad, 'cpu')
        assert not (tmp_path / 'ran').exists()
    finally:
        server.shutdown()
        server.server_close()


def test_registering_again_changes_nothing():
    before = dict(CheckpointLoader._schemes)
    register_safe_globals()
    assert dict(CheckpointLoader._schemes) == before
    assert CheckpointLoader._get_checkpoint_loader(
        'some/file.pth') is load_from_local


def test_failed_download_names_the_file_and_the_remedy(tmp_path, monkeypatch):

    def no_network(url, path, progress):
        raise URLError('Name or service not known')

    monkeypatch.setattr(torch.hub, 'download_url_to_file', no_network)
    url = 'https://nowhere.example/weights-0123abcd.pth'
    with pytest.raises(RuntimeError) as error:
        load_from_http(url, model_dir=str(tmp_path))
    assert url in str(error.value)
    assert str(tmp_path / 'weights-0123abcd.pth') in str(error.value)
    assert 'init_cfg=None' in str(error.value)
