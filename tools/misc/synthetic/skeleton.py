# Copyright (c) temporal_corr authors. All rights reserved.
"""Body proportions and forward kinematics.

World coordinates are right-handed, in metres: x to the right of the image,
y up from the ground, z towards the camera. A body's own axes are forward,
left, up.
"""
from typing import Dict, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

#: Joints in the order of JHMDB's ``pos_img``.
JHMDB_JOINTS = ('neck', 'belly', 'head', 'right_shoulder', 'left_shoulder',
                'right_hip', 'left_hip', 'right_elbow', 'left_elbow',
                'right_knee', 'left_knee', 'right_wrist', 'left_wrist',
                'right_ankle', 'left_ankle')

#: Joints in the order of Penn Action's ``x`` and ``y``.
PENN_JOINTS = ('head', 'right_shoulder', 'left_shoulder', 'right_elbow',
               'left_elbow', 'right_wrist', 'left_wrist', 'right_hip',
               'left_hip', 'right_knee', 'left_knee', 'right_ankle',
               'left_ankle')

#: Every angle (degrees) and offset (metres) that a motion may set.
POSE_KEYS = ('lean', 'tilt', 'bend', 'side', 'twist', 'nod', 'look', 'turn',
             'travel', 'lift') + tuple(
                 f'{s}_{k}' for s in 'rl'
                 for k in ('shoulder', 'abduct', 'rotate', 'elbow', 'hip',
                           'splay', 'knee'))


class Body(NamedTuple):
    """Proportions of one person.

    Attributes:
        stature (float): Standing height in metres.
        build (float): Girth relative to the average, 1 = average.
        shoulders (float): Half the distance between the shoulders, metres.
        hips (float): Half the distance between the hip joints, metres.
    """
    stature: float
    build: float
    shoulders: float
    hips: float


def sample_body(rng: np.random.Generator) -> Body:
    """Draw the proportions of an adult or a teenager."""
    stature = float(np.clip(rng.normal(1.72, 0.09), 1.48, 1.95))
    return Body(
        stature=stature,
        build=float(rng.uniform(0.88, 1.2)),
        shoulders=stature * float(rng.uniform(0.098, 0.114)),
        hips=stature * float(rng.uniform(0.050, 0.060)))


def _rotation(axis: str, degrees: np.ndarray) -> Rotation:
    return Rotation.from_euler(axis, degrees, degrees=True)


def heading_matrix(degrees: np.ndarray) -> np.ndarray:
    """Body axes in world coordinates.

    Args:
        degrees (ndarray): Heading (T,); 0 faces the camera, 90 faces the
            right of the image.

    Returns:
        ndarray: (T, 3, 3), columns forward, left, up.
    """
    a = np.deg2rad(degrees)
    zero, one = np.zeros_like(a), np.ones_like(a)
    return np.stack([
        np.stack([np.sin(a), np.cos(a), zero], -1),
        np.stack([zero, zero, one], -1),
        np.stack([np.cos(a), -np.sin(a), zero], -1)
    ], -2)


def forward_kinematics(body: Body, pose: Dict[str, np.ndarray],
                       heading: float, start: np.ndarray) -> Dict:
    """Joint positions of a moving body that stands on the ground.

    Args:
        body (Body): Proportions.
        pose (dict): One (T,) array for each of :data:`POSE_KEYS`.
        heading (float): Direction faced at ``turn`` 0, in degrees.
        start (ndarray): Ground position (x, z) at ``travel`` 0, metres.

    Returns:
        dict: World positions (T, 3) under the joint's name (and ``pelvis``,
        ``*_hand``, ``*_toe``), and under ``axes`` a dict of (T, 3, 3)
        segment axes in world coordinates, columns forward, left, up.
    """
    h = body.stature
    up = np.array([0., 0., 1.])
    points, axes = {}, {}
    pelvis = _rotation('y', pose['lean']) * _rotation('x', pose['tilt'])
    half = _rotation('y', pose['bend'] / 2) * _rotation(
        'x', pose['side'] / 2) * _rotation('z', pose['twist'] / 2)
    belly = pelvis * half
    chest = belly * half
    head = chest * _rotation('z', pose['look']) * _rotation('y', pose['nod'])
    axes.update(pelvis=pelvis, belly=belly, chest=chest, head=head)
    points['pelvis'] = np.zeros((len(pose['lean']), 3))
    points['belly'] = belly.apply(0.125 * h * up)
    points['neck'] = points['belly'] + chest.apply(0.175 * h * up)
    points['head'] = points['neck'] + head.apply(
        h * np.array([0.018, 0, 0.105]))

    for s, sign in (('r', -1.), ('l', 1.)):
        side = dict(r='right', l='left')[s]
        arm = chest * _rotation('x', sign * pose[f'{s}_abduct']) * _rotation(
            'y', -pose[f'{s}_shoulder']) * _rotation(
                'z', sign * pose[f'{s}_rotate'])
        fore = arm * _rotation('y', -pose[f'{s}_elbow'])
        thigh = pelvis * _rotation('x', sign * pose[f'{s}_splay']) * _rotation(
            'y', -pose[f'{s}_hip'])
        shank = thigh * _rotation('y', pose[f'{s}_knee'])
        shoulder = points['neck'] + chest.apply(
            np.array([0, sign * body.shoulders, -0.022 * h]))
        elbow = shoulder - arm.apply(0.172 * h * up)
        wrist = elbow - fore.apply(0.150 * h * up)
        hip = pelvis.apply(np.array([0, sign * body.hips, 0]))
        knee = hip - thigh.apply(0.243 * h * up)
        ankle = knee - shank.apply(0.243 * h * up)
        # A foot gives way to the ground: its slope stays within limits.
        toe = shank.apply(np.array([1., sign * 0.18, 0.]))
        toe[:, 2] = np.clip(toe[:, 2], -0.55, 0.30)
        toe /= np.linalg.norm(toe, axis=1, keepdims=True)
        foot_up = shank.apply(up)
        foot_up -= (foot_up * toe).sum(1, keepdims=True) * toe
        foot_up /= np.linalg.norm(foot_up, axis=1, keepdims=True)
        foot = Rotation.from_matrix(
            np.stack([toe, np.cross(foot_up, toe), foot_up], -1))
        points.update({
            f'{side}_shoulder': shoulder, f'{side}_elbow': elbow,
            f'{side}_wrist': wrist, f'{side}_hip': hip, f'{side}_knee': knee,
            f'{side}_ankle': ankle,
            f'{side}_hand': wrist - fore.apply(0.045 * h * up),
            f'{side}_toe': ankle + foot.apply(
                h * np.array([0.095, 0, -0.022]))})
        axes.update({f'{side}_arm': arm, f'{side}_forearm': fore,
                     f'{side}_thigh': thigh, f'{side}_shank': shank,
                     f'{side}_foot': foot})

    lowest = np.min([points[f'{s}_{k}'][:, 2] - margin * h
                     for s in ('right', 'left')
                     for k, margin in (('ankle', 0.038), ('toe', 0.014))], 0)
    root = np.stack([pose['travel'], np.zeros_like(lowest),
                     pose['lift'] - lowest], -1)
    world = heading_matrix(heading + pose['turn'])
    # Travel is along the heading at the start, whatever the turn.
    base = heading_matrix(np.array([heading]))[0]
    offset = root @ base.T + np.array([start[0], 0, start[1]])
    points = {k: np.einsum('tij,tj->ti', world, v) + offset
              for k, v in points.items()}
    points['axes'] = {k: world @ v.as_matrix() for k, v in axes.items()}
    return points
