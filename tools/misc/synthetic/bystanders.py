# Copyright (c) temporal_corr authors. All rights reserved.
"""Who and what else is in the picture."""
from typing import List

import numpy as np

from .camera import Camera
from .figure import Figure
from .motions import perform
from .outfit import look_alike, sample_outfit
from .props import Prop, sample_prop
from .scene import Scene
from .skeleton import forward_kinematics, sample_body


def passers_by(rng: np.random.Generator, seconds: np.ndarray, subject: Figure,
               scene: Scene, near: float) -> List[Figure]:
    """People nobody annotates, often dressed like the subject.

    Args:
        rng (np.random.Generator): Source of randomness.
        seconds (ndarray): Moments (T,).
        subject (Figure): The annotated person.
        scene (Scene): The place.
        near (float): World z of what is nearest of the subject, metres.
    """
    count = int(rng.choice([0, 1, 2], p=[.45, .35, .2]))
    middle = subject.points['pelvis'][:, 0].mean()
    out, crossed = [], False
    for _ in range(count):
        body = sample_body(rng)
        action = str(rng.choice(['walk', 'walk', 'run', 'stand', 'wave']))
        outfit = (look_alike(rng, subject.outfit) if rng.uniform() < .5 else
                  sample_outfit(rng))
        pose = perform(action, seconds, rng, body.stature)
        going = action in ('walk', 'run')
        side = rng.choice([-1, 1])
        heading = side * rng.uniform(70, 110) if going else rng.uniform(
            -180, 180)
        if going and not crossed and rng.uniform() < .4:
            crossed = True
            z, x = near + rng.uniform(.3, .7), rng.uniform(-.6, .6)
        else:
            z = -rng.uniform(.9, max(scene.depth - .6, 1.))
            x = side * rng.uniform(.2 if going else .7, 1.8)
        start = np.array([middle + x, z])
        out.append(Figure(body, outfit, forward_kinematics(
            body, pose, heading, start), False))
    return out


def props_in_front(rng: np.random.Generator, seconds: np.ndarray,
                   subject: Figure, camera: Camera,
                   near: float) -> List[Prop]:
    """Things in front of the subject, standing or passing.

    Args:
        rng (np.random.Generator): Source of randomness.
        seconds (ndarray): Moments (T,).
        subject (Figure): The annotated person.
        camera (Camera): The camera.
        near (float): World z of what is nearest of the subject, metres.
    """
    if rng.uniform() > .4:
        return []
    middle = subject.points['pelvis'][len(seconds) // 2, 0]
    z = near + rng.uniform(.55, 1.)
    speed = rng.uniform(.3, 1.3) * rng.choice([-1, 0, 0, 1])
    offset = rng.uniform(-.6, .6)
    if speed == 0 and np.ptp(camera.x) < .3:
        # What never moves must not hide the same joints in every frame.
        offset = np.sign(offset) * (.5 + abs(offset) / 2)
    # Seen from the lens, in front of the subject's middle at some moment.
    aim = (camera.distance - z) / camera.distance
    lens = camera.x[len(seconds) // 2]
    x = lens + (middle - lens + offset) * aim
    x = x + speed * (seconds - seconds.mean())
    return [sample_prop(rng, x, z)]
