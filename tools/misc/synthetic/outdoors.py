# Copyright (c) temporal_corr authors. All rights reserved.
"""Places in the open.

A place is a backdrop (float32 BGR, seen from the front) and a ground (seen
from above, far edge first), painted for a backdrop ``depth`` metres behind
the person.
"""
from typing import Tuple

import cv2
import numpy as np

from .extent import WALL_SHAPE, ground_shape
from .textures import (blend, bricks, label_text, noise, plain, random_colour,
                       speckle)


def sky(rng: np.random.Generator, shape: Tuple[int, int]) -> np.ndarray:
    """A sky with clouds, (h, w, 3)."""
    top = np.array([215, 165, 110]) * rng.uniform(.75, 1.1)
    low = np.array([240, 225, 205]) * rng.uniform(.85, 1.05)
    ramp = np.linspace(0, 1, shape[0])[:, None, None]
    clear = np.broadcast_to(top + (low - top) * ramp, shape + (3, ))
    clouds = np.clip(noise(rng, shape, 90, 4, 3.) * 1.2 - .2, 0, .9)
    return blend(clear.astype(np.float32), (245, 245, 245), clouds)


def foliage(rng: np.random.Generator, shape: Tuple[int, int],
            hue: float) -> np.ndarray:
    """Leaves, (h, w, 3), from green (``hue`` 0) to yellowish (1)."""
    base = np.array([40, 95, 60 + 45 * hue]) * rng.uniform(.7, 1.2)
    out = speckle(rng, plain(base, shape), 26, .28, octaves=4)
    return speckle(rng, out, 3, .18, octaves=1)


def grass(rng: np.random.Generator, shape: Tuple[int, int]) -> np.ndarray:
    """A lawn, (h, w, 3)."""
    base = np.array([55, 130, 95]) * rng.uniform(.7, 1.15)
    out = speckle(rng, plain(base, shape), 60, .12)
    return speckle(rng, out, 2.5, .17, octaves=2)


def park(rng: np.random.Generator, depth: float) -> Tuple:
    """Trees, grass and perhaps a path."""
    h, w = WALL_SHAPE
    wall = sky(rng, WALL_SHAPE)
    y = np.arange(h)[:, None]
    line = h * (.42 + .16 * noise(rng, (1, w), 120, 4)[0])
    leaves = foliage(rng, WALL_SHAPE, rng.uniform())
    wall = blend(wall, leaves * .8, y > line)
    for x in rng.integers(0, w, 9):
        wide, foot = int(rng.integers(5, 13)), int(h * rng.uniform(.86, .99))
        bark = speckle(rng, plain((50, 66, 84), (foot - h // 3, wide)), 4,
                       .25, aspect=.2)
        x = min(x, w - wide)
        wall[h // 3:foot, x:x + wide] = bark
        crown = (int(x), int(h * rng.uniform(.18, .4)))
        mask = cv2.ellipse(np.zeros(WALL_SHAPE, np.uint8), crown,
                           (int(rng.integers(34, 62)),
                            int(rng.integers(30, 52))), 0, 0, 360, 1, -1)
        ragged = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 7)
        wall = blend(wall, foliage(rng, WALL_SHAPE, rng.uniform()),
                     ragged + .22 * noise(rng, WALL_SHAPE, 14, 2) > .5)
    ground = grass(rng, ground_shape(depth))
    if rng.uniform() < .6:
        gh, gw = ground.shape[:2]
        x = np.linspace(-1, 1, gh) * rng.uniform(-250, 250)
        x = (x + rng.uniform(.2, .8) * gw)[:, None]
        path = np.abs(np.arange(gw) - x + 8 * noise(
            rng, (gh, gw), 40, 2)) < rng.uniform(20, 45)
        sand = speckle(rng, plain((130, 155, 175), (gh, gw)), 4, .1)
        ground = blend(ground, sand, path)
    return wall, ground


def street(rng: np.random.Generator, depth: float) -> Tuple:
    """A house front, a pavement and a road."""
    h, w = WALL_SHAPE
    face = np.array([[62, 80, 150], [120, 140, 165], [150, 155, 160],
                     [80, 110, 160]][rng.integers(4)]) * rng.uniform(.8, 1.1)
    wall = bricks(rng, WALL_SHAPE, (6, 15), face, face * 1.25)
    step = int(rng.integers(95, 140))
    door = int(rng.integers(0, 4))
    for i, x in enumerate(range(20, w - 60, step)):
        frame = random_colour(rng, .3)
        if i % 4 == door:
            wall[h - 125:, x:x + 58] = frame
            wall[h - 118:, x + 6:x + 52] = random_colour(rng) * .7
            wall[h - 112:h - 70, x + 12:x + 46] = (120, 100, 80)
            continue
        for top in (24, h - 150):
            wide = step - 60 if top == 24 else step - 45
            pane = np.linspace(70, 190, 60)[:, None, None] * np.array(
                [1., .95, .85]) * rng.uniform(.5, 1)
            wall[top:top + 80, x:x + wide] = frame
            wall[top + 6:top + 74, x + 6:x + wide - 6] = cv2.resize(
                pane.astype(np.float32), (1, 68))[:, None].reshape(68, 1, 3)
            wall[top + 38:top + 41, x:x + wide] = frame
            wall[top + 82:top + 87, x - 4:x + wide + 4] = 180
    sign = random_colour(rng)
    x = int(rng.integers(0, w - 260))
    wall[104:126, x:x + 230] = sign
    word = str(rng.choice(['BAKERY', 'CINEMA', 'BOOKS', 'HOTEL', 'FLOWERS']))
    label_text(wall, word, (x + 115, 115), 15, (245, 245, 245))
    shape = ground_shape(depth)
    stone = np.array([140, 145, 148]) * rng.uniform(.65, 1.15)
    ground = bricks(rng, shape, (16, 22), stone, stone * .7, spread=.05)
    kerb = int(rng.uniform(.65, .8) * shape[0])
    road = plain(np.array([82, 80, 78]), (shape[0] - kerb, shape[1]))
    ground[kerb:] = speckle(rng, road, 3, .12)
    ground[kerb:kerb + 5] = 190
    return wall, ground


def pitch(rng: np.random.Generator, depth: float) -> Tuple:
    """A stadium."""
    h, w = WALL_SHAPE
    wall = sky(rng, WALL_SHAPE)
    top = int(h * rng.uniform(.12, .35))
    seats = random_colour(rng) * .6
    stand = bricks(rng, (h - top, w), (9, 7), seats, seats * .6)
    dots = rng.uniform(size=((h - top) // 9, w // 7))
    for i, j in zip(*np.nonzero(dots < .62)):
        y, x = i * 9 + 4, j * 7 + 3
        cv2.circle(stand, (x, y + 3), 3,
                   tuple(map(float, random_colour(rng, .9))), -1)
        cv2.circle(stand, (x, y - 1), 1, (120, 150, 190), -1)
    wall[top:] = stand
    x = 0
    while x < w:
        wide = int(rng.integers(110, 190))
        board = random_colour(rng)
        wall[h - 40:, x:x + wide] = board
        word = str(rng.choice(['SPORT', 'COLA', 'RADIO 9', 'FLY', 'TYRES',
                               'BANK']))
        label_text(wall, word, (x + wide // 2, h - 20), 18,
                   (250, ) * 3 if board.mean() < 140 else (20, ) * 3)
        x += wide
    ground = grass(rng, ground_shape(depth))
    stripe = int(rng.integers(60, 110))
    ground[:, np.arange(ground.shape[1]) // stripe % 2 == 0] *= .88
    for _ in range(2):
        y = int(rng.integers(40, ground.shape[0]))
        ground[y:y + 4] = 235
    return wall, ground


def beach(rng: np.random.Generator, depth: float) -> Tuple:
    """The sea, hills and parasols."""
    h, w = WALL_SHAPE
    wall = sky(rng, WALL_SHAPE)
    sea = int(h * rng.uniform(.62, .72))
    hill = sea - 34 * np.clip(.4 + noise(rng, (1, w), 160, 4)[0], 0, None)
    wall = blend(wall, (140, 130, 105),
                 np.arange(h)[:, None] > hill[None])
    water = plain((165, 125, 45), (h - sea, w)) * rng.uniform(.8, 1.2)
    water = speckle(rng, water, 16, .16, aspect=8.)
    foam = noise(rng, water.shape[:2], 30, 3, 10.) > .85
    wall[sea:] = blend(water, (240, 240, 235), foam)
    for _ in range(4):  # parasols
        x, y = int(rng.integers(20, w - 20)), int(rng.integers(h - 70, h - 40))
        wall[y:h, x:x + 3] = 200
        cv2.ellipse(wall, (x, y + 4), (30, 20), 0, 180, 360,
                    tuple(map(float, random_colour(rng))), -1)
    shape = ground_shape(depth)
    sand = np.array([150, 190, 215]) * rng.uniform(.8, 1.05)
    ground = speckle(rng, plain(sand, shape), 30, .07)
    return wall, speckle(rng, ground, 3, .07, octaves=1)
