# Copyright (c) temporal_corr authors. All rights reserved.
"""A level pinhole camera that shakes, pans, zooms and follows."""
from typing import NamedTuple, Tuple

import cv2
import numpy as np


class Camera(NamedTuple):
    """A camera over T moments.

    Attributes:
        focal (float): Focal length in pixels.
        height (float): Height of the lens above the ground, metres.
        distance (float): Depth of the world's origin, metres.
        centre (ndarray): (2,) pixel that looks straight ahead.
        x (ndarray): (T,) sideways position of the lens, metres.
        motion (ndarray): (T, 2, 3) similarity that follows the projection
            (shake, pan, roll and zoom as they appear in the image).
    """
    focal: float
    height: float
    distance: float
    centre: np.ndarray
    x: np.ndarray
    motion: np.ndarray

    def project(self, points: np.ndarray, t=None) -> Tuple:
        """World to image.

        Args:
            points (ndarray): (..., 3) metres; with ``t`` left out the first
                axis is time.
            t (int | None): Moment.

        Returns:
            tuple: Pixels (..., 2), pixels per metre (...) and depth in
            metres (...).
        """
        index = slice(None) if t is None else t
        x, motion = self.x[index], self.motion[index]
        if t is None:
            x = x.reshape((-1, ) + (1, ) * (points.ndim - 2))
            motion = motion.reshape((-1, ) + (1, ) * (points.ndim - 2) +
                                    (2, 3))
        depth = self.distance - points[..., 2]
        ppm = self.focal / depth
        uv = np.stack([(points[..., 0] - x) * ppm,
                       (self.height - points[..., 1]) * ppm], -1)
        uv = uv + self.centre
        uv = (motion[..., :2] @ uv[..., None])[..., 0] + motion[..., 2]
        return uv, ppm * np.hypot(motion[..., 0, 0], motion[..., 1, 0]), depth

    def upright_map(self, t: int, left: float, top: float, depth: float,
                    ppm: float) -> np.ndarray:
        """Affine map (2, 3) to the image from a picture that stands upright.

        Args:
            t (int): Moment.
            left (float): World x of the picture's left edge, metres.
            top (float): World y of its upper edge, metres.
            depth (float): Its distance from the camera, metres.
            ppm (float): Its resolution, pixels per metre.
        """
        scale = self.focal / depth
        base = np.array([[scale / ppm, 0, (left - self.x[t]) * scale],
                         [0, scale / ppm, (self.height - top) * scale],
                         [0, 0, 1]])
        base[:2, 2] += self.centre
        return self.motion[t] @ base

    def ground_map(self, t: int, left: float, far: float,
                   ppm: float) -> np.ndarray:
        """Homography (3, 3) to the image from a picture of the ground.

        Args:
            t (int): Moment.
            left (float): World x of the picture's left edge, metres.
            far (float): World z of its upper edge, metres.
            ppm (float): Its resolution, pixels per metre.
        """
        f, (cx, cy), d = self.focal, self.centre, self.distance
        view = np.array([[f, -cx, cx * d - f * self.x[t]],
                         [0, -cy, cy * d + f * self.height], [0, -1, d]])
        world = np.array([[1 / ppm, 0, left], [0, 1 / ppm, far], [0, 0, 1]])
        return np.vstack([self.motion[t], [0, 0, 1]]) @ view @ world


def smooth_path(rng: np.random.Generator, seconds: np.ndarray,
                rate: float) -> np.ndarray:
    """A random path (T,), within about +-1, wandering at ``rate`` hertz."""
    a, b, c = rng.uniform(0, 2 * np.pi, 3)
    s = 2 * np.pi * rate * seconds
    return (np.sin(s + a) + .5 * np.sin(2.3 * s + b) +
            .25 * np.sin(5.1 * s + c)) / 1.4


def similarity(scale: np.ndarray, roll: np.ndarray, shift: np.ndarray,
               centre: np.ndarray) -> np.ndarray:
    """Similarities (T, 2, 3): zoom and roll (degrees) about ``centre``, then
    ``shift`` (T, 2) pixels."""
    maps = np.stack([cv2.getRotationMatrix2D(tuple(map(float, centre)),
                                             float(r), float(s))
                     for r, s in zip(roll, scale)])
    maps[:, :, 2] += shift
    return maps


def fit_in_frame(camera: Camera, points: np.ndarray, margin: np.ndarray,
                 size: Tuple[int, int], fill: float,
                 place: np.ndarray) -> Camera:
    """Zoom and shift so that points stay in the image at every moment.

    Args:
        camera (Camera): Where the camera is and how it moves.
        points (ndarray): (T, n, 3) world positions.
        margin (ndarray): (n,) metres to keep free around each.
        size (tuple): (width, height) of the image.
        fill (float): Share of the image that the points' extent may take
            in the tighter direction.
        place (ndarray): (2,) from 0 to 1, where in the room that is left.

    Returns:
        Camera: The same camera with another ``motion``.
    """
    uv, ppm, _ = camera.project(points)
    reach = (margin * ppm)[..., None]
    low, high = (uv - reach).min((0, 1)), (uv + reach).max((0, 1))
    size = np.asarray(size, float)
    scale = (fill * size / (high - low)).min()
    room = size - scale * (high - low)
    shift = place * room - scale * low
    fit = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    motion = fit[:, :2] @ camera.motion
    motion[:, :, 2] += fit[:, 2]
    return camera._replace(motion=motion)
