# Copyright (c) temporal_corr authors. All rights reserved.
"""Eq. (1) and the correlation maps against statements of their own."""
import numpy as np
import pytest
import torch

from projects.temporal_corr.models import correlation_maps, keypoint_exemplars

AUTOCAST = pytest.mark.parametrize(
    'autocast', [False, True], ids=['plain', 'autocast'])


def numpy_exemplars(features, heatmaps):
    """Eq. (1) as it is written: a sum over h and w, then a unit vector."""
    exemplars = np.zeros((*heatmaps.shape[:2], features.shape[1]))
    for n, p in np.ndindex(heatmaps.shape[:2]):
        for h, w in np.ndindex(heatmaps.shape[2:]):
            exemplars[n, p] += heatmaps[n, p, h, w] * features[n, :, h, w]
        norm = np.sqrt((exemplars[n, p]**2).sum())
        if norm > 0:
            exemplars[n, p] /= norm
    return exemplars


def random_inputs(dtype=torch.float32, features_scale=1., heatmaps_scale=1.):
    return ((torch.randn(2, 5, 6, 4) * features_scale).to(dtype),
            (torch.rand(2, 3, 6, 4) * heatmaps_scale).to(dtype))


def as_numpy(tensor):
    return tensor.detach().double().numpy()


@AUTOCAST
@pytest.mark.parametrize('dtype, features_scale, heatmaps_scale', [
    (torch.float32, 1., 1.),
    (torch.float64, 1., 1.),
    (torch.bfloat16, 1., 1.),
    pytest.param(torch.float32, 1., 1e-20, id='faint heatmaps'),
    pytest.param(torch.float32, 1e-20, 1e-20, id='both faint'),
    pytest.param(torch.float32, 1e18, 1e18, id='both huge'),
    pytest.param(torch.float16, 1e4, 1e4, id='half 1e4 both'),
    pytest.param(torch.float16, 1e-4, 1e-4, id='half faint'),
    pytest.param(torch.bfloat16, 1e30, 1., id='bfloat16 huge'),
])
def test_equals_numpy(dtype, features_scale, heatmaps_scale, autocast):
    """J is a unit vector, the right one, and the maps are inner products, in
    float32 at least, at any magnitude of the inputs."""
    features, heatmaps = random_inputs(dtype, features_scale, heatmaps_scale)
    features.requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        exemplars = keypoint_exemplars(features, heatmaps)
        maps = correlation_maps(features, exemplars)
    wanted = numpy_exemplars(as_numpy(features), as_numpy(heatmaps))
    full = torch.float64 if dtype == torch.float64 else torch.float32
    assert exemplars.dtype == maps.dtype == full
    np.testing.assert_allclose(as_numpy(exemplars), wanted, atol=1e-5)
    np.testing.assert_allclose(
        as_numpy(maps) / features_scale,
        np.einsum('nchw,npc->nphw', as_numpy(features), wanted) /
        features_scale,
        atol=1e-5)
    exemplars.square().sum().backward()
    assert torch.isfinite(features.grad).all()


def test_by_hand():
    """One pixel carries the whole weight: J is its feature, normalised."""
    features = torch.zeros(1, 2, 2, 2)
    features[0, :, 0, 1] = torch.tensor([3., 4.])
    features[0, :, 1, 0] = torch.tensor([-4., 3.])
    heatmaps = torch.tensor([[[[0., 0.5], [0., 0.]]]])
    exemplars = keypoint_exemplars(features, heatmaps)
    torch.testing.assert_close(exemplars, torch.tensor([[[0.6, 0.8]]]))
    # 5 where the keypoint was, 0 at the orthogonal feature.
    torch.testing.assert_close(
        correlation_maps(features, exemplars),
        torch.tensor([[[[0., 5.], [0., 0.]]]]))


@AUTOCAST
@pytest.mark.parametrize('zeroed', ['heatmap', 'features', 'both'])
def test_nothing_to_remember_gives_zeros(zeroed, autocast):
    """Zeros, not NaN, and gradients that are of the size of the others."""
    features, heatmaps = random_inputs()
    if zeroed in ('heatmap', 'both'):
        heatmaps[0, 1] = 0
    if zeroed in ('features', 'both'):
        features[0] = 0
    features.requires_grad_()
    heatmaps.requires_grad_()
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        exemplars = keypoint_exemplars(features, heatmaps)
        maps = correlation_maps(features, exemplars)
    assert (exemplars[0, 1] == 0).all() and (maps[0, 1] == 0).all()
    torch.testing.assert_close(exemplars[1].norm(dim=1), torch.ones(3))
    (exemplars.sum() + maps.sum()).backward()
    for gradient in (features.grad, heatmaps.grad):
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() < 1e4


def test_gradients():
    inputs = [part.requires_grad_() for part in random_inputs(torch.float64)]
    assert torch.autograd.gradcheck(keypoint_exemplars, inputs)
    exemplars = keypoint_exemplars(*inputs).detach().requires_grad_()
    assert torch.autograd.gradcheck(correlation_maps, (inputs[0], exemplars))
