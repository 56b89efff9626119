# Copyright (c) temporal_corr authors. All rights reserved.
"""The head with what it remembers, from its parts."""
import pytest
import torch
from torch.nn import functional as F

from projects.temporal_corr.models import correlation_maps, keypoint_exemplars

KEYPOINTS = 5
CLOSE = dict(atol=1e-4, rtol=1e-4)


def random_feats(count=3):
    return (torch.randn(count, 32, 4, 4), )


@torch.no_grad()
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
    wanted = head.final_layer(features + block.conv2(hidden.relu()))
    heatmaps, memory = head.step(feats, dict(exemplars=exemplars))
    torch.testing.assert_close(heatmaps, wanted, **CLOSE)
    # 15 x 128 floats in the paper, never the heatmaps.
    torch.testing.assert_close(
        memory, dict(
            exemplars=keypoint_exemplars(features, heatmaps.clamp(min=0))))


@torch.no_grad()
def test_sigmoid_scores(make_model):
    """The loss takes logits; what is predicted and remembered are scores."""
    head = make_model(
        'correlation', head=dict(activation=dict(type='Sigmoid'))).head
    feats = random_feats()
    features = head.features(feats)
    logits = head.predict_fields(features, None)
    heatmaps, memory = head.step(feats)
    torch.testing.assert_close(heatmaps, 1 / (1 + (-logits).exp()))
    torch.testing.assert_close(memory['exemplars'],
                               keypoint_exemplars(features, heatmaps))
    torch.testing.assert_close(head(feats), heatmaps)


@torch.no_grad()
@pytest.mark.parametrize('temporal', ['heatmap', 'lstm'])
def test_maps_move_with_the_crop(temporal, make_model):
    """All that is remembered is shifted by two cells: 8 px at stride 4."""
    head = make_model(temporal).head
    feats = random_feats(1)
    crops = torch.eye(2, 3)[None]
    moved = crops.clone()
    moved[0, 0, 2] = -8.
    heatmaps, memory = head.step(feats, None, crops)
    assert torch.equal(memory['heatmaps'], heatmaps.clamp(min=0))
    carried = {
        name: F.pad(part[..., 2:], (0, 2))
        for name, part in memory.items() if name != 'crops'
    }
    wanted, _ = head.step(feats, dict(carried, crops=moved), moved)
    got, _ = head.step(feats, memory, moved)
    torch.testing.assert_close(got, wanted, **CLOSE)
    unmoved, _ = head.step(feats, memory, crops)
    assert (got - unmoved).abs().max() > 1e-3


@torch.no_grad()
@pytest.mark.parametrize('temporal, options', [
    ('correlation', dict(bias_init=1.)), ('heatmap', dict(bias_init=1.)),
    ('lstm', {})])  # yapf: disable
def test_zeros_equal_nothing_row_by_row(temporal, options, make_model):
    """First frames may share a batch with later ones; nothing that is handed
    in changes."""
    head = make_model(temporal, **options).head
    feats = random_feats()
    alone, memory = head.step(feats)
    wanted, _ = head.step(feats, memory)
    assert (wanted - alone).abs().max() > 1e-2
    for rows in ([1], [0, 1, 2]):
        mixed = {name: part.clone() for name, part in memory.items()}
        for part in mixed.values():
            part[rows] = 0
        before = {name: part.clone() for name, part in mixed.items()}
        wanted[rows] = alone[rows]
        torch.testing.assert_close(head.step(feats, mixed)[0], wanted, **CLOSE)
        torch.testing.assert_close(mixed, before, atol=0, rtol=0)


@pytest.mark.parametrize('options, maps_std', [({}, 0.01),
                                               (dict(maps_std=0.3), 0.3)])
def test_filters_start_as_told(options, maps_std, make_model):
    """N(0, 0.01) in the paper, which the 0.001 of MMPose's heads must not
    replace, when it is built and when it is initialised."""
    model = make_model(refine=0, head=dict(options, refine_channels=256))
    block = model.head.refinement
    for _ in range(2):
        weights = block.maps_conv.weight
        assert weights.shape == (256, KEYPOINTS, 3, 3)
        # 11,520 draws: the sample's deviation is within 3 % at four sigma.
        assert weights.std().item() == pytest.approx(maps_std, rel=0.03)
        assert abs(weights.mean().item()) < 0.04 * maps_std
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
