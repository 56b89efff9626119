# Copyright (c) temporal_corr authors. All rights reserved.
"""Several textures in one picture, looked up together."""
from typing import List, NamedTuple

import cv2
import numpy as np


class Atlas(NamedTuple):
    """The textures of one person in one picture.

    Attributes:
        picture (ndarray): (H, W, 3) float32 BGR.
        top (ndarray): (n,) first row of each texture.
        height (ndarray): (n,) rows of each texture.
        width (ndarray): (n,) columns of each texture.
    """
    picture: np.ndarray
    top: np.ndarray
    height: np.ndarray
    width: np.ndarray


def make_atlas(textures: List[np.ndarray]) -> Atlas:
    """Stack textures (h, w, 3), each wrapped by one column."""
    height = np.array([k.shape[0] for k in textures], np.float32)
    width = np.array([k.shape[1] for k in textures], np.float32)
    picture = np.zeros((int(height.sum()), int(width.max()) + 1, 3),
                       np.float32)
    top = np.concatenate([[0], np.cumsum(height)[:-1]]).astype(np.float32)
    for image, row in zip(textures, top.astype(int)):
        h, w = image.shape[:2]
        picture[row:row + h, :w] = image
        picture[row:row + h, w] = image[:, 0]
    return Atlas(picture, top, height, width)


def look_up(atlas: Atlas, k: np.ndarray, row: np.ndarray,
            turn: np.ndarray) -> np.ndarray:
    """Bilinear look-up in textures that are wrapped around an axis.

    Args:
        atlas (Atlas): The textures; a middle column faces forward.
        k (ndarray): (n,) index of the texture.
        row (ndarray): (n,) from 0 (first row) to 1 (last row).
        turn (ndarray): (n,) angle from forward, radians.

    Returns:
        ndarray: (n, 3) float32.
    """
    n = len(k)
    turn = np.mod(turn * np.float32(.5 / np.pi) + np.float32(.5), 1)
    # remap takes fewer than 32768 rows, so the list is folded.
    maps = np.zeros((2, -(-n // 256) * 256), np.float32)
    maps[0, :n] = turn * atlas.width[k]
    maps[1, :n] = atlas.top[k] + np.clip(row, 0, 1) * (
        atlas.height[k] - 1)
    out = cv2.remap(atlas.picture, maps[0].reshape(-1, 256),
                    maps[1].reshape(-1, 256), cv2.INTER_LINEAR)
    return out.reshape(-1, 3)[:n]
