# Copyright (c) temporal_corr authors. All rights reserved.
"""Actions as joint angles over time."""
from typing import Callable, Dict, NamedTuple, Tuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from .skeleton import POSE_KEYS

Pose = Dict[str, np.ndarray]

#: Relaxed standing, degrees; a motion names only what differs from it.
REST = dict(r_abduct=9., l_abduct=9., r_elbow=14., l_elbow=14., r_splay=4.,
            l_splay=4., r_knee=6., l_knee=6., r_hip=3., l_hip=3.)

#: Angles that change sign when a pose is mirrored.
_LATERAL = ('tilt', 'side', 'twist', 'look', 'turn')


def _pose(t: np.ndarray, **values) -> Pose:
    """Fill the keys that a motion leaves out."""
    return {k: np.broadcast_to(
        np.asarray(values.get(k, REST.get(k, 0.)), float), t.shape).copy()
        for k in POSE_KEYS}


def _keyframed(times: Tuple, **values) -> Callable[[np.ndarray], Pose]:
    """A looped motion through key poses, in shape-preserving cubics.

    Args:
        times (tuple): Ascending moments from 0 to 1, one loop.
        values: For a pose key, its value at each moment.

    Returns:
        Callable: Phase (T,), any real number, -> pose.
    """

    def motion(phase: np.ndarray) -> Pose:
        u = np.mod(phase, 1.)
        return _pose(phase, **{k: PchipInterpolator(times, v)(u)
                               for k, v in values.items()})

    return motion


def _walk(phase: np.ndarray) -> Pose:
    a = 2 * np.pi * phase
    s, c = np.sin(a), np.cos(a)
    return _pose(
        phase, lean=4., twist=7 * s, tilt=2 * c, bend=2.,
        r_hip=7 + 25 * s, l_hip=7 - 25 * s,
        r_knee=8 + 52 * np.maximum(0, np.cos(a + .35))**1.5,
        l_knee=8 + 52 * np.maximum(0, -np.cos(a + .35))**1.5,
        r_shoulder=4 - 28 * s, l_shoulder=4 + 28 * s,
        r_elbow=22 - 12 * s, l_elbow=22 + 12 * s, travel=1.35 * phase)


def _run(phase: np.ndarray) -> Pose:
    a = 2 * np.pi * phase
    s = np.sin(a)
    return _pose(
        phase, lean=11., twist=13 * s, bend=4.,
        r_hip=17 + 42 * s, l_hip=17 - 42 * s,
        r_knee=20 + 85 * np.maximum(0, np.cos(a + .2))**1.3,
        l_knee=20 + 85 * np.maximum(0, -np.cos(a + .2))**1.3,
        r_shoulder=-4 - 45 * s, l_shoulder=-4 + 45 * s, r_abduct=14.,
        l_abduct=14., r_elbow=88 - 14 * s, l_elbow=88 + 14 * s,
        lift=0.07 * np.maximum(0, np.cos(2 * a + .5)), travel=2.4 * phase)


def _wave(phase: np.ndarray) -> Pose:
    s = np.sin(2 * np.pi * phase)
    slow = np.sin(2 * np.pi * phase / 5)
    return _pose(phase, r_abduct=100 + 10 * slow, r_rotate=90.,
                 r_elbow=62 + 32 * s, side=4 * slow, twist=5 * slow,
                 l_shoulder=6 * slow, l_elbow=20., look=6 * slow,
                 tilt=2 * slow)


_jump = _keyframed(
    (0, .3, .42, .6, .76, .88, 1), lift=(0, 0, .04, .38, .03, 0, 0),
    lean=(3, 26, 8, 2, 6, 20, 3), bend=(2, 18, 4, 0, 4, 14, 2),
    r_hip=(3, 72, 12, 22, 20, 62, 3), l_hip=(3, 72, 12, 22, 20, 62, 3),
    r_knee=(6, 92, 14, 42, 26, 78, 6), l_knee=(6, 92, 14, 42, 26, 78, 6),
    r_shoulder=(0, -48, 90, 158, 118, 30, 0),
    l_shoulder=(0, -48, 90, 158, 118, 30, 0),
    r_elbow=(14, 22, 30, 18, 24, 30, 14),
    l_elbow=(14, 22, 30, 18, 24, 30, 14))

_squat = _keyframed(
    (0, .42, .55, 1), lean=(2, 32, 32, 2), bend=(0, 8, 8, 0),
    r_hip=(3, 98, 98, 3), l_hip=(3, 98, 98, 3), r_knee=(4, 112, 112, 4),
    l_knee=(4, 112, 112, 4), r_splay=(10, 22, 22, 10),
    l_splay=(10, 22, 22, 10), r_shoulder=(10, 112, 112, 10),
    l_shoulder=(10, 112, 112, 10), r_elbow=(12, 6, 6, 12),
    l_elbow=(12, 6, 6, 12), nod=(0, -22, -22, 0))

_jumping_jacks = _keyframed(
    (0, .25, .5, .75, 1), lift=(0, .13, 0, .13, 0),
    r_abduct=(10, 85, 164, 85, 10), l_abduct=(10, 85, 164, 85, 10),
    r_rotate=(20, 60, 90, 60, 20), l_rotate=(20, 60, 90, 60, 20),
    r_splay=(3, 14, 27, 14, 3), l_splay=(3, 14, 27, 14, 3),
    r_knee=(16, 8, 16, 8, 16), l_knee=(16, 8, 16, 8, 16),
    r_hip=(9, 4, 9, 4, 9), l_hip=(9, 4, 9, 4, 9),
    r_elbow=(14, 18, 24, 18, 14), l_elbow=(14, 18, 24, 18, 14))

_throw = _keyframed(
    (0, .3, .5, .62, .75, 1), twist=(-10, -48, -34, 22, 40, -10),
    side=(0, -6, -8, 10, 14, 0), lean=(4, 0, 6, 18, 26, 4),
    bend=(4, -4, 2, 14, 26, 4), look=(10, 40, 28, -12, -10, 10),
    r_abduct=(35, 88, 92, 96, 40, 35), r_shoulder=(20, -18, 4, 62, 66, 20),
    r_rotate=(20, 80, 95, 20, -10, 20), r_elbow=(90, 84, 96, 24, 18, 90),
    l_abduct=(30, 62, 66, 40, 22, 30), l_shoulder=(36, 52, 44, 6, -18, 36),
    l_elbow=(92, 30, 34, 74, 70, 92), l_hip=(10, 66, 38, 30, 36, 10),
    l_knee=(12, 82, 26, 26, 40, 12), r_hip=(6, 8, -10, -22, -8, 6),
    r_knee=(14, 22, 28, 34, 48, 14), travel=(0, .05, .2, .34, .36, 0))

_bowl = _keyframed(
    (0, .3, .55, .75, 1), lean=(10, 8, 30, 22, 10),
    bend=(8, 6, 22, 10, 8), twist=(0, -22, 4, 24, 0),
    r_shoulder=(34, -74, 26, 128, 34), r_abduct=(9, 14, 8, 12, 9),
    r_elbow=(54, 4, 6, 26, 54), l_shoulder=(40, 22, -10, -20, 40),
    l_abduct=(16, 36, 52, 44, 16), l_elbow=(70, 30, 22, 26, 70),
    l_hip=(16, 22, 62, 44, 16), l_knee=(18, 26, 72, 46, 18),
    r_hip=(10, -2, -20, -14, 10), r_knee=(16, 30, 46, 30, 16),
    travel=(0, .12, .42, .46, 0))

_golf = _keyframed(
    (0, .12, .45, .6, .72, .88, 1), lean=(26, 26, 22, 26, 22, 8, 26),
    bend=(14, 14, 10, 14, 10, 0, 14), twist=(0, 0, -72, 4, 62, 84, 0),
    look=(0, 0, 52, 0, -16, -10, 0), nod=(8, 8, 8, 8, 4, 0, 8),
    side=(0, 0, 4, -8, -10, -4, 0),
    r_shoulder=(52, 52, 70, 54, 100, 122, 52),
    l_shoulder=(52, 52, 104, 54, 76, 100, 52),
    r_abduct=(-14, -14, 34, -14, -30, -18, -14),
    l_abduct=(-14, -14, -34, -14, 26, 30, -14),
    r_elbow=(12, 12, 92, 12, 10, 72, 12),
    l_elbow=(4, 4, 12, 4, 44, 96, 4), r_hip=(28, 28, 26, 28, 10, 4, 28),
    l_hip=(28, 28, 30, 28, 22, 6, 28), r_knee=(22, 22, 18, 24, 38, 46, 22),
    l_knee=(22, 22, 30, 18, 10, 6, 22), r_splay=(14,) * 7, l_splay=(14,) * 7,
    turn=(0, 0, -12, 4, 26, 40, 0))

_kick_ball = _keyframed(
    (0, .3, .5, .64, .8, 1), lean=(4, 14, 2, -12, -6, 4),
    bend=(2, 6, 8, 18, 8, 2), twist=(0, -16, 0, 20, 10, 0),
    r_hip=(4, -30, 14, 82, 52, 4), r_knee=(8, 84, 58, 10, 26, 8),
    l_hip=(4, 26, 8, -8, -2, 4), l_knee=(8, 32, 26, 16, 12, 8),
    l_shoulder=(4, 52, 20, -26, -14, 4), l_abduct=(9, 46, 56, 42, 24, 9),
    r_shoulder=(2, -34, 0, 34, 18, 2), r_abduct=(9, 30, 34, 22, 14, 9),
    r_elbow=(20, 26, 30, 34, 26, 20), l_elbow=(20, 34, 28, 22, 22, 20),
    travel=(0, .3, .5, .58, .5, 0))


class Action(NamedTuple):
    """An action.

    Attributes:
        motion (Callable): Phase (T,) -> pose.
        period (float): Seconds one loop takes at an ordinary pace.
    """
    motion: Callable[[np.ndarray], Pose]
    period: float


ACTIONS = dict(
    walk=Action(_walk, 1.1), run=Action(_run, .72), jump=Action(_jump, 1.5),
    wave=Action(_wave, .7), squat=Action(_squat, 1.9),
    jumping_jacks=Action(_jumping_jacks, 1.), throw=Action(_throw, 1.6),
    bowl=Action(_bowl, 1.7), golf=Action(_golf, 1.9),
    kick_ball=Action(_kick_ball, 1.4))


def mirror(pose: Pose) -> Pose:
    """Exchange left and right."""
    swap = dict(r_='l_', l_='r_')
    out = {swap.get(k[:2], k[:2]) + k[2:]: v for k, v in pose.items()}
    return {k: -v if k in _LATERAL else v for k, v in out.items()}


def perform(action: str, seconds: np.ndarray, rng: np.random.Generator,
            stature: float = 1.72) -> Pose:
    """One person's own way of performing an action.

    Args:
        action (str): One of :data:`ACTIONS`, or ``stand``.
        seconds (ndarray): Moments (T,).
        rng (np.random.Generator): Draws pace, vigour, handedness and sway.
        stature (float): Metres; offsets scale with it.

    Returns:
        dict: One (T,) array for each pose key.
    """
    pace, start = rng.uniform(.75, 1.35), rng.uniform(0, 1)
    vigour, handed = rng.uniform(.85, 1.1), rng.uniform() < .5
    sway = rng.uniform(-1, 1, (len(POSE_KEYS), 2))
    if action == 'stand':
        pose = _pose(seconds, r_elbow=rng.uniform(8, 70),
                     l_elbow=rng.uniform(8, 70))
    else:
        motion, period = ACTIONS[action]
        pose = motion(start + seconds * pace / period)
    for (k, v), (amount, phase) in zip(pose.items(), sway):
        if k in ('travel', 'lift'):
            v *= vigour * stature / 1.72
        else:
            v *= vigour
            v += 2.5 * amount * (1 + np.sin(4 * amount * seconds + 6 * phase))
    pose['travel'] -= pose['travel'][len(seconds) // 2]
    return mirror(pose) if handed else pose
