# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS
from torch import nn

from .checkpoint_guard_hook import load_weights
from .safe_loading import load_checkpoint


def load_pose_model(cfg: Config,
                    checkpoint: Optional[str] = None,
                    device: str = 'cpu') -> nn.Module:
    """Build the model of a config in evaluation mode, with the weights of a
    checkpoint of that model (file or URL; random without one)."""
    if 'model' not in cfg:
        raise ValueError(f'{cfg.filename} has no field model: give the config '
                         'of a model, as in projects/temporal_corr/configs')
    scope = cfg.get('default_scope', 'mmpose')
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(cfg.model)
    if checkpoint is not None:
        load_weights(model, load_checkpoint(checkpoint), checkpoint)
    return model.to(device).eval()
