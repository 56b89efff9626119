# Copyright (c) temporal_corr authors. All rights reserved.
"""Things that stand or pass between the camera and the person."""
from typing import NamedTuple, Tuple

import cv2
import numpy as np

from .camera import Camera
from .canvas import Canvas
from .textures import bricks, noise, plain, random_colour, speckle

_PPM = 90.


class Prop(NamedTuple):
    """A flat upright thing.

    Attributes:
        sprite (ndarray): (h, w, 4) float32 BGRA, 0 to 255.
        x (ndarray): (T,) world x of its middle, metres.
        z (float): World z, metres.
        top (float): World y of its upper edge, metres.
    """
    sprite: np.ndarray
    x: np.ndarray
    z: float
    top: float


def _opaque(picture: np.ndarray) -> np.ndarray:
    alpha = np.full(picture.shape[:2] + (1, ), 255, np.float32)
    alpha[[0, -1]] = alpha[:, [0, -1]] = 0
    return np.dstack([picture, alpha]).astype(np.float32)


def _pole(rng: np.random.Generator) -> Tuple[np.ndarray, float]:
    shape = (int(3.4 * _PPM), int(rng.uniform(.08, .2) * _PPM))
    picture = speckle(rng, plain(random_colour(rng, .4), shape), 5, .1,
                      aspect=.2)
    round_off = np.sin(np.linspace(.35, np.pi - .35, shape[1]))
    picture *= round_off[:, None].astype(np.float32)
    if rng.uniform() < .4:  # red and white rings
        for y in range(0, shape[0], 60):
            picture[y:y + 30] = np.array([60, 60, 205]) * round_off[:, None]
    return _opaque(picture), 3.4


def _bush(rng: np.random.Generator) -> Tuple[np.ndarray, float]:
    w, h = (int(_PPM * k) for k in rng.uniform((.5, .4), (1.1, .85)))
    base = np.array([40, 100, 70]) * rng.uniform(.6, 1.1)
    picture = speckle(rng, plain(base, (h, w)), 14, .35)
    picture = speckle(rng, picture, 3, .25, octaves=1)
    y, x = np.mgrid[:h, :w]
    round_ = np.hypot((x - w / 2) / (w / 2), (y - h * .6) / (h * .6))
    ragged = round_ + .12 * noise(rng, (h, w), 9, 2)
    alpha = cv2.GaussianBlur((255. * (ragged < .85)).astype(np.float32),
                             (3, 3), 0)
    alpha[0] = alpha[:, 0] = alpha[:, -1] = 0
    return np.dstack([picture, alpha]).astype(np.float32), h / _PPM


def _crate(rng: np.random.Generator) -> Tuple[np.ndarray, float]:
    w, h = (int(_PPM * k) for k in rng.uniform((.3, .3), (.7, .65)))
    wood = np.array([80, 135, 185]) * rng.uniform(.6, 1.1)
    return _opaque(bricks(rng, (h, w), (9, 400), wood, wood * .5)), h / _PPM


def _bin(rng: np.random.Generator) -> Tuple[np.ndarray, float]:
    w, h = int(.48 * _PPM), int(.9 * _PPM)
    picture = speckle(rng, plain(random_colour(rng), (h, w)), 20, .06)
    picture *= np.linspace(1.1, .7, w)[:, None].astype(np.float32)
    picture[:9] *= .7
    picture[22:38, 12:-12] = 220
    return _opaque(picture), h / _PPM


def _sign(rng: np.random.Generator) -> Tuple[np.ndarray, float]:
    w, h = int(.55 * _PPM), int(1.9 * _PPM)
    out = np.zeros((h, w, 4), np.float32)
    out[:, w // 2 - 3:w // 2 + 3] = (120, 120, 120, 255)
    colour = tuple(map(float, random_colour(rng))) + (255., )
    cv2.circle(out, (w // 2, w // 2), w // 2 - 1, colour, -1, cv2.LINE_AA)
    cv2.rectangle(out, (9, w // 2 - 5), (w - 10, w // 2 + 5), (240., ) * 3 +
                  (255., ), -1)
    return out, h / _PPM


def sample_prop(rng: np.random.Generator, x: np.ndarray, z: float) -> Prop:
    """Draw a thing whose middle is at world ``x`` (T,) and ``z``."""
    kinds = (_pole, _bush, _crate, _bin, _sign)
    sprite, top = kinds[rng.integers(len(kinds))](rng)
    return Prop(sprite, x, z, top)


def draw_prop(canvas: Canvas, prop: Prop, camera: Camera, t: int, gain: float,
              label: int) -> None:
    """Draw a thing at moment ``t``, ``gain`` times as bright."""
    h, w = prop.sprite.shape[:2]
    depth = camera.distance - prop.z
    # All sprites share a resolution: their height in metres gives it.
    ppm = h / prop.top
    warp = camera.upright_map(t, prop.x[t] - w / 2 / ppm, prop.top, depth,
                              ppm)
    canvas.paint_sprite(prop.sprite, warp, gain, label)
