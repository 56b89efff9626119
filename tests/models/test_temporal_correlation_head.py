# Copyright (c) temporal_corr authors. All rights reserved.
"""The head: a HeatmapHead at first, then whatever its past tells it."""
import pytest
import torch
from mmpose.models.heads import HeatmapHead
from torch.nn import functional as F

from projects.temporal_corr.models import (TemporalCorrelationHead,
                                           correlation_maps,
                                           keypoint_exemplars)
from projects.temporal_corr.models.heads.temporal_correlation_head import \
    TemporalRefinement

KEYPOINTS = 5
ALL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap', None])
TEMPORAL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap'])
CLOSE = dict(atol=1e-4, rtol=1e-4)


def random_feats(count=3):
    return (torch.randn(count, 32, 4, 4), )


def targets_of(samples):
    return torch.stack([sample.gt_fields.heatmaps for sample in samples])


@ALL
def test_starts_as_heatmap_head(temporal, make_model, single_frame_model):
    """The weights of a HeatmapHead load, and predict what they did."""
    theirs = single_frame_model.head
    ours = make_model(temporal, refine=0).head
    assert isinstance(ours, HeatmapHead)
    ours.init_weights()
    result = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert result.unexpected_keys == []
    temporal_keys = [
        key for key in ours.state_dict()
        if key.startswith(ours.temporal_parameters)
    ]
    assert sorted(result.missing_keys) == sorted(temporal_keys) != []

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


@pytest.mark.parametrize('temporal, names', [
    ('correlation', {'correlation.scale', 'correlation.bias'}),
    ('heatmap', {'previous_heatmaps.scale', 'previous_heatmaps.bias'}),
    ('lstm', {'lstm.cell.conv_x.weight', 'lstm.cell.conv_x.bias',
              'lstm.cell.conv_h.weight'}),
])
def test_parameters_are_called_as_in_released_checkpoints(
        temporal, names, make_model):
    alone, head = make_model(None).head, make_model(temporal).head
    added = set(head.state_dict()) - set(alone.state_dict())
    assert added == {*names, 'refinement.maps_conv.weight'}


def test_correlation_step_from_its_parts(make_model):
    """What step does, said again with torch alone: Eq. (1) of the scores,
    the correlation, and one convolution of features and maps."""
    head = make_model('correlation', scale_init=0.7).head
    feats = random_feats()
    exemplars = torch.randn(3, KEYPOINTS, 16)
    block = head.refinement
    with torch.no_grad():
        features = head.deconv_layers(feats[-1])
        maps = 0.7 * correlation_maps(features, exemplars)
        hidden = F.conv2d(
            torch.cat([features, maps], dim=1),
            torch.cat([block.conv1.weight, block.maps_conv.weight], dim=1),
            block.conv1.bias,
            padding=1)
        refined = features + block.conv2(hidden.relu())
        wanted = head.final_layer(refined)
        heatmaps, memory = head.step(feats, dict(exemplars=exemplars))
    torch.testing.assert_close(heatmaps, wanted, **CLOSE)
    # 15 x 128 floats in the paper, never the heatmaps.
    assert memory['exemplars'].shape == (3, KEYPOINTS, 16)
    torch.testing.assert_close(
        memory, dict(
            exemplars=keypoint_exemplars(features, heatmaps.clamp(min=0))))


def test_sigmoid_scores(make_model):
    """The loss takes logits; what is predicted and remembered are scores."""
    head = make_model(
        'correlation', head=dict(activation=dict(type='Sigmoid'))).head
    feats = random_feats()
    with torch.no_grad():
        logits = head.predict_fields(head.features(feats), None)
        heatmaps, memory = head.step(feats)
    torch.testing.assert_close(heatmaps, 1 / (1 + (-logits).exp()))
    torch.testing.assert_close(
        memory['exemplars'], keypoint_exemplars(
            head.features(feats), heatmaps))
    torch.testing.assert_close(head(feats), heatmaps)


def test_heatmap_memory_moves_with_the_crop(make_model):
    """The previous heatmaps are shifted by two cells: 8 px at stride 4."""
    head = make_model('heatmap').head
    feats = random_feats(1)
    crops = torch.eye(2, 3)[None]
    moved = crops.clone()
    moved[0, 0, 2] = -8.
    with torch.no_grad():
        heatmaps, memory = head.step(feats, None, crops)
        heatmaps = heatmaps.clamp(min=0)
        torch.testing.assert_close(
            memory, dict(heatmaps=heatmaps, crops=crops), atol=0, rtol=0)
        carried = F.pad(heatmaps[..., 2:], (0, 2))
        wanted, _ = head.step(feats, dict(heatmaps=carried, crops=moved),
                              moved)
        got, _ = head.step(feats, memory, moved)
    torch.testing.assert_close(got, wanted, **CLOSE)
    assert (got - head.step(feats, memory, crops)[0]).abs().max() > 1e-2


@TEMPORAL
def test_zeros_equal_nothing(temporal, make_model):
    """First frames may share a batch with later ones; nothing that is handed
    in changes."""
    head = make_model(temporal, bias_init=1.).head
    with torch.no_grad():
        feats = random_feats()
        alone, memory = head.step(feats)
        zeros = {name: torch.zeros_like(part) for name, part in memory.items()}
        assert torch.equal(head.step(feats, zeros)[0], alone)
        # One row of zeros, the others remember.
        wanted, _ = head.step(feats, memory)
        assert (wanted - alone).abs().max() > 1e-2
        mixed = {name: part.clone() for name, part in memory.items()}
        for part in mixed.values():
            part[1] = 0
        before = {name: part.clone() for name, part in mixed.items()}
        found, _ = head.step(feats, mixed)
    assert torch.equal(found[1], alone[1])
    assert torch.equal(found[[0, 2]], wanted[[0, 2]])
    torch.testing.assert_close(mixed, before, atol=0, rtol=0)


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


@pytest.mark.parametrize('maps_std', [None, 0.3])
@pytest.mark.parametrize('when', ['built', 'initialised'])
def test_filters_of_the_maps_start_as_told(maps_std, when, make_model):
    """N(0, 0.01) in the paper, which the 0.001 of MMPose's heads must not
    replace."""
    head = dict(refine_channels=256)
    if maps_std:
        head['maps_std'] = maps_std
    model = make_model(refine=0, head=head)
    if when == 'initialised':
        model.init_weights()
    block = model.head.refinement
    weights = block.maps_conv.weight
    assert weights.shape == (256, KEYPOINTS, 3, 3)
    # 11,520 draws: the sample's deviation is within 3 % at four sigma.
    wanted = maps_std or 0.01
    assert weights.std().item() == pytest.approx(wanted, rel=0.03)
    assert abs(weights.mean().item()) < 0.04 * wanted
    assert block.maps_conv.bias is None
    assert (block.conv2.weight == 0).all() and (block.conv2.bias == 0).all()
    # Kaiming: sqrt(2 / (16 channels x 9)).
    assert block.conv1.weight.std().item() == pytest.approx(0.118, rel=0.03)


def test_single_frame_block_has_no_filters_for_maps(make_model):
    head = make_model(None).head
    assert head.refinement.maps_conv is None
    assert head.step(random_feats())[1] is None


@pytest.mark.parametrize('convs', [1, 3])
def test_a_deeper_block_still_starts_as_identity(convs, make_model):
    block = make_model(refine=0., head=dict(refine_convs=convs)).head
    block, features = block.refinement, torch.rand(2, 16, 8, 8)
    torch.testing.assert_close(
        block(features, torch.rand(2, 5, 8, 8)), features)
    kernels = [p for p in block.parameters() if p.shape[-2:] == (3, 3)]
    assert len(kernels) == convs + 1  # and the filters of the maps


@pytest.mark.parametrize('theirs, ours', [(1, 3), (3, 1), (2, 3), (3, 3)])
def test_a_block_of_another_depth_is_left(theirs, ours, make_model):
    """All of it: the model then predicts without a block."""
    source = make_model(head=dict(refine_convs=theirs))
    model = make_model(refine=0., head=dict(refine_convs=ours))
    model.load_state_dict(source.state_dict(), strict=False)
    features = torch.rand(2, 16, 8, 8)
    wanted = features if theirs != ours else source.head.refinement(features)
    torch.testing.assert_close(model.head.refinement(features), wanted)


COMBINED = dict(
    type='UDPHeatmap',
    input_size=(64, 64),
    heatmap_size=(16, 16),
    heatmap_type='combined')


@pytest.mark.parametrize(
    'settings, match', [
        (dict(temporal=dict(type='PreviousHeatmaps'), decoder=None),
         'scale_factor'),
        (dict(decoder=COMBINED), "heatmap_type='gaussian'"),
        (dict(final_layer=None), 'final_layer'),
        (dict(temporal=None, projection=dict(channels=3)), 'projection'),
    ],
    ids=[
        'no stride', 'offsets as weights', 'nothing to join before',
        'nothing to project for'
    ])
def test_bad_settings(settings, match, single_frame_config):
    config = dict(
        single_frame_config['head'],
        temporal=dict(type='ExemplarCorrelation'))
    config.pop('type')
    with pytest.raises(ValueError, match=match):
        TemporalCorrelationHead(**dict(config, **settings))


@pytest.mark.parametrize('mask_rate', [0., 1.], ids=['kept', 'masked'])
@TEMPORAL
def test_loss_from_its_parts(temporal, mask_rate, make_model, clip_batch):
    """The last frame of a clip meets the targets, its maps made of the true
    heatmaps of the frame before; masked, it is a first frame."""
    model = make_model(temporal, mask_rate=mask_rate)
    inputs, samples = clip_batch(frames=4)
    head, memory = model.head, None
    truth = torch.stack([sample.previous_heatmaps[-1] for sample in samples])
    crops = torch.stack([sample.crops for sample in samples])
    with torch.no_grad():
        losses = model.loss(inputs, samples)
        if not mask_rate:
            past = head.features(model.extract_feat(inputs[:, -2]))
            memory = dict(
                exemplars=keypoint_exemplars(past, truth)
            ) if temporal == 'correlation' else dict(
                heatmaps=truth, crops=crops[:, -2])
        heatmaps, _ = model.step(inputs[:, -1], memory, crops[:, -1])
    torch.testing.assert_close(losses['loss_kpt'],
                               F.mse_loss(heatmaps, targets_of(samples)))
    assert losses['acc_pose'].shape == ()


def test_one_set_of_batch_statistics(make_model, clip_batch):
    """Exemplar and current frames go through batch norm together, once."""
    model = make_model(mask_rate=0.).train()
    norms = [module for module in model.modules()
             if isinstance(module, torch.nn.BatchNorm2d)]
    model.loss(*clip_batch())
    assert all(norm.num_batches_tracked == 1 for norm in norms)


@pytest.mark.parametrize('temporal', ['correlation', 'heatmap', 'lstm'])
def test_single_frames_refused_in_training(temporal, make_model, clip_batch):
    inputs, samples = clip_batch(frames=0)
    with pytest.raises(ValueError, match='clip_len=2.*consecutive'):
        make_model(temporal).loss(inputs, samples)
