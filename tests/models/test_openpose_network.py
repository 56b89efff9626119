# Copyright (c) temporal_corr authors. All rights reserved.
"""The paper's network against an independent statement of OpenPose's."""
import numpy as np
import openpose_reference as reference
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpose.models import build_pose_estimator

import projects.temporal_corr  # noqa: F401

CLOSE = dict(atol=1e-4, rtol=0)


def is_added(name):
    return any(part in name
               for part in ('maps_conv', 'center_conv', 'correlation'))


@pytest.fixture(scope='module')
def weights():
    return reference.random_weights()


@pytest.fixture(scope='module')
def model(weights):
    """The whole model with all additions, and the reference's weights."""
    torch.manual_seed(1)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = build_pose_estimator(
            dict(
                type='VideoTopdownPoseEstimator',
                data_preprocessor=dict(
                    type='ClipDataPreprocessor',
                    mean=[128] * 3,
                    std=[256] * 3),
                backbone=dict(type='OpenPoseExtractor'),
                head=dict(
                    type='PAFHead',
                    temporal=dict(type='ExemplarCorrelation'),
                    center_map=True,
                    decoder=dict(
                        type='PartAffinityField',
                        input_size=(64, 64),
                        heatmap_size=(8, 8))))).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            layer, kind = name.split('.')[-2:]
            if is_added(name):
                parameter.normal_(std=0.1)
            else:
                parameter.copy_(weights[layer][kind == 'bias'])
    return model


@pytest.fixture(scope='module')
def images():
    """Two frames of two videos, 64 x 64, BGR."""
    rng = np.random.default_rng(0)
    return torch.from_numpy(
        rng.integers(0, 256, (2, 2, 3, 64, 64), dtype=np.uint8))


@pytest.fixture(scope='module')
def features(images, weights):
    """The reference's I of both frames."""
    return [reference.extract((frames.float() - 128) / 256, weights)
            for frames in images]  # yapf: disable


def test_layers_are_openposes(model):
    """And the weights that are added, which a checkpoint may lack: 3x3
    filters in both branches of Stage 1, 7x7 in those of the others."""
    shapes, numbers = {}, {}
    for name, parameter in model.named_parameters():
        layer, kind = name.split('.')[-2:]
        assert is_added(name) == name.startswith(
            tuple(f'head.{part}' for part in model.head.temporal_parameters))
        if not is_added(name):
            if kind == 'weight':
                shapes[layer] = tuple(parameter.shape)
            layer = 'OpenPose'
        numbers[layer] = numbers.get(layer, 0) + parameter.numel()
    assert shapes == reference.layer_shapes() and len(shapes) == 92
    assert numbers == dict(
        OpenPose=51_481_032,
        correlation=30,
        maps_conv=34_560,
        center_conv=128 * 2 * (9 + 5 * 49))


@torch.no_grad()
def test_all_stages(model, images, features, weights):
    """From pixels to net_output, what the model returns without a memory."""
    data = model.data_preprocessor(
        dict(inputs=list(images[0]), data_samples=None))
    output, = model.extract_feat(data['inputs'])
    torch.testing.assert_close(output, features[0], **CLOSE)
    outputs = model.head.run_stages(features[0])
    expected = reference.run_stages(features[0], weights)
    assert len(expected) == 6
    assert all(maps.abs().max() > 0.5 for stage in expected for maps in stage)
    torch.testing.assert_close(outputs, expected, **CLOSE)
    torch.testing.assert_close(
        model(data['inputs'], None, mode='tensor'),
        torch.cat(expected[-1], dim=1), **CLOSE)


@pytest.mark.parametrize('correlation, center', [(True, False), (False, True),
                                                 (True, True)])
@torch.no_grad()
def test_additional_inputs_are_concatenated(model, features, weights,
                                            correlation, center):
    head = model.head
    maps = center_maps = None
    if correlation:
        heatmaps = torch.rand(2, 15, 8, 8)
        memory = head.temporal.update(None, features[0], heatmaps)
        maps, _ = head.temporal.maps(features[1], memory)
        expected = reference.scaled_correlation(
            features[1], features[0], heatmaps, head.correlation.scale,
            head.correlation.bias)
        torch.testing.assert_close(maps, expected, **CLOSE)
    if center:
        center_maps = torch.rand(2, 1, 8, 8)
    added = {}
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
    outputs = head.run_stages(features[1], maps, center_maps)
    expected = reference.run_stages(features[1], weights, added)
    plain = reference.run_stages(features[1], weights)
    for stage in (0, 5):
        torch.testing.assert_close(outputs[stage], expected[stage], **CLOSE)
        for ours, without in zip(expected[stage], plain[stage]):
            # ten times the tolerance: the comparison can tell
            assert not torch.allclose(ours, without, atol=1e-3)
