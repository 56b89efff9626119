# Copyright (c) temporal_corr authors. All rights reserved.
"""penn.py as the README starts it, on synthetic videos in Penn's layout."""
import json
import os
import subprocess
import sys

import pytest
import torch

# The paper's crops and pipeline, and a network that a CPU runs in a moment.
SMALL = [
    'model.backbone.base_channels=2', 'model.backbone.out_channels=8',
    'model.head.in_channels=8', 'model.head.channels=4',
    'model.head.num_stages=2', 'train_dataloader.batch_size=1',
    'auto_scale_lr.enable=False', 'train_dataloader.num_workers=0',
    'train_dataloader.persistent_workers=False',
    'val_dataloader.num_workers=0',
    'val_dataloader.persistent_workers=False',
    'test_dataloader.num_workers=0',
    'test_dataloader.persistent_workers=False', 'train_cfg.max_iters=2'
]  # yapf: disable


@pytest.fixture(scope='module')
def penn(repo_root, tmp_path_factory):
    """Runs a tool with a data root of three synthetic videos."""
    folder = tmp_path_factory.mktemp('penn')
    env = dict(
        os.environ,
        PENN_ROOT=str(folder / 'penn_action'),
        PENN_20K=str(folder / 'run/iter_2.pth'),
        OMP_NUM_THREADS='1',
        CUDA_VISIBLE_DEVICES='',
        PORT='29651',
        PYTHON=sys.executable)

    def run(*command):
        tool, *arguments = command
        start = [] if tool.endswith('.sh') else [sys.executable]
        result = subprocess.run(
            [*start, str(repo_root / 'tools' / tool),
             *map(str, arguments)],
            cwd=folder, env=env, capture_output=True, text=True)
        output = result.stdout + result.stderr
        assert result.returncode == 0, output[-3000:]
        return output

    run('misc/make_synthetic_videos.py', folder, '--layout', 'penn',
        '--num-videos', 3, '--num-frames', 3, '--size', 240, 180)
    root = folder / 'penn_action'
    run('dataset_converters/penn_action.py', root, '--out',
        root / 'annotations')
    run.folder = folder
    return run


def test_both_phases_on_two_processes(penn):
    """20k without correlation maps, then 60k with; here 2 and 2."""
    configs = 'projects/temporal_corr/configs/'
    first = configs + 'single_openpose_4xb5-20k_penn-368x368.py'
    log = penn('dist_train.sh', first, 2, '--work-dir', 'run',
               '--no-validate', '--cfg-options', *SMALL, 'load_from=None',
               'default_hooks.logger.interval=1')
    assert 'Iter(train) [2/2]' in log
    log = penn('dist_train.sh', configs + 'penn.py', 2, '--work-dir', 'ours',
               '--no-validate', '--cfg-options', *SMALL,
               'default_hooks.logger.interval=1')
    assert 'Iter(train) [2/2]' in log and 'loss_stage2_paf' in log
    state = torch.load(penn.folder / 'ours/iter_2.pth', map_location='cpu')
    assert 'head.stage1.L1.maps_conv.weight' in state['state_dict']
    assert 'head.stage2.L2.center_conv.weight' in state['state_dict']
    assert 'temporal parameters are new' in log

    penn('test.py', configs + 'penn.py', 'ours/iter_2.pth', '--out',
         'ours.json', '--cfg-options', *SMALL)
    metrics = json.loads((penn.folder / 'ours.json').read_text())
    assert metrics['assembled/Mean'] <= metrics['Mean']
    assert metrics['run']['train_videos']
