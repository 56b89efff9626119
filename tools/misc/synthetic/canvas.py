# Copyright (c) temporal_corr authors. All rights reserved.
"""An image being drawn, with labels of what is in front."""
from typing import List, NamedTuple

import cv2
import numpy as np

from .atlas import Atlas, look_up
from .raster import Fragments


class Light(NamedTuple):
    """Parallel light on a matt surface.

    Attributes:
        direction (ndarray): (3,) unit vector towards the light (x right, y
            up, z to the camera).
        ambient (float): Share that reaches a surface turned away.
        colour (ndarray): (3,) BGR gain.
    """
    direction: np.ndarray
    ambient: float
    colour: np.ndarray


class Canvas:
    """An image that things are painted on, far ones first.

    Args:
        background (ndarray): (H, W, 3) BGR, any real type.

    Attributes:
        colour (ndarray): (H, W, 3) float32, 0 to 255.
        label (ndarray): (H, W) uint8, label of what is in front, 0 =
            background.
        cover (ndarray): (H, W) bool, everything ever painted with
            ``covering`` on, whether hidden later or not.
    """

    def __init__(self, background: np.ndarray) -> None:
        self.colour = background.astype(np.float32)
        self.label = np.zeros(background.shape[:2], np.uint8)
        self.cover = np.zeros(background.shape[:2], bool)

    def paint(self, parts: List[Fragments], atlas: Atlas, labels: np.ndarray,
              light: Light, covering: bool) -> None:
        """Blend one body's fragments, far to near in each pixel.

        Args:
            parts (list[Fragments]): Shapes of the body.
            atlas (Atlas): Its textures.
            labels (ndarray): (n,) uint8 label of each texture's shape.
            light (Light): The lighting.
            covering (bool): Whether it counts for ``cover``.
        """
        f = Fragments(*(np.concatenate(k) for k in zip(*parts)))
        if not len(f.pixel):
            return
        # One key sorts by pixel and, within it, by falling depth.
        order = np.argsort(f.pixel - np.clip(f.depth / 64., 0, .999))
        pixel, shape, alpha = f.pixel[order], f.shape[order], f.alpha[order]
        gain = np.float32(light.ambient) + np.float32(
            1.25 - light.ambient) * np.maximum(f.lit, 0)
        colour = (look_up(atlas, f.shape, f.row, f.turn) * gain[:, None] *
                  light.colour.astype(np.float32))[order]
        first = np.flatnonzero(np.diff(pixel, prepend=-1))
        count = np.diff(first, append=len(pixel))
        image, label = self.colour.reshape(-1, 3), self.label.ravel()
        for layer in range(count.max()):
            k = first[count > layer] + layer
            at, a = pixel[k], alpha[k]
            old = image[at]
            image[at] = old + a[:, None] * (colour[k] - old)
            solid = a > .5
            label[at[solid]] = labels[shape[k[solid]]]
        if covering:
            self.cover.ravel()[pixel[alpha > .5]] = True

    def expose(self, painter, moments: List[int], shadow: float) -> None:
        """Paint a body blurred by its motion.

        Args:
            painter (Painter): Draws the body.
            moments (list[int]): Moments that the exposure averages; an odd
                number. Labels and cover are those of the middle one.
            shadow (float): Darkness of its shadow, 0 to 1.
        """
        before = [k.copy() for k in (self.colour, self.label, self.cover)]
        total = np.zeros_like(self.colour)
        middle = moments[len(moments) // 2]
        # The middle comes last, so that what it leaves stays.
        for t in [k for k in moments if k != middle] + [middle]:
            self.colour, self.label, self.cover = (k.copy() for k in before)
            painter.draw(self, t, shadow)
            total += self.colour
        self.colour = total / len(moments)

    def paint_sprite(self, sprite: np.ndarray, warp: np.ndarray, gain: float,
                     label: int) -> None:
        """Paint a flat picture.

        Args:
            sprite (ndarray): (h, w, 4) float32 BGRA, 0 to 255, not
                premultiplied.
            warp (ndarray): (2, 3) affine map, sprite to image pixel.
            gain (float): Brightness.
            label (int): Label of the picture.
        """
        h, w = self.label.shape
        corners = warp[:, :2] @ (np.array([[0, 1, 0, 1], [0, 0, 1, 1]]) *
                                 [[sprite.shape[1]], [sprite.shape[0]]])
        corners = corners + warp[:, 2:]
        x0, y0 = np.clip(np.floor(corners.min(1)), 0, (w, h)).astype(int)
        x1, y1 = np.clip(np.ceil(corners.max(1)) + 1, 0, (w, h)).astype(int)
        if x0 >= x1 or y0 >= y1:
            return
        part = cv2.warpAffine(sprite, warp - [[0, 0, x0], [0, 0, y0]],
                              (int(x1 - x0), int(y1 - y0)))
        alpha = part[..., 3:] / 255
        window = self.colour[y0:y1, x0:x1]
        window += alpha * (part[..., :3] * np.float32(gain) - window)
        self.label[y0:y1, x0:x1][alpha[..., 0] > .5] = label

    def shade_ellipse(self, centre: np.ndarray, reach: np.ndarray,
                      strength: float) -> None:
        """Darken a soft ellipse of half-axes ``reach`` (2,) pixels."""
        h, w = self.label.shape
        (x0, y0), (x1, y1) = centre - 2 * reach, centre + 2 * reach
        rows = slice(max(int(y0), 0), max(min(int(y1) + 2, h), 0))
        cols = slice(max(int(x0), 0), max(min(int(x1) + 2, w), 0))
        y = (np.arange(h)[rows] - centre[1]) / reach[1]
        x = (np.arange(w)[cols] - centre[0]) / reach[0]
        gain = 1 - strength * np.exp(-1.2 * y * y)[:, None] * np.exp(
            -1.2 * x * x)
        self.colour[rows, cols] *= gain[..., None].astype(np.float32)
