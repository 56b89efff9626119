# Copyright (c) temporal_corr authors. All rights reserved.
"""One iteration of training: clips beside single frames."""
from typing import Callable, List

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmpose.registry import DATASETS

from .models import build_model, load_config
from .report import Goal, Row, duration_row
from .settings import Settings
from .synthetic_videos import ANN_FILE, synthetic_jhmdb
from .timing import interleave

SECTION = 'Training step: clips of two frames / single frames'
#: Name, end of the configs' names, batch size, usual repetitions.
NETWORKS = (
    ('half ResNet-18 128x96', 'res18_1xb16-2e-finetune_jhmdb-128x96', 16, 9),
    ('ResNet-50 256x192', 'res50_8xb32-20e_jhmdb-256x192', 5, 3),
)
VARIANTS = (('exemplar forward-only', False, 1.4),
            ('gradients through both', True, 2.))


def measure(settings: Settings) -> List[Row]:
    """Whole iterations: preprocessing, loss, gradients and optimizer."""
    root = str(synthetic_jhmdb(settings.work_dir))
    rows = []
    for name, config, batch_size, usual in NETWORKS:
        steps = dict(
            single=training_step(
                load_config(f'single_{config}'), root, batch_size,
                settings.device))
        for title, gradient, _ in VARIANTS:
            cfg = load_config(f'correlation_{config}',
                              {'model.train_cfg.exemplar_grad': gradient})
            steps[title] = training_step(cfg, root, batch_size,
                                         settings.device)
        times = interleave(steps, settings.repetitions(usual),
                           settings.device)
        rows += [
            duration_row(SECTION, f'{name}, {title}', times[title],
                         times['single'], settings.clock, Goal(bound),
                         batch_size=batch_size)
            for title, _, bound in VARIANTS
        ]
    return rows


def training_step(cfg: Config, data_root: str, batch_size: int,
                  device: str) -> Callable:
    """An iteration of training, always of the same batch.

    Args:
        cfg (Config): Config of the training.
        data_root (str): Data root of JHMDB's layout.
        batch_size (int): Samples of the batch.
        device (str): Where to train.

    Returns:
        Callable: Runs one iteration.
    """
    cfg.merge_from_dict({
        'train_dataloader.dataset.data_root': data_root,
        'train_dataloader.dataset.ann_file': ANN_FILE
    })
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    step = len(dataset) // batch_size
    batch = pseudo_collate([dataset[i * step] for i in range(batch_size)])
    model = build_model(cfg, device).train()
    if model.head.uses_past_features:
        # As many exemplar frames in every iteration as there are on average.
        masked = round(model.head.mask_rate * batch_size)
        model.head.keep_maps = lambda count: torch.arange(count) >= masked
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    return lambda: model.train_step(batch, optimizer)
