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
from torch.nn import functional as F

from projects.temporal_corr.codecs import PartAffinityField
from projects.temporal_corr.models import (EuclideanLoss, OpenPoseExtractor,
                                           PAFHead, VideoTopdownPoseEstimator,
                                           correlation_maps,
                                           keypoint_exemplars)

CODEC = dict(input_size=(64, 64), heatmap_size=(8, 8))
# head neck, right and left shoulder elbow wrist, hip knee ankle, belly
FLIP_INDICES = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 14]
PREDICTIONS = 16 + 28


def randomise(module):
    """Gives every layer weights that keep the size of its input."""
    for parameter in module.parameters():
        if parameter.ndim > 1:
            torch.nn.init.kaiming_normal_(parameter)
        else:
            torch.nn.init.normal_(parameter, std=0.1)
    return module


@pytest.fixture
def make_head():

    def make(temporal='ExemplarCorrelation', mask_rate=0.2, **kwargs):
        if temporal:
            temporal = dict(type=temporal, mask_rate=mask_rate)
        arguments = dict(
            in_channels=6,
            num_stages=2,
            channels=8,
            temporal=temporal,
            decoder=dict(type='PartAffinityField', **CODEC))
        head = PAFHead(**{**arguments, **kwargs})
        return randomise(head)

    return make


def random_feats(count=2):
    return (torch.rand(count, 6, 8, 8), )


def person(seed, weight=1.):
    """Random keypoints (1, 15, 2) inside of the input."""
    return np.random.default_rng(seed).uniform(8, 56, size=(1, 15, 2))


def sample(seed, hidden=(), frames=2):
    """A training sample with targets of the codec."""
    codec = PartAffinityField(**CODEC)
    visible = np.ones((1, 15))
    visible[:, list(hidden)] = 0
    targets = codec.encode(person(seed), visible)
    item = PoseDataSample()
    item.gt_fields = PixelData(
        heatmaps=torch.from_numpy(targets['heatmaps']),
        pafs=torch.from_numpy(targets['pafs']))
    item.gt_instance_labels = InstanceData(
        keypoint_weights=torch.from_numpy(targets['keypoint_weights']))
    item.set_field(torch.rand(frames, 1, 8, 8), 'center_maps')
    item.set_field(torch.eye(2, 3).repeat(frames, 1, 1), 'crops')
    if frames > 1:
        before = codec.encode(person(seed + 1))['heatmaps']
        item.set_field(torch.from_numpy(before)[None], 'previous_heatmaps')
    return item


@pytest.mark.parametrize('number, kernel', [(1, 3), (2, 7)])
@pytest.mark.parametrize('branch', ['L1', 'L2'])
def test_added_filters_equal_concatenation(number, kernel, branch, make_head):
    head = make_head(center_map=True)
    module = getattr(getattr(head, f'stage{number}'), branch)
    first = getattr(module, module.layer_names[0])
    x = torch.randn(2, first.in_channels, 8, 8)
    maps = torch.randn(2, 15, 8, 8) if number == 1 else None
    center = torch.randn(2, 1, 8, 8)
    inputs, weights = [x], [first.weight]
    if number == 1:
        inputs.append(maps)
        weights.append(module.maps_conv.weight)
    inputs.append(center)
    weights.append(module.center_conv.weight)
    wanted = F.conv2d(
        torch.cat(inputs, 1), torch.cat(weights, 1), first.bias,
        padding=kernel // 2)  # yapf: disable
    for name in module.layer_names[1:]:
        conv = getattr(module, name)
        wanted = F.conv2d(
            wanted.relu(), conv.weight, conv.bias, padding=conv.padding)
    torch.testing.assert_close(
        module(x, maps, center), wanted, atol=1e-4, rtol=1e-4)


def test_maps_go_into_stage_1_and_centre_maps_into_all(make_head):
    names = [name for name, _ in make_head(center_map=True).named_parameters()]
    assert [name for name in names if 'maps_conv' in name] == [
        'stage1.L1.maps_conv.weight', 'stage1.L2.maps_conv.weight'
    ]
    assert len([name for name in names if 'center_conv' in name]) == 4


@pytest.mark.parametrize('temporal',
                         ['ExemplarCorrelation', 'PreviousHeatmaps', None])
def test_a_trained_network_loads_as_it_is(temporal, make_head):
    """What a temporal model has more is what it says it has."""
    plain, head = make_head(None), make_head(temporal, center_map=True)
    state, more = plain.state_dict(), head.state_dict()
    added = set(more) - set(state)
    assert set(state) <= set(more)
    assert all(more[name].shape == state[name].shape for name in state)
    assert added and all(
        name.startswith(head.temporal_parameters) for name in added)
    head.load_state_dict(state, strict=False)
    feats = random_feats()
    torch.testing.assert_close(head(feats), plain(feats))


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
def test_step_is_equation_1_and_the_correlation(make_head):
    head = make_head()
    before, now = random_feats(), random_feats()
    fields, memory = head.step(before)
    torch.testing.assert_close(fields, head(before))
    exemplars = memory['exemplars']
    torch.testing.assert_close(
        exemplars,
        keypoint_exemplars(before[0], fields[:, :15].clamp(min=0)))
    maps = correlation_maps(now[0], exemplars)
    scale, bias = head.correlation.scale, head.correlation.bias
    maps = maps * scale[:, None, None] + bias[:, None, None]
    # A keypoint without a score anywhere has no exemplar.
    maps = maps * exemplars.any(dim=2)[..., None, None]
    heatmaps, pafs = head.run_stages(now[0], maps)[-1]
    found, _ = head.step(now, memory)
    torch.testing.assert_close(found, torch.cat([heatmaps, pafs], dim=1))
    nothing, _ = head.step(now, dict(exemplars=torch.zeros_like(exemplars)))
    torch.testing.assert_close(nothing, head(now))


@torch.no_grad()
def test_previous_heatmaps_move_with_the_crop(make_head):
    """A crop that moves by two cells moves the maps by two cells."""
    head = make_head('PreviousHeatmaps')
    before, now = random_feats(), random_feats()
    crops = torch.eye(2, 3).repeat(2, 1, 1)
    fields, memory = head.step(before, None, crops)
    moved = crops.clone()
    moved[:, 0, 2] = 16.
    shifted = torch.zeros_like(fields[:, :15])
    shifted[..., 2:] = fields[:, :15, :, :-2].clamp(min=0)
    layer = head.previous_heatmaps
    maps = shifted * layer.scale[:, None, None] + layer.bias[:, None, None]
    maps = maps * shifted.flatten(2).any(dim=2)[..., None, None]
    wanted = torch.cat(head.run_stages(now[0], maps)[-1], dim=1)
    found, _ = head.step(now, memory, moved)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-4)


def test_losses_are_caffes(make_head):
    """Sum of squares over twice the batch, 2 losses a stage, by numpy."""
    head = make_head(None)
    feats, items = random_feats(), [sample(0), sample(10)]
    losses = head.loss(feats, items)
    outputs = head.run_stages(feats[0])
    for number, output in enumerate(outputs, start=1):
        for name, maps in zip(('heatmap', 'paf'), output):
            target = np.stack([
                item.gt_fields.get(f'{name}s').numpy() for item in items])
            squares = (maps.detach().numpy() - target)**2
            np.testing.assert_allclose(
                losses[f'loss_stage{number}_{name}'].item(),
                squares.sum() / 4,
                rtol=1e-5)
    assert len([name for name in losses if 'loss' in name]) == 4


def test_loss_is_mmposes_mean_times_half_the_elements():
    """By which the weight of a mean-reduced loss has to be multiplied."""
    output, target = torch.rand(2, 3, 16, 8, 8)
    ones = torch.ones(3, 16)
    mean = KeypointMSELoss(use_target_weight=True)(output, target, ones)
    torch.testing.assert_close(
        EuclideanLoss()(output, target, ones), mean * 16 * 8 * 8 / 2)


def test_invisible_joints_add_nothing(make_head):
    """Neither the joint, nor the limbs that touch it, nor the background."""
    head = make_head(None)
    hidden = 4  # right wrist; limb 3 ends there
    items = [sample(0, hidden=[hidden]), sample(10, hidden=[hidden])]
    losses = head.loss(random_feats(), items)
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    heat = head.stage2.L2.Mconv7_stage2_L2.weight.grad.abs().flatten(1).sum(1)
    paf = head.stage2.L1.Mconv7_stage2_L1.weight.grad.abs().flatten(1).sum(1)
    assert np.flatnonzero(heat == 0).tolist() == [hidden, 15]
    assert np.flatnonzero(paf == 0).tolist() == [6, 7]


def test_one_sample_in_which_a_joint_is_visible_counts(make_head):
    head = make_head(None)
    head.loss(random_feats(), [sample(0, hidden=[4]),
                               sample(10)])['loss_stage2_heatmap'].backward()
    grad = head.stage2.L2.Mconv7_stage2_L2.weight.grad
    assert (grad.abs().flatten(1).sum(1) > 0).all()


@pytest.mark.parametrize('temporal',
                         ['ExemplarCorrelation', 'PreviousHeatmaps'])
def test_training_uses_the_ground_truth_of_the_frame_before(
        temporal, make_head):
    head = make_head(temporal, mask_rate=0.)
    feats, past = random_feats(), random_feats()
    items = [sample(0), sample(10)]
    truth = torch.stack([item.previous_heatmaps[0, :15] for item in items])
    crops = torch.eye(2, 3).repeat(2, 1, 1)
    memory = dict(heatmaps=truth, crops=crops)
    if temporal == 'ExemplarCorrelation':
        memory = dict(exemplars=keypoint_exemplars(past[0], truth))
    maps, _ = head.temporal.maps(feats[0], memory, crops)
    heatmaps, _ = head.run_stages(feats[0], maps)[-1]
    target = torch.stack([item.gt_fields.heatmaps for item in items])
    wanted = (heatmaps - target).square().sum() / 4
    losses = head.loss(
        feats, items, past if temporal == 'ExemplarCorrelation' else None,
        torch.ones(2).bool())
    torch.testing.assert_close(losses['loss_stage2_heatmap'], wanted)


def test_every_parameter_takes_part_although_all_maps_are_masked(make_head):
    head = make_head(mask_rate=1., center_map=True)
    losses = head.loss(random_feats(), [sample(0), sample(10)],
                       random_feats(1), torch.zeros(2).bool())
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_flip_turns_the_mirrored_targets_back(make_head):
    """The mirrored person's targets, as the codec draws them."""
    codec = PartAffinityField(**CODEC)
    keypoints = person(0)
    mirrored = keypoints[:, FLIP_INDICES].copy()
    mirrored[..., 0] = 63 - mirrored[..., 0]
    straight, turned = (
        torch.from_numpy(
            np.concatenate([maps['heatmaps'], maps['pafs']]))[None]
        for maps in (codec.encode(keypoints), codec.encode(mirrored)))
    found = make_head(None).flip(turned, FLIP_INDICES, {})
    torch.testing.assert_close(found, straight, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(turned, straight)


def test_a_limb_without_a_mirror_image_is_named(make_head):
    wrong = list(range(14))[::-1] + [14]
    with pytest.raises(ValueError, match='no mirror image'):
        make_head(None).flip(torch.zeros(1, PREDICTIONS, 8, 8), wrong, {})


def test_centre_maps_are_asked_for(make_head):
    head = make_head(None, center_map=True)
    assert 'center_maps' in head.conditions
    assert 'center_maps' not in make_head(None).conditions
    with pytest.raises(ValueError, match='GenerateCenterMap'):
        head.step(random_feats())
    item = sample(0)
    item.pop('center_maps')
    with pytest.raises(ValueError, match='GenerateCenterMap'):
        head.loss(random_feats(1), [item])
    # without a sample there is nothing to ask for: get_flops
    assert head(random_feats()).shape == (2, PREDICTIONS, 8, 8)


def test_a_head_without_decoder_is_refused():
    with pytest.raises(ValueError, match='PartAffinityField'):
        PAFHead()
    decoder = dict(type='PartAffinityField', **CODEC)
    with pytest.raises(ValueError, match='no loss for ConvLSTM'):
        PAFHead(temporal=dict(type='ConvLSTM'), decoder=decoder)
    with pytest.raises(ValueError, match="type='PreviousHeatmaps', scale"):
        PAFHead(temporal='heatmap', scale_init=1., decoder=decoder)


@pytest.fixture
def estimator(make_head):
    """A whole model with centre maps, and samples of a video."""
    model = VideoTopdownPoseEstimator(
        backbone=dict(
            type='OpenPoseExtractor', base_channels=2, out_channels=6),
        head=dict(
            type='PAFHead',
            in_channels=6,
            num_stages=2,
            channels=8,
            center_map=True,
            temporal=dict(type='ExemplarCorrelation'),
            decoder=dict(type='PartAffinityField', **CODEC)),
        test_cfg=dict(output_heatmaps=True))
    return randomise(model).eval()


@torch.no_grad()
@pytest.mark.parametrize('flip_test', [False, True])
def test_video_prediction(flip_test, estimator, video_sample):
    """Frame by frame with centre maps equals step by step."""
    estimator.test_cfg['flip_test'] = flip_test
    frames, centers = torch.randn(3, 3, 64, 64), torch.rand(3, 1, 8, 8)
    memory, mirrored_memory = None, None
    for index, (frame, center) in enumerate(zip(frames, centers)):
        item = video_sample(index, length=3, crop=torch.eye(2, 3))
        item.set_metainfo(dict(flip_indices=FLIP_INDICES))
        item.set_field(center[None], 'center_maps')
        [found] = estimator.predict(frame[None], [item])
        fields, memory = estimator.step(
            frame[None], memory, center_maps=center[None])
        if flip_test:
            mirrored, mirrored_memory = estimator.step(
                frame[None].flip(-1), mirrored_memory,
                center_maps=center[None].flip(-1))
            fields = (fields + estimator.head.flip(
                mirrored, FLIP_INDICES, {})) / 2
        torch.testing.assert_close(
            found.pred_fields.heatmaps, fields[0, :15], atol=1e-4, rtol=1e-4)
        keypoints, (scores, _) = estimator.head.decoder.decode(
            fields[0].numpy())
        np.testing.assert_allclose(found.pred_instances.keypoints, keypoints,
                                   rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(found.pred_instances.keypoint_scores,
                                   scores, rtol=1e-4)


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
    apart = codec.decode_people(maps[0])[0]
    assert len(apart) == 2
    estimator.head.step = lambda *args, **kwargs: (torch.tensor(maps), None)
    for center in ((80., 200.), (240., 120.)):
        item = video_sample(video=None)
        item.set_metainfo(
            dict(
                input_center=np.float32([160, 160]),
                input_scale=np.float32([320, 320])))
        item.gt_instances.bboxes = np.float32(
            [[center[0] - 30, center[1] - 50, center[0] + 30,
              center[1] + 50]])  # yapf: disable
        item.set_field(torch.zeros(1, 1, 8, 8), 'center_maps')
        [found] = estimator.predict(torch.zeros(1, 3, 64, 64), [item])
        found = found.pred_instances.keypoints.mean(axis=(0, 1))
        assert np.abs(found - center).max() < 25


def test_single_images_run_without_memory(estimator):
    output = estimator(torch.randn(2, 3, 64, 64), None, mode='tensor')
    assert output.shape == (2, PREDICTIONS, 8, 8)


def test_extractor_is_vgg_to_conv4_2_and_two_more():
    extractor = OpenPoseExtractor(base_channels=2, out_channels=5)
    [features] = extractor(torch.randn(1, 3, 64, 48))
    assert features.shape == (1, 5, 8, 6)
    assert (features >= 0).all()
    names = dict(extractor.named_parameters())
    assert len(names) == 24
    assert names['conv4_2.weight'].shape == (16, 16, 3, 3)
    assert names['conv4_3_CPM.weight'].shape == (8, 16, 3, 3)
