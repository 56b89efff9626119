# Copyright (c) temporal_corr authors. All rights reserved.
"""The head: a HeatmapHead at first, then whatever its past tells it."""
import numpy as np
import pytest
import torch
from mmpose.models.heads import HeatmapHead
from torch.nn import functional as F

from projects.temporal_corr.models import (TemporalCorrelationHead,
                                           correlation_maps,
                                           keypoint_exemplars)
from projects.temporal_corr.models.heads.temporal_refinement import \
    TemporalRefinement

KEYPOINTS = 5
ALL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap', None])
TEMPORAL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap'])


def random_feats(count=3):
    return (torch.randn(count, 32, 4, 4), )


@ALL
def test_starts_as_heatmap_head(temporal, make_model, single_frame_model):
    """The weights of a HeatmapHead load, and predict what they did."""
    theirs = single_frame_model.head
    ours = make_model(temporal, refine=0).head
    ours.init_weights()
    result = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert result.unexpected_keys == []
    assert result.missing_keys and all(
        key.startswith(ours.temporal_parameters)
        for key in result.missing_keys)
    temporal_keys = [
        key for key in ours.state_dict()
        if key.startswith(ours.temporal_parameters)
    ]
    assert sorted(result.missing_keys) == sorted(temporal_keys)

    feats = random_feats()
    with torch.no_grad():
        wanted = theirs(feats)
        assert wanted.std() > 0.01
        assert torch.equal(ours(feats), wanted)
        first, memory = ours.step(feats)
        assert torch.equal(first, wanted)
        # The residual block is identity whatever the maps are.
        second, _ = ours.step(feats, memory)
        assert torch.equal(second, wanted)


@TEMPORAL
def test_the_past_is_heard(temporal, make_model):
    """With a residual block that does something, memory matters."""
    head = make_model(temporal).head
    feats = random_feats()
    with torch.no_grad():
        first, memory = head.step(feats)
        second, _ = head.step(feats, memory)
    assert (first - second).abs().max() > 1e-2


def test_heads_are_heatmap_heads(make_model):
    assert isinstance(make_model().head, HeatmapHead)


def test_correlation_remembers_unit_exemplars(make_model):
    """15 x 128 floats in the paper, never the heatmaps."""
    head = make_model('correlation').head
    feats = random_feats()
    with torch.no_grad():
        heatmaps, memory = head.step(feats)
        wanted = keypoint_exemplars(
            head.features(feats), heatmaps.clamp(min=0))
    assert memory.shape == (3, KEYPOINTS, 16)
    assert torch.equal(memory, wanted)


def test_weighted_exemplars_are_as_long_as_the_peaks_are_high(make_model):
    """No peak, no map; a peak of 1 or more has full weight."""
    head = make_model('correlation', weighted=True, bias_init=2.).head
    features = head.features(random_feats())
    heatmaps = torch.rand(3, KEYPOINTS, 16, 16) - 0.5
    heatmaps[:, 0], heatmaps[:, 1], heatmaps[:, 2] = -1, 0.2, 3.
    with torch.no_grad():
        memory = head.renew(None, features, heatmaps, None)
        maps = head.maps(features, memory, None)
    peaks = heatmaps.numpy().max((2, 3)).clip(0, 1)
    np.testing.assert_allclose(memory.norm(dim=2), peaks, atol=1e-6)
    wanted = correlation_maps(features,
                              keypoint_exemplars(
                                  features, heatmaps.clamp(min=0))) + 2
    wanted = wanted * torch.as_tensor(peaks)[..., None, None]
    torch.testing.assert_close(maps, wanted, atol=1e-4, rtol=1e-4)
    assert (maps[:, 0] == 0).all() and maps[:, 1:].any()


def test_negative_scores_are_no_scores(make_model):
    """A map that sums up to less than zero: the exemplar is that of its
    peak, and does not point away from it."""
    head = make_model('correlation').head
    features = head.features(random_feats())
    heatmaps = torch.full((3, KEYPOINTS, 16, 16), -0.1)
    heatmaps[:, :, 4, 7] = 0.5
    memory = head.remember(features, heatmaps, None)
    wanted = F.normalize(features[:, :, 4, 7], dim=1)[:, None]
    torch.testing.assert_close(memory, wanted.expand_as(memory))


def test_no_score_no_map(make_model):
    """A keypoint without an exemplar has no map, nor the bias of one."""
    head = make_model('correlation', bias_init=-6.).head
    features = head.features(random_feats())
    heatmaps = torch.rand(3, KEYPOINTS, 16, 16)
    heatmaps[:, 1] = -1.
    memory = head.remember(features, heatmaps, None)
    maps = head.maps(features, memory, None)
    assert not maps[:, 1].any()
    assert maps[:, [0, 2, 3, 4]].flatten(2).any(dim=2).all()


def test_sigmoid_scores(make_model):
    """The loss takes logits; what is predicted and remembered are scores."""
    head = make_model('correlation', activation=dict(type='Sigmoid')).head
    feats = random_feats()
    with torch.no_grad():
        logits = head.heatmaps(head.features(feats))
        heatmaps, memory = head.step(feats)
    torch.testing.assert_close(heatmaps, 1 / (1 + (-logits).exp()))
    torch.testing.assert_close(
        memory, keypoint_exemplars(head.features(feats), heatmaps))
    torch.testing.assert_close(head(feats), heatmaps)


@pytest.mark.parametrize('labelled', [False, True])
def test_weighted_exemplars_of_a_policy(labelled, make_model):
    """A policy gets unit vectors, and its confidence weighs the maps: that of
    the frame that is remembered, 1 for a label."""
    head = make_model(weighted=True, test_cfg=dict(
        memory=dict(policy='fixed'))).head
    head.correlation.bias.data.fill_(2.)
    features = head.features(random_feats())
    heatmaps = 0.7 * torch.rand(3, KEYPOINTS, 16, 16)
    units = keypoint_exemplars(features, heatmaps)
    with torch.no_grad():
        memory = head.renew(None, features, heatmaps, None, labelled=labelled)
        torch.testing.assert_close(memory['exemplars'][:, :, 0], units)
        maps = head.maps(features, memory, None)
    trust = torch.ones(3, KEYPOINTS) if labelled else heatmaps.amax((2, 3))
    torch.testing.assert_close(
        maps, (correlation_maps(features, units) + 2) *
        trust[..., None, None], atol=1e-4, rtol=1e-4)


def test_correlation_step_from_its_parts(make_model):
    """What step does, said again with torch alone."""
    head = make_model('correlation', scale_init=0.7).head
    feats, memory = random_feats(), torch.randn(3, KEYPOINTS, 16)
    block = head.refinement
    with torch.no_grad():
        features = head.deconv_layers(feats[-1])
        maps = 0.7 * correlation_maps(features, memory)
        hidden = F.conv2d(
            torch.cat([features, maps], dim=1),
            torch.cat([block.conv1.weight, block.maps_conv.weight], dim=1),
            block.conv1.bias,
            padding=1)
        refined = features + block.conv2(hidden.relu())
        wanted = head.final_layer(refined)
        heatmaps, _ = head.step(feats, memory)
    torch.testing.assert_close(heatmaps, wanted, atol=1e-4, rtol=1e-4)


def test_heatmap_memory_moves_with_the_crop(make_model):
    """The previous heatmaps are shifted by two cells: 8 px at stride 4."""
    head = make_model('heatmap').head
    feats = random_feats(1)
    crops = torch.eye(2, 3)[None]
    moved = crops.clone()
    moved[0, 0, 2] = -8.
    with torch.no_grad():
        heatmaps, memory = head.step(feats, None, crops)
        assert set(memory) == {'heatmaps', 'crops'}
        heatmaps = heatmaps.clamp(min=0)
        assert torch.equal(memory['heatmaps'], heatmaps)
        assert torch.equal(memory['crops'], crops)
        carried = F.pad(heatmaps[..., 2:], (0, 2))
        wanted, _ = head.step(feats, dict(heatmaps=carried, crops=moved),
                              moved)
        got, _ = head.step(feats, memory, moved)
    torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)
    assert (got - head.step(feats, memory, crops)[0]).abs().max() > 1e-2


@TEMPORAL
def test_zeros_equal_nothing(temporal, make_model):
    """First frames may share a batch with later ones."""
    head = make_model(temporal).head
    with torch.no_grad():
        if temporal == 'correlation':
            head.correlation.bias.fill_(1.)
        else:
            head.previous_heatmaps.bias.fill_(1.)
        feats = random_feats()
        alone, memory = head.step(feats)
        zeros = (
            torch.zeros_like(memory) if temporal == 'correlation' else
            {name: torch.zeros_like(part)
             for name, part in memory.items()})
        assert torch.equal(head.step(feats, zeros)[0], alone)
        # One row of zeros, the others remember.
        wanted, _ = head.step(feats, memory)
        if temporal == 'correlation':
            memory[1] = 0
        else:
            memory = {name: part.clone() for name, part in memory.items()}
            memory['heatmaps'][1], memory['crops'][1] = 0, 0
        mixed, _ = head.step(feats, memory)
    assert torch.equal(mixed[1], alone[1])
    assert torch.equal(mixed[[0, 2]], wanted[[0, 2]])


def test_step_is_pure(make_model):
    """Neither the memory handed in nor the module changes."""
    head = make_model('correlation').head
    feats = random_feats()
    with torch.no_grad():
        _, memory = head.step(feats)
        before = memory.clone()
        weights = {k: v.clone() for k, v in head.state_dict().items()}
        one, _ = head.step(feats, memory)
        two, _ = head.step(feats, memory)
    assert torch.equal(one, two) and torch.equal(memory, before)
    assert all(torch.equal(v, weights[k])
               for k, v in head.state_dict().items())


def test_adding_maps_equals_concatenation():
    """One convolution over [features, maps], with the filters side by side."""
    block = TemporalRefinement(6, 8, map_channels=3).double()
    torch.nn.init.normal_(block.conv2.weight)
    features = torch.randn(2, 6, 9, 7, dtype=torch.float64)
    maps = torch.randn(2, 3, 9, 7, dtype=torch.float64)
    conv = torch.nn.Conv2d(9, 8, 3, padding=1).double()
    with torch.no_grad():
        conv.weight.copy_(
            torch.cat([block.conv1.weight, block.maps_conv.weight], dim=1))
        conv.bias.copy_(block.conv1.bias)
        hidden = conv(torch.cat([features, maps], dim=1))
        wanted = features + block.conv2(hidden.relu())
        torch.testing.assert_close(block(features, maps), wanted)
        torch.testing.assert_close(
            block(features, torch.zeros_like(maps)), block(features))


@pytest.mark.parametrize('when', ['built', 'initialised'])
@TEMPORAL
def test_filters_of_the_maps_start_as_in_the_paper(temporal, when,
                                                   make_model):
    """N(0, 0.01), which the 0.001 of MMPose's heads must not replace."""
    model = make_model(temporal, refine=0, refine_channels=256)
    if when == 'initialised':
        model.init_weights()
    block = model.head.refinement
    weights = block.maps_conv.weight
    assert weights.shape == (256, KEYPOINTS, 3, 3)
    # 11,520 draws: the sample's deviation is within 3 % at four sigma.
    assert weights.std().item() == pytest.approx(0.01, rel=0.03)
    assert abs(weights.mean().item()) < 4e-4
    assert block.maps_conv.bias is None
    assert (block.conv2.weight == 0).all() and (block.conv2.bias == 0).all()
    # Kaiming: sqrt(2 / (16 channels x 9)).
    assert block.conv1.weight.std().item() == pytest.approx(0.118, rel=0.03)


def test_single_frame_block_has_no_filters_for_maps(make_model):
    head = make_model(None).head
    assert head.refinement.maps_conv is None
    assert head.step(random_feats())[1] is None


@ALL
def test_mixed_precision(temporal, make_model, clip_batch):
    """Near the result of full precision, memory in float32."""
    head = make_model(temporal, mask_rate=0.).head
    _, samples = clip_batch()
    feats, past = random_feats(), random_feats()
    past = past if temporal else None
    wanted = head.loss(feats, samples, past)['loss_kpt']
    with torch.no_grad():
        heatmaps, memory = head.step(feats)
        stepped, _ = head.step(feats, memory)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = head.loss(feats, samples, past)['loss_kpt']
        low, low_memory = head.step(feats)
        low_stepped, _ = head.step(feats, memory)
    assert loss.item() == pytest.approx(wanted.item(), rel=0.03)
    loss.backward()
    assert low.dtype == torch.float32
    for got, full in ((low, heatmaps), (low_stepped, stepped)):
        assert (got - full).abs().mean() < 0.03 * full.abs().mean()
    if temporal == 'correlation':
        assert low_memory.dtype == torch.float32
        torch.testing.assert_close(low_memory.norm(dim=2),
                                   torch.ones(3, KEYPOINTS))


COMBINED = dict(
    type='UDPHeatmap',
    input_size=(64, 64),
    heatmap_size=(16, 16),
    heatmap_type='combined')


@pytest.mark.parametrize(
    'settings, match', [
        (dict(temporal='flow'), "'flow'"),
        (dict(mask_rate=1.2), 'mask_rate'),
        (dict(temporal='heatmap', decoder=None), 'scale_factor'),
        (dict(decoder=COMBINED), "heatmap_type='gaussian'"),
        (dict(temporal='heatmap', decoder=COMBINED), 'heatmap_type'),
        (dict(final_layer=None), 'final_layer'),
    ],
    ids=[
        'unknown mode', 'no rate', 'no stride', 'offsets as weights',
        'offsets as heatmaps', 'nothing to join before'
    ])
def test_bad_settings(settings, match, single_frame_config):
    config = dict(single_frame_config['head'], **settings)
    config.pop('type')
    with pytest.raises(ValueError, match=match):
        TemporalCorrelationHead(**config)


@pytest.mark.parametrize('convs', [1, 3])
def test_a_deeper_block_still_starts_as_identity(convs, make_model):
    head = make_model('correlation', refine=0., refine_convs=convs).head
    features = torch.rand(2, 16, 8, 8)
    maps = torch.rand(2, 5, 8, 8)
    torch.testing.assert_close(head.refinement(features, maps), features)
    kernels = [p for n, p in head.refinement.named_parameters()
               if p.ndim == 4 and p.shape[-1] == 3]  # yapf: disable
    assert len(kernels) == convs + 1  # and the filters of the maps


def test_filters_of_the_maps_start_as_wide_as_told(make_model):
    head = make_model('correlation', refine=0., refine_channels=64,
                      maps_std=0.3).head
    assert abs(head.refinement.maps_conv.weight.std() - 0.3) < 0.03


@pytest.mark.parametrize('theirs, ours', [(1, 3), (3, 1), (2, 3)])
def test_a_block_of_another_depth_is_left(theirs, ours, make_model):
    """All of it: the model then predicts without a block."""
    source = make_model('correlation', refine_convs=theirs)
    model = make_model('correlation', refine=0., refine_convs=ours)
    model.load_state_dict(source.state_dict(), strict=False)
    features = torch.rand(2, 16, 8, 8)
    torch.testing.assert_close(model.head.refinement(features), features)
    same = make_model('correlation', refine=0., refine_convs=theirs)
    same.load_state_dict(source.state_dict())
    torch.testing.assert_close(
        same.head.refinement(features), source.head.refinement(features))
