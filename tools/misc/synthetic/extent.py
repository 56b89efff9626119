# Copyright (c) temporal_corr authors. All rights reserved.
"""Extent and resolution of the pictures that make a place."""
from typing import Tuple

#: Resolution of backdrops and of the ground, pixels per metre.
WALL_PPM, GROUND_PPM = 48., 36.
#: Metres: width of both, height of the backdrop.
WIDTH, HEIGHT = 16., 5.5
#: (h, w) of a backdrop in pixels.
WALL_SHAPE = (int(HEIGHT * WALL_PPM), int(WIDTH * WALL_PPM))


def ground_shape(depth: float) -> Tuple[int, int]:
    """(h, w) in pixels of a ground that reaches a backdrop at ``depth``."""
    return int((depth + 5.5) * GROUND_PPM), int(WIDTH * GROUND_PPM)
