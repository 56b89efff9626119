# Copyright (c) temporal_corr authors. All rights reserved.
"""MoveNet with the head that remembers: its configs, and what is new in
them."""
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.models import build_pose_estimator
from mmpose.structures import PoseDataSample
from torch.nn import functional as F

from projects.temporal_corr.models import HeatmapBCELoss
from projects.temporal_corr.models.heads.temporal_correlation_head import \
    FeatureProjection

CONFIGS = sorted(
    path for path in
    (Path(__file__).resolve().parents[2] /
     'projects/temporal_corr/configs/movenet').glob('*jhmdb*.py'))
SIZE, CELLS = 64, 16


@pytest.fixture(autouse=True)
def mmpose_scope():
    init_default_scope('mmpose')
    torch.manual_seed(0)


def build(path):
    """The model of a config, with maps that matter from the start."""
    model = build_pose_estimator(Config.fromfile(path).model)
    model.init_weights()
    if model.head.temporal is not None:
        model.head.temporal.mask_rate = 0.
    if model.head.refinement is not None:
        torch.nn.init.normal_(model.head.refinement.conv2.weight)
    return model


def clip_sample(frames):
    sample = PoseDataSample()
    sample.gt_fields = PixelData(heatmaps=torch.rand(15, CELLS, CELLS))
    sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(
        1, 15))
    past = frames - 1
    sample.set_field(torch.rand(past, 15, CELLS, CELLS), 'previous_heatmaps')
    sample.set_field(torch.ones(past, 15), 'previous_weights')
    sample.set_field(torch.eye(2, 3).repeat(frames, 1, 1), 'crops')
    return sample


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_trains_the_head_and_nothing_else(path):
    """Every parameter of the head has a gradient, backbone and neck none."""
    model = build(path).train()
    temporal = model.head.temporal
    frames = 1 if temporal is None else 3 if temporal.unroll else 2
    clips = torch.rand(2, frames, 3, SIZE, SIZE)
    losses = model.loss(clips, [clip_sample(frames) for _ in clips])
    losses['loss_kpt'].backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == name.startswith('head.'), name


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_steps(path):
    """Scores from 0 to 1; what is remembered changes the next frame."""
    model = build(path)
    model.eval()
    frame = torch.rand(1, 3, SIZE, SIZE)
    with torch.no_grad():
        heatmaps, memory = model.step(frame)
        again, _ = model.step(frame, memory)
    assert heatmaps.shape == (1, 15, CELLS, CELLS)
    assert heatmaps.min() >= 0 and heatmaps.max() <= 1
    assert torch.equal(heatmaps, again) == (model.head.temporal is None)
    if path.stem.startswith('correlation'):
        assert memory['exemplars'].shape == (1, 15, 64)


def test_projection_is_a_convolution_of_all_levels():
    """Resized first and concatenated, as one would write it down."""
    layer = FeatureProjection((3, 5), 4)
    layer.init_weights()
    fine, coarse = torch.rand(2, 5, 8, 6), torch.rand(2, 3, 4, 3)
    found = layer((coarse, fine), (8, 6))
    resized = F.interpolate(
        coarse, (8, 6), mode='bilinear', align_corners=False)
    weight = torch.cat([conv.weight for conv in layer.convs], dim=1)
    wanted = F.conv2d(
        torch.cat([resized, fine], 1), weight, layer.convs[0].bias)
    torch.testing.assert_close(found, wanted)


def test_binary_cross_entropy():
    """By numpy, a keypoint of weight 0 adding nothing."""
    logits, target = torch.randn(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    weights = torch.tensor([[1., 1., 0.], [1., 0., 1.]])
    found = HeatmapBCELoss(loss_weight=2.)(logits, target, weights)
    scores = 1 / (1 + np.exp(-logits.double().numpy()))
    goal = target.double().numpy()
    cells = -(goal * np.log(scores) + (1 - goal) * np.log(1 - scores))
    wanted = 2 * (cells * weights.numpy()[..., None, None]).mean()
    assert found.item() == pytest.approx(wanted, rel=1e-5)
