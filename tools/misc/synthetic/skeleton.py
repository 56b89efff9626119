# Copyright (c) temporal_corr authors. All rights reserved.
"""Actions as joint angles over time, and where they put the joints.

World coordinates are in metres: x to the right of the image, y up from the
ground, z towards the camera. A body's own axes are forward, left, up.
"""
from functools import partial
from typing import Callable, Dict, Tuple

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation


def _both(*parts: str) -> Tuple[str, ...]:
    return tuple(f'{side}_{part}' for part in parts
                 for side in ('right', 'left'))


#: Joints in the order of JHMDB's ``pos_img``, and of Penn Action's ``x``.
JHMDB_JOINTS = ('neck', 'belly', 'head') + _both('shoulder', 'hip', 'elbow',
                                                 'knee', 'wrist', 'ankle')
PENN_JOINTS = ('head', ) + _both('shoulder', 'elbow', 'wrist', 'hip', 'knee',
                                 'ankle')
#: Angles of both sides (degrees) when standing relaxed; motions name only
#: what differs. Besides: lean, bend, twist, and travel and lift in metres.
REST = dict(shoulder=0., abduct=9., rotate=0., elbow=14., hip=3., splay=4.,
            knee=6.)
POSE_KEYS = ('lean', 'bend', 'twist', 'travel', 'lift') + tuple(
    f'{side}_{key}' for side in 'rl' for key in REST)

Pose = Dict[str, np.ndarray]


def _pose(phase: np.ndarray, **values) -> Pose:
    """Complete a pose; ``knee`` stands for ``r_knee`` and ``l_knee``."""
    return {key: values.get(key, values.get(key[2:], REST.get(key[2:], 0.))) +
            np.zeros(phase.shape) for key in POSE_KEYS}


def _stride(phase: np.ndarray, hip: float, swing: float, knee: float,
            arm: float, elbow: float, lean: float, speed: float,
            lift: float) -> Pose:
    """Walking or running: legs and arms in opposite phases."""
    angle = 2 * np.pi * phase
    s, c = np.sin(angle), np.cos(angle + .3)
    return _pose(
        phase, lean=lean, bend=3., twist=swing / 4 * s, r_hip=hip + swing * s,
        l_hip=hip - swing * s, r_knee=12 + knee * np.maximum(c, 0)**1.4,
        l_knee=12 + knee * np.maximum(-c, 0)**1.4, r_shoulder=-arm * s,
        l_shoulder=arm * s, r_elbow=elbow - 12 * s, l_elbow=elbow + 12 * s,
        lift=lift * np.maximum(np.cos(2 * angle + .5), 0),
        travel=speed * phase)


def _wave(phase: np.ndarray) -> Pose:
    slow = np.sin(2 * np.pi * phase / 5)
    return _pose(
        phase, r_abduct=100 + 10 * slow, r_rotate=90., twist=5 * slow,
        r_elbow=62 + 32 * np.sin(2 * np.pi * phase), l_elbow=20.)


def _keyframed(times: Tuple, **values) -> Callable[[np.ndarray], Pose]:
    """A looped motion through key poses, in shape-preserving cubics."""
    curves = {key: PchipInterpolator(times, v) for key, v in values.items()}
    return lambda phase: _pose(
        phase, **{key: curve(phase % 1) for key, curve in curves.items()})


_jump = _keyframed(
    (0, .3, .42, .6, .76, .88, 1), lift=(0, 0, .04, .38, .03, 0, 0),
    lean=(3, 26, 8, 2, 6, 20, 3), bend=(2, 18, 4, 0, 4, 14, 2),
    hip=(3, 72, 12, 22, 20, 62, 3), knee=(6, 92, 14, 42, 26, 78, 6),
    shoulder=(0, -48, 90, 158, 118, 30, 0))
_squat = _keyframed(
    (0, .42, .55, 1), lean=(2, 32, 32, 2), bend=(0, 8, 8, 0),
    hip=(3, 98, 98, 3), knee=(4, 112, 112, 4), splay=(10, 22, 22, 10),
    shoulder=(10, 112, 112, 10), elbow=(12, 6, 6, 12))
_jumping_jacks = _keyframed(
    (0, .25, .5, .75, 1), lift=(0, .13, 0, .13, 0),
    abduct=(10, 85, 164, 85, 10), rotate=(20, 60, 90, 60, 20),
    splay=(3, 14, 27, 14, 3), knee=(16, 8, 16, 8, 16), hip=(9, 4, 9, 4, 9))
_throw = _keyframed(
    (0, .3, .5, .62, .75, 1), twist=(-10, -48, -34, 22, 40, -10),
    lean=(4, 0, 6, 18, 26, 4), bend=(4, -4, 2, 14, 26, 4),
    r_abduct=(35, 88, 92, 96, 40, 35), r_shoulder=(20, -18, 4, 62, 66, 20),
    r_rotate=(20, 80, 95, 20, -10, 20), r_elbow=(90, 84, 96, 24, 18, 90),
    l_abduct=(30, 62, 66, 40, 22, 30), l_shoulder=(36, 52, 44, 6, -18, 36),
    l_elbow=(92, 30, 34, 74, 70, 92), l_hip=(10, 66, 38, 30, 36, 10),
    l_knee=(12, 82, 26, 26, 40, 12), r_hip=(6, 8, -10, -22, -8, 6),
    r_knee=(14, 22, 28, 34, 48, 14))
_kick_ball = _keyframed(
    (0, .3, .5, .64, .8, 1), lean=(4, 14, 2, -12, -6, 4),
    twist=(0, -16, 0, 20, 10, 0), r_hip=(4, -30, 14, 82, 52, 4),
    r_knee=(8, 84, 58, 10, 26, 8), l_hip=(4, 26, 8, -8, -2, 4),
    l_knee=(8, 32, 26, 16, 12, 8), l_shoulder=(4, 52, 20, -26, -14, 4),
    l_abduct=(9, 46, 56, 42, 24, 9), r_shoulder=(2, -34, 0, 34, 18, 2),
    r_abduct=(9, 30, 34, 22, 14, 9), travel=(0, .3, .5, .58, .5, 0))

#: The motion of each action (phase -> pose), and seconds that a loop takes.
ACTIONS = dict(
    walk=(partial(_stride, hip=7, swing=25, knee=52, arm=28, elbow=22, lean=4,
                  speed=1.35, lift=0), 1.1),
    run=(partial(_stride, hip=17, swing=42, knee=85, arm=45, elbow=88,
                 lean=11, speed=2.4, lift=.07), .72),
    jump=(_jump, 1.5), wave=(_wave, .7), squat=(_squat, 1.9),
    jumping_jacks=(_jumping_jacks, 1.),
    throw=(_throw, 1.6), kick_ball=(_kick_ball, 1.4))


def perform(action: str, seconds: np.ndarray,
            rng: np.random.Generator) -> Pose:
    """One person's own way of performing an action at moments (T,): pace,
    vigour, handedness and sway; values (T,) of :data:`POSE_KEYS`."""
    motion, period = ACTIONS[action]
    pace, start, vigour = rng.uniform((.75, 0, .85), (1.35, 1, 1.1))
    pose = motion(start + seconds * pace / period)
    for key, value in pose.items():
        value *= vigour
        if key not in ('travel', 'lift'):
            value += rng.uniform(-3, 3) * np.sin(
                seconds * 3 + rng.uniform(0, 6))
    pose['travel'] -= pose['travel'][len(seconds) // 2]
    if rng.uniform() < .5:  # left-handed
        swap = dict(r_='l_', l_='r_')
        pose = {swap.get(k[:2], k[:2]) + k[2:]: v for k, v in pose.items()}
        pose['twist'] = -pose['twist']
    return pose


def joint_positions(pose: Pose, heading: float,
                    stature: float) -> Dict[str, np.ndarray]:
    """World positions (T, 3) of :data:`JHMDB_JOINTS`, ``pelvis``, hands and
    toes of a body that stands on the ground, and the unit vectors ``forward``
    and ``up`` of its chest.

    ``heading`` in degrees: 0 faces the camera, 90 the image's right;
    ``stature`` is the standing height in metres.
    """

    def turn(axis, degrees):
        return Rotation.from_euler(axis, degrees, degrees=True)

    up = np.array([0., 0., 1.])
    pelvis = turn('y', pose['lean'])
    half = turn('y', pose['bend'] / 2) * turn('z', pose['twist'] / 2)
    belly, chest = pelvis * half, pelvis * half * half
    p = dict(pelvis=np.zeros((len(pose['lean']), 3)))
    p['belly'] = belly.apply(.125 * up)
    p['neck'] = p['belly'] + chest.apply(.175 * up)
    p['head'] = p['neck'] + chest.apply([.018, 0, .105])
    for side, s, sign in (('right', 'r', -1), ('left', 'l', 1)):
        arm = chest * turn('x', sign * pose[f'{s}_abduct']) * turn(
            'y', -pose[f'{s}_shoulder']) * turn(
                'z', sign * pose[f'{s}_rotate'])
        forearm = arm * turn('y', -pose[f'{s}_elbow'])
        thigh = pelvis * turn('x', sign * pose[f'{s}_splay']) * turn(
            'y', -pose[f'{s}_hip'])
        shank = thigh * turn('y', pose[f'{s}_knee'])
        toe = shank.apply([1., sign * .18, 0.])
        toe[:, 2] = np.clip(toe[:, 2], -.55, .3)  # the ground bends the foot
        toe *= .095 / np.linalg.norm(toe, axis=1, keepdims=True)
        for name, start, step in (
            ('shoulder', p['neck'], chest.apply([0, sign * .106, -.022])),
            ('elbow', 'shoulder', arm.apply(-.172 * up)),
            ('wrist', 'elbow', forearm.apply(-.150 * up)),
            ('hand', 'wrist', forearm.apply(-.045 * up)),
            ('hip', p['pelvis'], pelvis.apply([0, sign * .055, 0])),
            ('knee', 'hip', thigh.apply(-.243 * up)),
            ('ankle', 'knee', shank.apply(-.243 * up)),
            ('toe', 'ankle', toe - .022 * up),
        ):  # yapf: disable
            if isinstance(start, str):
                start = p[f'{side}_{start}']
            p[f'{side}_{name}'] = start + step
    lowest = np.min([
        p[f'{side}_{name}'][:, 2] - margin for side in ('right', 'left')
        for name, margin in (('ankle', .038), ('toe', .014))], axis=0)
    root = np.stack([pose['travel'], 0 * lowest, pose['lift']], 1)
    root[:, 2] -= lowest * stature
    a = np.deg2rad(heading)
    world = np.array([[np.sin(a), np.cos(a), 0], [0, 0, 1],
                      [np.cos(a), -np.sin(a), 0]])
    points = {k: (v * stature + root) @ world.T for k, v in p.items()}
    return dict(points, forward=chest.apply([1., 0., 0.]) @ world.T,
                up=chest.apply(up) @ world.T)
