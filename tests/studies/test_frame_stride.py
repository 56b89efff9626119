# Copyright (c) temporal_corr authors. All rights reserved.
"""PCK against the temporal downsampling rate is what tools/test.py gives."""
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from studies import frame_stride


@pytest.fixture
def models(tiny_model_files):
    """Config and checkpoint of two variants, with random weights."""
    found = {}
    for name, temporal in dict(single=None, ours='correlation').items():
        config, checkpoint = tiny_model_files(temporal)
        with open(config, 'a') as file:
            file.write('test_dataloader = dict(num_workers=0)\n')
        content = dict(torch.load(checkpoint), meta=dict(
            train_videos=['Rename_Images/act/clip2']))
        torch.save(content, checkpoint)
        found[name] = [config, checkpoint]
    return found


@pytest.fixture
def call(models, monkeypatch, tmp_path):
    """Runs the tool; returns its folder and the rates that were tested."""
    out = tmp_path / 'out'

    def run(names, strides, *options, fail_at=None):
        argv = ['--out', out, '--strides', *strides]
        for name in names:
            argv += ['--model', name, *models[name]]
        tested = []

        class TestRun:
            """Gives numbers that say where they come from."""
            __test__ = False

            @classmethod
            def from_cfg(cls, cfg):
                run = cls()
                run.stride = cfg.test_dataloader.dataset.frame_stride
                return run

            def test(self):
                if fail_at == self.stride:
                    raise KeyboardInterrupt
                tested.append(self.stride)
                return dict(Mean=.9 - self.stride / 100)

            def describe_test(self, _):
                return dict(ann_file='annotations/Sub1_test.json',
                            test_videos=['a', 'b'], train_videos=['b'],
                            num_frames=60 // self.stride)  # yapf: disable

        monkeypatch.setattr(frame_stride, 'Runner', TestRun)
        monkeypatch.setattr(frame_stride, 'trained_videos_hook', lambda x: x)
        frame_stride.main([*map(str, argv), *options])
        return out, tested

    return run


def test_equals_a_run_at_that_stride(models, tmp_path):
    config, checkpoint = models['ours']
    frame_stride.main(['--model', 'ours', config, checkpoint, '--strides',
                       '3', '--out', str(tmp_path)])
    content = json.loads((tmp_path / 'frame_stride.json').read_text())
    found = content['rows'][0]['seeds']['0']
    # The five tiny videos have 5, 3, 7, 1 and 4 frames.
    for stride, frames in {1: 20, 3: 2 + 1 + 3 + 1 + 2}.items():
        cfg = Config.fromfile(config)
        cfg.test_dataloader.dataset.frame_stride = stride
        cfg.test_dataloader.persistent_workers = False
        cfg.update(load_from=checkpoint, work_dir=str(tmp_path / 'other'),
                   experiment_name=f'other_{stride}')
        expected = Runner.from_cfg(cfg).test()
        assert found['strides'][str(stride)] == dict(
            expected, num_frames=frames)
    assert found['tested'] == dict(
        ann_file='Sub1_test.json', videos=5, frames=20, leaked_videos=1,
        thr=0.2)  # yapf: disable


def test_what_is_finished_is_not_run_again(call, models):
    with pytest.raises(KeyboardInterrupt):
        call(['single'], [2, 3], fail_at=3)
    assert call(['single'], [2, 3])[1] == [3]
    out, tested = call(['ours'], [2])
    assert tested == [1, 2]
    # What is shown are the models that were given.
    text = (out / 'frame_stride.md').read_text()
    assert text.startswith('PCK@0.2 in percent on 2 videos, 60 frames')
    assert '| rate | 1 | 2 |' in text
    assert '| ours | 89.0 | 88.0 |' in text
    assert 'Trained on test videos' in text and 'ours on 1.' in text
    assert '| single |' not in text
    assert (out / 'frame_stride.png').stat().st_size > 1000
    assert call(['single', 'ours'], [2])[1] == []
    # Another config or checkpoint is.
    option = ['--cfg-options', 'model.test_cfg.flip_test=True']
    assert call(['single'], [1], *option)[1] == [1]
    assert call(['single'], [1], *option)[1] == []
    checkpoint = models['single'][1]
    torch.save(dict(torch.load(checkpoint), other=1), checkpoint)
    assert call(['single'], [1], *option)[1] == [1]


@pytest.mark.parametrize('dataset, error, word', [
    ('indices=5', ValueError, 'single and other are tested on different'),
    ("type='CocoDataset'", TypeError, 'frame_stride'),
])
def test_other_data(call, models, tmp_path, dataset, error, word):
    config = tmp_path / 'other.py'
    config.write_text(f"_base_ = '{models['single'][0]}'\n"
                      f'test_dataloader = dict(dataset=dict({dataset}))\n')
    with pytest.raises(error, match=word):
        call(['single'], [1], '--model', 'other', str(config),
             models['single'][1])


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
