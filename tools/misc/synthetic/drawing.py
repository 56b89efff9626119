# Copyright (c) temporal_corr authors. All rights reserved.
"""Clothed people and other round things, painted with OpenCV and NumPy."""
from typing import Dict, Optional, Tuple

import cv2
import numpy as np

#: Labels of the annotated person's parts, from 1; of everything else.
PARTS = ('trunk', 'seat', 'head') + tuple(
    f'{side}_{part}' for side in ('right', 'left')
    for part in ('arm', 'forearm', 'thigh', 'shank'))
OTHER = 255
#: Parts that may lie in front of a joint without hiding it.
_OWN = dict(
    neck=('trunk', 'head'), belly=('trunk', 'seat'), head=('head', ),
    shoulder=('trunk', 'arm'), elbow=('arm', 'forearm'), wrist=('forearm', ),
    hip=('trunk', 'seat', 'thigh'), knee=('thigh', 'shank'),
    ankle=('shank', ))
#: Part, texture, how much nearer it counts than it is, and the discs that it
#: spans: joint, offset (forward, left, up) and radius, as shares of the
#: stature. SIDE stands for either.
_BODIES = (
    ('trunk', 'trunk', -.01, ('neck', 0, 0, -.01, .034),
     ('neck', 0, -.068, -.05, .05), ('neck', 0, .068, -.05, .05),
     ('belly', 0, .028, 0, .056), ('belly', 0, -.028, 0, .056),
     ('belly', 0, 0, 0, .06)),
    ('seat', 'seat', -.012, ('belly', 0, 0, -.02, .062),
     ('right_hip', 0, 0, 0, .056), ('left_hip', 0, 0, 0, .056),
     ('pelvis', 0, 0, -.01, .05)),
    ('head', 'skin', -.02, ('neck', 0, 0, 0, .03), ('head', 0, 0, 0, .03)),
    ('head', 'hair', -.01, ('head', -.012, 0, .012, .058),
     ('head', -.014, 0, 0, .056)),
    ('head', 'skin', .012, ('head', .012, 0, .004, .05),
     ('head', .02, 0, -.034, .028)),
    ('head', 'skin', .03, ('head', .058, 0, -.002, .006),
     ('head', .064, 0, -.014, .011)),
    ('head', 'eye', .03, ('head', .043, .02, .01, .006)),
    ('head', 'eye', .03, ('head', .043, -.02, .01, .006)),
    ('SIDE_arm', 'SIDE_arm', 0, ('SIDE_shoulder', 0, 0, 0, .038),
     ('SIDE_elbow', 0, 0, 0, .027)),
    ('SIDE_forearm', 'SIDE_forearm', 0, ('SIDE_elbow', 0, 0, 0, .027),
     ('SIDE_wrist', 0, 0, 0, .018)),
    ('SIDE_forearm', 'skin', 0, ('SIDE_wrist', 0, 0, 0, .017),
     ('SIDE_hand', 0, 0, 0, .02)),
    ('SIDE_thigh', 'SIDE_thigh', -.02, ('SIDE_hip', 0, 0, 0, .056),
     ('SIDE_knee', 0, 0, 0, .037)),
    ('SIDE_shank', 'SIDE_shank', -.02, ('SIDE_knee', 0, 0, 0, .036),
     ('SIDE_ankle', 0, 0, 0, .023)),
    ('SIDE_shank', 'shoe', -.015, ('SIDE_ankle', 0, 0, 0, .026),
     ('SIDE_toe', 0, 0, 0, .019)))
_SKINS = ((176, 200, 236), (150, 182, 226), (122, 158, 208), (98, 132, 186),
          (70, 100, 152), (50, 72, 112))
_HAIRS = ((22, 24, 30), (26, 36, 54), (40, 62, 96), (64, 104, 150),
          (90, 150, 196), (150, 152, 158))
_TEXTURE = (64, 48)  # rows along a body, columns once around it


def grained(rng: np.random.Generator, base, shape: Tuple[int, int],
            cell: float, strength: float) -> np.ndarray:
    """A colour or picture whose brightness varies, ``cell`` pixels a blob,
    (h, w, 3) float32."""
    grain = np.zeros(shape, np.float32)
    for octave in range(3):
        grid = [int(k / cell * 2**octave) + 2 for k in shape]
        grain += .4 * .7**octave * cv2.resize(
            rng.standard_normal(grid), shape[::-1],
            interpolation=cv2.INTER_CUBIC)
    base = base * (1 + strength * grain[..., None])
    return np.clip(base, 0, 255).astype(np.float32)


def colour(rng: np.random.Generator, hue: Optional[float] = None,
           vivid: float = 1.) -> np.ndarray:
    """A BGR colour (3,), of any hue (0 to 180) where none is given."""
    hue = rng.uniform(0, 180) if hue is None else hue % 180
    hsv = (hue, vivid * rng.uniform(90, 235), rng.uniform(70, 235))
    return cv2.cvtColor(np.uint8([[hsv]]),
                        cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def sample_look(rng: np.random.Generator) -> Dict[str, np.ndarray]:
    """Textures of a person's bodies; right and left differ in the clothes."""

    row, column = np.mgrid[:_TEXTURE[0], :_TEXTURE[1]]

    def cloth(first, second=None, cell=20):
        base = np.asarray(first)
        if second is not None:
            pattern = (row < 0, row % 16 < 7, column % 8 < 3,
                       (row % 16 < 8) ^ (column % 12 < 6))[rng.integers(4)]
            base = np.where(pattern[..., None], second, first)
        return grained(rng, base, _TEXTURE, cell, .12)

    hue = rng.uniform(0, 180)
    shirt, trim, accent = (colour(rng, hue + k) for k in (0, 60, 90))
    skin = cloth(_SKINS[rng.integers(len(_SKINS))], cell=9)
    leg = cloth(colour(rng, vivid=.5))
    look = dict(skin=skin, trunk=cloth(shirt, trim), seat=leg,
                hair=cloth(_HAIRS[rng.integers(len(_HAIRS))], cell=6),
                shoe=cloth(colour(rng, vivid=.6)),
                eye=np.full((*_TEXTURE, 3), 28., np.float32))
    # Row 0 is at the neck, the middle column in front.
    look['trunk'][14:28, 16:33] = accent
    look['trunk'][:4, 16:32] = skin[:4, 16:32]
    short_sleeves, shorts = rng.uniform(size=2) < .6
    for side, mark in (('right', accent), ('left', shirt)):
        sleeve, thigh = cloth(mark), leg.copy()
        forearm = skin if short_sleeves else sleeve
        shank = (skin if shorts else leg).copy()
        sleeve = np.concatenate([sleeve[:38], forearm[38:]])
        thigh[44:] = shank[44:]
        shank[40:] = accent if side == 'right' else 225.
        look.update({f'{side}_arm': sleeve, f'{side}_forearm': forearm,
                     f'{side}_thigh': thigh, f'{side}_shank': shank})
    return look


class Canvas:
    """A picture (H, W, 3) that things are painted on, far ones first; the
    label (H, W) of what is in front, 0 the background; and what the annotated
    person covers (H, W), hidden or not."""

    def __init__(self, picture: np.ndarray) -> None:
        self.picture = picture.astype(np.float32)
        self.label = np.zeros(picture.shape[:2], np.uint8)
        self.cover = np.zeros(picture.shape[:2], bool)

    def paint(self, discs: np.ndarray, texture: np.ndarray, light: float,
              label: int = OTHER, turn: float = 0.) -> None:
        """Paint the round body that spans discs, (n, 3) x, y and radius in
        pixels, first to last one.

        Rows of the texture (h, w, 3) are along the body, columns around it;
        the middle one faces forward. The light comes from -1 left to 1
        right; ``turn`` is the angle from facing the camera in radians.
        """
        angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
        ring = np.stack([np.cos(angle), np.sin(angle)], 1)
        rim = (discs[:, None, :2] + discs[:, None, 2:] * ring).reshape(-1, 2)
        size = self.label.shape[::-1]
        x0, y0 = np.clip(rim.min(0) - 1, 0, size).astype(int)
        x1, y1 = np.clip(rim.max(0) + 3, 0, size).astype(int)
        if x0 >= x1 or y0 >= y1:
            return
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        hull = cv2.convexHull(np.rint((rim - (x0, y0)) * 16).astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 255, cv2.LINE_AA, 4)
        # Place along the axis, 0 to 1, and across it, -1 to 1.
        axis = discs[-1, :2] - discs[0, :2]
        length = np.hypot(*axis)
        along = axis / length if length > 1 else np.array([0., 1.])
        frame = np.stack([along, (along[1], -along[0])], 1)
        low, high = (rim @ frame).min(0), (rim @ frame).max(0)
        pixel = np.stack(np.meshgrid(np.arange(x0, x1), np.arange(y0, y1)),
                         -1) @ frame
        row, across = np.moveaxis((pixel - low) / (high - low), -1, 0)
        # A limb tapers evenly.
        ends = discs[[0, -1], 2] / discs[:, 2].max() if len(
            discs) == 2 else (1, 1)
        across = (2 * across - 1) / np.interp(row, (0, 1), ends)
        across = np.clip(across, -1, 1)
        column = (np.arcsin(across) + turn) / (2 * np.pi) + .5
        h, w = texture.shape[:2]
        body = texture[np.clip(row * h, 0, h - 1).astype(int),
                       (column * w).astype(int) % w]
        shade = .55 + .45 * np.sqrt(1 - .9 * across**2) + .15 * light * across
        window = self.picture[y0:y1, x0:x1]
        window += mask[..., None] / 255 * (body * shade[..., None] - window)
        self.label[y0:y1, x0:x1][mask > 127] = label
        if label != OTHER:
            self.cover[y0:y1, x0:x1] |= mask > 127

    def paint_person(self, p: Dict[str, np.ndarray], stature: float,
                     look: Dict[str, np.ndarray], project, light: float,
                     subject: bool) -> None:
        """Paint a person, the annotated one (``subject``) or not, with a
        shadow, the bodies from far to near: a moment ``p`` of
        :func:`.skeleton.joint_positions`, a look of :func:`sample_look`.
        ``project`` makes pixels, and pixels a metre, of world points."""
        (x, y), ppm = project(p['pelvis'] * (1, 0, 1))
        shadow = np.zeros(self.label.shape, np.float32)
        cv2.ellipse(shadow, (int(x), int(y)), (int(.3 * ppm), int(.07 * ppm)),
                    0, 0, 360, .4, -1)
        self.picture *= 1 - cv2.GaussianBlur(shadow, (0, 0),
                                             .04 * ppm)[..., None]
        forward, up = p['forward'], p['up']
        axes = np.stack([forward, np.cross(up, forward), up])
        turn, bodies = np.arctan2(-forward[0], forward[2]), []
        for part, texture, bias, *discs in _BODIES:
            for side in ('right', 'left') if 'SIDE' in part else ('', ):
                points = np.stack([
                    p[joint.replace('SIDE', side)] +
                    stature * np.array(offset) @ axes
                    for joint, *offset, _ in discs])
                bodies.append((points[:, 2].mean() + bias * stature,
                               part.replace('SIDE', side),
                               texture.replace('SIDE', side), points,
                               np.array([disc[-1] for disc in discs])))
        for _, part, texture, points, radii in sorted(
                bodies, key=lambda body: body[0]):
            uv, ppm = project(points)
            self.paint(
                np.column_stack([uv, radii * stature * ppm]), look[texture],
                light, PARTS.index(part) + 1 if subject else OTHER,
                turn if part == 'trunk' else 0.)


def visible_joints(label: np.ndarray, uv: np.ndarray, names) -> np.ndarray:
    """Which joints of the annotated person are in view, bool (n,).

    A joint is hidden where something else, or a part of the body that does
    not belong to it, lies in front of it.
    """
    seen = np.zeros(len(names), bool)
    for i, (name, (x, y)) in enumerate(zip(names, np.rint(uv).astype(int))):
        side, _, kind = name.rpartition('_')
        own = [PARTS.index(k if k in PARTS else f'{side}_{k}') + 1
               for k in _OWN[kind]]
        inside = 0 <= x < label.shape[1] and 0 <= y < label.shape[0]
        seen[i] = inside and label[y, x] in own
    return seen
