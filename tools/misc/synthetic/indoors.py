# Copyright (c) temporal_corr authors. All rights reserved.
"""Places indoors.

A place is a backdrop (float32 BGR, seen from the front) and a ground (seen
from above, far edge first), painted for a backdrop ``depth`` metres behind
the person.
"""
from typing import Tuple

import cv2
import numpy as np

from .extent import GROUND_PPM, WALL_SHAPE, ground_shape
from .textures import bricks, label_text, noise, plain, random_colour, speckle


def hall(rng: np.random.Generator, depth: float) -> Tuple:
    """A sports hall."""
    h, w = WALL_SHAPE
    upper, lower = random_colour(rng, .25), random_colour(rng, .6)
    wall = bricks(rng, WALL_SHAPE, (14, 30), np.maximum(upper, 120),
                  np.maximum(upper, 120) * .92, spread=.03)
    edge = int(h * rng.uniform(.5, .68))
    wall[edge:] = speckle(rng, plain(lower, (h - edge, w)), 30, .05)
    wall[edge:edge + 4] = 235
    x = int(rng.integers(0, 80))
    while x < w - 90:
        kind, wide = rng.integers(4), int(rng.integers(50, 110))
        if kind == 0:  # wall bars
            wide = 62
            wall[h - 150:h, x:x + 3] = (60, 110, 160)
            wall[h - 150:h, x + 59:x + 62] = (60, 110, 160)
            for y in range(h - 148, h - 6, 9):
                wall[y:y + 3, x:x + wide] = (85, 140, 190)
        elif kind == 1:  # poster
            top = int(rng.integers(40, 90))
            wall[top:top + 62, x:x + wide] = random_colour(rng)
            cv2.circle(wall, (x + wide // 2, top + 26), 16,
                       tuple(map(float, random_colour(rng))), -1)
            label_text(wall, 'GO', (x + wide // 2, top + 50), 11, (255, ) * 3)
        elif kind == 2:  # mats
            for k in range(4):
                wall[h - 14 * k - 13:h - 14 * k,
                     x + 2 * k:x + wide] = random_colour(rng) * .9
        else:  # door
            wall[h - 115:, x:x + 52] = random_colour(rng, .5)
            wall[h - 118:h - 115, x - 3:x + 55] = 225
            wall[h - 60:h - 55, x + 42:x + 47] = 40
        x += wide + int(rng.integers(30, 120))
    shape = ground_shape(depth)
    wood = np.array([95, 150, 200]) * rng.uniform(.7, 1.1)
    ground = bricks(rng, shape, (5, 70), wood, wood * .8, .37, .06)
    for _ in range(3):
        colour = random_colour(rng)
        if rng.uniform() < .5:
            x = int(rng.integers(0, shape[1]))
            ground[:, x:x + 3] = colour
        else:
            cv2.circle(ground, (int(rng.integers(0, shape[1])),
                                int(rng.integers(shape[0] // 2, shape[0]))),
                       int(rng.integers(50, 110)), tuple(map(float, colour)),
                       3)
    return wall, ground


def room(rng: np.random.Generator, depth: float) -> Tuple:
    """A living room."""
    h, w = WALL_SHAPE
    paper = np.clip(random_colour(rng, .4), 90, 225)
    wall = plain(paper, WALL_SHAPE)
    pitch = int(rng.integers(14, 34))
    if rng.uniform() < .6:
        stripes = np.arange(w) % pitch < pitch // 2
        wall[:, stripes] *= .93
    wall = speckle(rng, wall, 120, .07)
    x = int(rng.integers(10, 60))
    while x < w - 130:
        kind, wide = rng.integers(3), int(rng.integers(46, 120))
        if kind == 0:  # picture
            top = int(rng.integers(50, 95))
            tall = int(rng.integers(40, 75))
            wall[top:top + tall, x:x + wide] = random_colour(rng, .3) * .6
            art = noise(rng, (tall - 10, wide - 10), 30, 3)[..., None]
            wall[top + 5:top + tall - 5, x + 5:x + wide - 5] = np.clip(
                random_colour(rng) + art * 70 * rng.uniform(.5, 1, 3), 0, 255)
        elif kind == 1:  # shelf of books
            wall[h - 140:, x:x + wide] = (45, 75, 105)
            for top in range(h - 134, h - 20, 33):
                wall[top:top + 28, x + 4:x + wide - 4] = (25, 42, 60)
                at = x + 5
                while at < x + wide - 12:
                    thick = int(rng.integers(3, 8))
                    tall = int(rng.integers(17, 27))
                    wall[top + 28 - tall:top + 28,
                         at:at + thick] = random_colour(rng)
                    at += thick + int(rng.integers(0, 3))
        else:  # sofa
            wide = 125
            colour = random_colour(rng)
            cloth = speckle(rng, plain(colour, (58, wide)), 5, .08)
            wall[h - 62:h - 4, x:x + wide] = cloth
            wall[h - 36:h - 33, x + 14:x + wide - 14] *= .7
            wall[h - 48:h - 4, x:x + 13] = colour * .85
            wall[h - 48:h - 4, x + wide - 13:x + wide] = colour * .85
        x += wide + int(rng.integers(20, 100))
    wall[-5:] = np.maximum(wall[-5:] * .5, 30)
    shape = ground_shape(depth)
    if rng.uniform() < .5:
        wood = np.array([70, 110, 160]) * rng.uniform(.6, 1.2)
        ground = bricks(rng, shape, (6, 60), wood, wood * .75, .4, .08)
    else:
        ground = speckle(rng, plain(np.clip(random_colour(rng, .3), 70, 200),
                                    shape), 3, .1)
    y, x = shape[0] - int(5.6 * GROUND_PPM), int(rng.integers(90, 260))
    rug = random_colour(rng)
    ground[y:y + 110, x:x + 220] = speckle(rng, plain(rug, (110, 220)), 8,
                                           .12)
    ground[y + 8:y + 12, x + 8:x + 212] = random_colour(rng)
    return wall, ground
