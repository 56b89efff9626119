# Copyright (c) temporal_corr authors. All rights reserved.
"""A video in which nothing moves: predictions must not move, either."""
import numpy as np
import pytest
import torch


@pytest.mark.parametrize('seed', range(2))
@pytest.mark.parametrize(
    'refine, settled', [(0., 0), (0.1, 1), (1., 2), (3., 8)],
    ids=['identity', 'weak', 'even', 'strong'])
def test_still_video_does_not_drift(refine, settled, seed, make_model):
    """Keypoints are the same in all frames from ``settled`` to the 200th.

    Each prediction is the weight of the next frame, so exemplars follow a
    fixed point iteration. With the filters of the maps as they are
    initialised, N(0, 0.01), they converge to within the rounding of
    float32; keypoints are fixed in the second frame, or a few later where
    the residual branch outweighs the features. Nothing in the method rules
    out cycles, which filters ten times as large do show.
    """
    torch.manual_seed(seed)
    model = make_model('correlation', refine=refine)
    torch.nn.init.normal_(model.head.refinement.maps_conv.weight, std=0.01)
    memory, heatmaps, exemplars = None, [], []
    with torch.no_grad():
        feats = model.extract_feat(torch.randn(2, 3, 64, 64))
        for _ in range(200):
            maps, memory = model.head.step(feats, memory)
            heatmaps.append(maps)
            exemplars.append(memory)
        found = np.stack([
            instances.keypoints
            for instances in model.head.decode(torch.cat(heatmaps))
        ]).reshape(200, 2, -1)
    for number in range(settled, 200):
        np.testing.assert_array_equal(found[number], found[-1])
    change = (exemplars[-1] - exemplars[-2]).abs().max()
    assert change < 1e-6
    if refine == 0:
        assert torch.equal(heatmaps[-1], heatmaps[0])


def test_still_video_stays_bounded_whatever_the_weights(make_model):
    """Feedback cannot grow: exemplars are unit vectors."""
    model = make_model('correlation', refine=10.)
    memory = None
    with torch.no_grad():
        feats = model.extract_feat(torch.randn(1, 3, 64, 64))
        sizes = []
        for _ in range(50):
            heatmaps, memory = model.head.step(feats, memory)
            sizes.append(heatmaps.abs().max())
            torch.testing.assert_close(memory.norm(dim=2), torch.ones(1, 5))
    sizes = torch.stack(sizes)
    assert torch.isfinite(sizes).all()
    assert sizes[25:].max() <= 2 * sizes[1:25].max()
