# Copyright (c) temporal_corr authors. All rights reserved.
"""Turning tubes and ellipsoids into pixels, many at a time.

A body is some twenty small shapes, so NumPy's cost per call would rule if
they were drawn one by one. Instead all candidate pixels of all shapes form
one list of fragments, which is shaded at once and blended far to near.
"""
from typing import Dict, NamedTuple, Tuple

import numpy as np

#: Number of half-widths that describe a tube.
PROFILE = 9


class Fragments(NamedTuple):
    """What shapes show in single pixels, one entry per shape and pixel.

    Attributes:
        pixel (ndarray): (n,) index into the flattened image.
        shape (ndarray): (n,) index of the texture in the atlas.
        depth (ndarray): (n,) distance from the camera, metres.
        alpha (ndarray): (n,) opacity, 0 to 1.
        row (ndarray): (n,) place along the texture, 0 to 1.
        turn (ndarray): (n,) place around it, radians from forward.
        lit (ndarray): (n,) cosine between the normal and the light.
    """
    pixel: np.ndarray
    shape: np.ndarray
    depth: np.ndarray
    alpha: np.ndarray
    row: np.ndarray
    turn: np.ndarray
    lit: np.ndarray


def _candidates(low: np.ndarray, high: np.ndarray,
                size: Tuple[int, int]) -> Tuple:
    """Pixels of one box per shape.

    Args:
        low (ndarray): (n, 2) least x and y.
        high (ndarray): (n, 2) largest x and y.
        size (tuple): (width, height) of the image; boxes are cut to it.

    Returns:
        tuple: Index of the shape, x and y (float32) and index into the
        flattened image, each (total,).
    """
    low = np.clip(np.floor(low), 0, size).astype(np.int32)
    extent = np.maximum(
        np.clip(np.ceil(high) + 1, 0, size).astype(np.int32) - low, 0)
    area = extent.prod(1)
    shape = np.repeat(np.arange(len(area), dtype=np.int32), area)
    first = np.repeat(np.cumsum(area) - area, area)
    place = np.arange(len(shape), dtype=np.int32) - first.astype(np.int32)
    y, x = np.divmod(place, extent[:, 0][shape])
    x += low[:, 0][shape]
    y += low[:, 1][shape]
    # Not int32: with float32 it would make float64 of all that follows.
    return (shape, x.astype(np.float32), y.astype(np.float32),
            y * size[0] + x)


def tube_fragments(tubes: Dict[str, np.ndarray], texture: np.ndarray,
                   size: Tuple[int, int]) -> Fragments:
    """Fragments of tapered tubes with elliptical cross-sections.

    Args:
        tubes (dict): Arrays over n tubes, as :func:`tube_geometry` makes
            them, at one moment.
        texture (ndarray): (n,) index of each tube's texture.
        size (tuple): (width, height) of the image.
    """
    start, line, ppm = tubes['start'], tubes['line'], tubes['ppm']
    width = tubes['width']
    length = np.hypot(line[:, 0], line[:, 1])
    # Flat ends are shorter than round ones.
    reach = (width.max(1) * ppm.max(1) + 1)[:, None]
    shape, x, y, pixel = _candidates(
        np.minimum(start, start + line) - reach,
        np.maximum(start, start + line) + reach, size)
    dx, dy = x - start[:, 0][shape], y - start[:, 1][shape]
    s = dx * tubes['across'][:, 0][shape] + dy * tubes['across'][:, 1][shape]
    keep = np.flatnonzero(np.abs(s) < reach[:, 0][shape])
    shape, s, pixel = shape[keep], s[keep], pixel[keep]
    per_length = line / (length**2 + np.float32(1e-3))[:, None]
    along = dx[keep] * per_length[:, 0][shape] + dy[keep] * per_length[
        :, 1][shape]
    t = np.clip(along, 0, 1)
    step = t * np.float32(PROFILE - 1)
    index = np.minimum(step.astype(np.int32), PROFILE - 2)
    step -= index.astype(np.float32)
    index += shape * PROFILE
    flat = width.ravel()
    radius = flat[index] * (1 - step) + flat[index + 1] * step
    scale = ppm[:, 0][shape] + t * (ppm[:, 1] - ppm[:, 0])[shape]
    radius *= scale
    over = (along - t) * (length * tubes['cap'])[shape]
    alpha = radius - np.sqrt(s * s + over * over) + np.float32(.5)
    keep = np.flatnonzero(alpha > 0)
    shape, t, radius = shape[keep], t[keep], radius[keep]
    s = np.clip(s[keep] / radius, -1, 1)
    over = np.clip(over[keep] / radius, -1, 1)
    bulge = np.sqrt(np.maximum(1 - s * s - over * over, 0))
    lit = tubes['lit'][shape]
    depth = tubes['depth']
    return Fragments(
        pixel[keep], texture[shape],
        depth[:, 0][shape] + t * (depth[:, 1] - depth[:, 0])[shape] -
        bulge * radius / scale[keep], np.minimum(alpha[keep], 1), t,
        tubes['turn'][shape] + np.arcsin(s),
        s * lit[:, 0] + bulge * lit[:, 1] + over * lit[:, 2])


def tube_geometry(ends: np.ndarray, front: np.ndarray, profile: np.ndarray,
                  cap: np.ndarray, projected: Tuple,
                  light: np.ndarray) -> Dict[str, np.ndarray]:
    """How tubes lie in the image.

    Args:
        ends (ndarray): (T, n, 2, 3) world positions of the axes' ends.
        front (ndarray): (T, n, 3) unit vector across each axis that the
            texture's middle column faces.
        profile (ndarray): (n, PROFILE, 2) half-widths in metres (sideways,
            along ``front``), at equal steps from first to second end.
        cap (ndarray): (n,) flatness of the ends, 1 = hemispheres.
        projected (tuple): The camera's projection of ``ends``.
        light (ndarray): (3,) unit vector towards the light.

    Returns:
        dict: Arrays (T, n, ...) for :func:`tube_fragments`.
    """
    uv, ppm, depth = projected
    axis = ends[..., 1, :] - ends[..., 0, :]
    axis = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    facing = np.array([0, 0, 1.]) - axis[..., 2:] * axis
    # Seen end on, any direction across the axis will do.
    end_on = (facing**2).sum(-1, keepdims=True) < 1e-6
    facing = np.where(end_on, front, facing)
    facing /= np.linalg.norm(facing, axis=-1, keepdims=True)
    side = np.cross(axis, front)
    turn = np.arctan2((facing * side).sum(-1), (facing * front).sum(-1))
    across = np.cross(axis, facing)
    width = np.hypot(profile[..., 0] * np.cos(turn)[..., None],
                     profile[..., 1] * np.sin(turn)[..., None])
    line = uv[..., 1, :] - uv[..., 0, :]
    # In the image the tube is symmetric about its line.
    length = np.linalg.norm(line, axis=-1, keepdims=True)
    flat = np.stack([-line[..., 1], line[..., 0]], -1) / np.maximum(
        length, 1e-6)
    upright = across[..., :2] * [1, -1]
    flat = np.where(length < .5, upright, flat * np.sign(
        (flat * upright).sum(-1, keepdims=True)))
    # A soft normal: the rim of a small limb must not go black.
    lit = np.stack([.85 * across @ light, facing @ light, .4 * axis @ light],
                   -1)
    out = dict(start=uv[..., 0, :], line=line, across=flat, ppm=ppm,
               depth=depth, width=width, turn=turn, lit=lit,
               cap=np.broadcast_to(cap, turn.shape))
    return {k: v.astype(np.float32) for k, v in out.items()}


def ellipsoid_geometry(axes: np.ndarray, radii: np.ndarray, projected: Tuple,
                       light: np.ndarray) -> Dict[str, np.ndarray]:
    """How ellipsoids lie in the image.

    Args:
        axes (ndarray): (T, n, 3, 3), columns forward, left, up.
        radii (ndarray): (n, 3) half-axes in metres, same order.
        projected (tuple): The camera's projection of the centres.
        light (ndarray): (3,) unit vector towards the light.

    Returns:
        dict: Arrays (T, n, ...) for :func:`ellipsoid_fragments`.
    """
    uv, ppm, depth = projected
    shape = axes / radii[:, None]
    extent = np.sqrt(((axes * radii[:, None])**2).sum(-1))[..., :2]
    out = dict(centre=uv, ppm=ppm, depth=depth, shape=shape,
               quad=shape @ np.swapaxes(shape, -1, -2), light=np.
               broadcast_to(light, uv.shape[:-1] + (3, )),
               extent=extent * ppm[..., None])
    return {k: v.astype(np.float32) for k, v in out.items()}


def ellipsoid_fragments(solids: Dict[str, np.ndarray], texture: np.ndarray,
                        size: Tuple[int, int]) -> Fragments:
    """Fragments of ellipsoids with latitude-longitude textures.

    A texture's top row is up, its middle column forward, and its columns
    run towards the left of the body.

    Args:
        solids (dict): Arrays over n ellipsoids, as
            :func:`ellipsoid_geometry` makes them, at one moment.
        texture (ndarray): (n,) index of each one's texture.
        size (tuple): (width, height) of the image.
    """
    centre, extent = solids['centre'], solids['extent'] + 1
    shape, x, y, pixel = _candidates(centre - extent, centre + extent, size)
    ppm = solids['ppm'][shape]
    x = (x - centre[:, 0][shape]) / ppm
    y = (centre[:, 1][shape] - y) / ppm
    # Along the line of sight the quadric is a parabola in z.
    q = solids['quad'].reshape(-1, 9)
    b = (q[:, 2] / q[:, 8])[shape] * x + (q[:, 5] / q[:, 8])[shape] * y
    rest = (q[:, 0][shape] * x * x + 2 * q[:, 1][shape] * x * y +
            q[:, 4][shape] * y * y - q[:, 8][shape] * b * b)
    # `rest` is 1 on the outline; its slope there gives the soft edge.
    alpha = (1 - np.sqrt(np.maximum(rest, 0))) * (
        extent.min(1) - 1)[shape] + np.float32(.5)
    keep = np.flatnonzero(alpha > 0)
    shape, x, y = shape[keep], x[keep], y[keep]
    z = np.sqrt(np.maximum(1 - rest[keep], 0) / q[:, 8][shape]) - b[keep]
    world = np.stack([x, y, z], 1)
    local = np.einsum('ni,nij->nj', world, solids['shape'][shape])
    normal = np.einsum('ni,nij->nj', world, solids['quad'][shape])
    normal /= np.sqrt((normal * normal).sum(1, keepdims=True)) + np.float32(
        1e-9)
    lat = np.arcsin(np.clip(local[:, 2], -1, 1))
    return Fragments(
        pixel[keep], texture[shape], solids['depth'][shape] - z,
        np.minimum(alpha[keep], 1), np.float32(.5) - lat / np.float32(np.pi),
        np.arctan2(local[:, 1], local[:, 0]),
        (normal * solids['light'][shape]).sum(1))
