# Copyright (c) temporal_corr authors. All rights reserved.
"""Places: a backdrop at the far end of a stretch of ground."""
from typing import NamedTuple, Tuple

import cv2
import numpy as np

from .camera import Camera
from .extent import GROUND_PPM, HEIGHT, WALL_PPM, WIDTH
from .indoors import hall, room
from .outdoors import beach, park, pitch, street

_INDOORS = dict(hall=hall, room=room)
_OUTDOORS = dict(park=park, street=street, pitch=pitch, beach=beach)


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
        w, h = size
        warp = camera.upright_map(t, -WIDTH / 2, HEIGHT,
                                  camera.distance + self.depth, WALL_PPM)
        # The backdrop's lower edge; above it no ground shows.
        a, b, c = cv2.invertAffineTransform(warp)[1]
        edge = (self.wall.shape[0] - .5 - c - a * np.arange(w)) / b
        top = int(np.clip(edge.min(), 0, h))
        bottom = int(np.clip(edge.max() + 1, 0, h))
        image = np.empty((h, w, 3), np.uint8)
        if top < h:
            ground = camera.ground_map(t, -WIDTH / 2, -self.depth, GROUND_PPM)
            ground = np.array([[1, 0, 0], [0, 1, -top], [0, 0, 1]]) @ ground
            image[top:] = cv2.warpPerspective(
                self.ground, ground, (w, h - top),
                borderMode=cv2.BORDER_REFLECT)
        if bottom:
            # Sideways and upwards the backdrop goes on.
            wall = cv2.warpAffine(self.wall, warp, (w, bottom),
                                  borderMode=cv2.BORDER_REFLECT)
            image[:top] = wall[:top]
            above = np.arange(top, bottom)[:, None] < edge
            image[top:bottom][above] = wall[top:][above]
        return image


def sample_scene(rng: np.random.Generator) -> Scene:
    """Draw a place."""
    name = str(rng.choice([*_INDOORS, *_OUTDOORS]))
    depth = float(rng.uniform(2.2, 3.4) if name in _INDOORS else rng.uniform(
        3., 7.))
    pictures = {**_INDOORS, **_OUTDOORS}[name](rng, depth)
    # A lens that is focused on the person blurs what is far away.
    blur = rng.uniform(.3, 1.4)
    wall, ground = (np.clip(k, 0, 255).astype(np.uint8) for k in pictures)
    return Scene(cv2.GaussianBlur(wall, (0, 0), blur), ground, depth,
                 name in _INDOORS)
