# Copyright (c) temporal_corr authors. All rights reserved.
"""Which checkpoint ``--resume`` goes on from."""
import os

import pytest
import torch
from mmengine.fileio import LocalBackend

from projects.temporal_corr.engine import (AtomicLocalBackend,
                                           find_resumable_checkpoint)

COMPLETE = dict(
    state_dict=dict(weight=torch.ones(100)), optimizer={}, meta={},
    message_hub={})  # yapf: disable


@pytest.fixture
def work_dir(tmp_path):
    """Three checkpoints, epoch_10 the newest, and the best one after it."""
    for age, name in enumerate(
        ('best_Mean_epoch_10.pth', 'epoch_10.pth', 'epoch_9.pth',
         'epoch_8.pth')):
        path = tmp_path / name
        content = COMPLETE
        if name.startswith('best'):
            content = dict(state_dict=COMPLETE['state_dict'])
        torch.save(content, path)
        os.utime(path, (1000 - age, 1000 - age))
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_10.pth'))
    return tmp_path


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def diverged(path):
    torch.save(
        dict(COMPLETE, state_dict=dict(weight=torch.tensor(float('nan')))),
        path)


def touch(folder):
    for path in folder.glob('*.pth'):
        os.utime(path, (1000, 1000))


@pytest.mark.parametrize('happened, expected, words', [
    (lambda folder: (folder / 'last_checkpoint').write_text(''), 10, None),
    (lambda folder: (folder / 'epoch_10.pth').unlink(), 9, None),
    (lambda folder: cut(folder / 'epoch_10.pth'), 9, 'damaged or cut off'),
    (lambda folder: diverged(folder / 'epoch_10.pth'), 9, 'NaN'),
    (lambda folder: torch.save(COMPLETE, folder / 'epoch_11.pth.incomplete'),
     10, None),
    # of one time the higher number
    (touch, 10, None),
], ids=['last_checkpoint is empty', 'it points to nothing',
        'the newest is cut off', 'it diverged',
        'a newer one under its temporary name', 'all of one time'])
def test_newest_complete_one(happened, expected, words, work_dir, messages):
    """What is skipped is named with the reason."""
    happened(work_dir)
    found = find_resumable_checkpoint(str(work_dir))
    assert found == str(work_dir / f'epoch_{expected}.pth')
    assert len(messages) == bool(words)
    for _, message in messages:
        assert str(work_dir / 'epoch_10.pth') in message and words in message


def test_several_folders_none_and_unreadable_ones(work_dir, tmp_path_factory):
    other = tmp_path_factory.mktemp('other')
    torch.save(COMPLETE, other / 'iter_3.pth')
    nowhere = str(other / 'not there')
    found = find_resumable_checkpoint(str(work_dir), str(other), nowhere)
    assert found == str(other / 'iter_3.pth')
    assert find_resumable_checkpoint(nowhere) is None
    # a new start would replace them
    for path in work_dir.glob('epoch*'):
        cut(path)
    with pytest.raises(RuntimeError, match='choose another --work-dir'):
        find_resumable_checkpoint(str(work_dir))


def killed_at_the_third(self, obj, filepath):
    """What writing in place would leave."""
    half = obj[:len(obj) // 2]
    LocalBackend().put(half if 'epoch_3' in str(filepath) else obj, filepath)
    if 'epoch_3' in str(filepath):
        raise KeyboardInterrupt


def test_run_killed_in_a_write_goes_on(build_runner, tmp_path, monkeypatch):
    """Iterations, optimiser and schedule are those of one whole run."""
    hook = dict(type='mmpose.AtomicCheckpointHook', interval=1)
    whole = build_runner(tmp_path / 'whole', hook, epochs=4)
    whole.train()

    part = tmp_path / 'part'
    with monkeypatch.context() as patch:
        patch.setattr(AtomicLocalBackend, 'put', killed_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            build_runner(part, hook, epochs=4).train()
    (part / 'last_checkpoint').write_text(str(part / 'epoch_3.pth'))
    found = find_resumable_checkpoint(str(part))
    assert found == str(part / 'epoch_2.pth')
    resumed = build_runner(
        part, hook, epochs=4, resume=True, load_from=found)
    resumed.train()

    assert resumed.iter == whole.iter == 8
    schedules = [runner.param_schedulers[0].state_dict()
                 for runner in (resumed, whole)]
    assert schedules[0] == schedules[1]
    for state in (lambda runner: runner.optim_wrapper.state_dict(),
                  lambda runner: runner.model.state_dict()):
        torch.testing.assert_close(state(resumed), state(whole))
