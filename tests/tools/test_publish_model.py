# Copyright (c) temporal_corr authors. All rights reserved.
"""A published file gives what the checkpoint gave, and says what it is."""
import hashlib
from datetime import date

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.apis import init_model
from mmpose.registry import MODELS
from mmpose.visualization import PoseLocalVisualizer

TOOL = 'tools/misc/publish_model.py'


@pytest.fixture
def publish(run_tool, tmp_path):
    """Publishes a checkpoint; returns the path of the file."""

    def run(*arguments):
        run_tool(TOOL, *arguments, tmp_path / 'out')
        path, = (tmp_path / 'out').iterdir()
        return path

    return run


def test_holds_weights_and_little_else(publish, untrained, tiny_config,
                                       capsys):
    """In types that need no allow-list, under the name of its contents."""
    path = publish(untrained, tiny_config)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    assert path.name == f'tiny-{digest}_{date.today():%Y%m%d}.pth'
    printed = capsys.readouterr().out
    assert str(path) in printed and 'trained on 1 videos' in printed
    published = torch.load(path, weights_only=True)
    original = torch.load(untrained, weights_only=False)
    assert set(published) == {'meta', 'state_dict'}
    meta = published['meta']
    assert set(meta) == {
        'config', 'temporal_corr_version', 'dataset_meta', 'train_videos',
        'epoch', 'iter'
    }
    assert meta['config'] == 'tiny' and meta['epoch'] == 2
    assert meta['train_videos'] == ['Rename_Images/act/clip1']
    theirs = original['meta']['dataset_meta']
    assert set(meta['dataset_meta']) == set(theirs)
    for key, value in theirs.items():
        np.testing.assert_array_equal(
            *(np.asarray(x, dtype=object)
              for x in (meta['dataset_meta'][key], value)))
    torch.testing.assert_close(
        dict(published['state_dict']), dict(original['state_dict']),
        rtol=0, atol=0)
    assert path.stat().st_size < 0.5 * untrained.stat().st_size


def test_half_the_size_loads_as_float32(publish, untrained, tiny_config):
    path = publish('--half', untrained, tiny_config)
    stored = torch.load(path, weights_only=True)['state_dict']
    # MMPose's own function
    model = init_model(str(tiny_config), str(path), device='cpu')
    PoseLocalVisualizer().set_dataset_meta(model.dataset_meta)
    full = torch.load(untrained, weights_only=False)['state_dict']
    parameters = dict(model.named_parameters())
    for name, value in model.state_dict().items():
        assert value.dtype == full[name].dtype
        if name in parameters:
            assert stored[name].dtype == torch.float16
            # float16 has 11 significant bits
            torch.testing.assert_close(
                value, full[name], rtol=2.**-11, atol=2.**-25)
        else:
            assert torch.equal(stored[name], full[name])


def test_what_is_not_known_is_not_claimed(publish, tiny_config, tmp_path,
                                          capsys):
    """A bare state dict, as a converter may leave it."""
    path = tmp_path / 'bare.pth'
    model = MODELS.build(Config.fromfile(tiny_config).model)
    torch.save(model.state_dict(), path)
    meta = torch.load(publish(path, tiny_config), weights_only=True)['meta']
    assert set(meta) == {'config', 'temporal_corr_version'}
    assert 'does not say which videos' in capsys.readouterr().out


def single_frame(checkpoint):
    for key in list(checkpoint['state_dict']):
        if 'correlation' in key or 'maps_conv' in key:
            del checkpoint['state_dict'][key]


def overflow(checkpoint):
    checkpoint['state_dict']['head.final_layer.bias'][0] = 1e5


def foreign_type(checkpoint):
    checkpoint['meta']['seed'] = torch.tensor(1)


@pytest.mark.parametrize('change, word', [
    (single_frame, 'temporal parameters not in the checkpoint'),
    (overflow, 'publish without --half'),
    (foreign_type, 'cannot publish a Tensor'),
    (None, 'there is no checkpoint'),
    ('configs/_base_/loaders/sub_jhmdb.py', 'no field model'),
])
def test_refused(change, word, run_tool, untrained, tiny_config, repo_root,
                 tmp_path):
    path, config = tmp_path / 'changed.pth', tiny_config
    if isinstance(change, str):
        config = repo_root / change
    elif change is not None:
        checkpoint = torch.load(untrained, weights_only=False)
        change(checkpoint)
        torch.save(checkpoint, path)
    with pytest.raises(SystemExit, match=word):
        run_tool(TOOL, '--half', path, config, tmp_path / 'out')
    assert not (tmp_path / 'out').exists()
