# Copyright (c) temporal_corr authors. All rights reserved.
"""A whole test run, loader included, with videos side by side."""
import logging
import tempfile
from typing import List

from mmengine.runner import Runner

from .models import load_config
from .report import Row
from .settings import Settings
from .synthetic_videos import ANN_FILE, synthetic_jhmdb
from .timing import interleave

SECTION = 'Whole test run, half ResNet-18 128x96: correlation / single frame'
CONFIG = 'res18_1xb16-2e-finetune_jhmdb-128x96'
LANES = (1, 4, 16)


def measure(settings: Settings) -> List[Row]:
    """Frames a second by the clock on the wall: the loader's worker is a
    process of its own. Its start and the first run do not count."""
    root = str(synthetic_jhmdb(settings.work_dir))
    with tempfile.TemporaryDirectory() as work_dir:
        runners = {
            (method, lanes): _test_runner(method, lanes, root, work_dir,
                                          settings)
            for lanes in LANES for method in ('single', 'correlation')
        }
        num_frames = len(next(
            iter(runners.values())).test_loop.dataloader.dataset)
        times = interleave(
            {key: runner.test
             for key, runner in runners.items()}, settings.repetitions(2),
            settings.device)
    rates = {
        key: num_frames / durations.median('wall')
        for key, durations in times.items()
    }
    rows = []
    for lanes in LANES:
        ours = rates['correlation', lanes]
        rows.append(
            Row(SECTION,
                f'lanes {lanes}',
                'frames/s',
                ours,
                rates['single', lanes],
                details=dict(
                    frames=num_frames,
                    times_the_rate_of_one_lane=ours / rates['correlation', 1],
                    clock='wall',
                    ours_seconds=times['correlation', lanes].describe(),
                    other_seconds=times['single', lanes].describe())))
    return rows


def _test_runner(method: str, lanes: int, data_root: str, work_dir: str,
                 settings: Settings) -> Runner:
    cfg = load_config(f'{method}_{CONFIG}', {
        'test_dataloader.dataset.data_root': data_root,
        'test_dataloader.dataset.ann_file': ANN_FILE,
        'test_dataloader.batch_size': lanes,
        'test_dataloader.sampler.lanes': lanes,
        'test_dataloader.num_workers': 1,
        'log_level': 'ERROR',
    })
    # There is no checkpoint to check, and nothing to keep.
    cfg.work_dir = work_dir
    cfg.launcher = 'none'
    cfg.experiment_name = f'{method}_{lanes}'
    cfg.custom_hooks = []
    cfg.default_hooks.logger = dict(type='LoggerHook', interval=10**9)
    runner = Runner.from_cfg(cfg)
    runner.logger.setLevel(logging.ERROR)
    runner.model.to(settings.device)
    return runner
