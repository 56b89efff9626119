# Copyright (c) temporal_corr authors. All rights reserved.
"""A checkpoint of another model is one clear error."""
from collections import OrderedDict
from contextlib import nullcontext
from copy import deepcopy

import pytest
import torch
from mmpose.registry import MODELS
from mmpose.utils import register_all_modules

import projects.temporal_corr  # noqa: F401
from projects.temporal_corr.engine import load_from_local
from projects.temporal_corr.engine.checkpoint_guard_hook import (
    check_checkpoint, compare, load_weights, own_names)

HOOK = dict(type='mmpose.AtomicCheckpointHook', interval=1)
GUARD = dict(type='mmpose.CheckpointGuardHook')
CORRELATION = dict(type='ExemplarCorrelation')


def build(temporal=CORRELATION, keypoints=15, own=True):
    """A model of this project, or of MMPose, with a few parameters."""
    register_all_modules()
    head = dict(
        type='HeatmapHead',
        in_channels=4,
        out_channels=keypoints,
        deconv_out_channels=None,
        conv_out_channels=(8, ),
        conv_kernel_sizes=(1, ),
        decoder=dict(
            type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16),
            sigma=2.))  # yapf: disable
    if own:
        head.update(type='TemporalCorrelationHead', temporal=temporal,
                    refine_channels=8)  # yapf: disable
    backbone = dict(
        type='ResNet', depth=18, base_channels=4, stem_channels=4,
        num_stages=1, strides=(1, ), dilations=(1, ),
        out_indices=(0, ))  # yapf: disable
    kind = 'VideoTopdownPoseEstimator' if own else 'TopdownPoseEstimator'
    return MODELS.build(dict(type=kind, backbone=backbone, head=head))


def single_of_mmpose():
    return build(own=False)


HEATMAPS = dict(type='PreviousHeatmaps')


@pytest.mark.parametrize('temporal, new', [
    (CORRELATION, ['head.correlation.scale', 'head.correlation.bias']),
    (HEATMAPS, ['head.previous_heatmaps.scale',
                'head.previous_heatmaps.bias']),
    (None, []),
])  # yapf: disable
def test_own_checkpoints_and_starts_of_training(temporal, new):
    """The own one always; a single-frame one, this project's or MMPose's,
    where training starts: only the temporal parameters are missing."""
    model = build(temporal)
    for start in (False, True):
        own = dict(state_dict=build(temporal).state_dict())
        assert check_checkpoint(model, own, 'own.pth', start) == ''
    single = build(None).state_dict()
    new += ['head.refinement.maps_conv.weight'] * bool(new)
    assert compare(model, single) == (new, [], [])
    message = check_checkpoint(model, dict(state_dict=single), 's.pth', True)
    assert all(name in message for name in new)
    check_checkpoint(model, single_of_mmpose().state_dict(), 'bare.pth', True)
    if new:
        with pytest.raises(RuntimeError, match=f'not in the.*: {new[0]}'):
            check_checkpoint(model, single, 's.pth', False)


def test_old_names_of_mmpose_are_understood():
    """Before 1.0: keypoint_head, all convolutions in final_layer."""
    old = OrderedDict()
    for key, value in single_of_mmpose().state_dict().items():
        key = key.replace('head.conv_layers.0.', 'head.final_layer.0.')
        key = key.replace('head.conv_layers.1.', 'head.final_layer.1.')
        # after one convolution, its norm and ReLU comes the final one
        for name in ('weight', 'bias'):
            key = key.replace(f'head.final_layer.{name}',
                              f'head.final_layer.3.{name}')
        old[key.replace('head.', 'keypoint_head.')] = value
    old['data_preprocessor.mean'] = torch.zeros(3)
    before = list(old)
    missing, *others = compare(build(None), old)
    assert all(key.startswith('head.refinement.') for key in missing)
    assert others == [[], []]
    assert list(old) == before, 'comparing changes nothing'


def infinite(state_dict):
    state_dict['backbone.bn1.running_var'][-1] = float('-inf')


def ambiguous(state_dict):
    """Two sets of weights, one of them not complete."""
    state_dict.update({f'module.{k}': v for k, v in state_dict.items()})
    del state_dict['backbone.conv1.weight']


def openpose(name):

    def change(state_dict):
        state_dict.clear()
        state_dict[name] = torch.zeros(1)

    return change


@pytest.mark.parametrize('start', [True, False], ids=['start', 'test'])
@pytest.mark.parametrize('theirs, ours, change, words', [
    (build, lambda: build(HEATMAPS), None,
     'another temporal mode: head.correlation.scale'),
    (lambda: build(keypoints=13), build, None,
     r'head.final_layer.weight is \(13, 8, 1, 1\) in the checkpoint, '
     r'\(15, 8, 1, 1\) in the model.*keypoints_by_name.py'),
    (lambda: build().backbone, build, None,
     r"not in the checkpoint: backbone.conv1.weight, .*init_cfg=dict\(type='"),
    (build, build, infinite, 'NaN.*bn1.running_var'),
    (build, build, ambiguous, 'backbone.conv1.weight'),
    (build, build, openpose('conv4_2.weight'), 'openpose_mpi.py'),
    (build, build, openpose('model0.0.weight'), 'openpose_mpi.py'),
], ids=['temporal mode', 'keypoints', 'a backbone alone', 'infinite',
        'ambiguous', 'Caffe names', 'nn.Sequential'])  # yapf: disable
def test_refused(theirs, ours, change, words, start):
    state_dict = theirs().state_dict()
    if change:
        change(state_dict)
    with pytest.raises(RuntimeError, match=f'some/epoch_1.pth .*{words}'):
        check_checkpoint(ours(), dict(state_dict=state_dict),
                         'some/epoch_1.pth', start)  # yapf: disable


def test_leftovers_are_reported_at_a_start_and_refused_in_a_test():
    state_dict = build(None).state_dict()
    state_dict['head.auxiliary.weight'] = torch.zeros(1)
    assert 'not used: head.auxiliary.weight' in check_checkpoint(
        build(None), state_dict, 'x.pth', start=True)
    with pytest.raises(RuntimeError, match='not in the model: head.auxil'):
        check_checkpoint(build(None), state_dict, 'x.pth', start=False)


@pytest.mark.parametrize('rename', [
    lambda key: 'module.' + key,
    lambda key: '_orig_mod.module.' + key,
    lambda key: 'model.' + key,
    lambda key: key.replace('backbone.', 'backbone._orig_mod.'),
], ids=['DataParallel', 'and compiled', 'Lightning', 'a part compiled'])
def test_what_passes_the_check_is_loaded(rename):
    """Every tensor, by each of the names that wrappers give; counters of
    batches, which old checkpoints lack, are not missed."""
    source, model = build(), build()
    state_dict = OrderedDict((rename(key), torch.rand_like(value))
                             for key, value in source.state_dict().items()
                             if value.is_floating_point())
    assert compare(model, own_names(model, state_dict)) == ([], [], [])
    load_weights(model, dict(state_dict=state_dict), 'x.pth')
    for key, value in model.state_dict().items():
        if value.is_floating_point():
            assert torch.equal(value, state_dict[rename(key)]), key


@pytest.mark.parametrize('make, wrapped', [
    # without the counter of averages
    (build, torch.optim.swa_utils.AveragedModel),
    # versions survive a prefix: HeatmapHead renames old checkpoints
    (single_of_mmpose, torch.nn.DataParallel),
])
def test_wrapped_models_are_loaded(make, wrapped):
    source, model = wrapped(make()), make()
    load_weights(model, dict(ema_state_dict=source.state_dict()), 'x.pth')
    torch.testing.assert_close(model.state_dict(), source.module.state_dict())


# --- in MMEngine's Runner, before anything is loaded --------------------


@pytest.fixture
def trained(build_runner, tmp_path):
    build_runner(tmp_path / 'run', HOOK).train()
    return tmp_path / 'run' / 'epoch_2.pth'


@pytest.fixture
def guarded(build_runner, tmp_path):
    """A runner that has the hook, of a checkpoint that was edited."""

    def guarded(load_from, edit=None, **kwargs):
        if edit is not None:
            checkpoint = load_from_local(str(load_from))
            edit(checkpoint)
            load_from = tmp_path / 'edited.pth'
            torch.save(checkpoint, load_from)
        return build_runner(
            tmp_path / 'next', HOOK, load_from=load_from and str(load_from),
            **dict(dict(custom_hooks=[GUARD]), **kwargs))  # yapf: disable

    return guarded


def test_start_resume_and_ema_go_through(trained, guarded, tmp_path):
    hooks = [GUARD, dict(type='EMAHook')]
    guarded(trained, custom_hooks=hooks).train()
    again = guarded(
        tmp_path / 'next/epoch_2.pth', epochs=3, custom_hooks=hooks,
        resume=True)  # yapf: disable
    again.train()
    assert again.iter == 6


@pytest.mark.parametrize('resume', [False, True])
def test_loaded_by_wrapped_names_or_refused_before(resume, trained, guarded):
    runner = guarded(
        trained, lambda c: c['state_dict'].pop('linear.weight'),
        resume=resume)  # yapf: disable
    before = deepcopy(runner.model.state_dict())
    with pytest.raises(RuntimeError, match='edited.pth.*linear.weight'):
        runner.train()
    torch.testing.assert_close(runner.model.state_dict(), before)

    weights = load_from_local(str(trained))['state_dict']
    runner = guarded(
        trained,
        lambda c: c.update(state_dict={
            f'_orig_mod.{key}': value for key, value in weights.items()}),
        resume=resume)  # yapf: disable
    if resume:
        runner.train()  # both epochs are done
    else:  # what Runner.train does before the first of them
        runner._train_loop = runner.build_train_loop(runner._train_loop)
        runner.load_or_resume()
    torch.testing.assert_close(runner.model.state_dict(), weights)


@pytest.mark.parametrize('other, words', [
    (dict(optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.1))),
     'optimizer of the config'),
    (dict(optim_wrapper=dict(
        optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.1),
        paramwise_cfg=dict(norm_decay_mult=0.))), 'optimizer of the'),
    (dict(param_scheduler=dict(type='CosineAnnealingLR', T_max=3)),
     'param_scheduler of the config'),
    (dict(param_scheduler=[dict(type='StepLR', step_size=1),
                           dict(type='LinearLR', start_factor=.1)]),
     'param_scheduler of the config'),
    (dict(optim_wrapper=dict(
        optimizer=dict(type='SGD', lr=0.01, momentum=0.8)),
        param_scheduler=dict(type='StepLR', step_size=2)), None),
], ids=['Adam', 'groups', 'cosine', 'two', 'other numbers'])
def test_resumed_with_another_config(other, words, trained, guarded):
    """MMEngine would mix the two."""
    runner = guarded(trained, epochs=3, resume=True, **other)
    with pytest.raises(RuntimeError, match=words) if words else nullcontext():
        runner.train()


@pytest.mark.parametrize('prefix, keep, words', [
    ('part', 'part.linear.weight', None),
    (None, 'part.linear.weight', 'fits model'),
    ('part.', 'linear.weight', 'init_cfg.prefix'),
])
def test_a_start_of_which_nothing_fits(prefix, keep, words, trained, guarded,
                                       tmp_path):
    """init_cfg takes what fits, and says nothing if that is nothing."""
    weights = load_from_local(str(trained))['state_dict']
    torch.save({keep: weights['linear.weight']}, tmp_path / 'start.pth')
    runner = guarded(None, epochs=1)
    runner.model.init_cfg = dict(
        type='Pretrained', checkpoint=str(tmp_path / 'start.pth'),
        prefix=prefix)  # yapf: disable
    with pytest.raises(RuntimeError, match=words) if words else nullcontext():
        runner.train()


def test_validation_alone_must_agree_entirely(trained, guarded):
    runner = guarded(
        trained, lambda c: c['state_dict'].update(more=torch.zeros(1)),
        scores=[0.5])  # yapf: disable
    with pytest.raises(RuntimeError, match='not in the model: more'):
        runner.val()
