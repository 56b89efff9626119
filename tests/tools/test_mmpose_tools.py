# Copyright (c) temporal_corr authors. All rights reserved.
"""MMPose's own tools run the configs, given the root on ``PYTHONPATH``."""
import json
import os
import subprocess
import sys
from pathlib import Path

import mmpose
import pytest
from mmengine.config import Config
from mmpose.registry import MODELS

TOOLS = Path(mmpose.__file__).parent / '.mim' / 'tools'
if not TOOLS.is_dir():  # mmpose installed in development mode
    TOOLS = Path(mmpose.__file__).parents[1] / 'tools'


@pytest.mark.slow
def test_testing(run_launcher, repo_root, tiny_config, untrained, tmp_path):
    """In a process that knows nothing else: the metrics of tools/test.py."""
    theirs, ours = tmp_path / 'theirs.json', tmp_path / 'ours.json'
    result = subprocess.run(
        [sys.executable, TOOLS / 'test.py', tiny_config, untrained,
         '--work-dir', 'run', '--out', theirs, '--show-dir', 'pictures'],
        cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(repo_root), OMP_NUM_THREADS='1',
                 CUDA_VISIBLE_DEVICES=''),
        capture_output=True,
        text=True)  # yapf: disable
    assert result.returncode == 0, (result.stdout + result.stderr)[-3000:]
    assert len(list(tmp_path.glob('run/*/pictures/**/*.png'))) == 20
    run_launcher('tools/test.py', tiny_config, untrained, '--work-dir',
                 tmp_path / 'ours', '--out', ours)
    expected = json.loads(ours.read_text())
    assert expected.pop('run')
    assert json.loads(theirs.read_text()) == expected


def test_training(run_launcher, tiny_config, tmp_path):
    run_launcher(
        TOOLS / 'train.py', tiny_config, '--work-dir', tmp_path,
        options=['train_cfg.max_epochs=1',
                 # Ours leave out what no workers cannot have.
                 'train_dataloader.persistent_workers=False',
                 'val_dataloader.persistent_workers=False'])  # yapf: disable
    assert (tmp_path / 'epoch_1.pth').is_file()


def test_flops(run_tool, tiny_config, capsys):
    run_tool(TOOLS / 'analysis_tools/get_flops.py', tiny_config,
             '--input-shape', 128, 96)
    printed = capsys.readouterr().out
    model = MODELS.build(Config.fromfile(tiny_config).model)
    count = sum(value.numel() for value in model.parameters())
    params, = (line for line in printed.splitlines() if 'Params:' in line)
    assert params.split()[1] == f'{count / 1e3:g}K'
    assert 'head.refinement' in printed
