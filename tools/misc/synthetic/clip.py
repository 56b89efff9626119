# Copyright (c) temporal_corr authors. All rights reserved.
"""One video: who, what, where, and its frames and annotations."""
from functools import partial
from typing import NamedTuple, Tuple

import cv2
import numpy as np

from .drawing import Canvas, colour, grained, sample_look, visible_joints
from .skeleton import ACTIONS, JHMDB_JOINTS, joint_positions, perform

#: Room in metres that the body takes beyond a joint.
_MARGIN = np.array([
    dict(head=.24, wrist=.17, ankle=.22).get(name.rpartition('_')[2], .15)
    for name in JHMDB_JOINTS
])


class Clip(NamedTuple):
    """A finished video of n frames."""
    name: str  #: unique, built as JHMDB's
    action: str  #: one of :data:`.skeleton.ACTIONS`
    viewpoint: str  #: where the person faces in the image, as ``front``
    frames: np.ndarray  #: (n, H, W, 3) uint8 BGR
    keypoints: np.ndarray  #: (n, 15, 2) 0-based pixels in JHMDB's order
    visible: np.ndarray  #: (n, 15) bool
    masks: np.ndarray  #: (n, H, W) uint8, 1 on the whole body, even if hidden
    scale: np.ndarray  #: (n,) size of the person, 1 = as tall as the image


class Camera(NamedTuple):
    """A level camera over T moments."""
    x: np.ndarray  #: (T,) sideways position of the lens, metres
    shift: np.ndarray  #: (T, 2) of the picture, pixels
    zoom: np.ndarray  #: (T,) pixels of a metre at a distance of one
    height: float  #: of the lens, metres
    distance: float  #: of the lens, metres

    def project(self, points: np.ndarray, t) -> Tuple:
        """Pixels (..., 2), and pixels per metre (...), of world points."""
        ppm = self.zoom[t] / (self.distance - points[..., 2])
        uv = np.stack([points[..., 0] - self.x[t],
                       self.height - points[..., 1]], -1)
        return uv * ppm[..., None] + self.shift[t], ppm


def clip_action(index: int) -> Tuple[str, int]:
    """Action of clip ``index`` (0-based) and its number within the action.

    Clips come in pairs of one action, so that any two clips or more can be
    split into training and test within an action.
    """
    pair, odd = divmod(index, 2)
    turn, action = divmod(pair, len(ACTIONS))
    return list(ACTIONS)[action], 2 * turn + odd


def viewpoint(heading: float) -> str:
    """Name of the side that is seen for a heading in degrees."""
    return ('front', 'right', 'back', 'left')[int((heading + 45) % 360 // 90)]


def _sample_camera(rng: np.random.Generator, points: np.ndarray,
                   size: Tuple[int, int], moving: bool) -> Camera:
    """A camera that keeps joints (T, 15, 3) in view."""
    count, path = len(points), points[..., 0].mean(1)
    follow = max(rng.uniform(.3, 1) if moving else 0,
                 1 - 1.5 / max(np.ptp(path), 1e-6))
    wander = moving * np.sin(np.arange(count)[:, None] * rng.uniform(
        .1, .5, 3) + rng.uniform(0, 6, 3))
    camera = Camera(follow * np.linspace(path[0], path[-1], count),
                    wander[:, :2] * size[1] / 100,
                    (1 + .04 * wander[:, 2]) * size[1],
                    rng.uniform(1., 1.8), rng.uniform(5.2, 7.5))
    uv, ppm = camera.project(points, np.repeat(
        np.arange(count)[:, None], len(_MARGIN), 1))
    reach = (_MARGIN * ppm)[..., None]
    low, high = (uv - reach).min((0, 1)), (uv + reach).max((0, 1))
    scale = (rng.uniform(.74, .98) * np.array(size) / (high - low)).min()
    room = size - scale * (high - low)
    shift = rng.uniform(.1, .9, 2) * room - scale * low
    return camera._replace(shift=camera.shift * scale + shift,
                           zoom=camera.zoom * scale)


def _sample_place(rng: np.random.Generator) -> Tuple[np.ndarray, np.ndarray]:
    """A backdrop of 30 m x 8 m, and the ground in front of it."""
    h, w = 320, 1200
    outdoors = rng.uniform() < .5
    ramp = np.linspace(0, 1, h)[:, None, None]
    wall = (225, 185, 140) * (1 - ramp) + 235 * ramp if outdoors else (
        colour(rng, vivid=.25) * .4 + 130 - 50. * (ramp > .8))
    wall = grained(rng, wall, (h, w), 60, .06)
    for _ in range(40):
        x, size = int(rng.integers(w)), int(rng.integers(25, 70))
        if outdoors and rng.uniform() < .6:  # a tree
            cv2.line(wall, (x, h), (x, h - size), (45, 62, 80), 9)
            cv2.circle(wall, (x, h - size - 20), size // 2 + 12,
                       (40, rng.uniform(70, 120), 60), -1)
        elif outdoors:  # a house
            house = wall[h - 3 * size:, x:x + 2 * size]
            house[:] = colour(rng, vivid=.3)
            row, column = np.ogrid[:house.shape[0], :house.shape[1]]
            house[(row % 26 > 12) & (column % 20 > 9)] *= .5
        else:  # a poster or a piece of furniture
            y = h - int(rng.integers(0, 150))
            cv2.rectangle(wall, (x, y - int(rng.integers(30, 90))),
                          (x + size, y), colour(rng, vivid=.7).tolist(), -1)
    base = np.array((55, 120, 90) if outdoors else (100, 145, 185))
    ground = grained(rng, base * rng.uniform(.6, 1.2), (h, w), 30, .15)
    for x in rng.integers(0, w, 6):  # lines that run into the picture
        ground[:, x:x + 3] *= 1.25
    return (grained(rng, wall, (h, w), 5, .12),
            grained(rng, ground, (h, w), 4, .12))


def _draw_place(place: Tuple, camera: Camera, t: int, size: Tuple[int, int],
                depth: float) -> np.ndarray:
    """The empty place at one moment, (H, W, 3)."""
    near, pictures = camera.distance - 1.5, []
    for texture, (up, far), (down, close) in zip(
            place, ((8, -depth), (0, -depth)), ((0, -depth), (0, near))):
        h, w = texture.shape[:2]
        uv, _ = camera.project(np.array(
            [(-15, up, far), (15, up, far), (15, down, close),
             (-15, down, close)]), t)
        warp = cv2.getPerspectiveTransform(
            np.float32([(0, 0), (w, 0), (w, h), (0, h)]), np.float32(uv))
        pictures.append(cv2.warpPerspective(
            texture, warp, size, borderMode=cv2.BORDER_REFLECT))
    (_, edge), _ = camera.project(np.array([0, 0, -depth]), t)
    edge = int(np.clip(edge, 0, size[1]))
    return np.concatenate([pictures[0][:edge], pictures[1][edge:]])


def make_clip(index: int, seed: int, count: int,
              size: Tuple[int, int]) -> Clip:
    """Simulate and draw clip ``index`` (0-based) of the set with a seed, of
    ``count`` frames of a size (width, height)."""
    rng = np.random.default_rng([seed, index])
    action, number = clip_action(index)
    seconds = np.arange(count) / rng.uniform(13, 28)
    light, moving, grain = rng.uniform((-1, 0, 1), (1, 1, 4))

    pose, stature = perform(action, seconds, rng), rng.uniform(1.55, 1.9)
    heading = rng.uniform(-180, 180)
    if np.ptp(pose['travel']) > 1.8:  # across, not into the camera
        heading = rng.choice([-90, 90]) + heading / 6
    subject = joint_positions(pose, heading, stature)
    joints = np.stack([subject[name] for name in JHMDB_JOINTS], 1)
    camera = _sample_camera(rng, joints, size, moving < .55)
    depth, place = rng.uniform(2.5, 6.), _sample_place(rng)
    people = [(subject, stature, sample_look(rng), True)]
    if rng.uniform() < .4:  # somebody walks by behind
        side = rng.choice([-1, 1])
        other = joint_positions(perform('walk', seconds, rng), side * 90.,
                                stature)
        step = (camera.x.mean() - side * rng.uniform(-1, 1), 0,
                -rng.uniform(1., depth - 1))
        other.update({name: value + step for name, value in other.items()
                      if name not in ('forward', 'up')})
        people.insert(0, (other, stature, sample_look(rng), False))
    spots, texture = np.zeros((0, 4)), None
    if rng.uniform() < .35:  # a bush or a post stands in front
        bush = rng.uniform() < .5
        spots = np.array(
            [(0, .3, 0, .28), (.25, .25, 0, .22), (-.1, .5, 0, .2)]
            if bush else [(0, 0, 0, .06), (0, 2.6, 0, .06)])
        spots[:, 0] += camera.x.mean() + rng.choice([-1, 1]) * rng.uniform(
            .2, .5)
        spots[:, 2] += joints[..., 2].max() + rng.uniform(.4, .8)
        texture = grained(rng, (40, 95, 60) if bush else colour(rng),
                          (64, 48), 6, .4 if bush else .1)

    frames, masks, visible, keypoints = [], [], [], []
    for t in range(count):
        project = partial(camera.project, t=t)
        canvas = Canvas(_draw_place(place, camera, t, size, depth))
        for points, height, look, is_subject in people:
            canvas.paint_person({k: v[t] for k, v in points.items()}, height,
                                look, project, light, is_subject)
        if len(spots):
            uv, ppm = project(spots[:, :3])
            canvas.paint(np.column_stack([uv, spots[:, 3] * ppm]), texture,
                         light)
        keypoints.append(project(joints[t])[0])
        visible.append(visible_joints(canvas.label, keypoints[-1],
                                      JHMDB_JOINTS))
        masks.append(canvas.cover.astype(np.uint8))
        picture = canvas.picture + grain * rng.standard_normal(
            (*size[::-1], 1))
        frames.append(np.clip(picture, 0, 255).astype(np.uint8))
    view = viewpoint(heading)
    name = (f'synthetic_{index:04d}_{action}_f_'
            f'{"cm" if moving < .55 else "nm"}_np{len(people)}_{view[:2]}_'
            f'med_{number}')
    _, ppm = camera.project(subject['pelvis'], np.arange(count))
    return Clip(name, action, view, np.stack(frames), np.stack(keypoints),
                np.stack(visible), np.stack(masks), ppm * stature / size[1])
