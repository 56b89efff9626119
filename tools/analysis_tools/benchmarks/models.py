# Copyright (c) temporal_corr authors. All rights reserved.
"""Models as the configs of the project describe them."""
from pathlib import Path
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from repo_path import ROOT

CONFIGS = Path(ROOT) / 'projects/temporal_corr/configs'


def load_config(name: str, options: Optional[dict] = None) -> Config:
    """A config that starts from random weights, so that nothing is fetched.

    Args:
        name (str): Name of the file without ``.py``.
        options (dict, optional): Settings to override, as
            ``{'model.head.in_channels': 8}``. Defaults to None.

    Returns:
        Config: The config.
    """
    cfg = Config.fromfile(CONFIGS / f'{name}.py')
    cfg.load_from = None
    if 'init_cfg' in cfg.model.backbone:
        cfg.model.backbone.init_cfg = None
    cfg.merge_from_dict(options or {})
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return cfg


def build_model(cfg: Config, device: str = 'cpu') -> torch.nn.Module:
    """Build the model of a config, in evaluation mode.

    Args:
        cfg (Config): The config.
        device (str): Where to put it. Defaults to 'cpu'.

    Returns:
        nn.Module: The pose estimator.
    """
    return MODELS.build(cfg.model).to(device).eval()
