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


@pytest.fixture(scope='module')
def models(tiny_config, tmp_path_factory):
    """Config and checkpoint of two variants, with random weights."""
    root = tmp_path_factory.mktemp('models')
    init_default_scope('mmpose')
    found = {}
    for name, temporal in dict(
            single=None, ours=dict(type='ExemplarCorrelation')).items():
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
    """Runs the tool; returns its folder and the rates that were tested."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    out = tmp_path / 'out'

    def run(names, strides, *options, fail_at=None):
        argv = ['--out', out, '--strides', *strides]
        for name in names:
            argv += ['--model', name, *models[name]]
        tested = []

        class TestRun:
            """Gives numbers that say where they come from."""
            __test__ = False

            def __init__(self, cfg):
                self.stride = cfg.test_dataloader.dataset.frame_stride

            @classmethod
            def from_cfg(cls, cfg):
                return cls(cfg)

            def test(self):
                if fail_at == self.stride:
                    raise KeyboardInterrupt
                tested.append(self.stride)
                return {name: .9 - self.stride / 100
                        for name in ('Mean', 'Wri')}

            def describe_test(self, _):
                return dict(ann_file='annotations/Sub1_test.json',
                            test_videos=['a', 'b'], train_videos=['b'],
                            num_frames=60 // self.stride)  # yapf: disable

        monkeypatch.setattr(frame_stride, 'Runner', TestRun)
        monkeypatch.setattr(frame_stride, 'trained_videos_hook', lambda x: x)
        frame_stride.main([*map(str, argv), *options])
        return out, tested

    return run


def test_equals_a_run_at_that_stride(models, tmp_path, monkeypatch,
                                     tiny_jhmdb):
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    config, checkpoint = models['ours']
    frame_stride.main(['--model', 'ours', config, checkpoint, '--strides',
                       '3', '--out', str(tmp_path)])
    content = json.loads((tmp_path / 'frame_stride.json').read_text())
    found = content['rows'][0]['seeds']['0']
    # The five tiny videos have 5, 3, 7, 1 and 4 frames.
    for stride, frames in {1: 20, 3: 2 + 1 + 3 + 1 + 2}.items():
        cfg = Config.fromfile(config)
        cfg.test_dataloader.dataset.frame_stride = stride
        cfg.update(load_from=checkpoint, work_dir=str(tmp_path / 'other'),
                   experiment_name=f'other_{stride}')
        expected = Runner.from_cfg(cfg).test()
        assert found['strides'][str(stride)] == dict(
            expected, num_frames=frames)
    assert found['tested'] == dict(
        ann_file='Sub1_test.json', videos=5, frames=20, leaked_videos=1,
        thr=0.2)  # yapf: disable


def test_files(call):
    out, tested = call(['single', 'ours'], [3, 2])
    assert tested == [1, 2, 3, 1, 2, 3]
    text = (out / 'frame_stride.md').read_text()
    assert text.startswith('PCK@0.2 in percent on 2 videos, 60 frames')
    assert '| rate | 1 | 2 | 3 |' in text
    assert '| ours | 89.0 | 88.0 | 87.0 |' in text
    assert 'Trained on test videos' in text and 'single on 1, ours' in text
    assert (out / 'frame_stride.png').stat().st_size > 1000


def test_what_is_finished_is_not_run_again(call, models):
    with pytest.raises(KeyboardInterrupt):
        call(['single'], [1, 2, 3], fail_at=3)
    assert call(['single'], [1, 2, 3])[1] == [3]
    out, tested = call(['ours'], [1, 2])
    assert tested == [1, 2] and 'single' not in (
        out / 'frame_stride.md').read_text().splitlines()[-2]
    assert call(['single', 'ours'], [1, 2])[1] == []
    # Another config or checkpoint is.
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
    for names, strides in ((['single', 'single'], [1]), (['single'], [0])):
        with pytest.raises(SystemExit):
            call(names, strides)
    with pytest.raises(FileNotFoundError, match='nothing.pth'):
        call([], [1], '--model', 'x', models['single'][0], 'nothing.pth')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/frame_stride.json').write_text('{"models"')
    with pytest.raises(ValueError, match='frame_stride.json is no file of'):
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
