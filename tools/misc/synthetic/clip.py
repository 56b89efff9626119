# Copyright (c) temporal_corr authors. All rights reserved.
"""One video: who, what, where, and its frames and annotations."""
from typing import List, NamedTuple, Tuple

import cv2
import numpy as np

from .bystanders import passers_by, props_in_front
from .camera import Camera, fit_in_frame, similarity, smooth_path
from .canvas import Canvas, Light
from .figure import OTHER, Figure, Painter, joints, visible_joints
from .motions import ACTIONS, perform
from .outfit import sample_outfit
from .props import Prop, draw_prop
from .scene import sample_scene
from .skeleton import JHMDB_JOINTS, forward_kinematics, sample_body

#: Moments simulated per frame; long exposures average several of them.
_SUBFRAMES = 3
#: Room in metres that the body takes beyond a joint, JHMDB's order.
_MARGIN = np.array([dict(head=.22, wrist=.17, ankle=.21).get(
    k.rpartition('_')[2], .15) for k in JHMDB_JOINTS])
_QUALITY = dict(goo=88, med=70, bad=48)


class Clip(NamedTuple):
    """A finished video.

    Attributes:
        name (str): Unique name, built as JHMDB's.
        action (str): One of :data:`.motions.ACTIONS`.
        viewpoint (str): ``front``, ``back``, ``left`` or ``right``: where
            the person faces at the start, left and right as in the image.
        frames (ndarray): (n, H, W, 3) uint8 BGR.
        keypoints (ndarray): (n, 15, 2) float64 0-based pixels in JHMDB's
            order.
        visible (ndarray): (n, 15) bool.
        masks (ndarray): (n, H, W) uint8, 1 on the whole body, whether
            hidden or not.
        scale (ndarray): (n,) size of the person, 1 = as tall as the image.
    """
    name: str
    action: str
    viewpoint: str
    frames: np.ndarray
    keypoints: np.ndarray
    visible: np.ndarray
    masks: np.ndarray
    scale: np.ndarray


def clip_action(index: int) -> Tuple[str, int]:
    """Action of clip ``index`` (0-based) and its number within the action.

    Clips come in pairs of one action, so that any two clips or more can be
    split into training and test within an action.
    """
    names = list(ACTIONS)
    pair, odd = divmod(index, 2)
    return names[pair % len(names)], 2 * (pair // len(names)) + odd


def viewpoint(heading: float) -> str:
    """Name of the side that is seen for a heading in degrees."""
    return ('front', 'right', 'back', 'left')[int(
        np.floor(np.mod(heading + 45, 360) / 90))]


def _sample_heading(rng: np.random.Generator, action: str,
                    distance: float) -> float:
    """Degrees; who goes far goes across rather than towards the camera."""
    heading = rng.uniform(-180, 180)
    if distance > 1.8:
        steepest = np.degrees(np.arcsin(1.8 / distance))
        heading = (90 + rng.uniform(-1, 1) * steepest) * rng.choice([-1, 1])
    elif action == 'golf':
        heading *= .5  # golfers are filmed from the front half
    return float(heading)


def _sample_camera(rng: np.random.Generator, seconds: np.ndarray,
                   points: np.ndarray, size: Tuple[int, int],
                   moving: bool) -> Camera:
    """A camera that keeps the subject's joints (T, 15, 3) in view."""
    w, h = size
    t = len(seconds)
    path = points[..., 0].mean(1)
    travel = np.ptp(path)
    follow = rng.uniform(.3, 1.) if moving or travel > 1.5 else 0.
    follow = max(follow, 1 - 1.5 / max(travel, 1e-6))
    line = np.polyval(np.polyfit(seconds, path, 1), seconds)
    amount = rng.uniform(1., 4.) if moving else rng.uniform(0, .25)
    shake = amount * np.stack([smooth_path(rng, seconds, rng.uniform(.3, 1.2))
                               for _ in range(2)], 1)
    roll = .4 * amount * smooth_path(rng, seconds, .4)
    zoom = 1 + .05 * amount * smooth_path(rng, seconds, .25)
    centre = np.array([w / 2, h * rng.uniform(.3, .5)])
    camera = Camera(
        focal=2.2 * h, height=float(rng.uniform(1., 1.9)),
        distance=float(rng.uniform(5.2, 7.5)), centre=centre,
        x=follow * line + np.zeros(t),
        motion=similarity(zoom, roll, shake * h / 240, (w / 2, h / 2)))
    return fit_in_frame(camera, points, _MARGIN, size,
                        rng.uniform(.74, .98), rng.uniform(.1, .9, 2))


def _degrade(rng: np.random.Generator, image: np.ndarray, grain: np.ndarray,
             quality: int) -> np.ndarray:
    """Sensor noise and compression of one frame (H, W, 3).

    ``grain`` (H, W) is shifted at random: drawing it anew for each frame
    would take longer than drawing a person.
    """
    shift = rng.integers(0, grain.shape)
    image = image + np.roll(grain, shift, (0, 1))[..., None]
    # OpenCV rounds and saturates.
    code = cv2.imencode('.jpg', cv2.convertScaleAbs(np.maximum(image, 0)),
                        [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return cv2.imdecode(code, cv2.IMREAD_COLOR)


def make_clip(index: int, seed: int, num_frames: Tuple[int, int],
              size: Tuple[int, int]) -> Clip:
    """Simulate and render a video.

    Args:
        index (int): 0-based number of the clip.
        seed (int): Seed of the whole set; a clip depends on both and on
            nothing else.
        num_frames (tuple): Least and largest number of frames.
        size (tuple): (width, height) in pixels.

    Returns:
        Clip: The video and its annotations.
    """
    rng = np.random.default_rng([seed, index])
    n = int(rng.integers(num_frames[0], num_frames[1] + 1))
    action, number = clip_action(index)
    fps = rng.uniform(13, 28)
    shutter = float(rng.choice([.1, .35, .8]))
    sub = np.linspace(-.5, .5, _SUBFRAMES) * shutter
    seconds = ((np.arange(n)[:, None] + sub) / fps).ravel()

    body = sample_body(rng)
    pose = perform(action, seconds, rng, body.stature)
    heading = _sample_heading(rng, action, np.ptp(pose['travel']))
    subject = Figure(body, sample_outfit(rng), forward_kinematics(
        body, pose, heading, np.zeros(2)), True)
    points = joints(subject)
    near = float(points[..., 2].max())
    moving = rng.uniform() < .55
    scene = sample_scene(rng)
    camera = _sample_camera(rng, seconds, points, size, moving)
    others = passers_by(rng, seconds, subject, scene, near)
    props = props_in_front(rng, seconds, subject, camera, near)
    direction = rng.uniform((-.9, .35, .3), (.9, 1., 1.))
    light = Light(direction / np.linalg.norm(direction),
                  float(rng.uniform(.5, .75)),
                  rng.uniform(.9, 1.06, 3).astype(np.float32))
    shadow = float(rng.uniform(.2, .35 if scene.indoors else .5))
    grade = str(rng.choice(list(_QUALITY)))
    grain = rng.uniform(.5, 3.) * rng.standard_normal(size[::-1], np.float32)
    grain = grain.astype(np.float32)

    uv, ppm, _ = camera.project(points)
    middle = np.arange(n) * _SUBFRAMES + _SUBFRAMES // 2
    speed = np.abs(np.diff(uv[middle], axis=0)).max() if n > 1 else 0.
    # A long exposure is an average; three moments do where limbs are thick.
    take = (-1, 0, 1) if speed * shutter > 4 else (0, )
    painter = Painter(subject, camera, light)
    things = sorted(others + props, key=_depth)
    far = sum(_depth(k) < 0 for k in things)
    things = [k if isinstance(k, Prop) else Painter(k, camera, light)
              for k in things]
    frames, masks, visible = [], [], []
    for t in middle:
        canvas = Canvas(scene.render(camera, t, size))
        _draw(canvas, things[:far], camera, t, light, shadow)
        canvas.expose(painter, [t + k for k in take], shadow)
        _draw(canvas, things[far:], camera, t, light, shadow)
        masks.append(canvas.cover.astype(np.uint8))
        visible.append(visible_joints(canvas.label, uv[t]))
        frames.append(_degrade(rng, canvas.colour, grain, _QUALITY[grade]))
    view = viewpoint(heading)
    name = (f'synthetic_{index:04d}_{action}_f_{"cm" if moving else "nm"}_'
            f'np{1 + len(others)}_{view[:2]}_{grade}_{number}')
    scale = ppm[middle].mean(1) * body.stature / size[1]
    return Clip(name, action, view, np.stack(frames), uv[middle],
                np.stack(visible), np.stack(masks), scale)


def _depth(thing) -> float:
    """World z of a figure or a prop."""
    if isinstance(thing, Prop):
        return thing.z
    return float(thing.points['pelvis'][:, 2].mean())


def _draw(canvas: Canvas, things: List, camera: Camera, t: int, light: Light,
          shadow: float) -> None:
    """Draw what is not the subject, far things first."""
    for thing in things:
        if isinstance(thing, Prop):
            draw_prop(canvas, thing, camera, t, light.ambient + .25, OTHER)
        else:
            thing.draw(canvas, t, shadow)
