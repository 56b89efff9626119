# Copyright (c) temporal_corr authors. All rights reserved.
"""Places: a backdrop at the far end of a stretch of ground."""
from typing import Callable, Dict, NamedTuple, Tuple

import cv2
import numpy as np

from .camera import Camera
from .textures import (blend, bricks, label_text, noise, plain,
                       random_colour, speckle)

#: Resolution of backdrops and of the ground, pixels per metre.
WALL_PPM, GROUND_PPM = 48., 36.
#: Metres: width of both, height of the backdrop.
WIDTH, HEIGHT = 16., 5.5

_WALL = (int(HEIGHT * WALL_PPM), int(WIDTH * WALL_PPM))


class Scene(NamedTuple):
    """A place.

    Attributes:
        wall (ndarray): (h, w, 3) uint8 backdrop.
        ground (ndarray): (h, w, 3) uint8 seen from above, far edge first.
        depth (float): Distance of the backdrop behind the origin, metres.
        indoors (bool): Whether shadows are soft.
    """
    wall: np.ndarray
    ground: np.ndarray
    depth: float
    indoors: bool

    def render(self, camera: Camera, t: int,
               size: Tuple[int, int]) -> np.ndarray:
        """The empty place at moment ``t``, (H, W, 3) uint8."""
        image = cv2.warpPerspective(
            self.ground,
            camera.ground_map(t, -WIDTH / 2, -self.depth, GROUND_PPM), size,
            borderMode=cv2.BORDER_REFLECT)
        warp = camera.upright_map(t, -WIDTH / 2, HEIGHT,
                                  camera.distance + self.depth, WALL_PPM)
        # Sideways and upwards the backdrop goes on; below it the ground.
        wall = cv2.warpAffine(self.wall, warp, size,
                              borderMode=cv2.BORDER_REFLECT)
        a, b, c = cv2.invertAffineTransform(warp)[1]
        row = a * np.arange(size[0]) + (b * np.arange(size[1]) + c)[:, None]
        above = (row < self.wall.shape[0] - .5).astype(np.uint8)
        return cv2.copyTo(wall, above, image)


def _sky(rng: np.random.Generator, shape: Tuple[int, int]) -> np.ndarray:
    top = np.array([215, 165, 110]) * rng.uniform(.75, 1.1)
    low = np.array([240, 225, 205]) * rng.uniform(.85, 1.05)
    ramp = np.linspace(0, 1, shape[0])[:, None, None]
    sky = np.broadcast_to(top + (low - top) * ramp, shape + (3, ))
    clouds = np.clip(noise(rng, shape, 90, 4, 3.) * 1.2 - .2, 0, .9)
    return blend(sky.astype(np.float32), (245, 245, 245), clouds)


def _foliage(rng: np.random.Generator, shape: Tuple[int, int],
             hue: float) -> np.ndarray:
    base = np.array([40, 95, 60 + 45 * hue]) * rng.uniform(.7, 1.2)
    out = speckle(rng, plain(base, shape), 26, .28, octaves=4)
    return speckle(rng, out, 3, .18, octaves=1)


def _grass(rng: np.random.Generator, shape: Tuple[int, int]) -> np.ndarray:
    base = np.array([55, 130, 95]) * rng.uniform(.7, 1.15)
    out = speckle(rng, plain(base, shape), 60, .12)
    return speckle(rng, out, 2.5, .17, octaves=2)


def _ground_shape(depth: float) -> Tuple[int, int]:
    return int((depth + 5.5) * GROUND_PPM), int(WIDTH * GROUND_PPM)


def _park(rng: np.random.Generator, depth: float) -> Tuple:
    h, w = _WALL
    wall = _sky(rng, _WALL)
    y = np.arange(h)[:, None]
    line = h * (.42 + .16 * noise(rng, (1, w), 120, 4)[0])
    leaves = _foliage(rng, _WALL, rng.uniform())
    wall = blend(wall, leaves * .8, y > line)
    for x in rng.integers(0, w, 9):
        wide, foot = int(rng.integers(5, 13)), int(h * rng.uniform(.86, .99))
        bark = speckle(rng, plain((50, 66, 84), (foot - h // 3, wide)), 4,
                       .25, aspect=.2)
        x = min(x, w - wide)
        wall[h // 3:foot, x:x + wide] = bark
        crown = (int(x), int(h * rng.uniform(.18, .4)))
        mask = cv2.ellipse(np.zeros(_WALL, np.uint8), crown,
                           (int(rng.integers(34, 62)),
                            int(rng.integers(30, 52))), 0, 0, 360, 1, -1)
        ragged = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 7)
        wall = blend(wall, _foliage(rng, _WALL, rng.uniform()),
                     ragged + .22 * noise(rng, _WALL, 14, 2) > .5)
    ground = _grass(rng, _ground_shape(depth))
    if rng.uniform() < .6:
        gh, gw = ground.shape[:2]
        x = np.linspace(-1, 1, gh) * rng.uniform(-250, 250)
        x = (x + rng.uniform(.2, .8) * gw)[:, None]
        path = np.abs(np.arange(gw) - x + 8 * noise(
            rng, (gh, gw), 40, 2)) < rng.uniform(20, 45)
        sand = speckle(rng, plain((130, 155, 175), (gh, gw)), 4, .1)
        ground = blend(ground, sand, path)
    return wall, ground


def _street(rng: np.random.Generator, depth: float) -> Tuple:
    h, w = _WALL
    face = np.array([[62, 80, 150], [120, 140, 165], [150, 155, 160],
                     [80, 110, 160]][rng.integers(4)]) * rng.uniform(.8, 1.1)
    wall = bricks(rng, _WALL, (6, 15), face, face * 1.25)
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
    shape = _ground_shape(depth)
    stone = np.array([140, 145, 148]) * rng.uniform(.65, 1.15)
    ground = bricks(rng, shape, (16, 22), stone, stone * .7, spread=.05)
    kerb = int(rng.uniform(.65, .8) * shape[0])
    road = plain(np.array([82, 80, 78]), (shape[0] - kerb, shape[1]))
    ground[kerb:] = speckle(rng, road, 3, .12)
    ground[kerb:kerb + 5] = 190
    return wall, ground


def _hall(rng: np.random.Generator, depth: float) -> Tuple:
    h, w = _WALL
    upper, lower = random_colour(rng, .25), random_colour(rng, .6)
    wall = bricks(rng, _WALL, (14, 30), np.maximum(upper, 120),
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
    shape = _ground_shape(depth)
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


def _room(rng: np.random.Generator, depth: float) -> Tuple:
    h, w = _WALL
    paper = np.clip(random_colour(rng, .4), 90, 225)
    wall = plain(paper, _WALL)
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
    shape = _ground_shape(depth)
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


def _pitch(rng: np.random.Generator, depth: float) -> Tuple:
    h, w = _WALL
    wall = _sky(rng, _WALL)
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
    ground = _grass(rng, _ground_shape(depth))
    stripe = int(rng.integers(60, 110))
    ground[:, np.arange(ground.shape[1]) // stripe % 2 == 0] *= .88
    for _ in range(2):
        y = int(rng.integers(40, ground.shape[0]))
        ground[y:y + 4] = 235
    return wall, ground


def _beach(rng: np.random.Generator, depth: float) -> Tuple:
    h, w = _WALL
    wall = _sky(rng, _WALL)
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
    shape = _ground_shape(depth)
    sand = np.array([150, 190, 215]) * rng.uniform(.8, 1.05)
    ground = speckle(rng, plain(sand, shape), 30, .07)
    return wall, speckle(rng, ground, 3, .07, octaves=1)


_INDOORS = ('hall', 'room')
PLACES: Dict[str, Callable] = dict(park=_park, street=_street, hall=_hall,
                                   room=_room, pitch=_pitch, beach=_beach)


def sample_scene(rng: np.random.Generator) -> Scene:
    """Draw a place."""
    name = str(rng.choice(list(PLACES)))
    depth = float(rng.uniform(2.2, 3.4) if name in _INDOORS else rng.uniform(
        3., 7.))
    pictures = PLACES[name](rng, depth)
    # A lens that is focused on the person blurs what is far away.
    blur = rng.uniform(.3, 1.4)
    wall, ground = (np.clip(k, 0, 255).astype(np.uint8) for k in pictures)
    return Scene(cv2.GaussianBlur(wall, (0, 0), blur), ground, depth,
                 name in _INDOORS)
