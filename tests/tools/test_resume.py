# Copyright (c) temporal_corr authors. All rights reserved.
"""A training that is killed goes on as if nothing had happened."""
import numpy as np
import pytest
import torch

EPOCHS, ITERATIONS = 3, 15  # 20 frames in batches of 4


@pytest.fixture
def train(run_launcher, tiny_config):
    """Trains in a folder; returns the last checkpoint."""

    def run(work_dir, *flags):
        run_launcher(
            'tools/train.py', tiny_config, '--work-dir', work_dir,
            '--no-validate', *flags,
            options=[f'train_cfg.max_epochs={EPOCHS}',
                     f'param_scheduler.0.T_max={EPOCHS}',
                     'default_hooks.checkpoint.max_keep_ckpts=-1',
                     'randomness.seed=0'])  # yapf: disable
        return torch.load((work_dir / 'last_checkpoint').read_text().strip(),
                          map_location='cpu')

    return run


def test_killed_training_resumes(train, tmp_path):
    uninterrupted = train(tmp_path / 'a')
    # What a kill in the middle of a write would leave.
    folder = tmp_path / 'b'
    folder.mkdir()
    first = (tmp_path / 'a/epoch_1.pth').read_bytes()
    (folder / 'epoch_1.pth').write_bytes(first)
    (folder / 'epoch_2.pth').write_bytes(first[:1000])
    (folder / 'last_checkpoint').write_text('')
    resumed = train(folder, '--resume')

    runs = resumed, uninterrupted
    for run in runs:
        assert run['meta']['epoch'] == EPOCHS
        assert run['meta']['iter'] == ITERATIONS
    # the optimiser went on counting, the schedule ended at the same rate
    for run in runs:
        states = run['optimizer']['state'].values()
        assert {int(state['step']) for state in states} == {ITERATIONS}
    rates, steps, weights = (
        [read(run) for run in runs] for read in (
            lambda run: run['optimizer']['param_groups'][0]['lr'],
            lambda run: run['param_schedulers'][0]['last_step'],
            lambda run: run['state_dict']['head.final_layer.weight'].norm()))
    np.testing.assert_allclose(*rates)
    assert steps[0] == steps[1]
    # and the weights are as close to the uninterrupted run as to no other
    np.testing.assert_allclose(*weights, rtol=0.1)
