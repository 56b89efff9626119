# Copyright (c) temporal_corr authors. All rights reserved.
"""tools/train.py, tools/test.py and the scripts that start them."""
import importlib
import json
import math
import os
import pickle
import shutil
import socket
import subprocess
import sys
from argparse import Namespace

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


def arguments(**changes):
    options = dict(
        config='configs/some.py',
        checkpoint='best.pth',
        work_dir=None,
        resume=None,
        amp=False,
        no_validate=False,
        auto_scale_lr=False,
        show=False,
        show_dir=None,
        interval=1,
        wait_time=1,
        cfg_options={},
        launcher='none',
        out=None,
        dump=None)
    assert set(changes) <= set(options)
    return Namespace(**dict(options, **changes))


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


class TestTrainFlags:

    @pytest.mark.parametrize('flags, expected', [
        pytest.param({}, dict(work_dir='./work_dirs/some', resume=False,
                              load_from='single.pth'),
                     id='work directory named like the config'),
        pytest.param(dict(work_dir='here'), dict(work_dir='here'),
                     id='--work-dir'),
        pytest.param(dict(no_validate=True),
                     dict(val_cfg=None, val_dataloader=None,
                          val_evaluator=None), id='--no-validate'),
        pytest.param(dict(amp=True),
                     {'optim_wrapper.type': 'AmpOptimWrapper',
                      'optim_wrapper.loss_scale': 'dynamic'}, id='--amp'),
        pytest.param(dict(auto_scale_lr=True), {'auto_scale_lr.enable': True},
                     id='--auto-scale-lr'),
        pytest.param(dict(show_dir='pictures', interval=3),
                     {'default_hooks.visualization.enable': True,
                      'default_hooks.visualization.out_dir': 'pictures',
                      'default_hooks.visualization.interval': 3},
                     id='--show-dir'),
        pytest.param(dict(show=True, wait_time=2),
                     {'default_hooks.visualization.show': True,
                      'default_hooks.visualization.wait_time': 2},
                     id='--show'),
        pytest.param(dict(cfg_options={'optim_wrapper.optimizer.lr': .5}),
                     {'optim_wrapper.optimizer.lr': .5}, id='--cfg-options'),
    ])  # yapf: disable
    def test_merged(self, flags, expected, tool, monkeypatch):
        monkeypatch.setattr(
            'projects.temporal_corr.engine.launch.can_open_windows',
            lambda: True)
        cfg = tool('train').merge_args(config(), arguments(**flags))
        for name, value in expected.items():
            node = cfg
            for key in name.split('.'):
                node = node[key]
            assert node == value, name

    @pytest.mark.parametrize('flags, drop, word', [
        pytest.param(dict(auto_scale_lr=True), 'auto_scale_lr',
                     'base_batch_size', id='nothing to scale by'),
        pytest.param(dict(show_dir='x'), 'default_hooks',
                     'VideoVisualizationHook', id='no hook to draw'),
        pytest.param(dict(resume='nothing.pth'), None, 'nothing.pth',
                     id='no such checkpoint'),
        pytest.param(dict(launcher='slurm'), None, 'dist_train.sh',
                     id='Slurm without a GPU'),
    ])  # yapf: disable
    def test_refused(self, flags, drop, word, tool, monkeypatch):
        monkeypatch.setattr('projects.temporal_corr.engine.launch.get_device',
                            lambda: 'cpu')
        cfg = config()
        if drop:
            cfg.pop(drop)
        with pytest.raises(SystemExit, match=word):
            tool('train').merge_args(cfg, arguments(**flags))

    @pytest.fixture
    def work_dir(self, tmp_path):
        complete = dict(
            state_dict=dict(weight=torch.ones(1)),
            optimizer={},
            meta={},
            message_hub={})
        torch.save(complete, tmp_path / 'epoch_3.pth')
        (tmp_path / 'last_checkpoint').write_text('/gone/epoch_4.pth')
        return tmp_path

    def test_resume_goes_before_load_from(self, work_dir, tool):
        """Also before one given by --cfg-options, from the first start."""
        cfg = tool('train').merge_args(
            config(),
            arguments(
                work_dir=str(work_dir),
                resume='auto',
                cfg_options=dict(load_from='single.pth')))
        assert cfg.resume is True
        assert cfg.load_from == str(work_dir / 'epoch_3.pth')

    def test_resume_with_nothing_there_is_a_start(self, tmp_path, tool,
                                                  capsys):
        cfg = tool('train').merge_args(
            config(), arguments(work_dir=str(tmp_path), resume='auto'))
        assert cfg.resume is False and cfg.load_from == 'single.pth'
        assert 'starting from single.pth' in capsys.readouterr().out

    def test_resume_of_a_path(self, work_dir, tool):
        path = str(work_dir / 'epoch_3.pth')
        cfg = tool('train').merge_args(config(), arguments(resume=path))
        assert cfg.resume is True and cfg.load_from == path

    def test_resume_of_weights_alone_is_refused(self, work_dir, tool):
        """Their schedule would begin again without a word."""
        path = work_dir / 'best_Mean_epoch_3.pth'
        torch.save(
            dict(
                state_dict=dict(weight=torch.ones(1)), meta={},
                message_hub={}), path)  # yapf: disable
        with pytest.raises(RuntimeError, match='no optimizer.*epoch_\\*.pth'):
            tool('train').merge_args(config(), arguments(resume=str(path)))

    @pytest.mark.parametrize('train_cfg, done, words', [
        (dict(by_epoch=True, max_epochs=3), dict(epoch=3, iter=30),
         'raise train_cfg.max_epochs'),
        (dict(type='IterBasedTrainLoop', max_iters=30),
         dict(epoch=0, iter=30), 'raise train_cfg.max_iters'),
        (dict(by_epoch=True, max_epochs=4), dict(epoch=3, iter=30), None),
    ])  # yapf: disable
    @pytest.mark.parametrize('auto', [True, False])
    def test_resume_of_what_is_finished(self, train_cfg, done, words, auto,
                                        work_dir, tool, capsys):
        path = work_dir / 'epoch_3.pth'
        torch.save(dict(torch.load(path), meta=done), path)
        cfg = config()
        cfg.train_cfg = train_cfg
        flags = arguments(
            work_dir=str(work_dir), resume='auto' if auto else str(path))
        if words is None:
            assert tool('train').merge_args(cfg, flags).resume
            return
        with pytest.raises(SystemExit) as error:
            tool('train').merge_args(cfg, flags)
        # a script that always passes --resume goes on
        assert error.value.code == 0 if auto else words in error.value.code
        assert not auto or words in capsys.readouterr().out

    @pytest.mark.parametrize('name', ['train', 'test'])
    def test_the_guard_is_always_there(self, name, tool):
        """Also if a config replaces the list of hooks."""
        cfg = config()
        cfg.custom_hooks = [dict(type='EMAHook')]
        cfg = tool(name).merge_args(cfg, arguments())
        assert [hook.type for hook in cfg.custom_hooks
                ] == ['EMAHook', 'mmpose.CheckpointGuardHook']
        assert len(tool(name).merge_args(cfg, arguments()).custom_hooks) == 2

    def test_no_workers(self, tool):
        """PyTorch refuses options of workers where there are none."""
        cfg = config()
        loader = dict(
            num_workers=2, persistent_workers=True, prefetch_factor=4)
        cfg.train_dataloader, cfg.test_dataloader = loader, loader
        cfg = tool('train').merge_args(
            cfg, arguments(cfg_options={'train_dataloader.num_workers': 0}))
        assert cfg.train_dataloader == dict(num_workers=0)
        assert cfg.test_dataloader == loader

    def test_resume_looks_where_the_hook_saves(self, work_dir, tool,
                                               tmp_path_factory):
        out_dir = tmp_path_factory.mktemp('out')
        shutil.copytree(work_dir, out_dir / 'run')
        cfg = config()
        cfg.default_hooks.checkpoint.out_dir = str(out_dir)
        cfg = tool('train').merge_args(
            cfg, arguments(work_dir='elsewhere/run/', resume='auto'))
        assert cfg.load_from == str(out_dir / 'run' / 'epoch_3.pth')


class TestTestFlags:

    def test_merged(self, tool, tmp_path):
        cfg = config()
        cfg.resume = True
        cfg = tool('test').merge_args(
            cfg, arguments(dump=tmp_path / 'new' / 'predictions.pkl'))
        assert cfg.load_from == 'best.pth' and cfg.resume is False
        assert cfg.work_dir == './work_dirs/some'
        metric, dump = cfg.test_evaluator
        assert metric.type == 'GroupPCKAccuracy'
        assert dump.type == 'DumpResults'
        # under another name until it is complete
        assert dump.out_file_path != str(tmp_path / 'new/predictions.pkl')
        assert os.path.dirname(dump.out_file_path) == str(tmp_path / 'new')

    @pytest.mark.parametrize('argv, word', [
        (['nothing.py', 'x.pth'], 'there is no config nothing.py'),
        (['setup.py', 'nothing.pth'], 'there is no checkpoint nothing.pth'),
        (['x.pth', 'setup.py'], 'x.pth is no config (.py): were the config'),
        (['setup.py', 'x.pth', '--out', 'x.txt'], 2),
        (['setup.py', 'x.pth', '--dump', 'x.json'], 2),
    ], ids=['config', 'checkpoint', 'swapped', 'kind of --out',
            'kind of --dump'])
    def test_refused(self, argv, word, tool, monkeypatch):
        monkeypatch.setattr(sys, 'argv', ['test.py', *argv])
        with pytest.raises(SystemExit) as error:
            tool('test').main()
        assert (error.value.code == word
                if isinstance(word, int) else word in error.value.code)


def test_config_of_the_repository_from_any_folder(tool, tmp_path, repo_root,
                                                  monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tool('repo_path').config_path('setup.py')
    assert os.path.samefile(path, repo_root / 'setup.py')
    (tmp_path / 'setup.py').write_text('')
    assert tool('repo_path').config_path('setup.py') == 'setup.py'


def test_released_models_by_name(tool, tmp_path, monkeypatch):
    """From any folder; a checkpoint of one's own goes before."""
    monkeypatch.chdir(tmp_path)
    model_files = tool('repo_path').model_files
    config, checkpoint = model_files('movenet-lightning', None)
    assert os.path.isfile(config) and os.path.isfile(checkpoint)
    (tmp_path / 'own.pth').touch()
    assert model_files('movenet-lightning', 'own.pth') == (config, 'own.pth')
    with pytest.raises(SystemExit, match='no released model x.*thunder'):
        model_files('x', None)
    with pytest.raises(SystemExit, match='no checkpoint given'):
        model_files(config, None)


def test_a_folder_is_named_once(tool, repo_root, monkeypatch):
    monkeypatch.chdir(repo_root)
    with pytest.raises(SystemExit) as error:
        tool('repo_path').config_path('nothing.py')
    assert error.value.code.count(str(repo_root)) == 1


def test_another_projects_package_is_named(repo_root, tmp_path):
    (tmp_path / 'projects').mkdir()
    (tmp_path / 'projects' / '__init__.py').write_text('')
    result = subprocess.run([sys.executable, 'tools/repo_path.py'],
                            cwd=repo_root,
                            env=dict(os.environ, PYTHONPATH=str(tmp_path)),
                            capture_output=True,
                            text=True)
    assert result.returncode == 1
    assert f"named 'projects' wins: {tmp_path}/projects" in result.stderr


@pytest.mark.parametrize('script', [
    'dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'])
def test_scripts_say_how_they_are_called(script, repo_root):
    result = subprocess.run([repo_root / 'tools' / script],
                            capture_output=True,
                            text=True)
    assert result.returncode == 2
    assert 'usage:' in result.stderr and script in result.stderr


def test_slurm_command(repo_root, tmp_path):
    """What srun would be called with."""
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    env = dict(
        os.environ,
        PATH=f'{tmp_path}:{os.environ["PATH"]}',
        GPUS='16',
        SRUN_ARGS='--time=1:00 --qos=low')
    result = subprocess.run(
        [repo_root / 'tools/slurm_train.sh', 'gpu', 'my job', 'c.py', 'wd',
         '--cfg-options', 'a=[1, 2]'],
        env=env, capture_output=True, text=True, check=True)
    words = result.stdout.splitlines()
    for word in ('--job-name=my job', '--ntasks=16', '--qos=low',
                 '--launcher=slurm', '--work-dir=wd', 'a=[1, 2]'):
        assert word in words, word


@pytest.mark.parametrize('launcher, name', [
    ('slurm', 'SLURM_NTASKS'), ('mpi', 'OMPI_COMM_WORLD_SIZE')])
def test_configs_know_the_number_of_processes(launcher, name, monkeypatch):
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    monkeypatch.setenv(name, '8')
    announce_world_size('none')
    assert 'WORLD_SIZE' not in os.environ
    announce_world_size(launcher)
    assert os.environ['WORLD_SIZE'] == '8'
    monkeypatch.setenv('WORLD_SIZE', '4')  # torchrun's own counts
    announce_world_size(launcher)
    assert os.environ['WORLD_SIZE'] == '4'


@pytest.mark.parametrize('start', ['missing.pth', None, 'https://a/b.pth'])
def test_a_missing_start_is_told_at_once(start, tool):
    train = tool('train')
    if start == 'missing.pth':
        with pytest.raises(SystemExit, match='load_from=None'):
            train.check_start(Config(dict(load_from=start)), 'penn.py')
    else:
        train.check_start(Config(dict(load_from=start)), 'penn.py')


def test_a_start_in_the_home_folder_is_there(tool, tmp_path, monkeypatch):
    """As the loader, which expands it."""
    monkeypatch.setenv('HOME', str(tmp_path))
    (tmp_path / 'start.pth').touch()
    tool('train').check_start(Config(dict(load_from='~/start.pth')), 'penn.py')


def run(command, cwd, env):
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True)
    output = result.stdout + result.stderr
    assert result.returncode == 0, output[-3000:]
    return output


def test_two_processes_on_a_cpu(repo_root, tiny_config, tiny_jhmdb, tmp_path):
    """Train on two, test on two and on one: the same result to a digit.

    From another folder; five videos of unequal length.
    """
    env = dict(
        os.environ,
        JHMDB_ROOT=str(tiny_jhmdb),
        OMP_NUM_THREADS='1',
        CUDA_VISIBLE_DEVICES='',
        PYTHON=sys.executable)
    tools = repo_root / 'tools'
    # The port that torchrun takes if nothing is said is somebody else's.
    other = socket.socket()
    try:
        other.bind(('', 29500))
        other.listen()
    except OSError:
        pass  # it is somebody else's
    log = run([
        tools / 'dist_train.sh', tiny_config, 2, '--work-dir', 'run',
        '--no-validate', '--cfg-options', 'train_cfg.max_epochs=1'
    ], tmp_path, env)
    # 20 frames on 2 processes in batches of 4
    assert 'Epoch(train) [1][3/3]' in log
    checkpoint = tmp_path / 'run' / 'epoch_1.pth'

    run([
        tools / 'dist_test.sh', tiny_config, checkpoint, 2, '--out',
        'two.json'
    ], tmp_path, env)
    other.close()
    log = run([
        sys.executable, tools / 'test.py', tiny_config, checkpoint, '--out',
        'one.json', '--dump', 'one.pkl'
    ], tmp_path, env)
    one = json.loads((tmp_path / 'one.json').read_text())
    assert json.loads((tmp_path / 'two.json').read_text()) == one
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
    assert 'trained on 5 of the 5 test videos' in log
    assert not list(tmp_path.glob('.incomplete*'))

    # the dump holds every frame once, and gives the same result
    with open(tmp_path / 'one.pkl', 'rb') as file:
        frames = pickle.load(file)
    assert len({(f['video_id'], f['frame_index']) for f in frames}) == 20
    hits = []
    for sample in frames:
        gt = sample['gt_instances']
        reach = 0.2 * max(np.ravel(gt['bbox_size']))
        hits += [
            math.dist(p, g) <= reach
            for p, g in zip(sample['pred_instances']['keypoints'][0],
                            gt['keypoints'][0])
        ]
    assert len(hits) == 300
    assert np.mean(hits) == pytest.approx(one['Pooled'])
