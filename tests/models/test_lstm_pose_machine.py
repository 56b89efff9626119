# Copyright (c) temporal_corr authors. All rights reserved.
"""LSTM Pose Machines against an independent statement of the network."""
import lstm_pm_reference as reference
import pytest
import torch
from mmpose.models import build_pose_estimator

import projects.temporal_corr  # noqa: F401

CODEC = dict(
    type='BackgroundHeatmap', input_size=(64, 64), heatmap_size=(8, 8))


def build(channels=128, decoder=CODEC, test_cfg={}, **head):
    return build_pose_estimator(
        dict(
            type='VideoTopdownPoseEstimator',
            backbone=dict(type='LSTMPoseMachineExtractor', channels=channels),
            head=dict(
                type='LSTMPoseMachineHead',
                channels=channels,
                decoder=decoder,
                **head),
            test_cfg=dict(test_cfg))).eval()


@pytest.fixture
def slim():
    """A narrow network with weights that do something."""
    model = build(channels=8, initial_channels=8, hidden_channels=6)
    for name, parameter in model.named_parameters():
        if name.endswith('weight'):
            torch.nn.init.kaiming_normal_(parameter)
    return model


@pytest.fixture
def clips(clip_batch):
    """Makes clips of two people, (2, T, 3, 64, 64), and their samples."""

    def make(frames):
        inputs, samples = clip_batch(
            2, frames, keypoints=14, stride=8, background=1)
        for sample in samples:
            sample.set_field(torch.rand(frames, 1, 8, 8), 'center_maps')
        return inputs, samples

    return make


def load(model, weights):
    """The reference's weights under the model's names; every one of them."""
    names = {f'M{i}': f'output.Mconv{i}' for i in range(1, 6)}
    names.update({f'conv{i}': f'initial.conv{i}' for i in range(5, 8)})
    names = {theirs: f'head.{ours}' for theirs, ours in names.items()}
    for i in range(1, 5):
        names[f'conv{i}'] = f'head.initial.extractor.conv{i}'
        names[f"conv{i}'"] = f'backbone.conv{i}'
    state = {}
    for theirs, ours in names.items():
        state[f'{ours}.weight'], state[f'{ours}.bias'] = weights[theirs]
    cell = 'head.lstm.cell.conv'
    for kind in 'xh':
        state[f'{cell}_{kind}.weight'] = torch.cat(
            [weights[f'{gate}_{kind}'][0] for gate in 'gifo'])
    state[f'{cell}_x.bias'] = torch.cat(
        [weights[f'{gate}_x'][1] for gate in 'gifo'])
    model.load_state_dict(state)


def test_equals_the_listed_network():
    """Three frames, every map that is remembered, the published widths."""
    weights, model = reference.random_weights(), build()
    load(model, weights)
    images = torch.randn(3, 2, 3, 64, 48)
    center_map = torch.rand(2, 1, 8, 6)
    memory = None
    with torch.no_grad():
        initial, wanted = reference.frames(list(images), center_map, weights)
        torch.testing.assert_close(
            model.head.initial(images[0]), initial, atol=1e-4, rtol=1e-4)
        for image, (h, cell, heatmaps) in zip(images, wanted):
            assert 0.05 < heatmaps.std() < 50
            got, memory = model.step(image, memory, center_maps=center_map)
            torch.testing.assert_close(got, heatmaps, atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(
                memory, dict(h=h, cell=cell, heatmaps=heatmaps),
                atol=1e-4, rtol=1e-4)  # yapf: disable
    assert sum(p.numel() for p in model.parameters()) == sum(
        outputs * (inputs * kernel**2 + (not name.endswith('_h')))
        for name, inputs, outputs, kernel in reference.LAYERS) == 12_067_486


@torch.no_grad()
def test_stream_equals_training(slim, clips):
    """And the loss is that of every frame, and of single images on the
    first."""
    inputs, samples = clips(4)
    losses = slim.loss(inputs, samples)
    outputs, memory = dict(initial=slim.head.initial(inputs[:, 0])), None
    for number in range(4):
        centers = torch.stack([s.center_maps[number] for s in samples])
        outputs[f'frame{number + 1}'], memory = slim.step(
            inputs[:, number], memory, center_maps=centers)
    targets = [*torch.stack([s.previous_heatmaps for s in samples], 1),
               torch.stack([s.gt_fields.heatmaps for s in samples])]
    for (name, output), target in zip(outputs.items(),
                                      [targets[0], *targets]):
        wanted = ((output - target)**2).sum() / (2 * 2)
        torch.testing.assert_close(losses[f'loss_{name}'], wanted)
    assert len(losses) == 6  # and acc_pose


def test_gradients_and_missing_joints(slim, clips):
    """Every parameter learns; a hidden joint and a background that is not
    known everywhere count nowhere."""
    inputs, samples = clips(2)
    samples[0].previous_weights[0, 3] = 0
    losses = slim.train().loss(inputs, samples)
    sum(losses[name] for name in losses if 'loss' in name).backward()
    for name, parameter in slim.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any() or 'output' in name, name
    with torch.no_grad():
        before = slim.eval().loss(inputs, samples)
        samples[0].previous_heatmaps[0, [3, 14]] += 1
        torch.testing.assert_close(slim.loss(inputs, samples), before)
        samples[1].previous_heatmaps[0, 14] += 1
        assert slim.loss(inputs, samples)['loss_frame1'] != (
            before['loss_frame1'])


@pytest.mark.parametrize('flip', [False, True])
@torch.no_grad()
def test_predicts_videos(flip, video_sample, slim, stream):
    """Two videos, one of which begins later, as each step by step."""
    slim.test_cfg.update(flip_test=flip, output_heatmaps=True)
    frames, centers = torch.randn(2, 3, 3, 64, 64), torch.rand(2, 1, 1, 8, 8)
    crops, indices = torch.eye(2, 3).repeat(3, 1, 1), [1, 0, *range(2, 14)]
    wanted = []
    for clip, maps in zip(frames, centers):
        heatmaps = stream(slim, clip, crops, center_maps=maps)
        if flip:  # left and right change places, the background stays
            back = stream(
                slim, clip.flip(-1), crops, center_maps=maps.flip(-1))
            back = back.flip(-1)[:, [*indices, 14]]
            heatmaps = (heatmaps + back) / 2
        wanted.append(heatmaps[:, :14])
    for batch in ('A0', 'A1 B0', 'B1 A2'):
        rows = [('AB'.index(row[0]), int(row[1])) for row in batch.split()]
        samples = []
        for row, index in rows:
            sample = video_sample(index, 'AB'[row], 3, crops[0])
            sample.set_field(centers[row], 'center_maps')
            sample.set_metainfo(dict(flip_indices=indices))
            samples.append(sample)
        found = slim.predict(torch.stack([frames[row] for row in rows]),
                             samples)
        for (row, index), sample in zip(rows, found):
            torch.testing.assert_close(sample.pred_fields.heatmaps,
                                       wanted[row][index],
                                       atol=1e-4, rtol=1e-4)


def test_what_is_missing_is_told(slim, clips):
    inputs, samples = clips(2)
    with pytest.raises(ValueError, match='consecutive'):
        slim.loss(inputs[:, -1], samples)
    del samples[0].center_maps
    with pytest.raises(AttributeError, match='center_maps'):
        slim.loss(inputs, samples)
    with pytest.raises(ValueError, match='ConvLSTM.*previous, none'):
        build(test_cfg=dict(memory=dict(policy='fixed')))
