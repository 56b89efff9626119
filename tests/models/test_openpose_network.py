# Copyright (c) temporal_corr authors. All rights reserved.
"""The paper's network against an independent statement of OpenPose's."""
import numpy as np
import openpose_reference as reference
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpose.models import build_pose_estimator

import projects.temporal_corr  # noqa: F401

ADDED = ('maps_conv', 'center_conv', 'correlation')
CLOSE = dict(atol=1e-4, rtol=0)


def build(**head):
    return build_pose_estimator(
        dict(
            type='VideoTopdownPoseEstimator',
            data_preprocessor=dict(
                type='ClipDataPreprocessor', mean=[128] * 3, std=[256] * 3),
            backbone=dict(type='OpenPoseExtractor'),
            head=dict(
                type='PAFHead',
                decoder=dict(
                    type='PartAffinityField',
                    input_size=(64, 64),
                    heatmap_size=(8, 8)),
                **head))).eval()


def is_added(name):
    return any(part in name for part in ADDED)


@pytest.fixture(scope='module')
def weights():
    return reference.random_weights()


@pytest.fixture(scope='module')
def model(weights):
    """The whole model with all additions, and the reference's weights."""
    torch.manual_seed(1)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = build(
            temporal=dict(type='ExemplarCorrelation'), center_map=True)
    state_dict = model.state_dict()
    for name in state_dict:
        if not name.startswith(('backbone.', 'head.')) or is_added(name):
            continue
        layer, parameter = name.split('.')[-2:]
        state_dict[name] = weights[layer][parameter == 'bias']
    model.load_state_dict(state_dict)
    for name, parameter in model.head.named_parameters():
        if is_added(name):
            torch.nn.init.normal_(parameter, std=0.1)
    return model


@pytest.fixture(scope='module')
def images():
    """Two frames of two videos, 64 x 64, BGR."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 2, 3, 64, 64))
    return torch.from_numpy(images).float()


@pytest.fixture(scope='module')
def features(images, weights):
    """The reference's I of both frames."""
    return [
        reference.extract((frames - 128) / 256, weights) for frames in images
    ]


def test_layers_are_openposes(model):
    """And the weights that are added: 3x3 filters in both branches of Stage
    1, 7x7 in those of the others."""
    shapes = {
        name.split('.')[-2]: tuple(value.shape)
        for name, value in model.state_dict().items()
        if name.endswith('.weight') and not is_added(name)
    }
    assert shapes == reference.layer_shapes()
    assert len(shapes) == 92

    def count(wanted):
        return sum(parameter.numel()
                   for name, parameter in model.named_parameters()
                   if wanted(name))  # yapf: disable

    assert count(lambda name: 'maps_conv' in name) == 34_560
    assert count(lambda name: 'correlation' in name) == 30
    assert count(lambda name: 'center_conv' in name) == 128 * 2 * (9 + 5 * 49)
    assert count(lambda name: not is_added(name)) == 51_481_032


@torch.no_grad()
def test_all_stages(model, images, features, weights):
    """From pixels to net_output, what the model returns without a memory."""
    data = model.data_preprocessor(
        dict(inputs=list(images[0].byte()), data_samples=None))
    output, = model.extract_feat(data['inputs'])
    torch.testing.assert_close(output, features[0], **CLOSE)
    outputs = model.head.run_stages(features[0])
    expected = reference.run_stages(features[0], weights)
    assert len(outputs) == len(expected) == 6
    for output, maps in zip(outputs, expected):
        for ours, theirs in zip(output, maps):
            assert theirs.abs().max() > 0.5
            torch.testing.assert_close(ours, theirs, **CLOSE)
    torch.testing.assert_close(
        model(data['inputs'], None, mode='tensor'),
        torch.cat(expected[-1], dim=1), **CLOSE)


@pytest.mark.parametrize('correlation, center', [(True, False), (False, True),
                                                 (True, True)])
@torch.no_grad()
def test_additional_inputs_are_concatenated(model, features, weights,
                                            correlation, center):
    head = model.head
    added, arguments = {}, {}
    center_maps = torch.rand(2, 1, 8, 8)
    if correlation:
        heatmaps = torch.rand(2, 15, 8, 8)
        maps = reference.scaled_correlation(
            features[1], features[0], heatmaps, head.correlation.scale,
            head.correlation.bias)
        memory = head.temporal.update(None, features[0], heatmaps)
        arguments['maps'], _ = head.temporal.maps(features[1], memory)
        torch.testing.assert_close(arguments['maps'], maps, **CLOSE)
    if center:
        arguments['center_maps'] = center_maps
    for stage in range(1, 7):
        for branch in ('L1', 'L2'):
            module = head.get_submodule(f'stage{stage}.{branch}')
            extra = []
            if correlation and stage == 1:
                extra.append((maps, module.maps_conv.weight))
            if center:
                extra.append((center_maps, module.center_conv.weight))
            if extra:
                added[stage, branch] = [
                    torch.cat(tensors, dim=1) for tensors in zip(*extra)
                ]
    outputs = head.run_stages(features[1], **arguments)
    expected = reference.run_stages(features[1], weights, added)
    plain = reference.run_stages(features[1], weights)
    for stage in (0, 5):
        for i in (0, 1):
            torch.testing.assert_close(outputs[stage][i], expected[stage][i],
                                       **CLOSE)
            # ten times the tolerance: the comparison can tell
            assert not torch.allclose(
                expected[stage][i], plain[stage][i], atol=1e-3)
