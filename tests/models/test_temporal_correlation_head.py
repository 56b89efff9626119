# Copyright (c) temporal_corr authors. All rights reserved.
"""The head: a HeatmapHead at first, then with what it remembers."""
import pytest
import torch
from mmpose.models.heads import HeatmapHead
from torch.nn import functional as F

from projects.temporal_corr.models import (TemporalCorrelationHead,
                                           correlation_maps,
                                           keypoint_exemplars)

KEYPOINTS = 5
CLOSE = dict(atol=1e-4, rtol=1e-4)


def random_feats(count=3):
    return (torch.randn(count, 32, 4, 4), )


@pytest.mark.parametrize('temporal, names', [
    ('correlation', {'correlation.scale', 'correlation.bias'}),
    ('heatmap', {'previous_heatmaps.scale', 'previous_heatmaps.bias'}),
    ('lstm', {'lstm.cell.conv_x.weight', 'lstm.cell.conv_x.bias',
              'lstm.cell.conv_h.weight'}),
    (None, set()),
])
def test_starts_as_heatmap_head(temporal, names, make_model,
                                single_frame_model):
    """The weights of a HeatmapHead load, and predict what they did; the new
    parameters are called as in released checkpoints."""
    theirs = single_frame_model.head
    ours = make_model(temporal, refine=0).head
    assert isinstance(ours, HeatmapHead)
    ours.init_weights()
    result = ours.load_state_dict(theirs.state_dict(), strict=False)
    block = {f'refinement.{conv}.{kind}' for conv in ('conv1', 'conv2')
             for kind in ('weight', 'bias')}  # yapf: disable
    maps = {'refinement.maps_conv.weight'} if temporal else set()
    assert result.unexpected_keys == []
    assert set(result.missing_keys) == names | block | maps
    assert all(key.startswith(ours.temporal_parameters)
               for key in result.missing_keys)

    feats = random_feats()
    with torch.no_grad():
        wanted = theirs(feats)
        assert wanted.std() > 0.01
        assert torch.equal(ours(feats), wanted)
        first, memory = ours.step(feats)
        assert torch.equal(first, wanted) and (memory is None) == (
            temporal is None)
        # The residual block is identity whatever the maps are.
        assert torch.equal(ours.step(feats, memory)[0], wanted)


@pytest.mark.parametrize('convs', [1, 3])
def test_correlation_step_from_its_parts(convs, make_model):
    """What step does, said again with torch alone: Eq. (1) of the scores,
    the correlation, and one convolution of the concatenated features and
    maps, the filters side by side."""
    head = make_model(
        'correlation', scale_init=0.7, head=dict(refine_convs=convs)).head
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
        assert len(block.convs) == convs - 1
        for conv in block.convs:
            hidden = conv(hidden.relu())
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
        features = head.features(feats)
        logits = head.predict_fields(features, None)
        heatmaps, memory = head.step(feats)
    torch.testing.assert_close(heatmaps, 1 / (1 + (-logits).exp()))
    torch.testing.assert_close(memory['exemplars'],
                               keypoint_exemplars(features, heatmaps))
    torch.testing.assert_close(head(feats), heatmaps)


@pytest.mark.parametrize('temporal', ['heatmap', 'lstm'])
def test_maps_move_with_the_crop(temporal, make_model):
    """All that is remembered is shifted by two cells: 8 px at stride 4."""
    head = make_model(temporal).head
    feats = random_feats(1)
    crops = torch.eye(2, 3)[None]
    moved = crops.clone()
    moved[0, 0, 2] = -8.
    with torch.no_grad():
        heatmaps, memory = head.step(feats, None, crops)
        torch.testing.assert_close(
            memory['heatmaps'], heatmaps.clamp(min=0), atol=0, rtol=0)
        carried = {
            name: F.pad(part[..., 2:], (0, 2))
            for name, part in memory.items() if name != 'crops'
        }
        wanted, _ = head.step(feats, dict(carried, crops=moved), moved)
        got, _ = head.step(feats, memory, moved)
        unmoved, _ = head.step(feats, memory, crops)
    torch.testing.assert_close(got, wanted, **CLOSE)
    assert (got - unmoved).abs().max() > 1e-3


@pytest.mark.parametrize('temporal, options', [
    ('correlation', dict(bias_init=1.)), ('heatmap', dict(bias_init=1.)),
    ('lstm', {})])  # yapf: disable
def test_zeros_equal_nothing_row_by_row(temporal, options, make_model):
    """First frames may share a batch with later ones; nothing that is handed
    in changes."""
    head = make_model(temporal, **options).head
    with torch.no_grad():
        feats = random_feats()
        alone, memory = head.step(feats)
        wanted, _ = head.step(feats, memory)
        assert (wanted - alone).abs().max() > 1e-2
        mixed = {name: part.clone() for name, part in memory.items()}
        for part in mixed.values():
            part[1] = 0
        before = {name: part.clone() for name, part in mixed.items()}
        found, _ = head.step(feats, mixed)
        torch.testing.assert_close(found[1], alone[1], **CLOSE)
        torch.testing.assert_close(found[[0, 2]], wanted[[0, 2]], **CLOSE)
        torch.testing.assert_close(mixed, before, atol=0, rtol=0)
        zeros = {name: torch.zeros_like(part) for name, part in memory.items()}
        torch.testing.assert_close(head.step(feats, zeros)[0], alone, **CLOSE)


@pytest.mark.parametrize('maps_std', [None, 0.3])
def test_filters_start_as_told(maps_std, make_model):
    """N(0, 0.01) in the paper, which the 0.001 of MMPose's heads must not
    replace, when it is built and when it is initialised."""
    head = dict(refine_channels=256)
    if maps_std:
        head['maps_std'] = maps_std
    model = make_model(refine=0, head=head)
    block = model.head.refinement
    for _ in range(2):
        weights = block.maps_conv.weight
        assert weights.shape == (256, KEYPOINTS, 3, 3)
        # 11,520 draws: the sample's deviation is within 3 % at four sigma.
        wanted = maps_std or 0.01
        assert weights.std().item() == pytest.approx(wanted, rel=0.03)
        assert abs(weights.mean().item()) < 0.04 * wanted
        assert not block.conv2.weight.any() and not block.conv2.bias.any()
        # Kaiming: sqrt(2 / (16 channels x 9)).
        assert block.conv1.weight.std().item() == pytest.approx(
            0.118, rel=0.03)
        model.init_weights()


@pytest.mark.parametrize('theirs, ours', [(1, 3), (3, 1), (2, 3), (3, 3)])
def test_a_block_of_another_depth_is_left(theirs, ours, make_model):
    """All of it: the model then predicts without a block."""
    source = make_model(head=dict(refine_convs=theirs))
    model = make_model(refine=0., head=dict(refine_convs=ours))
    model.load_state_dict(source.state_dict(), strict=False)
    features = torch.rand(2, 16, 8, 8)
    wanted = features if theirs != ours else source.head.refinement(features)
    torch.testing.assert_close(model.head.refinement(features), wanted)


@pytest.mark.parametrize('settings, match', [
    # offsets are no weights
    (dict(decoder=dict(type='UDPHeatmap', input_size=(64, 64),
                       heatmap_size=(16, 16), heatmap_type='combined')),
     "heatmap_type='gaussian'"),
])  # yapf: disable
def test_settings_that_do_not_fit(settings, match, single_frame_config):
    config = dict(
        single_frame_config['head'],
        temporal=dict(type='ExemplarCorrelation'))
    config.pop('type')
    with pytest.raises(ValueError, match=match):
        TemporalCorrelationHead(**dict(config, **settings))


@pytest.mark.parametrize('mask_rate', [0., 1.], ids=['kept', 'masked'])
@pytest.mark.parametrize('temporal', ['correlation', 'heatmap'])
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
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    torch.testing.assert_close(losses['loss_kpt'],
                               F.mse_loss(heatmaps, targets))
    assert losses['acc_pose'].shape == ()


def test_feature_dropout_spares_the_maps(make_model):
    """With every channel dropped the maps alone are left, in training and
    where there are maps; nowhere else anything changes."""
    head = make_model('correlation', refine=.3).head
    features, maps = torch.randn(2, 32, 4, 4), torch.randn(2, KEYPOINTS, 4, 4)
    wanted = {
        (training, given): head.predict_fields(
            features * (not training or given is None), given)
        for training in (True, False) for given in (maps, None)
    }
    head.feature_dropout = 1.
    for (training, given), heatmaps in wanted.items():
        found = head.train(training).predict_fields(features, given)
        assert torch.equal(found, heatmaps), (training, given is None)
