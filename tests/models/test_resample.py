# Copyright (c) temporal_corr authors. All rights reserved.
"""Crops and resampling against numpy's matrices and OpenCV."""
import cv2
import numpy as np
import pytest
import torch

from projects.temporal_corr.models.resample import mirror, resample

AUTOCAST = pytest.mark.parametrize(
    'autocast', [False, True], ids=['plain', 'autocast'])


def random_crops(seed, count=2, shift=30., angle=40.):
    """Similarity transforms in shape (count, 2, 3), float64."""
    rng = np.random.default_rng(seed)
    crops = np.stack([
        cv2.getRotationMatrix2D(
            rng.uniform(10, 50, 2), rng.uniform(-angle, angle),
            rng.uniform(0.6, 1.6)) for _ in range(count)
    ])
    crops[:, :, 2] += rng.uniform(-shift, shift, (count, 2))
    return torch.from_numpy(crops)


def full(crops):
    """3x3 matrices of numpy."""
    matrices = np.tile(np.eye(3), (len(crops), 1, 1))
    matrices[:, :2] = crops
    return matrices


@pytest.mark.parametrize('shift, stride, wanted', [
    pytest.param((0., 0.), (4., 4.),
                 [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], id='none'),
    # The person's crop moves 8 px right: the maps move 2 cells left.
    pytest.param((-8., 0.), (4., 4.),
                 [[2, 3, 0, 0], [6, 7, 0, 0], [10, 11, 0, 0]], id='two cells'),
    # x and y of UDP's scale factor differ; so do these.
    pytest.param((2., 8.), (2., 8.),
                 [[0, 0, 0, 0], [0, 0, 1, 2], [0, 4, 5, 6]], id='two strides')
])  # yapf: disable
def test_shifts_by_hand(shift, stride, wanted):
    maps = torch.arange(12.).view(1, 1, 3, 4)
    source = torch.eye(2, 3)[None]
    target = source.clone()
    target[0, :, 2] = torch.tensor(shift)
    carried = resample(maps, source, target, torch.tensor(stride))
    torch.testing.assert_close(carried[0, 0], torch.tensor(wanted).float())
    # a map of one cell, in the crop that it was made in
    crop = random_crops(0, count=1).float()
    one = torch.full((1, 1, 1, 1), 3.)
    torch.testing.assert_close(
        resample(one, crop, crop, torch.tensor(stride)), one)


@AUTOCAST
@pytest.mark.parametrize('seed', range(2))
@pytest.mark.parametrize(
    'stride', [(4., 4.), (255 / 63, 191 / 47)], ids=['MSRA', 'UDP'])
def test_equals_opencv(seed, stride, autocast):
    """Shift, scale and rotation of smooth maps, bilinear, zero outside."""
    rng = np.random.default_rng(seed)
    maps = np.array([[cv2.GaussianBlur(map, (0, 0), 1.5) for map in part]
                     for part in rng.random((2, 3, 48, 64))], np.float32)
    source, target = random_crops(seed), random_crops(seed + 100)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        carried = resample(
            torch.from_numpy(maps), source.float(), target.float(),
            torch.tensor(stride))
    assert carried.dtype == torch.float32
    cells = np.diag([*stride, 1.])
    carried = carried.numpy()
    for n in range(2):
        # Image pixels to cells of either map, target cell to source cell.
        to_source = (
            np.linalg.inv(cells) @ full(source)[n] @ np.linalg.inv(
                full(target)[n]) @ cells)
        for p in range(3):
            wanted = cv2.warpAffine(
                maps[n, p],
                to_source[:2], (64, 48),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_CONSTANT)
            # OpenCV's warp rounds positions to 1/32 of a cell.
            difference = np.abs(carried[n, p] - wanted)
            assert difference.max() < 0.03 and difference.mean() < 2e-3


@AUTOCAST
def test_mirrored_maps_in_mirrored_crops(autocast):
    """meet the mirror of the result. The mirror of cell c is cell
    (width - 1) / stride - c, which is a cell of the map for stride 1."""
    maps = torch.randn(2, 3, 20, 24)
    source, target = (
        random_crops(seed, shift=4., angle=10.).float() for seed in (0, 1))
    straight = resample(maps, source, target, torch.ones(2))
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        turned = mirror(source, 24), mirror(target, 24)
        mirrored = resample(maps.flip(-1), *turned, torch.ones(2))
    torch.testing.assert_close(
        mirrored.flip(-1), straight, atol=1e-3, rtol=1e-3)
    flip = np.array([[-1., 0., 23.], [0., 1., 0.], [0., 0., 1.]])
    np.testing.assert_allclose(
        full(turned[0]), flip @ full(source), atol=1e-4)


def test_origin_is_the_pixel_of_the_first_cell():
    """Maps of a codec whose cell c is centred on pixel 8 c + 3.5.

    A motion of crops enlarges by 2 around pixel 0: what is at pixel p of the
    source is at 2 p of the target, cell by cell by hand.
    """
    maps = torch.arange(8.).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    identity = torch.eye(2, 3)[None]
    found = resample(maps, identity, 2 * identity, torch.full((2, ), 8.),
                     torch.full((2, ), 3.5))
    pixels = (8 * torch.arange(8.) + 3.5) / 2
    wanted = (pixels - 3.5) / 8
    torch.testing.assert_close(found[0, 0, 4, 1:], wanted[1:])
