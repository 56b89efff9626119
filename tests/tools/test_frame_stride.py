# Copyright (c) temporal_corr authors. All rights reserved.
"""PCK against the temporal downsampling rate is what tools/test.py gives."""
import importlib
import json
import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from mmpose.registry import MODELS

import projects.temporal_corr  # noqa: F401

VARIANTS = dict(
    single=None, correlation='correlation', heatmap='heatmap', lstm='lstm')
#: The five tiny videos have 5, 3, 7, 1 and 4 frames.
NUM_FRAMES = {1: 20, 2: 3 + 2 + 4 + 1 + 2, 3: 2 + 1 + 3 + 1 + 2}


@pytest.fixture
def modules(repo_root, monkeypatch, tiny_jhmdb):
    """Tool and evaluation, as Python imports them for the tool."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    for folder in ('tools', 'tools/analysis_tools'):
        monkeypatch.syspath_prepend(str(repo_root / folder))
    return (importlib.import_module('frame_stride'),
            importlib.import_module('stride_evaluation'))


@pytest.fixture(scope='module')
def models(tiny_config, tiny_jhmdb, tmp_path_factory):
    """Config and checkpoint of each variant, with random weights."""
    root = tmp_path_factory.mktemp('models')
    init_default_scope('mmpose')
    found = {}
    for name, temporal in VARIANTS.items():
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


def config_of(model, work_dir, **options):
    cfg = Config.fromfile(model[0])
    cfg.merge_from_dict(options)
    cfg.update(load_from=model[1], work_dir=str(work_dir))
    return cfg


@pytest.mark.parametrize('name', VARIANTS)
def test_equals_a_run_at_that_stride(name, modules, models, tmp_path,
                                     monkeypatch):
    """In all columns; the model is loaded once, and one that predicts
    frames alone sees each once."""
    _, evaluation = modules
    both = dict(test_evaluator=[
        dict(type='GroupPCKAccuracy'),
        # asks which frame comes before, which depends on the stride
        dict(type='KeypointAcceleration')
    ])
    tested = evaluation.StrideEvaluation(
        config_of(models[name], tmp_path, **both))
    model, frames, loads = tested.runner.model, [], []
    test_step = model.test_step
    monkeypatch.setattr(
        model, 'test_step', lambda batch:
        (frames.extend(batch['data_samples']), test_step(batch))[1])
    load = Runner.load_checkpoint
    monkeypatch.setattr(
        Runner, 'load_checkpoint', lambda self, *args, **kwargs:
        (loads.append(self), load(self, *args, **kwargs))[1])
    found = {stride: tested.test(stride) for stride in NUM_FRAMES}
    assert len(frames) == (20 if name == 'single' else sum(
        NUM_FRAMES.values()))
    assert len(loads) == 1

    for stride, num_frames in NUM_FRAMES.items():
        option = {'test_dataloader.dataset.frame_stride': stride}
        cfg = config_of(models[name], tmp_path, **option, **both)
        expected = Runner.from_cfg(cfg).test()
        assert expected['acceleration'] > 0
        assert found[stride] == dict(expected, num_frames=num_frames), stride


def test_a_stride_whose_frames_were_not_seen_is_run(modules, models,
                                                    tmp_path):
    """With `indices` the frames of stride 2 are none of those of stride 1."""
    _, evaluation = modules
    indices = {'test_dataloader.dataset.indices': 4}
    tested = evaluation.StrideEvaluation(
        config_of(models['single'], tmp_path, **indices))
    for stride in (1, 2):
        option = {'test_dataloader.dataset.frame_stride': stride, **indices}
        expected = Runner.from_cfg(
            config_of(models['single'], tmp_path, **option)).test()
        assert tested.test(stride) == dict(expected, num_frames=4)


def test_a_crop_that_depends_on_the_stride(modules, models, tmp_path):
    """The union of the boxes that are kept: another picture."""
    _, evaluation = modules
    crop = {'test_dataloader.dataset.crop': 'video',
            'test_dataloader.dataset.pipeline.1': dict(
                type='GetCropCenterScale', padding=1.25)}  # yapf: disable
    tested = evaluation.StrideEvaluation(
        config_of(models['single'], tmp_path, **crop))
    tested.test(1)
    assert tested.kept is None


@pytest.mark.parametrize('meta_keys', [('id', ), ('video_id', )],
                         ids=['no video fields', 'not all'])
def test_frames_without_a_name_are_not_kept(modules, models, tmp_path,
                                            meta_keys):
    """A pipeline of MMPose's own: every stride is run."""
    _, evaluation = modules
    cfg = config_of(models['single'], tmp_path)
    cfg.test_dataloader.dataset.pipeline[-1] = dict(
        type='PackPoseInputs', meta_keys=('flip_indices', 'input_size',
                                          'input_center', 'input_scale',
                                          *meta_keys))
    tested = evaluation.StrideEvaluation(cfg)
    assert tested.test(3)['num_frames'] == NUM_FRAMES[3]
    assert tested.kept is None


@pytest.fixture
def call(modules, monkeypatch, models, tmp_path):
    """Runs the tool; returns its three files and the strides it tested."""
    tool, _ = modules
    out = tmp_path / 'out'

    def run(names, strides, *options, fail_at=None):
        argv = ['frame_stride.py', '--out', str(out), '--strides']
        argv += map(str, strides)
        for name in names:
            argv += ['--model', name, *models[name]]
        tested = []

        class Evaluation:
            """Gives numbers that say where they come from."""

            def __init__(self, cfg):
                self.cfg = cfg

            def test(self, stride):
                if fail_at == stride:
                    raise KeyboardInterrupt
                tested.append(stride)
                return dict(
                    Mean=.9 - stride / 100, Wri=.5, num_frames=60 // stride)

            def describe(self):
                return dict(
                    config=self.cfg.filename,
                    checkpoint=self.cfg.load_from,
                    ann_file='annotations/Sub1_test.json',
                    test_videos=['a', 'b'],
                    train_videos=['b'],
                    frame_stride=1,
                    num_frames=60)

        monkeypatch.setattr(tool, 'StrideEvaluation', Evaluation)
        monkeypatch.setattr(sys, 'argv', [*argv, *options])
        if fail_at is not None:
            with pytest.raises(KeyboardInterrupt):
                tool.main()
        else:
            tool.main()
        return out, tested

    return run


class TestTool:

    def test_files(self, call):
        out, tested = call(['single', 'correlation'], [1, 3, 2])
        assert tested == [1, 2, 3, 1, 2, 3]
        text = (out / 'frame_stride.md').read_text()
        assert text.startswith('PCK@0.2 (Mean) in percent against the '
                               'temporal downsampling rate, on 2 videos')
        assert 'only the frames that are kept are seen and evaluated' in text
        assert '| rate | 1 | 2 | 3 |' in text
        assert '| correlation | 89.0 | 88.0 | 87.0 |' in text
        assert '| frames | 60 | 30 | 20 |' in text
        assert 'single was trained on 1 of these videos' in text
        record = json.loads((out / 'frame_stride.json').read_text())
        model = record['models']['correlation']
        assert model['strides']['2'] == dict(
            Mean=.88, Wri=.5, num_frames=30)
        assert model['run']['checkpoint'].endswith('correlation.pth')
        assert (out / 'frame_stride.png').stat().st_size > 1000

    @pytest.mark.parametrize('column, label', [
        ('Mean', 'PCK@0.2 (Mean)'),
        ('half/Wri', 'PCK@0.5 (half/Wri)'),
        ('other/Mean', 'other/Mean'),
    ])
    def test_label_of_several_evaluators(self, modules, column, label):
        """As the OpenPose configs have them; 0.2 is the default."""
        evaluators = [
            dict(type='GroupPCKAccuracy'),
            dict(type='GroupPCKAccuracy', prefix='half', thr=0.5),
            dict(type='GroupPCKAccuracy', thr=0.1),
            dict(type='AUC', prefix='other')
        ]
        cfg = Config(dict(test_evaluator=evaluators))
        assert modules[0].pck_label(cfg, column) == label

    def test_what_is_finished_is_not_run_again(self, call, models):
        out, tested = call(['single'], [1, 2, 3], fail_at=3)
        assert tested == [1, 2]
        assert not (out / 'frame_stride.md').exists()
        assert call(['single'], [1, 2, 3])[1] == [3]
        assert call(['single', 'heatmap'], [1, 2])[1] == [1, 2]
        # another column, another plot
        assert call(['single'], [1, 2], '--column', 'Wri')[1] == []
        assert 'PCK@0.2 (Wri)' in (out / 'frame_stride.md').read_text()

    def test_another_config_or_checkpoint_is_run_again(self, call, models):
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

    def test_unknown_column_names_those_there_are(self, call):
        with pytest.raises(ValueError, match='choose --column from Mean, Wri'):
            call(['single'], [1], '--column', 'Nose')

    def test_refused(self, call, models, tmp_path):
        with pytest.raises(SystemExit):
            call(['single', 'single'], [1])
        with pytest.raises(SystemExit):
            call(['single'], [0])
        with pytest.raises(FileNotFoundError, match='no checkpoint'):
            call([], [1], '--model', 'x', models['single'][0], 'nothing.pth')
        (tmp_path / 'out').mkdir()
        (tmp_path / 'out/frame_stride.json').write_text('{"models"')
        with pytest.raises(ValueError, match='frame_stride.json is none of'):
            call(['single'], [1])

    def test_models_of_different_videos(self, call, models, tmp_path):
        config = tmp_path / 'some.py'
        config.write_text(f"_base_ = '{models['single'][0]}'\n"
                          'test_dataloader = dict(dataset=dict(indices=5))\n')
        with pytest.raises(ValueError, match='single and some are tested on'):
            call(['single'], [1], '--model', 'some', str(config),
                 models['single'][1])

    def test_a_data_set_without_videos(self, call, models, tmp_path):
        config = tmp_path / 'images.py'
        config.write_text(f"_base_ = '{models['single'][0]}'\n"
                          "test_dataloader = dict(dataset=dict(type="
                          "'CocoDataset'))\n")
        with pytest.raises(TypeError, match='CocoDataset, which has no frame'):
            call([], [1], '--model', 'images', str(config),
                 models['single'][1])
