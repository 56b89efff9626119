# Copyright (c) temporal_corr authors. All rights reserved.
"""Models as the configs describe them, and videos for them."""
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import Optional

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
#: The larger part of split 1 of the synthetic videos.
ANN_FILE = 'annotations/Sub1_train.json'


def load_config(name: str, options: Optional[dict] = None) -> Config:
    """A config by the name of its file, that starts from random weights, so
    that nothing is fetched."""
    path, = (ROOT / 'projects/temporal_corr/configs').glob(f'*/{name}.py')
    cfg = Config.fromfile(path)
    cfg.load_from = None
    if 'init_cfg' in cfg.model.backbone:
        cfg.model.backbone.init_cfg = None
    cfg.merge_from_dict(options or {})
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    return cfg


def build_model(cfg: Config, device: str = 'cpu') -> torch.nn.Module:
    """Build the pose estimator of a config, in evaluation mode."""
    return MODELS.build(cfg.model).to(device).eval()


@lru_cache(maxsize=None)
def synthetic_jhmdb(work_dir: Path) -> str:
    """The data root of synthetic videos in the layout of JHMDB, converted;
    made once, in ``work_dir``."""
    root = work_dir / 'videos/jhmdb'
    for command in (['tools/misc/make_synthetic_videos.py', root.parent,
                     '--num-videos', 32, '--num-frames', 12, '--layout',
                     'jhmdb'],
                    ['tools/dataset_converters/jhmdb.py', root, '--split', 1,
                     '--out', root / 'annotations']):  # yapf: disable
        subprocess.run([sys.executable, *map(str, command)], cwd=ROOT,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)  # yapf: disable
    return str(root)
