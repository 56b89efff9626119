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
    'val_dataloader.num_workers=0', 'test_dataloader.num_workers=0',
    'train_cfg.max_iters=2'
]  # yapf: disable


@pytest.mark.slow
def test_both_phases(repo_root, run_tool, tmp_path, monkeypatch):
    """20k without correlation maps, then 60k with on two processes; here 2
    and 2 iterations."""
    root = tmp_path / 'data/penn_action'
    monkeypatch.setenv('PENN_ROOT', str(root))
    monkeypatch.setenv('PENN_20K', str(tmp_path / 'run/iter_2.pth'))
    monkeypatch.chdir(tmp_path)
    configs = 'projects/temporal_corr/configs/'
    run_tool('tools/misc/make_synthetic_videos.py', 'data', '--layout', 'penn',
             '--num-videos', 3, '--num-frames', 3, '--size', 240, 180)
    run_tool('tools/dataset_converters/penn_action.py', root, '--out',
             root / 'annotations')
    run_tool('tools/train.py',
             configs + 'openpose/single_openpose_4xb5-20k_penn-368x368.py',
             '--work-dir', 'run', '--no-validate', '--cfg-options', *SMALL,
             'load_from=None')
    result = subprocess.run(
        [repo_root / 'tools/dist_train.sh', configs + 'penn.py', '2',
         '--work-dir', 'ours', '--no-validate', '--cfg-options', *SMALL,
         'default_hooks.logger.interval=1'],
        env=dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='',
                 PORT='29651', PYTHON=sys.executable),
        capture_output=True,
        text=True)  # yapf: disable
    log = result.stdout + result.stderr
    assert result.returncode == 0, log[-3000:]
    assert 'Iter(train) [2/2]' in log and 'loss_stage2_paf' in log
    state = torch.load(tmp_path / 'ours/iter_2.pth', map_location='cpu')
    assert 'head.stage1.L1.maps_conv.weight' in state['state_dict']
    assert 'head.stage2.L2.center_conv.weight' in state['state_dict']
    assert 'temporal parameters are new' in log

    run_tool('tools/test.py', configs + 'penn.py', 'ours/iter_2.pth', '--out',
             'ours.json', '--cfg-options', *SMALL)
    metrics = json.loads((tmp_path / 'ours.json').read_text())
    assert metrics['assembled/Mean'] <= metrics['Mean']
    assert metrics['run']['train_videos']
