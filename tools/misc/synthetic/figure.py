# Copyright (c) temporal_corr authors. All rights reserved.
"""A clothed person built of tubes and ellipsoids around a skeleton."""
from typing import Dict, NamedTuple, Tuple

import numpy as np

from .atlas import make_atlas
from .camera import Camera
from .canvas import Canvas, Light
from .outfit import Outfit
from .raster import (PROFILE, ellipsoid_fragments, ellipsoid_geometry,
                     tube_fragments, tube_geometry)
from .skeleton import JHMDB_JOINTS, Body

#: Label of everything that is not the annotated person.
OTHER = 255

# Half-widths (sideways, forward) as shares of the stature, first to last
# end of the tube, for an average build.
_PROFILES = dict(
    abdomen=((.070, .052), (.094, .066), (.092, .064), (.084, .058),
             (.080, .056)),
    chest=((.080, .056), (.086, .061), (.095, .067), (.101, .068),
           (.098, .062), (.072, .048), (.036, .034)),
    neck=((.034, .034), (.030, .031), (.029, .030)),
    arm=((.034, .037), (.032, .034), (.027, .029), (.025, .026)),
    forearm=((.025, .026), (.027, .026), (.022, .021), (.017, .015)),
    thigh=((.052, .056), (.053, .056), (.046, .048), (.037, .039),
           (.034, .036)),
    shank=((.034, .036), (.035, .039), (.031, .033), (.023, .025),
           (.021, .023)),
    skirt=((.088, .064), (.104, .084), (.116, .098)))

_CAPS = dict(abdomen=1.3, chest=2.5, neck=1., skirt=4.)

# Ellipsoids: (centre forward, left, up from the anchor), half-axes.
_HEAD = dict(
    head=((0, 0, 0), (.057, .044, .067)),
    nose=((.056, 0, -.006), (.013, .009, .013)))
_HAIR = dict(
    short=dict(hair=((-.011, 0, .015), (.056, .0475, .060))),
    long=dict(hair=((-.011, 0, .017), (.057, .050, .060)),
              tail=((-.034, 0, -.030), (.032, .050, .080))),
    ponytail=dict(hair=((-.010, 0, .015), (.056, .047, .058)),
                  tail=((-.078, 0, -.016), (.017, .017, .050))),
    bun=dict(hair=((-.010, 0, .015), (.056, .047, .058)),
             tail=((-.050, 0, .062), (.026, .026, .024))),
    cap=dict(hair=((-.004, 0, .024), (.060, .049, .050)),
             tail=((.062, 0, .030), (.046, .038, .007))),
    bald={})

#: Parts that may lie in front of a joint without hiding it.
_OWN = dict(
    neck=('chest', 'neck', 'head', 'tail'),
    belly=('chest', 'abdomen', 'skirt'),
    head=('head', 'nose', 'hair', 'tail'),
    shoulder=('chest', 'arm', 'neck'), elbow=('arm', 'forearm'),
    wrist=('forearm', 'hand'), hip=('abdomen', 'thigh', 'skirt', 'chest'),
    knee=('thigh', 'shank', 'skirt'), ankle=('shank', 'foot'))


#: Label on the canvas of every part of the annotated person, from 1.
PART_LABELS = {k: i + 1 for i, k in enumerate(
    ['abdomen', 'chest', 'neck', 'skirt', 'head', 'nose', 'hair', 'tail'] + [
        f'{s}_{k}' for s in ('right', 'left')
        for k in ('arm', 'forearm', 'thigh', 'shank', 'hand', 'foot')])}


class Figure(NamedTuple):
    """A person in motion.

    Attributes:
        body (Body): Proportions.
        outfit (Outfit): Look.
        points (dict): :func:`.skeleton.forward_kinematics` of every moment.
        subject (bool): Whether this is the annotated person.
    """
    body: Body
    outfit: Outfit
    points: Dict
    subject: bool


def _tubes(figure: Figure) -> Dict[str, Tuple]:
    """Ends (T, 2, 3), front (T, 3) and profile (m, 2) of every tube."""
    body, p, axes = figure.body, figure.points, figure.points['axes']
    h = body.stature
    pelvis, up = p['pelvis'], axes['pelvis'][..., 2] * h
    knees = (p['right_knee'] + p['left_knee']) / 2
    ends = dict(abdomen=(pelvis - .030 * up, p['belly'], 'pelvis'),
                chest=(p['belly'], p['neck'], 'chest'),
                neck=(p['neck'], p['head'], 'chest'))
    if figure.outfit.skirt:
        ends['skirt'] = (pelvis + .04 * up, pelvis + .8 * (knees - pelvis),
                         'pelvis')
    for s in ('right', 'left'):
        for k, first, second in (('arm', 'shoulder', 'elbow'),
                                 ('forearm', 'elbow', 'wrist'),
                                 ('thigh', 'hip', 'knee'),
                                 ('shank', 'knee', 'ankle')):
            ends[f'{s}_{k}'] = (p[f'{s}_{first}'], p[f'{s}_{second}'],
                                f'{s}_{k}')
    out = {}
    for name, (first, second, frame) in ends.items():
        kind = name.rpartition('_')[2]
        girth = body.build * (
            figure.outfit.loose if kind in ('arm', 'thigh') else 1.)
        profile = np.array(_PROFILES[kind]) * h * girth
        if kind == 'chest':
            # The chest is as wide as the shoulders are apart.
            profile[:, 0] *= body.shoulders / (.106 * h * girth)
        out[name] = (np.stack([first, second], 1), axes[frame][..., 0],
                     profile)
    return out


def _solids(figure: Figure) -> Dict[str, Tuple]:
    """Centre (T, 3), axes (T, 3, 3) and half-axes (3,) of ellipsoids."""
    h, p, axes = (figure.body.stature, figure.points, figure.points['axes'])
    out = {}
    for s in ('right', 'left'):
        hand = .45 * p[f'{s}_wrist'] + .55 * p[f'{s}_hand']
        out[f'{s}_hand'] = (hand, axes[f'{s}_forearm'], (.022, .014, .046))
        ankle, toe = p[f'{s}_ankle'], p[f'{s}_toe']
        foot = axes[f'{s}_foot']
        out[f'{s}_foot'] = (ankle + .42 * (toe - ankle) -
                            .010 * h * foot[..., 2], foot, (.080, .029, .027))
    for name, (offset, radii) in {**_HEAD,
                                  **_HAIR[figure.outfit.hair]}.items():
        out[name] = (p['head'] + h * axes['head'] @ np.array(offset),
                     axes['head'], radii)
    return {k: (c, a, np.array(r) * h) for k, (c, a, r) in out.items()}


class Painter:
    """Draws one figure; all geometry is worked out beforehand.

    Args:
        figure (Figure): The person.
        camera (Camera): Projects the world to the image.
        light (Light): The lighting.
    """

    def __init__(self, figure: Figure, camera: Camera, light: Light) -> None:
        self.subject, self.light = figure.subject, light
        tubes, solids = _tubes(figure), _solids(figure)
        names = list(tubes) + list(solids)
        self.atlas = make_atlas([figure.outfit.textures[k] for k in names])
        self.labels = np.array([PART_LABELS[k] if figure.subject else OTHER
                                for k in names], np.uint8)
        ends, front = (np.stack([v[i] for v in tubes.values()], 1)
                       for i in (0, 1))
        steps = np.linspace(0, 1, PROFILE)
        profile = np.stack([np.stack([np.interp(
            steps, np.linspace(0, 1, len(v[2])), side) for side in v[2].T], 1)
            for v in tubes.values()])
        cap = np.array([_CAPS.get(k, 1.) for k in tubes])
        self.tubes = tube_geometry(ends, front, profile, cap,
                                   camera.project(ends), light.direction)
        centre, axes = (np.stack([v[i] for v in solids.values()], 1)
                        for i in (0, 1))
        self.solids = ellipsoid_geometry(
            axes, np.stack([v[2] for v in solids.values()]),
            camera.project(centre), light.direction)
        feet = np.stack([(figure.points[f'{s}_ankle'] +
                          figure.points['pelvis']) / 2
                         for s in ('right', 'left')], 1)
        self.height = np.stack([figure.points[f'{s}_ankle'][:, 1]
                                for s in ('right', 'left')], 1)
        self.uv, ppm, depth = camera.project(feet * [1, 0, 1])
        self.reach = .26 * ppm[..., None] * np.stack(
            [np.ones_like(depth), np.maximum(camera.height / depth, .1)], -1)

    def draw(self, canvas: Canvas, t: int, shadow: float) -> None:
        """Draw moment ``t`` with a shadow of darkness 0 to 1."""
        for side in (0, 1):
            canvas.shade_ellipse(
                self.uv[t, side], self.reach[t, side],
                shadow / (1 + 4 * max(self.height[t, side], 0)))
        size = canvas.label.shape[::-1]
        count = self.tubes['cap'].shape[1]
        texture = np.arange(len(self.labels))
        canvas.paint([
            tube_fragments({k: v[t] for k, v in self.tubes.items()},
                           texture[:count], size),
            ellipsoid_fragments({k: v[t] for k, v in self.solids.items()},
                                texture[count:], size)
        ], self.atlas, self.labels, self.light, self.subject)


def joints(figure: Figure) -> np.ndarray:
    """World positions (T, 15, 3) in JHMDB's order."""
    return np.stack([figure.points[k] for k in JHMDB_JOINTS], 1)


def visible_joints(label: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """Which joints of the annotated person are in view.

    A joint is hidden where something else, or a part of the body that does
    not belong to the joint, lies in front of it.

    Args:
        label (ndarray): (H, W) labels of the finished canvas.
        uv (ndarray): (15, 2) pixels, JHMDB's order.

    Returns:
        ndarray: (15,) bool.
    """
    h, w = label.shape
    seen = np.zeros(len(uv), bool)
    for i, (name, (x, y)) in enumerate(zip(JHMDB_JOINTS, np.rint(uv))):
        if not (0 <= x < w and 0 <= y < h):
            continue
        side, _, kind = name.rpartition('_')
        own = {PART_LABELS.get(k, PART_LABELS.get(f'{side}_{k}'))
               for k in _OWN[kind]}
        seen[i] = label[int(y), int(x)] in own
    return seen
