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


@pytest.mark.parametrize('happened, expected', [
    pytest.param(lambda folder: None, 'epoch_10.pth', id='nothing'),
    pytest.param(lambda folder: (folder / 'last_checkpoint').unlink(),
                 'epoch_10.pth', id='last_checkpoint is missing'),
    pytest.param(lambda folder: (folder / 'last_checkpoint').write_text(''),
                 'epoch_10.pth', id='last_checkpoint is empty'),
    pytest.param(lambda folder: (folder / 'epoch_10.pth').unlink(),
                 'epoch_9.pth', id='last_checkpoint points to nothing'),
    pytest.param(lambda folder: cut(folder / 'epoch_10.pth'),
                 'epoch_9.pth', id='the newest is cut off'),
    pytest.param(lambda folder: (folder / 'epoch_10.pth').write_bytes(b''),
                 'epoch_9.pth', id='the newest is empty'),
    pytest.param(
        lambda folder: torch.save(COMPLETE, folder / 'epoch_11.pth.incomplete'
                                  ),
        'epoch_10.pth', id='a newer one under its temporary name'),
])  # yapf: disable
def test_newest_complete_one(happened, expected, work_dir):
    happened(work_dir)
    found = find_resumable_checkpoint(str(work_dir))
    assert found == str(work_dir / expected)


def test_checkpoints_that_cannot_be_read_are_not_overwritten(work_dir):
    for path in work_dir.glob('epoch*'):
        cut(path)
    with pytest.raises(RuntimeError, match='choose another --work-dir'):
        find_resumable_checkpoint(str(work_dir))


def test_of_one_time_the_higher_number(work_dir):
    for path in work_dir.glob('*.pth'):
        os.utime(path, (1000, 1000))
    assert find_resumable_checkpoint(str(work_dir)).endswith('epoch_10.pth')


def test_a_training_that_diverged_goes_on_from_before(work_dir, messages):
    path = work_dir / 'epoch_10.pth'
    torch.save(
        dict(COMPLETE, state_dict=dict(weight=torch.tensor(float('nan')))),
        path)
    found = find_resumable_checkpoint(str(work_dir))
    assert found == str(work_dir / 'epoch_9.pth')
    assert 'NaN' in messages[0] and str(path) in messages[0]


def test_several_folders(work_dir, tmp_path_factory):
    other = tmp_path_factory.mktemp('other')
    torch.save(COMPLETE, other / 'iter_3.pth')
    found = find_resumable_checkpoint(
        str(work_dir), str(other), str(other / 'not there'))
    assert found == str(other / 'iter_3.pth')


def test_no_folder(tmp_path):
    assert find_resumable_checkpoint(str(tmp_path / 'not there')) is None


def test_skipped_file_is_named(work_dir, messages):
    cut(work_dir / 'epoch_10.pth')
    find_resumable_checkpoint(str(work_dir))
    message, = messages
    assert message.startswith(f'not resuming from {work_dir}/epoch_10.pth')
    assert 'damaged or cut off' in message


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
    assert (resumed.optim_wrapper.get_lr() == whole.optim_wrapper.get_lr())
    assert (resumed.param_schedulers[0].last_step ==
            whole.param_schedulers[0].last_step)
    momentum = [
        list(runner.optim_wrapper.optimizer.state.values())
        for runner in (resumed, whole)]
    torch.testing.assert_close(momentum[0], momentum[1])
    torch.testing.assert_close(resumed.model.state_dict(),
                               whole.model.state_dict())
