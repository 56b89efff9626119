# Copyright (c) temporal_corr authors. All rights reserved.
"""Whatever moment a run is killed at, a complete checkpoint is left."""
import os
import random
import signal
import time

import pytest
import torch
from mmengine.fileio import get_file_backend

from projects.temporal_corr.engine import AtomicLocalBackend, load_from_local

HOOK = dict(type='mmpose.AtomicCheckpointHook', interval=1)


def files(folder):
    """All but the config, which the Runner dumps."""
    return sorted(
        path.name for path in folder.iterdir()
        if path.is_file() and path.suffix != '.py')


def test_file_is_complete_or_absent_after_sigkill(tmp_path):
    """A process that does nothing but write is killed at random moments."""
    path = tmp_path / 'folder' / 'file'
    rng = random.Random(0)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            backend = AtomicLocalBackend()
            for number in range(10**6):
                backend.put(bytes([number % 251]) * 300000, path)
        time.sleep(rng.uniform(0.002, 0.05))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        if path.exists():
            content = path.read_bytes()
            assert len(content) == 300000
            assert len(set(content)) == 1
    assert path.exists()


def test_what_was_written_anew_is_not_removed(tmp_path):
    backend = get_file_backend(
        str(tmp_path), backend_args=dict(backend='atomic'))
    backend.put_text('1', tmp_path / 'renewed')
    with backend.removals_deferred():
        backend.remove(tmp_path / 'renewed')
        backend.put_text('2', tmp_path / 'renewed')
    assert backend.get_text(tmp_path / 'renewed') == '2'


def test_keeps_what_mmengine_keeps(build_runner, tmp_path):
    """The same files as MMEngine's hook, which is the reference here."""
    options = dict(max_keep_ckpts=2, save_best='Mean', rule='greater')
    for name, hook in (('ours', HOOK),
                       ('theirs', dict(type='CheckpointHook', interval=1))):
        build_runner(
            tmp_path / name,
            dict(hook, **options),
            epochs=5,
            scores=[.1, .3, .2, .4, .4]).train()
    ours, theirs = (files(tmp_path / name) for name in ('ours', 'theirs'))
    assert ours == theirs == [
        'best_Mean_epoch_4.pth', 'epoch_4.pth', 'epoch_5.pth',
        'last_checkpoint'
    ]
    assert (tmp_path / 'ours/last_checkpoint').read_text() == str(
        tmp_path / 'ours/epoch_5.pth')
    for name in theirs[:-1]:
        left = load_from_local(str(tmp_path / 'ours' / name))
        right = load_from_local(str(tmp_path / 'theirs' / name))
        assert set(left) == set(right)
        torch.testing.assert_close(left['state_dict'], right['state_dict'])


def test_checkpoints_by_iteration_in_another_folder(build_runner, tmp_path):
    """``out_dir`` means what it means in MMEngine; of a killed run only the
    unfinished files are removed."""
    out = tmp_path / 'out' / 'run'
    out.mkdir(parents=True)
    (out / 'iter_1.pth.incomplete').write_bytes(b'half')
    (out / 'notes.txt').write_text('stay')
    hook = dict(
        HOOK, by_epoch=False, interval=2, max_keep_ckpts=1, save_best='Mean',
        rule='greater', out_dir=str(tmp_path / 'out'))  # yapf: disable
    run = tmp_path / 'run'
    build_runner(run, hook, epochs=3, scores=[.1, .3, .2]).train()
    assert files(out) == ['best_Mean_iter_4.pth', 'iter_6.pth', 'notes.txt']
    assert (run / 'last_checkpoint').read_text() == str(out / 'iter_6.pth')


@pytest.mark.parametrize('fatal, left', [
    ('epoch_2.pth', ['best_Mean_epoch_1.pth', 'epoch_1.pth']),
    ('best_Mean_epoch_2.pth', ['best_Mean_epoch_1.pth', 'epoch_2.pth']),
])
def test_old_checkpoint_outlives_a_failed_write(fatal, left, build_runner,
                                                tmp_path, monkeypatch):
    put = AtomicLocalBackend.put

    def fail(self, obj, filepath):
        if str(filepath).endswith('/' + fatal):
            raise OSError('no space left')
        put(self, obj, filepath)

    monkeypatch.setattr(AtomicLocalBackend, 'put', fail)
    hook = dict(HOOK, max_keep_ckpts=1, save_best='Mean', rule='greater')
    runner = build_runner(tmp_path, hook, scores=[.1, .3])
    with pytest.raises(OSError):
        runner.train()
    assert files(tmp_path) == left + ['last_checkpoint']
    pointed = (tmp_path / 'last_checkpoint').read_text()
    assert os.path.basename(pointed) == left[1]
    assert set(load_from_local(pointed)) >= {'optimizer', 'message_hub'}


def test_a_run_removes_files_of_its_own_folder_only(build_runner, tmp_path):
    """A variant of a common start: all of the start stays, and the best of
    the variant is kept, too, even if the start's was better."""
    save_best = ['Mean', 'Other']
    hook = dict(
        HOOK, max_keep_ckpts=1, save_best=save_best, rule='greater')
    old, new, moved = (tmp_path / name for name in ('old', 'new', 'moved'))
    build_runner(old, hook, epochs=2, scores=[.5, .4]).train()
    before = files(old)
    assert before == [
        *(f'best_{name}_epoch_1.pth' for name in save_best), 'epoch_2.pth',
        'last_checkpoint'
    ]
    # a file of the name that the old run is to replace
    new.mkdir()
    (new / 'epoch_2.pth').write_bytes(b'mine')
    build_runner(
        new, hook, epochs=4, scores=[.1, .3], resume=True,
        load_from=str(old / 'epoch_2.pth')).train()
    assert files(old) == before
    assert (new / 'epoch_2.pth').read_bytes() == b'mine'
    assert files(new) == [
        *(f'best_{name}_epoch_4.pth' for name in save_best), 'epoch_2.pth',
        'epoch_4.pth', 'last_checkpoint'
    ]
    # where the whole folder was moved, it is one run
    new.rename(moved)
    build_runner(
        moved, hook, epochs=6, scores=[.2, .6], resume=True,
        load_from=str(moved / 'epoch_4.pth')).train()
    assert files(moved) == [
        *(f'best_{name}_epoch_6.pth' for name in save_best), 'epoch_2.pth',
        'epoch_6.pth', 'last_checkpoint'
    ]


def test_a_training_that_diverged_keeps_its_checkpoints(
        build_runner, tmp_path):
    hook = dict(HOOK, max_keep_ckpts=1)
    runner = build_runner(tmp_path, hook, epochs=3)
    forward = runner.model.forward

    def diverge(*args, **kwargs):
        if runner.epoch == 1:
            runner.model.linear.weight.data[:] = float('nan')
        return forward(*args, **kwargs)

    runner.model.forward = diverge
    with pytest.raises(RuntimeError, match='diverged.*linear.weight'):
        runner.train()
    assert 'epoch_1.pth' in files(tmp_path)
    assert 'epoch_2.pth' not in files(tmp_path)
