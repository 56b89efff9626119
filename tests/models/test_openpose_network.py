# Copyright (c) temporal_corr authors. All rights reserved.
"""The paper's network against an independent statement of OpenPose's."""
import math

import numpy as np
import openpose_reference as reference
import pytest
import torch
from mmengine.analysis import get_model_complexity_info
from mmengine.registry import DefaultScope
from mmpose.models import build_pose_estimator

import projects.temporal_corr  # noqa: F401

ADDED = ('maps_conv', 'center_conv', 'correlation', 'previous_heatmaps')


def build(**head):
    with DefaultScope.overwrite_default_scope('mmpose'):
        return build_pose_estimator(
            dict(
                type='VideoTopdownPoseEstimator',
                data_preprocessor=dict(
                    type='ClipDataPreprocessor',
                    mean=[128] * 3,
                    std=[256] * 3,
                    bgr_to_rgb=False),
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
    shapes = {
        name.split('.')[-2]: tuple(value.shape)
        for name, value in model.state_dict().items()
        if name.endswith('.weight') and not is_added(name)
    }
    assert shapes == reference.layer_shapes()
    assert len(shapes) == 92


@torch.no_grad()
def test_frames_are_normalised_and_extracted(model, images, features):
    data = model.data_preprocessor(
        dict(inputs=list(images[0].byte()), data_samples=None))
    output, = model.extract_feat(data['inputs'])
    assert output.shape == (2, 128, 8, 8)
    torch.testing.assert_close(output, features[0], atol=1e-4, rtol=0)


@torch.no_grad()
def test_all_stages(model, images, features, weights):
    """And net_output, what the model returns without a memory."""
    outputs = model.head.run_stages(features[0])
    expected = reference.run_stages(features[0], weights)
    assert len(outputs) == len(expected) == 6
    for output, maps in zip(outputs, expected):
        for ours, theirs in zip(output, maps):
            assert theirs.abs().max() > 0.5
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)
    inputs = (images[0] - 128) / 256
    output = model(inputs, None, mode='tensor')
    assert output.shape == (2, 16 + 28, 8, 8)
    torch.testing.assert_close(
        output, reference.net_output(inputs, weights), atol=1e-4, rtol=0)


@pytest.mark.parametrize('correlation', [False, True])
@pytest.mark.parametrize('center', [False, True])
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
        torch.testing.assert_close(
            arguments['maps'], maps, atol=1e-4, rtol=0)
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
            torch.testing.assert_close(
                outputs[stage][i], expected[stage][i], atol=1e-4, rtol=0)
            # ten times the tolerance: the comparison can tell
            same = torch.allclose(
                expected[stage][i], plain[stage][i], atol=1e-3)
            assert same is not (correlation or center)


def count(names, model):
    return sum(
        parameter.numel() for name, parameter in model.named_parameters()
        if any(part in name for part in names))


def test_added_weights(model):
    assert count(['maps_conv'], model) == 34_560
    assert count(['correlation'], model) == 30
    with_maps = {
        name for name, _ in model.named_parameters() if 'maps_conv' in name
    }
    assert with_maps == {
        f'head.stage1.{branch}.maps_conv.weight' for branch in ('L1', 'L2')
    }
    # 3x3 filters in both branches of Stage 1, 7x7 in those of the others
    assert count(['center_conv'], model) == 128 * 2 * (9 + 5 * 49)
    baseline = sum(p.numel() for p in model.parameters()) - count(ADDED, model)
    assert baseline == 51_481_032


def test_parameters_and_multiplications():
    """51.48 M and 134.2 G (multiply and add are one) at 368 x 368.

    Counted at 64 x 64, as no layer but convolutions multiplies, and each of
    them, padded, does so in proportion to the area.
    """
    model = build(temporal=None)
    model.forward = model._forward
    result = get_model_complexity_info(
        model, (3, 64, 64), show_table=False, show_arch=False)
    assert round(result['params'] / 1e6, 2) == 51.48
    convolutions = sum(
        math.prod(shape) * cells(name)
        for name, shape in reference.layer_shapes().items())
    assert round(convolutions * 46**2 / 1e9, 1) == 134.2
    assert result['flops'] == convolutions * 8**2


def cells(name):
    """Places of a layer for each cell of the output."""
    size = dict(conv1=8, conv2=4, conv3=2).get(name[:5], 1)
    return size**2
