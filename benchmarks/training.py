# Copyright (c) temporal_corr authors. All rights reserved.
"""One iteration of training: clips beside single frames."""
from typing import Callable, List

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmpose.registry import DATASETS

from .models import ANN_FILE, build_model, load_config, synthetic_jhmdb
from .report import make_row
from .timing import interleave

SECTION = 'Training step: clips of two frames / single frames'
#: Name, end of the configs' names, batch size, usual repetitions.
NETWORKS = (
    ('half ResNet-18 128x96', 'res18_1xb16-2e-finetune_jhmdb-128x96', 16, 9),
    ('ResNet-50 256x192', 'res50_8xb32-20e_jhmdb-256x192', 5, 3),
)
#: Title, whether gradients go through the exemplar frame, wanted ratio.
VARIANTS = (('exemplar forward-only', False, 1.4),
            ('gradients through both', True, 2.))


def measure(args) -> List[dict]:
    """Whole iterations: preprocessing, loss, gradients and optimizer."""
    root, rows = synthetic_jhmdb(args.work_dir), []
    for name, config, batch_size, usual in NETWORKS:
        configs = dict(single=load_config(f'single_{config}'))
        for title, gradient, _ in VARIANTS:
            configs[title] = load_config(
                f'correlation_{config}',
                {'model.train_cfg.exemplar_grad': gradient})
        times = interleave(
            {title: training_step(cfg, root, batch_size, args.device)
             for title, cfg in configs.items()},
            args.repeat or usual, args.clock, args.device)  # yapf: disable
        rows += [make_row(SECTION, f'{name}, {title}', 'ms', times[title],
                          times['single'], bound)
                 for title, _, bound in VARIANTS]  # yapf: disable
    return rows


def training_step(cfg: Config, data_root: str, batch_size: int,
                  device: str) -> Callable:
    """An iteration of training, always of the same batch."""
    dataset = DATASETS.build(dict(cfg.train_dataloader.dataset,
                                  data_root=data_root, ann_file=ANN_FILE))
    step = len(dataset) // batch_size
    batch = pseudo_collate([dataset[i * step] for i in range(batch_size)])
    model = build_model(cfg, device).train()
    temporal = model.head.temporal
    if temporal is not None and not temporal.unroll:
        # As many exemplar frames in every iteration as there are on average.
        masked = round(temporal.mask_rate * batch_size)
        temporal.draw_kept = lambda count: torch.arange(count) >= masked
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    return lambda: model.train_step(batch, optimizer)
