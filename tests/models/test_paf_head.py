# Copyright (c) temporal_corr authors. All rights reserved.
"""The stages of OpenPose: added filters, memory, losses, mirror images.

Tiny: two stages of 8 channels, 64 x 64 inputs, 8 x 8 maps.
"""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models.losses import KeypointMSELoss
from mmpose.structures import PoseDataSample

from projects.temporal_corr.codecs import PartAffinityField
from projects.temporal_corr.models import (EuclideanLoss, PAFHead,
                                           VideoTopdownPoseEstimator,
                                           correlation_maps,
                                           keypoint_exemplars)

CODEC = dict(input_size=(64, 64), heatmap_size=(8, 8))
TINY = dict(
    in_channels=6,
    num_stages=2,
    channels=8,
    decoder=dict(type='PartAffinityField', **CODEC))
# head neck, right and left shoulder elbow wrist, hip knee ankle, belly
FLIP_INDICES = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 14]


def randomise(module):
    """Gives every layer weights that keep the size of its input."""
    for parameter in module.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
        else:
            torch.nn.init.normal_(parameter, std=0.1)
    return module


def make_head(temporal=None, **kwargs):
    temporal = temporal and dict(type=temporal)
    return randomise(PAFHead(temporal=temporal, **TINY, **kwargs))


def random_feats(count=2):
    return (torch.rand(count, 6, 8, 8), )


def person(seed):
    """Random keypoints (1, 15, 2) inside of the input."""
    return np.random.default_rng(seed).uniform(8, 56, size=(1, 15, 2))


def sample(seed, hidden=()):
    """A training sample of a clip of two frames, with the codec's targets."""
    codec = PartAffinityField(**CODEC)
    visible = np.ones((1, 15))
    visible[:, list(hidden)] = 0
    targets = {name: torch.from_numpy(value) for name, value in codec.encode(
        person(seed), visible).items()}  # yapf: disable
    item = PoseDataSample()
    item.gt_instance_labels = InstanceData(
        keypoint_weights=targets.pop('keypoint_weights'))
    item.gt_fields = PixelData(**targets)
    before = codec.encode(person(seed + 1))['heatmaps']
    item.set_field(torch.from_numpy(before)[None], 'previous_heatmaps')
    item.set_field(torch.rand(2, 1, 8, 8), 'center_maps')
    item.set_field(torch.eye(2, 3).repeat(2, 1, 1), 'crops')
    return item


def total(losses):
    return sum(value for name, value in losses.items() if 'loss' in name)


def test_added_filters_start_small_whatever_the_others():
    head = PAFHead(
        temporal=dict(type='ExemplarCorrelation'),
        center_map=True,
        num_stages=1,
        decoder=dict(type='PartAffinityField'),
        init_cfg=dict(type='Constant', layer='Conv2d', val=3.))
    head.init_weights()
    branch = head.stage1.L2
    assert branch.conv5_1_CPM_L2.weight.unique().tolist() == [3.]
    for added in (branch.maps_conv, branch.center_conv):
        assert abs(added.weight.std().item() - 0.01) < 0.001
        assert abs(added.weight.mean().item()) < 0.001


@torch.no_grad()
@pytest.mark.parametrize('temporal',
                         ['ExemplarCorrelation', 'PreviousHeatmaps'])
def test_step_from_its_parts(temporal):
    """Eq. (1) and the correlation; previous heatmaps move with the crop, by
    two cells: 16 px."""
    head = make_head(temporal)
    before, now = random_feats(), random_feats()
    crops = torch.eye(2, 3).repeat(2, 1, 1)
    moved = crops.clone()
    moved[:, 0, 2] = 16.
    fields, memory = head.step(before, None, crops)
    torch.testing.assert_close(fields, head(before))
    scores = fields[:, :15].clamp(min=0)
    if temporal == 'ExemplarCorrelation':
        maps = correlation_maps(now[0], keypoint_exemplars(before[0], scores))
    else:
        maps = torch.zeros_like(scores)
        maps[..., 2:] = scores[..., :-2]
    layer = head.temporal
    found = maps.flatten(2).any(dim=2)[..., None, None]
    maps = maps * layer.scale[:, None, None] + layer.bias[:, None, None]
    wanted = torch.cat(head.run_stages(now[0], maps * found)[-1], dim=1)
    torch.testing.assert_close(
        head.step(now, memory, moved)[0], wanted, atol=1e-4, rtol=1e-4)
    nothing = {name: torch.zeros_like(part) for name, part in memory.items()}
    torch.testing.assert_close(head.step(now, nothing, moved)[0], head(now))


@torch.no_grad()
@pytest.mark.parametrize(
    'temporal', ['ExemplarCorrelation', 'PreviousHeatmaps', None])
def test_losses_are_caffes(temporal):
    """Sum of squares over twice the batch, 2 losses a stage, by numpy; maps
    are made of the true heatmaps of the frame before."""
    head = make_head(temporal)
    feats, past = random_feats(), random_feats()
    items = [sample(0), sample(10)]
    correlates = temporal == 'ExemplarCorrelation'
    losses = head.loss(feats, items, past if correlates else None,
                       torch.ones(2).bool())
    maps = None
    if temporal:
        truth = torch.stack([item.previous_heatmaps[0, :15] for item in items])
        crops = torch.eye(2, 3).repeat(2, 1, 1)
        memory = dict(exemplars=keypoint_exemplars(
            past[0], truth)) if correlates else dict(
                heatmaps=truth, crops=crops)
        maps, _ = head.temporal.maps(feats[0], memory, crops)
    for number, output in enumerate(head.run_stages(feats[0], maps), start=1):
        for name, maps in zip(('heatmap', 'paf'), output):
            target = np.stack([item.gt_fields.get(f'{name}s').numpy()
                               for item in items])
            squares = (maps.numpy() - target)**2
            np.testing.assert_allclose(
                losses[f'loss_stage{number}_{name}'].item(),
                squares.sum() / 4,
                rtol=1e-5)
    assert len([name for name in losses if 'loss' in name]) == 4


def test_euclidean_loss_is_mmposes_times_half_the_elements():
    output, target = torch.rand(2, 3, 16, 8, 8)
    ones = torch.ones(3, 16)
    mean = KeypointMSELoss(use_target_weight=True)(output, target, ones)
    torch.testing.assert_close(
        EuclideanLoss()(output, target, ones), mean * 16 * 8 * 8 / 2)


@pytest.mark.parametrize('everywhere', [True, False])
def test_invisible_joints_add_nothing(everywhere):
    """Neither the joint, nor the limbs that touch it, nor the background;
    unless it is visible in another sample."""
    head = make_head()
    hidden = [4]  # right wrist; limb 3 ends there
    items = [sample(0, hidden), sample(10, hidden if everywhere else [])]
    total(head.loss(random_feats(), items)).backward()
    heat = head.stage2.L2.Mconv7_stage2_L2.weight.grad.abs().flatten(1).sum(1)
    paf = head.stage2.L1.Mconv7_stage2_L1.weight.grad.abs().flatten(1).sum(1)
    assert np.flatnonzero(heat == 0).tolist() == [4, 15] * everywhere
    assert np.flatnonzero(paf == 0).tolist() == [6, 7] * everywhere


def test_every_parameter_takes_part_although_all_maps_are_masked():
    head = make_head('ExemplarCorrelation', center_map=True)
    total(head.loss(random_feats(), [sample(0), sample(10)], random_feats(1),
                    torch.zeros(2).bool())).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_flip_turns_the_mirrored_targets_back():
    """The mirrored person's targets, as the codec draws them."""
    codec = PartAffinityField(**CODEC)
    keypoints = person(0)
    mirrored = keypoints[:, FLIP_INDICES] * [-1, 1] + [63, 0]
    straight, turned = (
        torch.from_numpy(
            np.concatenate([maps['heatmaps'], maps['pafs']]))[None]
        for maps in (codec.encode(keypoints), codec.encode(mirrored)))
    head = make_head()
    found = head.flip(turned, FLIP_INDICES, {})
    torch.testing.assert_close(found, straight, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(turned, straight)
    with pytest.raises(ValueError, match='not in list'):  # other limbs
        head.flip(turned, list(range(14))[::-1] + [14], {})


@pytest.fixture
def estimator():
    """A whole model with centre maps."""
    model = VideoTopdownPoseEstimator(
        backbone=dict(
            type='OpenPoseExtractor', base_channels=2, out_channels=6),
        head=dict(type='PAFHead', center_map=True, **TINY))
    return randomise(model).eval()


def test_the_person_of_the_box_is_decoded(estimator, video_sample):
    """Of two people in a whole frame, wherever in it the box is.

    The frame of 320 x 320 pixels is 64 x 64 of the input: a fifth.
    """
    people = [
        np.random.default_rng(seed).uniform(-10, 10, (1, 15, 2)) + place
        for seed, place in enumerate(((16, 40), (48, 24)))
    ]
    codec = estimator.head.decoder
    encoded = codec.encode(np.concatenate(people))
    maps = np.concatenate([encoded['heatmaps'], encoded['pafs']])[None]
    assert len(codec.decode_people(maps[0])[0]) == 2
    estimator.head.step = lambda *args, **kwargs: (torch.tensor(maps), None)
    for center in ((80., 200.), (240., 120.)):
        item = video_sample(video=None)
        item.set_metainfo(
            dict(
                input_center=np.float32([160, 160]),
                input_scale=np.float32([320, 320])))
        item.gt_instances.bboxes = np.float32(
            [np.add(np.tile(center, 2), [-30, -50, 30, 50])])
        item.set_field(torch.zeros(1, 1, 8, 8), 'center_maps')
        [found] = estimator.predict(torch.zeros(1, 3, 64, 64), [item])
        found = found.pred_instances.keypoints.mean(axis=(0, 1))
        assert np.abs(found - center).max() < 25


def test_missing_center_maps_are_told(estimator, video_sample):
    """Zero maps in their place would give other predictions."""
    assert 'center_maps' not in make_head().conditions
    inputs, item = torch.zeros(1, 3, 64, 64), video_sample(video=None)
    for method in (estimator.predict, estimator.loss):
        with pytest.raises(AttributeError, match='center_maps'):
            method(inputs, [item])


def test_single_images_run_without_memory(estimator):
    """Without samples there is no centre map to ask for: get_flops."""
    output = estimator(torch.randn(2, 3, 64, 48), None, mode='tensor')
    assert output.shape == (2, 16 + 28, 8, 6)
