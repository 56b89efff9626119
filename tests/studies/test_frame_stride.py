# Copyright (c) temporal_corr authors. All rights reserved.
"""PCK against the temporal downsampling rate is what tools/test.py gives."""
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS

import projects.temporal_corr  # noqa: F401
from studies import frame_stride

#: The five tiny videos have 5, 3, 7, 1 and 4 frames.
NUM_FRAMES = {1: 20, 2: 3 + 2 + 4 + 1 + 2, 3: 2 + 1 + 3 + 1 + 2}


@pytest.fixture(scope='module')
def models(tiny_config, tmp_path_factory):
    """Config and checkpoint of two variants, with random weights."""
    root = tmp_path_factory.mktemp('models')
    init_default_scope('mmpose')
    found = {}
    for name, temporal in dict(single=None, ours='correlation').items():
        config = root / f'{name}.py'
        config.write_text(f"""
_base_ = '{tiny_config}'
model = dict(head=dict(temporal={temporal!r}))
test_dataloader = dict(num_workers=0, persistent_workers=False)
""")
        torch.manual_seed(0)
        model = MODELS.build(Config.fromfile(config).model)
        for key, parameter in model.named_parameters():
            if 'bn' not in key and 'downsample.1' not in key:
                torch.nn.init.normal_(parameter, std=0.1)
        path = root / f'{name}.pth'
        torch.save(
            dict(
                state_dict=model.state_dict(),
                meta=dict(train_videos=['Rename_Images/act/clip2'])), path)
        found[name] = [str(config), str(path)]
    return found


@pytest.fixture
def call(models, monkeypatch, tiny_jhmdb, tmp_path):
    """Runs the tool; returns its folder and what it tested."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    out = tmp_path / 'out'

    def run(names, strides, *options, fail_at=None):
        argv = ['--out', out, '--strides', *strides]
        for name in names:
            argv += ['--model', name, *models[name]]
        tested = []

        def test(cfg, stride, work_dir):
            """Gives numbers that say where they come from."""
            if fail_at == stride:
                raise KeyboardInterrupt
            tested.append(stride)
            return dict(
                metrics=dict(Mean=.9 - stride / 100, Wri=.5),
                run=dict(ann_file='annotations/Sub1_test.json',
                         test_videos=['a', 'b'], train_videos=['b'],
                         num_frames=60 // stride))  # yapf: disable

        monkeypatch.setattr(frame_stride, 'test', test)
        frame_stride.main([*map(str, argv), *options])
        return out, tested

    return run


@pytest.mark.parametrize('name', ['single', 'ours'])
def test_equals_a_run_at_that_stride(name, models, tmp_path, monkeypatch,
                                     tiny_jhmdb):
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    config, checkpoint = models[name]
    frame_stride.main(['--model', name, config, checkpoint, '--strides', '1',
                       '3', '--out', str(tmp_path)])
    found = json.loads((tmp_path / 'frame_stride.json').read_text())
    for stride in (1, 3):
        cfg = Config.fromfile(config)
        cfg.test_dataloader.dataset.frame_stride = stride
        cfg.update(load_from=checkpoint, work_dir=str(tmp_path / 'other'),
                   experiment_name=f'{name}_{stride}')
        tested = found['models'][name]['strides'][str(stride)]
        assert tested['metrics'] == Runner.from_cfg(cfg).test()
        assert tested['run']['num_frames'] == NUM_FRAMES[stride]
        assert len(tested['run']['test_videos']) == 5


def test_files(call):
    out, tested = call(['single', 'ours'], [1, 3, 2])
    assert tested == [1, 2, 3, 1, 2, 3]
    text = (out / 'frame_stride.md').read_text()
    assert text.startswith('PCK@0.2 (Mean) in percent against the temporal '
                           'downsampling rate, on 2 videos')
    assert '| rate | 1 | 2 | 3 |' in text
    assert '| ours | 89.0 | 88.0 | 87.0 |' in text
    assert '| frames | 60 | 30 | 20 |' in text
    assert 'single was trained on 1 of these videos' in text
    assert (out / 'frame_stride.png').stat().st_size > 1000


@pytest.mark.parametrize('column, label', [
    ('Mean', 'PCK@0.2 (Mean)'),
    ('half/Wri', 'PCK@0.5 (half/Wri)'),
    ('other/Mean', 'other/Mean'),
])
def test_label_of_several_evaluators(column, label):
    """As the OpenPose configs have them; 0.2 is the default."""
    cfg = Config(
        dict(test_evaluator=[
            dict(type='GroupPCKAccuracy'),
            dict(type='GroupPCKAccuracy', prefix='half', thr=0.5),
            dict(type='GroupPCKAccuracy', thr=0.1),
            dict(type='AUC', prefix='other')
        ]))
    assert frame_stride.pck_label(cfg, column) == label


def test_what_is_finished_is_not_run_again(call):
    with pytest.raises(KeyboardInterrupt):
        call(['single'], [1, 2, 3], fail_at=3)
    out, tested = call(['single'], [1, 2, 3])
    assert tested == [3]
    assert call(['single', 'ours'], [1, 2])[1] == [1, 2]
    # another column, another plot
    assert call(['single'], [1, 2], '--column', 'Wri')[1] == []
    assert 'PCK@0.2 (Wri)' in (out / 'frame_stride.md').read_text()


def test_another_config_or_checkpoint_is_run_again(call, models):
    call(['single'], [1, 2])
    option = ['--cfg-options', 'model.test_cfg.flip_test=True']
    assert call(['single'], [1], *option)[1] == [1]
    assert call(['single'], [1], *option)[1] == []
    checkpoint = torch.load(models['single'][1])
    try:
        torch.save(dict(checkpoint, other=1), models['single'][1])
        assert call(['single'], [1], *option)[1] == [1]
    finally:
        torch.save(checkpoint, models['single'][1])


def test_refused(call, models, tmp_path):
    with pytest.raises(ValueError, match='choose --column from Mean, Wri'):
        call(['single'], [1], '--column', 'Nose')
    with pytest.raises(SystemExit):
        call(['single', 'single'], [1])
    with pytest.raises(SystemExit):
        call(['single'], [0])
    with pytest.raises(FileNotFoundError, match='nothing.pth'):
        call([], [1], '--model', 'x', models['single'][0], 'nothing.pth')
    (tmp_path / 'out/frame_stride.json').write_text('{"models"')
    with pytest.raises(ValueError, match='frame_stride.json is none of'):
        call(['single'], [1])


@pytest.mark.parametrize('dataset, error, word', [
    ('indices=5', ValueError, 'single and other are tested on different'),
    ("type='CocoDataset'", TypeError, 'CocoDataset, which has no frame'),
])
def test_other_data(call, models, tmp_path, dataset, error, word):
    config = tmp_path / 'other.py'
    config.write_text(f"_base_ = '{models['single'][0]}'\n"
                      f'test_dataloader = dict(dataset=dict({dataset}))\n')
    with pytest.raises(error, match=word):
        call(['single'], [1], '--model', 'other', str(config),
             models['single'][1])
