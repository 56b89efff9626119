# Copyright (c) temporal_corr authors. All rights reserved.
"""A whole test run, loader included, with videos side by side."""
import logging
import tempfile
from typing import List

from mmengine.runner import Runner

from .models import ANN_FILE, load_config, synthetic_jhmdb
from .report import make_row
from .timing import interleave

SECTION = 'Whole test run, half ResNet-18 128x96: correlation / single frame'
LANES = (1, 4, 16)


def measure(args) -> List[dict]:
    """Frames a second by the clock on the wall: the loader's worker is a
    process of its own. Its start and the first run do not count."""
    root, tests = synthetic_jhmdb(args.work_dir), {}
    with tempfile.TemporaryDirectory() as work_dir:
        for method in ('single', 'correlation'):
            for lanes in LANES:
                cfg = load_config(
                    f'{method}_res18_1xb16-2e-finetune_jhmdb-128x96', {
                        'test_dataloader.dataset.data_root': root,
                        'test_dataloader.dataset.ann_file': ANN_FILE,
                        'test_dataloader.batch_size': lanes,
                        'test_dataloader.sampler.lanes': lanes,
                        'test_dataloader.num_workers': 1,
                        'default_hooks.logger.interval': 10**9,
                        'work_dir': work_dir,
                        'experiment_name': f'{method}_{lanes}',
                        'log_level': 'ERROR'
                    })
                # There is no checkpoint to check.
                cfg.custom_hooks = []
                runner = Runner.from_cfg(cfg)
                runner.logger.setLevel(logging.ERROR)
                runner.model.to(args.device)
                tests[method, lanes] = runner.test
        times = interleave(tests, args.repeat or 2, 'wall', args.device)
    frames = len(runner.test_dataloader.dataset)
    return [make_row(SECTION, f'lanes {lanes}', 'frames/s',
                     frames / times['correlation', lanes],
                     frames / times['single', lanes])
            for lanes in LANES]  # yapf: disable
