# Copyright (c) temporal_corr authors. All rights reserved.
"""Tiny models with weights that make the memory matter."""
import numpy as np
import pytest
import torch
from mmengine.config import Config

from projects.temporal_corr.apis import VideoPoseInferencer


@pytest.fixture
def tiny_cfg(tiny_config, tiny_jhmdb, temporal_configs, monkeypatch):
    """Makes a config of a tiny model of each kind."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setenv('JHMDB_SPLIT', '1')

    def make(temporal='correlation', flip_test=False):
        cfg = Config.fromfile(tiny_config)
        cfg.model.head.temporal = temporal_configs[temporal]
        cfg.model.test_cfg.flip_test = flip_test
        return cfg

    return make


@pytest.fixture
def make_inferencer(tiny_cfg):
    """Makes an inferencer whose model is far from its initialisation."""

    def make(temporal='correlation', flip_test=False, cfg=None, **kwargs):
        cfg = cfg or tiny_cfg(temporal, flip_test)
        inferencer = VideoPoseInferencer(cfg, **kwargs)
        torch.manual_seed(0)
        for parameter in inferencer.model.parameters():
            # The block starts as identity, blind to the maps.
            torch.nn.init.normal_(parameter, std=0.2)
        return inferencer

    return make


@pytest.fixture
def video():
    """Noise of 64 x 48 pixels."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (8, 48, 64, 3), dtype=np.uint8)
