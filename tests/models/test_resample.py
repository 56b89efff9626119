# Copyright (c) temporal_corr authors. All rights reserved.
"""Crops and resampling against numpy's matrices and OpenCV."""
import cv2
import numpy as np
import pytest
import torch

from projects.temporal_corr.models.resample import (compose, invert, mirror,
                                                    resample)


def random_crops(seed, count=4, shift=30., angle=40., scales=(0.6, 1.6)):
    """Similarity transforms in shape (count, 2, 3), float64."""
    rng = np.random.default_rng(seed)
    crops = []
    for _ in range(count):
        center = tuple(rng.uniform(10, 50, 2))
        crop = cv2.getRotationMatrix2D(center, rng.uniform(-angle, angle),
                                       rng.uniform(*scales))
        crop[:, 2] += rng.uniform(-shift, shift, 2)
        crops.append(crop)
    return torch.from_numpy(np.stack(crops))


def full(crops):
    """3x3 matrices of numpy."""
    crops = crops.double().numpy()
    row = np.broadcast_to([[[0., 0., 1.]]], (len(crops), 1, 3))
    return np.concatenate([crops, row], axis=1)


def identity(count=1):
    return torch.eye(2, 3).expand(count, 2, 3)


def shifted(x, y):
    return torch.tensor([[[1., 0., x], [0., 1., y]]])


@pytest.mark.parametrize('autocast', [False, True], ids=['plain', 'autocast'])
def test_compose_and_invert_equal_matrices(autocast):
    outer, inner = random_crops(0), random_crops(1)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        # float32 is what the pipeline packs.
        composed = compose(outer.float(), inner.float())
        inverted = invert(outer.float())
    np.testing.assert_allclose(
        full(composed), full(outer) @ full(inner), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(
        full(inverted), np.linalg.inv(full(outer)), rtol=1e-5, atol=1e-4)


def test_identity_changes_nothing():
    maps = torch.randn(2, 3, 8, 6)
    crops = random_crops(0, count=2).float()
    carried = resample(maps, crops, crops, torch.tensor([4., 4.]))
    torch.testing.assert_close(carried, maps, atol=1e-4, rtol=0)
    carried = resample(maps, identity(2), identity(2), torch.tensor([4., 4.]))
    torch.testing.assert_close(carried, maps, atol=1e-5, rtol=0)


def test_shift_by_hand():
    """The person's crop moves 8 px right: the maps move 2 cells left."""
    maps = torch.arange(12.).view(1, 1, 3, 4)
    carried = resample(maps, identity(), shifted(-8., 0.),
                       torch.tensor([4., 4.]))
    wanted = [[[[2., 3., 0., 0.], [6., 7., 0., 0.], [10., 11., 0., 0.]]]]
    torch.testing.assert_close(carried, torch.tensor(wanted))


def test_strides_differ_by_axis():
    """x and y of UDP's scale factor differ; so do these."""
    maps = torch.arange(12.).view(1, 1, 3, 4)
    carried = resample(maps, identity(), shifted(2., 8.),
                       torch.tensor([2., 8.]))
    wanted = [[[[0., 0., 0., 0.], [0., 0., 1., 2.], [0., 4., 5., 6.]]]]
    torch.testing.assert_close(carried, torch.tensor(wanted))


@pytest.mark.parametrize('autocast', [False, True], ids=['plain', 'autocast'])
@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(
    'stride', [(4., 4.), (255 / 63, 191 / 47)], ids=['MSRA', 'UDP'])
def test_equals_opencv(seed, stride, autocast):
    """Shift, scale and rotation of smooth maps, bilinear, zero outside."""
    rng = np.random.default_rng(seed)
    maps = rng.random((2, 3, 48, 64)).astype(np.float32)
    maps = np.stack([[cv2.GaussianBlur(m, (0, 0), 1.5) for m in part]
                     for part in maps])
    source = random_crops(seed, count=2)
    target = random_crops(seed + 100, count=2)
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
            assert np.abs(carried[n, p] - wanted).max() < 0.03
            assert np.abs(carried[n, p] - wanted).mean() < 2e-3


def test_a_peak_stays_on_its_image_pixel():
    """What the maps say of the image is the same before and after."""
    source = random_crops(3, count=1, shift=5., angle=20.).float()
    target = random_crops(4, count=1, shift=5., angle=20.).float()
    point = np.array([30., 26., 1.])  # in the image
    rows, cols = np.mgrid[:40, :40] * 2.  # input pixels, stride 2
    there = full(source)[0] @ point
    blob = np.exp(-((cols - there[0])**2 + (rows - there[1])**2) / 32.)
    carried = resample(
        torch.from_numpy(blob[None, None].astype(np.float32)), source, target,
        torch.tensor([2., 2.])).numpy()[0, 0]
    row, col = np.unravel_index(carried.argmax(), carried.shape)
    np.testing.assert_allclose([2. * col, 2. * row],
                               (full(target)[0] @ point)[:2],
                               atol=1.5)


def test_one_cell_maps():
    maps = torch.full((1, 1, 1, 1), 3.)
    carried = resample(maps, identity(), identity(), torch.tensor([4., 4.]))
    torch.testing.assert_close(carried, maps)


def test_gradients_flow_to_the_maps():
    maps = torch.randn(1, 1, 5, 5, dtype=torch.float64, requires_grad=True)
    crops = random_crops(0, count=2, shift=1., angle=5., scales=(.9, 1.1))
    assert torch.autograd.gradcheck(
        lambda values: resample(values, crops[:1], crops[1:],
                                torch.ones(2, dtype=torch.float64)), (maps, ))


@pytest.mark.parametrize('autocast', [False, True], ids=['plain', 'autocast'])
def test_mirror_flips_the_array(autocast):
    """Warping with the mirrored crop equals flipping the warped image."""
    rng = np.random.default_rng(0)
    image = rng.random((60, 60)).astype(np.float32)
    crop = random_crops(5, count=1)
    with torch.autocast('cpu', dtype=torch.bfloat16, enabled=autocast):
        mirrored = mirror(crop.float(), 40).double()
    size = (40, 32)
    wanted = cv2.warpAffine(image, crop[0].numpy(), size)[:, ::-1]
    flipped = cv2.warpAffine(image, mirrored[0].numpy(), size)
    # Noise, and positions rounded to 1/32: a cell off would differ by 0.3.
    assert np.abs(flipped - wanted).mean() < 0.02
    twice = mirror(mirrored, 40)
    torch.testing.assert_close(twice, crop, atol=1e-4, rtol=1e-5)


def test_mirrored_resampling_is_the_same_motion():
    """Mirrored maps in mirrored crops meet the mirror of the result.

    The mirror of cell c is cell (width - 1) / stride - c, which is a cell
    of the map for stride 1.
    """
    maps = torch.randn(2, 3, 20, 24)
    source = random_crops(0, 2, shift=4., angle=10.).float()
    target = random_crops(1, 2, shift=4., angle=10.).float()
    ones = torch.ones(2)
    straight = resample(maps, source, target, ones)
    mirrored = resample(
        maps.flip(-1), mirror(source, 24), mirror(target, 24), ones)
    torch.testing.assert_close(
        mirrored.flip(-1), straight, atol=1e-3, rtol=1e-3)


def test_origin_is_the_pixel_of_the_first_cell():
    """Maps of a codec whose cell c is centred on pixel 8 c + 3.5.

    A motion of crops enlarges by 2 around pixel 0: what is at pixel p of the
    source is at 2 p of the target, cell by cell by hand.
    """
    maps = torch.arange(8.).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    identity = torch.eye(2, 3)[None]
    twice = 2 * identity
    found = resample(maps, identity, twice, torch.full((2, ), 8.),
                     torch.full((2, ), 3.5))
    pixels = (8 * torch.arange(8.) + 3.5) / 2
    wanted = (pixels - 3.5) / 8
    torch.testing.assert_close(found[0, 0, 4, 1:], wanted[1:])
