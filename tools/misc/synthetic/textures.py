# Copyright (c) temporal_corr authors. All rights reserved.
"""Procedural textures: noise, cloth and building materials, float32 BGR."""
from typing import Sequence, Tuple

import cv2
import numpy as np


def noise(rng: np.random.Generator, shape: Tuple[int, int], cell: float,
          octaves: int = 3, aspect: float = 1.) -> np.ndarray:
    """Smooth noise.

    Args:
        rng (np.random.Generator): Source of randomness.
        shape (tuple): (h, w) of the result.
        cell (float): Size of the coarsest blobs in pixels.
        octaves (int): Number of scales, each half the size of the last.
        aspect (float): Horizontal over vertical stretch of the blobs.

    Returns:
        ndarray: (h, w) float32, mean near 0, most values within +-1.
    """
    out = np.zeros(shape, np.float32)
    for k in range(octaves):
        size = max(cell / 2**k, 1.)
        h = int(shape[0] / size * np.sqrt(aspect)) + 2
        w = int(shape[1] / size / np.sqrt(aspect)) + 2
        grid = rng.standard_normal((h, w)).astype(np.float32)
        out += cv2.resize(grid, shape[::-1],
                          interpolation=cv2.INTER_CUBIC) * .6**k
    return out * .7


def plain(colour: Sequence[float], shape: Tuple[int, int]) -> np.ndarray:
    """A picture of one colour."""
    return np.full(shape + (3, ), colour, np.float32)


def blend(base: np.ndarray, over: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``over`` where ``mask`` (h, w) is 1, ``base`` where it is 0."""
    mask = np.asarray(mask, np.float32)[..., None]
    base = np.asarray(base, np.float32)
    # OpenCV draws on C-contiguous float32 only.
    return np.ascontiguousarray(base + (np.asarray(over, np.float32) - base) *
                                mask)


def speckle(rng: np.random.Generator, image: np.ndarray, cell: float,
            strength: float, **kwargs) -> np.ndarray:
    """Vary the brightness of a picture by noise."""
    grain = noise(rng, image.shape[:2], cell, **kwargs)
    image = image * (1 + np.float32(strength) * grain[..., None])
    return np.ascontiguousarray(np.clip(image, 0, 255), np.float32)


def random_colour(rng: np.random.Generator, vivid: float = 1.) -> np.ndarray:
    """A BGR colour; ``vivid`` 0 gives greys."""
    hsv = np.array([[[rng.uniform(0, 180), vivid * rng.uniform(40, 235),
                      rng.uniform(45, 240)]]], np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


CLOTHS = ('plain', 'plain', 'hoops', 'pinstripes', 'check', 'dots', 'camo',
          'denim', 'halves')


def cloth(rng: np.random.Generator, shape: Tuple[int, int], kind: str,
          first: np.ndarray, second: np.ndarray, pitch: float) -> np.ndarray:
    """A cloth wrapped around a body part.

    Args:
        rng (np.random.Generator): Source of randomness.
        shape (tuple): (h, w); w is once around and the pattern closes.
        kind (str): One of :data:`CLOTHS`.
        first (ndarray): (3,) BGR ground colour.
        second (ndarray): (3,) BGR colour of the pattern.
        pitch (float): Period of the pattern in pixels.

    Returns:
        ndarray: (h, w, 3) float32.
    """
    h, w = shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    x *= max(round(w / pitch), 1) * pitch / w
    mask = np.zeros(shape, np.float32)
    if kind == 'hoops':
        mask = (np.mod(y, pitch) < pitch * .45)
    elif kind == 'pinstripes':
        mask = (np.mod(x, pitch) < pitch * .35)
    elif kind == 'check':
        mask = .45 * (np.mod(x, pitch) < pitch / 2) + .45 * (
            np.mod(y, pitch) < pitch / 2)
    elif kind == 'dots':
        row = np.floor(y / pitch)
        dx = np.mod(x + row % 2 * pitch / 2, pitch) - pitch / 2
        dy = np.mod(y, pitch) - pitch / 2
        mask = np.hypot(dx, dy) < pitch * .27
    elif kind == 'camo':
        mask = noise(rng, shape, pitch * 1.3, 2) > .1
    elif kind == 'halves':
        mask = np.mod(x / x.max() + .25, 1.) < .5
    out = blend(plain(first, shape), second, mask)
    out = speckle(rng, out, 3 if kind == 'denim' else 6,
                  .12 if kind == 'denim' else .05)
    # Folds hang down and stay with the cloth.
    return speckle(rng, out, 26, .13, octaves=2, aspect=.4)


def bricks(rng: np.random.Generator, shape: Tuple[int, int],
           size: Tuple[int, int], face: np.ndarray, joint: np.ndarray,
           offset: float = .5, spread: float = .14) -> np.ndarray:
    """Courses of bricks, tiles, slabs or planks, each its own shade.

    Args:
        rng (np.random.Generator): Source of randomness.
        shape (tuple): (h, w) of the picture.
        size (tuple): (height, width) of a brick in pixels.
        face (ndarray): (3,) BGR of the bricks.
        joint (ndarray): (3,) BGR of the joints.
        offset (float): Shift of every other course, in bricks.
        spread (float): Variation of brightness between bricks.

    Returns:
        ndarray: (h, w, 3) float32.
    """
    h, w = shape
    y, x = np.mgrid[:h, :w].astype(np.float32)
    row = np.floor(y / size[0]).astype(int)
    x = x + (row % 2) * offset * size[1]
    col = np.floor(x / size[1]).astype(int)
    shade = 1 + spread * rng.standard_normal((row.max() + 1, col.max() + 1))
    out = plain(face, shape) * shade[row, col][..., None].astype(np.float32)
    gap = (np.mod(y, size[0]) < 1.2) | (np.mod(x, size[1]) < 1.2)
    return speckle(rng, blend(out, joint, gap), 4, .06)


def label_text(image: np.ndarray, text: str, centre: Tuple[int, int],
               height: float, colour: Sequence[float]) -> None:
    """Write text around a centre (x, y), in place."""
    scale = height / 21.
    thick = max(int(height / 8), 1)
    (w, h), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    cv2.putText(image, text, (int(centre[0] - w / 2), int(centre[1] + h / 2)),
                cv2.FONT_HERSHEY_SIMPLEX, scale,
                tuple(float(c) for c in colour), thick, cv2.LINE_AA)
