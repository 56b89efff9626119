# Copyright (c) temporal_corr authors. All rights reserved.
"""The paper's maps and exemplars, and what a test may remember of them."""
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from projects.temporal_corr.models import ExemplarCorrelation
from projects.temporal_corr.models.temporal import temporal_module
from projects.temporal_corr.models.temporal.exemplar_correlation import (
    average, keep_first)

N, P, C, H, W = 2, 3, 6, 4, 5


def module(**options):
    return ExemplarCorrelation(in_channels=C, num_keypoints=P, **options)


@pytest.mark.parametrize('normalize', [False, True])
def test_maps_by_numpy(normalize):
    """Inner products or cosines, scale and bias per keypoint; no exemplar,
    no map, nor the bias of one; no features, a cosine of zero. I is the last
    of what the head calls its features."""
    layer = module(normalize=normalize)
    assert (layer.scale == 1).all() and (layer.bias == 0).all()
    scale, bias = np.array([1., -2., .5]), np.array([0., 3., -1.])
    layer.scale.data = torch.as_tensor(scale, dtype=torch.float32)
    layer.bias.data = torch.as_tensor(bias, dtype=torch.float32)
    features = torch.randn(N, C + 4, H, W)
    features[:, :, 0, 0] = 0
    exemplars = F.normalize(torch.randn(N, P, C), dim=2)
    exemplars[0, 1] = 0
    maps, state = layer.maps(features, dict(exemplars=exemplars))
    values = features[:, 4:].numpy()
    if normalize:
        norms = np.linalg.norm(values, axis=1, keepdims=True)
        values = values / np.maximum(norms, 1e-6)
    wanted = np.einsum('nchw,npc->nphw', values, exemplars.numpy())
    wanted = wanted * scale[:, None, None] + bias[:, None, None]
    wanted[0, 1] = 0
    np.testing.assert_allclose(maps.detach(), wanted, atol=1e-5)
    assert state is None and layer.maps(features, None) == (None, None)
    assert (module(scale_init=.25, bias_init=-6.).bias == -6).all()


def test_negative_scores_are_no_scores():
    """A map that sums up to less than zero: the exemplar is that of its
    peak, and does not point away from it. Without a peak there is none."""
    features = torch.randn(N, C + 4, H, W)
    heatmaps = torch.full((N, P, H, W), -0.1)
    heatmaps[:, :2, 1, 3] = 0.5
    exemplars = module().update(None, features, heatmaps)['exemplars']
    wanted = F.normalize(features[:, None, 4:, 1, 3], dim=2)
    torch.testing.assert_close(exemplars[:, :2], wanted.repeat(1, 2, 1))
    assert not exemplars[:, 2].any()


def unit(*angles):
    """Exemplars of one keypoint in the plane, degrees; None for none."""
    vectors = [(0, 0) if angle is None else
               (np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle)))
               for angle in angles]
    return torch.tensor(vectors, dtype=torch.float32)[:, None]


@pytest.mark.parametrize('policy, frames, expected', [
    # the first is kept, whatever comes
    (keep_first, [None, 0, 90], [None, 0, 0]),
    # half and half, of unit length; unseen frames leave it as it is
    (lambda old, new: average(old, new, .5), [None, 0, 90, None, 45],
     [None, 0, 45, 45, 45]),
    # nine parts of the first: atan(.1 / .9)
    (average, [0, 90], [0, np.rad2deg(np.arctan2(.1, .9))]),
])  # yapf: disable
def test_policies_by_hand(policy, frames, expected):
    """In the second row the same of somebody who comes a frame later."""
    value = unit(None, None)
    for rows, wanted in zip(
            zip([*frames, None], [None, *frames]),
            zip([*expected, expected[-1]], [None, *expected])):
        value = policy(value, unit(*rows))
        torch.testing.assert_close(value, unit(*wanted))


@pytest.mark.parametrize('memory, policy', [
    (dict(policy='fixed'), keep_first),
    (dict(policy='average', momentum=.5),
     lambda old, new: average(old, new, .5)),
], ids=['fixed', 'average'])  # yapf: disable
def test_a_stream_remembers_what_the_policy_says(memory, policy, make_model,
                                                 videos):
    """Frame by frame the head correlates with the policy's exemplars."""
    model = make_model('correlation', test_cfg=dict(memory=memory))
    plain = make_model('correlation')
    plain.load_state_dict(model.state_dict())
    value, wanted = None, torch.zeros(1, 5, 16)
    with torch.no_grad():
        for frame in videos[0]['A'][:, None]:
            heatmaps, value = model.step(frame, value)
            expected, new = plain.step(frame, dict(exemplars=wanted))
            torch.testing.assert_close(heatmaps, expected)
            wanted = policy(wanted, new['exemplars'])
            torch.testing.assert_close(value['exemplars'], wanted)


def test_mask_rate_is_a_rate(monkeypatch):
    """Four standard deviations of a mean of 2,000 draws, which differ between
    ranks, although MMEngine seeds all of them alike."""
    kept = module(mask_rate=0.2).draw_kept(2000).float().mean().item()
    assert 1 - kept == pytest.approx(0.2, abs=0.036)
    drawn = []
    for rank in range(3):
        torch.manual_seed(0)
        monkeypatch.setattr(temporal_module, 'get_world_size', lambda: 3)
        monkeypatch.setattr(temporal_module, 'get_rank', lambda n=rank: n)
        drawn.append(module(mask_rate=0.5).draw_kept(9))
    torch.manual_seed(0)
    assert torch.equal(torch.stack(drawn), torch.rand(3, 9) >= 0.5)


@pytest.mark.parametrize('refine, settled', [(0., 0), (1., 2), (3., 8)],
                         ids=['identity', 'even', 'strong'])
def test_still_video_does_not_drift(refine, settled, make_model):
    """Keypoints are the same in all frames from ``settled`` to the 100th.

    Each prediction is the weight of the next frame, so exemplars follow a
    fixed point iteration. With the filters of the maps as they are
    initialised, N(0, 0.01), they converge to within the rounding of
    float32; keypoints are fixed in the second frame, or a few later where
    the residual branch outweighs the features. Nothing in the method rules
    out cycles, which filters ten times as large do show.
    """
    model = make_model('correlation', refine=refine)
    torch.nn.init.normal_(model.head.refinement.maps_conv.weight, std=0.01)
    memory, heatmaps, exemplars = None, [], []
    with torch.no_grad():
        feats = model.extract_feat(torch.randn(2, 3, 64, 64))
        for _ in range(100):
            maps, memory = model.head.step(feats, memory)
            heatmaps.append(maps)
            exemplars.append(memory['exemplars'])
    found = np.stack([[instances.keypoints
                       for instances in model.head.decode(maps)]
                      for maps in heatmaps])  # yapf: disable
    assert (found[settled:] == found[-1]).all()
    assert (exemplars[-1] - exemplars[-2]).abs().max() < 1e-6
    if refine == 0:
        assert torch.equal(heatmaps[-1], heatmaps[0])
