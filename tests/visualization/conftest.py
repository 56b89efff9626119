# Copyright (c) temporal_corr authors. All rights reserved.
"""A tiny model of each kind with weights that make maps matter."""
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS


@pytest.fixture(scope='session')
def metainfo(repo_root):
    """The metainfo of sub-JHMDB."""
    path = repo_root / 'configs/_base_/datasets/sub_jhmdb.py'
    return parse_pose_metainfo(Config.fromfile(path).dataset_info.to_dict())


@pytest.fixture
def image():
    """A smooth picture, 64 x 48, RGB."""
    rows, cols = np.mgrid[:48, :64]
    channels = [4 * cols, 5 * rows, 120 + rows + cols]
    return np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8)


@pytest.fixture
def tiny_model_files(tiny_config, tiny_jhmdb, tmp_path, monkeypatch):
    """Makes a config with a checkpoint that fits it."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setenv('JHMDB_SPLIT', '1')

    def make(temporal='correlation', seed=0):
        config = tmp_path / f'{temporal}_tiny.py'
        config.write_text(f"_base_ = '{tiny_config}'\n"
                          f'model = dict(head=dict(temporal={temporal!r}))\n')
        torch.manual_seed(seed)
        with DefaultScope.overwrite_default_scope('mmpose'):
            model = MODELS.build(Config.fromfile(config).model)
        for parameter in model.parameters():
            # The block starts as identity, blind to the maps.
            torch.nn.init.normal_(parameter, std=0.2)
        checkpoint = tmp_path / f'{temporal}_{seed}.pth'
        torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
        return str(config), str(checkpoint)

    return make
