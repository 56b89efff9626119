# Copyright (c) temporal_corr authors. All rights reserved.
"""Eq. (1) and the correlation maps against statements of their own."""
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from projects.temporal_corr.models import correlation_maps, keypoint_exemplars

N, P, C, H, W = 2, 3, 5, 6, 4

finite = settings(max_examples=40, deadline=None, derandomize=True)


def numpy_exemplars(features, heatmaps):
    """Eq. (1) as it is written: a sum over h and w, then a unit vector."""
    features = np.asarray(features, dtype=np.float64)
    heatmaps = np.asarray(heatmaps, dtype=np.float64)
    samples, channels, height, width = features.shape
    exemplars = np.zeros((samples, heatmaps.shape[1], channels))
    for n in range(samples):
        for p in range(heatmaps.shape[1]):
            for h in range(height):
                for w in range(width):
                    exemplars[n, p] += heatmaps[n, p, h, w] * features[n, :, h,
                                                                       w]
            norm = np.sqrt((exemplars[n, p]**2).sum())
            if norm > 0:
                exemplars[n, p] /= norm
    return exemplars


def numpy_maps(features, exemplars):
    """An inner product at every location."""
    return np.einsum('nchw,npc->nphw', np.asarray(features, dtype=np.float64),
                     np.asarray(exemplars, dtype=np.float64))


def random_inputs(seed=0, dtype=torch.float32, features_scale=1.,
                  heatmaps_scale=1.):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(N, C, H, W, generator=generator)
    heatmaps = torch.rand(N, P, H, W, generator=generator)
    return ((features * features_scale).to(dtype),
            (heatmaps * heatmaps_scale).to(dtype))


def as_numpy(tensor):
    return tensor.detach().double().numpy()


@pytest.mark.parametrize('autocast', [False, True], ids=['plain', 'autocast'])
@pytest.mark.parametrize(
    'dtype', [torch.float32, torch.float16, torch.bfloat16, torch.float64],
    ids=['float32', 'float16', 'bfloat16', 'float64'])
def test_equals_numpy(dtype, autocast):
    features, heatmaps = random_inputs(dtype=dtype)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        exemplars = keypoint_exemplars(features, heatmaps)
        maps = correlation_maps(features, exemplars)
    wanted = numpy_exemplars(as_numpy(features), as_numpy(heatmaps))
    full = torch.float64 if dtype == torch.float64 else torch.float32
    assert exemplars.dtype == maps.dtype == full
    assert exemplars.shape == (N, P, C) and maps.shape == (N, P, H, W)
    np.testing.assert_allclose(as_numpy(exemplars), wanted, atol=1e-5)
    np.testing.assert_allclose(
        as_numpy(maps), numpy_maps(as_numpy(features), wanted), atol=1e-5)


def test_by_hand():
    """One pixel carries the whole weight: J is its feature, normalised."""
    features = torch.zeros(1, 2, 2, 2)
    features[0, :, 0, 1] = torch.tensor([3., 4.])
    features[0, :, 1, 0] = torch.tensor([-4., 3.])
    heatmaps = torch.zeros(1, 1, 2, 2)
    heatmaps[0, 0, 0, 1] = 0.5
    exemplars = keypoint_exemplars(features, heatmaps)
    torch.testing.assert_close(exemplars, torch.tensor([[[0.6, 0.8]]]))
    # 5 where the keypoint was, 0 at the orthogonal feature.
    torch.testing.assert_close(
        correlation_maps(features, exemplars),
        torch.tensor([[[[0., 5.], [0., 0.]]]]))


@pytest.mark.parametrize(
    'dtype, features_scale, heatmaps_scale', [
        pytest.param(torch.float32, 1., 1e-20, id='faint heatmaps'),
        pytest.param(torch.float32, 1e-20, 1., id='faint features'),
        pytest.param(torch.float32, 1e-20, 1e-20, id='both faint'),
        pytest.param(torch.float32, 1e18, 1e18, id='both huge'),
        pytest.param(torch.float16, 1e4, 1., id='half 1e4 features'),
        pytest.param(torch.float16, 1e4, 1e4, id='half 1e4 both'),
        pytest.param(torch.float16, 1e-4, 1e-4, id='half faint'),
        pytest.param(torch.bfloat16, 1e30, 1., id='bfloat16 huge'),
    ])
def test_magnitudes(dtype, features_scale, heatmaps_scale):
    """J is a unit vector, the right one, at any magnitude of its inputs."""
    features, heatmaps = random_inputs(
        dtype=dtype,
        features_scale=features_scale,
        heatmaps_scale=heatmaps_scale)
    features.requires_grad_()
    exemplars = keypoint_exemplars(features, heatmaps)
    np.testing.assert_allclose(
        as_numpy(exemplars),
        numpy_exemplars(as_numpy(features), as_numpy(heatmaps)),
        atol=1e-5)
    exemplars.square().sum().backward()
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize('autocast', [False, True], ids=['plain', 'autocast'])
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
    norms = exemplars[1].norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(P))
    (exemplars.sum() + maps.sum()).backward()
    for gradient in (features.grad, heatmaps.grad):
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() < 1e4


@finite
@given(
    seed=st.integers(0, 2**16),
    features_power=st.floats(-15, 15),
    heatmaps_power=st.floats(-15, 15))
def test_invariant_to_scale(seed, features_power, heatmaps_power):
    """A unit vector forgets the magnitudes of both of its inputs."""
    features, heatmaps = random_inputs(seed)
    wanted = keypoint_exemplars(features, heatmaps)
    scaled = keypoint_exemplars(features * 10.**features_power,
                                heatmaps * 10.**heatmaps_power)
    torch.testing.assert_close(scaled, wanted, atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.norm(dim=2), torch.ones(N, P))


@finite
@given(seed=st.integers(0, 2**16), factor=st.floats(-100., 100.))
def test_maps_are_linear(seed, factor):
    features, heatmaps = random_inputs(seed, torch.float64)
    exemplars = keypoint_exemplars(features, heatmaps)
    torch.testing.assert_close(
        correlation_maps(features, factor * exemplars),
        factor * correlation_maps(features, exemplars))


def test_permuted_locations_leave_exemplars():
    """The sum over locations knows no order: crops may move."""
    features, heatmaps = random_inputs(dtype=torch.float64)
    order = torch.randperm(H * W, generator=torch.Generator().manual_seed(1))

    def permuted(maps):
        return maps.flatten(2)[:, :, order].view_as(maps)

    torch.testing.assert_close(
        keypoint_exemplars(permuted(features), permuted(heatmaps)),
        keypoint_exemplars(features, heatmaps))


def test_a_sample_does_not_see_the_others():
    features, heatmaps = random_inputs()
    exemplars = keypoint_exemplars(features, heatmaps)
    for n in range(N):
        torch.testing.assert_close(
            keypoint_exemplars(features[n:n + 1], heatmaps[n:n + 1]),
            exemplars[n:n + 1])


def test_gradients():
    features, heatmaps = random_inputs(dtype=torch.float64)
    inputs = (features.requires_grad_(), heatmaps.requires_grad_())
    assert torch.autograd.gradcheck(keypoint_exemplars, inputs)
    exemplars = keypoint_exemplars(*inputs).detach().requires_grad_()
    assert torch.autograd.gradcheck(correlation_maps,
                                    (features, exemplars))


@pytest.mark.parametrize(
    'features, heatmaps, reason', [
        ((2, 5, 6, 4), (3, 3, 6, 4), 'batch'),
        ((2, 5, 6, 4), (2, 3, 4, 6), 'height and width swapped'),
        ((2, 5, 3, 2), (2, 3, 6, 4), 'features at half the resolution'),
    ],
    ids=lambda value: value if isinstance(value, str) else '')
def test_exemplar_shapes_refused(features, heatmaps, reason):
    with pytest.raises(ValueError, match='batch and spatial') as error:
        keypoint_exemplars(torch.ones(features), torch.ones(heatmaps))
    assert str(features) in str(error.value)
    assert str(heatmaps) in str(error.value)


@pytest.mark.parametrize(
    'exemplars, reason', [
        ((3, 3, 5), 'batch'),
        ((2, 3, 4), 'channels'),
        ((2, 5, 3), 'keypoints and channels swapped'),
    ],
    ids=lambda value: value if isinstance(value, str) else '')
def test_map_shapes_refused(exemplars, reason):
    with pytest.raises(ValueError, match='batch and channels'):
        correlation_maps(torch.ones(2, 5, 6, 4), torch.ones(exemplars))
