# Copyright (c) temporal_corr authors. All rights reserved.
"""tools/train.py, tools/test.py and the scripts that start them."""
import importlib
import json
import os
import pickle
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config

from projects.temporal_corr.engine.launch import announce_world_size


@pytest.fixture
def tool(repo_root, monkeypatch):
    """Imports a tool as Python does when it runs it as a script."""

    def load(name):
        monkeypatch.syspath_prepend(str(repo_root / 'tools'))
        monkeypatch.delitem(sys.modules, name, raising=False)
        module = importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return module

    return load


@pytest.fixture
def merge(tool, monkeypatch):
    """What a tool makes of a config and of its command line."""

    def run(name, *flags, cfg=None):
        module = tool(name)
        files = ['configs/some.py'] + ['best.pth'] * (name == 'test')
        monkeypatch.setattr(sys, 'argv', [name, *files, *map(str, flags)])
        return module.merge_args(config() if cfg is None else cfg,
                                 module.parse_args())

    return run


def config():
    return Config(
        dict(
            model=dict(type='VideoTopdownPoseEstimator'),
            default_hooks=dict(
                checkpoint=dict(type='AtomicCheckpointHook'),
                visualization=dict(
                    type='VideoVisualizationHook', enable=False)),
            env_cfg=dict(dist_cfg=dict(backend='nccl')),
            optim_wrapper=dict(optimizer=dict(type='Adam', lr=1e-3)),
            auto_scale_lr=dict(base_batch_size=32),
            val_cfg=dict(),
            val_dataloader=dict(),
            val_evaluator=dict(type='GroupPCKAccuracy'),
            test_evaluator=dict(type='GroupPCKAccuracy'),
            load_from='single.pth',
            resume=False))


def run(command, folder, **variables):
    """Run a command with more variables of the environment."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **{k: str(v) for k, v in variables.items()}},
        capture_output=True,
        text=True)


# --- flags --------------------------------------------------------------


def test_flags_of_training(merge, monkeypatch):
    monkeypatch.setattr(
        'projects.temporal_corr.engine.launch.can_open_windows', lambda: True)
    cfg = merge('train')
    assert cfg.work_dir == './work_dirs/some' and cfg.resume is False
    assert cfg.load_from == 'single.pth' and cfg.val_cfg is not None
    assert not cfg.default_hooks.visualization.enable
    cfg = merge('train', '--work-dir', 'here', '--no-validate', '--amp',
                '--auto-scale-lr', '--show-dir', 'pictures', '--interval', 3,
                '--show', '--wait-time', 2, '--cfg-options',
                'optim_wrapper.optimizer.lr=0.5')  # yapf: disable
    assert cfg.work_dir == 'here'
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None
    assert cfg.optim_wrapper.to_dict() == dict(
        type='AmpOptimWrapper', loss_scale='dynamic',
        optimizer=dict(type='Adam', lr=0.5))  # yapf: disable
    assert cfg.auto_scale_lr.enable
    assert cfg.default_hooks.visualization == dict(
        type='VideoVisualizationHook', enable=True, show=True,
        out_dir='pictures', interval=3, wait_time=2)  # yapf: disable


def test_flags_of_testing(merge, tmp_path):
    cfg = config()
    cfg.resume = True
    cfg = merge('test', '--dump', tmp_path / 'new/predictions.pkl', cfg=cfg)
    assert cfg.load_from == 'best.pth' and cfg.resume is False
    assert cfg.work_dir == './work_dirs/some'
    metric, dump = cfg.test_evaluator
    assert metric.type == 'GroupPCKAccuracy' and dump.type == 'DumpResults'
    # under another name until it is complete
    assert dump.out_file_path != str(tmp_path / 'new/predictions.pkl')
    assert os.path.dirname(dump.out_file_path) == str(tmp_path / 'new')


@pytest.mark.parametrize('flags, drop, word', [
    ('--auto-scale-lr', 'auto_scale_lr', 'base_batch_size'),
    ('--show-dir x', 'default_hooks', 'VideoVisualizationHook'),
    ('--resume nothing.pth', None, 'nothing.pth'),
    # without a GPU
    ('--launcher slurm', None, 'dist_train.sh'),
])
def test_training_is_refused(flags, drop, word, merge, monkeypatch):
    monkeypatch.setattr('projects.temporal_corr.engine.launch.get_device',
                        lambda: 'cpu')
    cfg = config()
    cfg.pop(drop, None)
    with pytest.raises(SystemExit, match=word):
        merge('train', *flags.split(), cfg=cfg)


@pytest.mark.parametrize('argv, word', [
    (['nothing.py', 'x.pth'], 'no config nothing.py'),
    (['x.pth', 'setup.py'], 'swapped'),
    (['x'], 'no released model x'),
    # the checkpoint may come behind flags
    (['setup.py', '--interval', '2', 'nothing.pth'],
     'no checkpoint nothing.pth'),
    (['setup.py'], 'no checkpoint given'),
    (['setup.py', 'x.pth', '--interval', '0'], '2'),
    (['setup.py', 'x.pth', '--out', 'x.txt'], '2'),
    (['setup.py', 'x.pth', '--dump', 'x.json'], '2'),
])  # yapf: disable
def test_testing_is_refused(argv, word, tool, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['test.py', *argv])
    with pytest.raises(SystemExit, match=word):
        tool('test').main()


@pytest.mark.parametrize('name', ['train', 'test'])
def test_the_guard_is_always_there_and_no_workers_are_none(name, merge):
    """Also if a config replaces the list of hooks; and PyTorch refuses
    options of workers where there are none."""
    cfg = config()
    cfg.custom_hooks = [dict(type='EMAHook')]
    loader = dict(num_workers=2, persistent_workers=True, prefetch_factor=4)
    cfg.train_dataloader, cfg.test_dataloader = loader, loader
    flags = '--cfg-options', 'train_dataloader.num_workers=0'
    for _ in range(2):
        cfg = merge(name, *flags, cfg=cfg)
        assert [hook.type for hook in cfg.custom_hooks
                ] == ['EMAHook', 'mmpose.CheckpointGuardHook']
        assert cfg.train_dataloader == dict(num_workers=0)
        assert cfg.test_dataloader == loader


# --- --resume -----------------------------------------------------------


@pytest.fixture
def checkpoint(tmp_path):
    """A complete one, and a pointer to another that is not there."""
    path = tmp_path / 'run/epoch_3.pth'
    path.parent.mkdir()
    torch.save(
        dict(state_dict=dict(weight=torch.ones(1)), optimizer={},
             message_hub={}, meta=dict(epoch=3, iter=30)), path)
    (tmp_path / 'run/last_checkpoint').write_text('/gone/epoch_4.pth')
    return str(path)


def test_resume_goes_before_load_from(checkpoint, merge):
    """Also before one given by --cfg-options, from the first start; from
    where the hook saves; or from a path."""
    work_dir = os.path.dirname(checkpoint)
    saved_elsewhere = config()
    saved_elsewhere.default_hooks.checkpoint.out_dir = os.path.dirname(
        work_dir)
    for cfg, flags in (
        (config(), ['--work-dir', work_dir, '--resume', '--cfg-options',
                    'load_from=single.pth']),
        (config(), ['--resume', checkpoint]),
        (saved_elsewhere, ['--work-dir', 'elsewhere/run/', '--resume']),
    ):  # yapf: disable
        cfg = merge('train', *flags, cfg=cfg)
        assert cfg.resume is True and cfg.load_from == checkpoint


def test_resume_with_nothing_there(tmp_path, merge, capsys):
    """A start; but weights alone, whose schedule would begin again without
    a word, are refused."""
    cfg = merge('train', '--work-dir', tmp_path, '--resume')
    assert cfg.resume is False and cfg.load_from == 'single.pth'
    assert 'starting from single.pth' in capsys.readouterr().out
    path = tmp_path / 'best_Mean_epoch_3.pth'
    torch.save(dict(state_dict=dict(w=torch.ones(1)), message_hub={}), path)
    with pytest.raises(RuntimeError, match='no optimizer.*epoch_\\*.pth'):
        merge('train', '--resume', path)


@pytest.mark.parametrize('train_cfg, word', [
    (dict(by_epoch=True, max_epochs=3), 'train_cfg.max_epochs'),
    (dict(type='IterBasedTrainLoop', max_iters=30), 'train_cfg.max_iters'),
    (dict(by_epoch=True, max_epochs=4), None),
])
@pytest.mark.parametrize('auto', [True, False])
def test_resume_of_what_is_finished(train_cfg, word, auto, checkpoint, merge,
                                    capsys):
    cfg = config()
    cfg.train_cfg = train_cfg
    flags = ['--work-dir', os.path.dirname(checkpoint), '--resume']
    flags += [] if auto else [checkpoint]
    if word is None:
        assert merge('train', *flags, cfg=cfg).resume
        return
    with pytest.raises(SystemExit) as error:
        merge('train', *flags, cfg=cfg)
    # a script that always passes --resume goes on
    assert (error.value.code == 0) == auto
    assert word in capsys.readouterr().out + str(error.value.code)


def test_a_missing_start_is_told_at_once(tool, tmp_path, monkeypatch):
    check = tool('train').check_start
    with pytest.raises(SystemExit, match='load_from=None'):
        check(Config(dict(load_from='missing.pth')), 'penn.py')
    # as the loader, which expands the home folder
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'start.pth').touch()
    for start in (None, 'https://a/b.pth', '~/start.pth'):
        check(Config(dict(load_from=start)), 'penn.py')


# --- files by name ------------------------------------------------------


def test_files_from_any_folder(tool, tmp_path, repo_root, monkeypatch):
    """One's own go before those of the repository and of a release."""
    monkeypatch.chdir(tmp_path)
    module = tool('repo_path')
    find, model_files = module.config_path, module.model_files
    assert os.path.samefile(find('setup.py'), repo_root / 'setup.py')
    (tmp_path / 'setup.py').write_text('')
    assert find('setup.py') == 'setup.py'
    config, checkpoint = model_files('movenet-lightning', None)
    assert os.path.isfile(config) and os.path.isfile(checkpoint)
    (tmp_path / 'own.pth').touch()
    assert model_files('movenet-lightning', 'own.pth') == (config, 'own.pth')


def test_another_projects_package_is_named(repo_root, tmp_path):
    (tmp_path / 'projects').mkdir()
    (tmp_path / 'projects/__init__.py').touch()
    result = run([sys.executable, 'tools/repo_path.py'], repo_root,
                 PYTHONPATH=tmp_path)
    assert result.returncode == 1
    assert f"named 'projects' wins: {tmp_path}/projects" in result.stderr


# --- scripts ------------------------------------------------------------


@pytest.mark.parametrize('script, words', [
    ('slurm_train.sh', ['train.py', 'c.py', '--work-dir=w']),
    ('slurm_test.sh', ['test.py', 'c.py', 'w'])
])
def test_slurm_command(script, words, repo_root, tmp_path):
    """What srun would be called with; without arguments how it is used."""
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    command = [repo_root / 'tools' / script, 'gpu', 'my job', 'c.py', 'w',
               '--cfg-options', 'a=[1, 2]']  # yapf: disable
    result = run(command, tmp_path, PATH=f'{tmp_path}:{os.environ["PATH"]}',
                 GPUS=16, SRUN_ARGS='--time=1:00 --qos=low')
    called = [word.replace(f'{repo_root}/tools/', '')
              for word in result.stdout.splitlines()]
    assert set(called) >= {
        *words, '--job-name=my job', '--ntasks=16', '--qos=low',
        '--launcher=slurm', 'a=[1, 2]'}  # yapf: disable
    result = run(command[:1], tmp_path)
    assert result.returncode == 2 and 'usage:' in result.stderr


@pytest.mark.parametrize('launcher, own, expected', [
    ('slurm', None, '8'), ('mpi', None, '8'), ('none', None, None),
    ('slurm', '4', '4')  # torchrun's counts
])  # yapf: disable
def test_configs_know_the_number_of_processes(launcher, own, expected,
                                              monkeypatch):
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    for name, value in dict(WORLD_SIZE=own, SLURM_NTASKS='8',
                            OMPI_COMM_WORLD_SIZE='8').items():
        if value:
            monkeypatch.setenv(name, value)
    announce_world_size(launcher)
    assert os.environ.get('WORLD_SIZE') == expected
    os.environ.pop('WORLD_SIZE', None)


# --- runs ---------------------------------------------------------------


def keypoints(path):
    """Those of a dump by video and frame, each once, and their scores."""
    with open(path, 'rb') as file:  # our own file
        samples = pickle.load(file)
    found = {(x['video_id'], x['frame_index']): x['pred_instances']
             for x in samples}  # yapf: disable
    assert len(found) == len(samples) == 5 + 3 + 7 + 1 + 4
    return [np.stack([found[key][name][0] for key in sorted(found)])
            for name in ('keypoints', 'keypoint_scores')]  # yapf: disable


@pytest.mark.slow
def test_two_processes_on_a_cpu(repo_root, run_launcher, tiny_config,
                                tiny_jhmdb, tmp_path):
    """Train on two, test on two and on one, however the videos are spread
    over lanes: the same result to a digit. From another folder; five videos
    of unequal length."""

    def script(name, *arguments):
        result = run([repo_root / 'tools' / name, *arguments], tmp_path,
                     OMP_NUM_THREADS=1, CUDA_VISIBLE_DEVICES='',
                     PYTHON=sys.executable)  # yapf: disable
        output = result.stdout + result.stderr
        assert result.returncode == 0, output[-3000:]
        return output

    # The port that torchrun takes if nothing is said is somebody else's.
    other = socket.socket()
    try:
        other.bind(('', 29500))
        other.listen()
    except OSError:
        pass  # it is somebody else's
    log = script('dist_train.sh', tiny_config, 2, '--work-dir', 'run',
                 '--no-validate', '--cfg-options', 'train_cfg.max_epochs=1')
    # 20 frames on 2 processes in batches of 4
    assert 'Epoch(train) [1][3/3]' in log
    checkpoint = tmp_path / 'run/epoch_1.pth'
    content = torch.load(checkpoint)
    for name, value in content['state_dict'].items():
        if name.startswith('head') and name.endswith(('weight', 'bias')):
            torch.nn.init.normal_(value, std=0.1)  # looks at the maps
    torch.save(content, checkpoint)

    files = [tiny_config, checkpoint, '--work-dir', tmp_path / 'test']

    def options(lanes, batch_size):
        return [f'test_dataloader.sampler.lanes={lanes}',
                f'test_dataloader.batch_size={batch_size}',
                'model.test_cfg.flip_test=True']

    # Batches that hold one video twice.
    script('dist_test.sh', *files[:2], 2, *files[2:], '--out', 'two.json',
           '--dump', 'two.pkl', '--cfg-options', *options(2, 3))
    other.close()

    def test(name, *more):
        run_launcher('tools/test.py', *files, '--out',
                     tmp_path / f'{name}.json', '--dump',
                     tmp_path / f'{name}.pkl', options=more)
        return json.loads((tmp_path / f'{name}.json').read_text())

    one = test('one', *options(1, 1))
    log = next(tmp_path.glob('test/*/*.log')).read_text()
    assert 'trained on 5 of the 5 test videos' in log
    assert json.loads((tmp_path / 'two.json').read_text()) == one
    # More lanes than videos.
    assert test('lanes', *options(8, 8)) == one
    test('alone', *options(4, 4), 'model.test_cfg.memory.policy=none')
    expected, scores = keypoints(tmp_path / 'one.pkl')
    for name in ('two', 'lanes'):
        found, their_scores = keypoints(tmp_path / f'{name}.pkl')
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(their_scores, scores, rtol=1e-5)
    # The model would tell: without memory it predicts otherwise.
    alone, _ = keypoints(tmp_path / 'alone.pkl')
    assert (alone != expected).any(axis=(1, 2)).sum() > 5
    assert not list(tmp_path.glob('.incomplete*'))

    # what was tested, and that the tiny data set trains on its test videos
    videos = [f'Rename_Images/act/clip{i}' for i in range(1, 6)]
    assert one['run'] == dict(
        config=str(tiny_config),
        checkpoint=str(checkpoint),
        ann_file=str(tiny_jhmdb / 'annotations/Sub1_test.json'),
        test_videos=videos,
        train_videos=videos,
        frame_stride=1,
        indices=None,
        num_frames=20)
    # the dump gives the same result
    with open(tmp_path / 'one.pkl', 'rb') as file:
        hits = [np.linalg.norm(
            sample['pred_instances']['keypoints'][0] -
            sample['gt_instances']['keypoints'][0], axis=-1) <=
            0.2 * np.max(sample['gt_instances']['bbox_size'])
            for sample in pickle.load(file)]  # yapf: disable
    assert np.mean(hits) == pytest.approx(one['Pooled'])
