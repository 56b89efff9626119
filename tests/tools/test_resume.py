# Copyright (c) temporal_corr authors. All rights reserved.
"""A training that is killed goes on as if nothing had happened."""
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

import projects.temporal_corr  # noqa: F401

EPOCHS, ITERATIONS = 3, 15  # 20 frames in batches of 4


def train_command(tiny_config, work_dir, *arguments):
    return [
        sys.executable, 'tools/train.py',
        str(tiny_config), '--work-dir',
        str(work_dir), '--no-validate', *arguments, '--cfg-options',
        f'train_cfg.max_epochs={EPOCHS}', f'param_scheduler.0.T_max={EPOCHS}',
        'randomness.seed=0'
    ]


@pytest.fixture(scope='module')
def environment(tiny_jhmdb):
    return dict(os.environ, JHMDB_ROOT=str(tiny_jhmdb), OMP_NUM_THREADS='1')


def load(work_dir):
    path = (work_dir / 'last_checkpoint').read_text().strip()
    return torch.load(path, map_location='cpu')


@pytest.fixture(scope='module')
def uninterrupted(repo_root, tiny_config, environment, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('uninterrupted')
    subprocess.run(
        train_command(tiny_config, work_dir),
        cwd=repo_root,
        env=environment,
        check=True,
        capture_output=True)
    return load(work_dir)


def test_killed_training_resumes(repo_root, tiny_config, environment,
                                 uninterrupted, tmp_path):
    process = subprocess.Popen(
        train_command(tiny_config, tmp_path),
        cwd=repo_root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True)
    deadline = time.time() + 120
    while not (tmp_path / 'epoch_1.pth').exists():
        assert process.poll() is None and time.time() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # what a kill in the middle of a write would leave
    (tmp_path / 'epoch_2.pth').write_bytes(
        (tmp_path / 'epoch_1.pth').read_bytes()[:1000])
    (tmp_path / 'last_checkpoint').write_text('')

    result = subprocess.run(
        train_command(tiny_config, tmp_path, '--resume'),
        cwd=repo_root,
        env=environment,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'resumed epoch: 1, iter: 5' in result.stdout + result.stderr

    resumed = load(tmp_path)
    for state in (resumed, uninterrupted):
        assert state['meta']['epoch'] == EPOCHS
        assert state['meta']['iter'] == ITERATIONS
    # the optimiser went on counting, the schedule ended at the same rate
    steps = [
        {int(state['step']) for state in run['optimizer']['state'].values()}
        for run in (resumed, uninterrupted)]
    assert steps == [{ITERATIONS}, {ITERATIONS}]
    np.testing.assert_allclose(
        resumed['optimizer']['param_groups'][0]['lr'],
        uninterrupted['optimizer']['param_groups'][0]['lr'])
    assert (resumed['param_schedulers'][0]['last_step'] ==
            uninterrupted['param_schedulers'][0]['last_step'])
    # and the weights are as close to the uninterrupted run as to no other
    change = [
        float((run['state_dict']['head.final_layer.weight']).norm())
        for run in (resumed, uninterrupted)]
    np.testing.assert_allclose(change[0], change[1], rtol=0.1)
