# Copyright (c) temporal_corr authors. All rights reserved.
"""What a person looks like: skin, hair, clothes and marks of one's own.

Everything is drawn once per person, so appearance is constant over a video.
"""
from typing import Dict, NamedTuple

import cv2
import numpy as np

from .textures import (CLOTHS, blend, cloth, label_text, plain, random_colour,
                       speckle)

SKINS = ((176, 200, 236), (150, 182, 226), (122, 158, 208), (98, 132, 186),
         (70, 100, 152), (50, 72, 112), (38, 52, 84))
HAIRS = ((22, 24, 30), (26, 36, 54), (40, 62, 96), (64, 104, 150),
         (90, 150, 196), (52, 66, 140), (150, 152, 158))
STYLES = ('short', 'short', 'long', 'ponytail', 'cap', 'bald', 'bun')

_TORSO = (72, 112)
_LIMB = (44, 48)


class Outfit(NamedTuple):
    """Look of one person.

    Attributes:
        textures (dict): Part name -> (h, w, 3) float32 BGR.
        hair (str): One of :data:`STYLES`.
        skirt (bool): Whether the legs are under a skirt.
        loose (float): Girth of the clothes relative to the limbs.
    """
    textures: Dict[str, np.ndarray]
    hair: str
    skirt: bool
    loose: float


def _skin(rng: np.random.Generator, tone: np.ndarray, shape) -> np.ndarray:
    return speckle(rng, plain(tone, shape), 8, .05)


def _head(rng: np.random.Generator, tone: np.ndarray, hair: np.ndarray,
          style: str) -> np.ndarray:
    """Face in the middle, ears at the sides, hair around the back."""
    h, w = 64, 96
    out = _skin(rng, tone, (h, w))
    y, x = np.mgrid[:h, :w].astype(np.float32)
    lon = (x + .5 - w / 2) / w * 360
    lat = 90 - (y + .5) / h * 180
    if style != 'bald':
        line = 48 - .012 * lon**2 / 2 - 40 * (np.abs(lon) > 62)
        mask = (lat > line) | ((np.abs(lon) > 100) & (lat > -42))
        out = blend(out, hair, cv2.GaussianBlur(
            mask.astype(np.float32), (3, 3), 0))
    dark = np.asarray(tone) * .45
    white = (235, 235, 235)
    glasses = rng.uniform() < .2
    for side in (-1, 1):
        eye = (int(w / 2 + side * 6.5), int(h * .5))
        brow = (eye[0], eye[1] - 5)
        cv2.ellipse(out, eye, (3, 2), 0, 0, 360, white, -1)
        cv2.circle(out, eye, 1, (30, 25, 20), -1)
        cv2.ellipse(out, brow, (4, 1), side * 8, 0, 360,
                    tuple(float(c) * .5 for c in hair), -1)
        if glasses:
            cv2.ellipse(out, eye, (5, 4), 0, 0, 360, (25, 25, 25), 1)
        ear = (int(w / 2 + side * w / 4), int(h * .52))
        cv2.ellipse(out, ear, (3, 5), 0, 0, 360,
                    tuple(float(c) * .82 for c in tone), -1)
    cv2.ellipse(out, (w // 2, int(h * .60)), (2, 3), 0, 0, 360,
                tuple(float(c) * .8 for c in tone), -1)
    cv2.ellipse(out, (w // 2, int(h * .70)), (5, 1), 0, 0, 360,
                (70, 60, float(tone[2]) * .75), -1)
    if rng.uniform() < .25 and style != 'ponytail':
        mask = ((lat < -16) & (np.abs(lon) < 75)).astype(np.float32)
        mask[int(h * .67):int(h * .73), w // 2 - 5:w // 2 + 6] = 0
        out = blend(out, hair, .75 * mask)
    out[lat < -62] = dark
    return out


def _torso(rng: np.random.Generator, top: np.ndarray, trim: np.ndarray,
           kind: str, cut: str, tone: np.ndarray) -> np.ndarray:
    """A shirt, upright, front in the middle, back at both edges."""
    h, w = _TORSO
    out = cloth(rng, _TORSO, kind, top, trim, rng.uniform(9, 20))
    contrast = 255. if top.mean() < 120 else 20.
    if cut == 'jacket':
        out[:, w // 2 - 1:w // 2 + 2] = trim
        out[26:28] = trim
    elif rng.uniform() < .6:
        mark = random_colour(rng) if rng.uniform() < .5 else (contrast, ) * 3
        mark = tuple(float(c) for c in mark)
        style = rng.integers(3)
        if style == 0:
            label_text(out, str(rng.integers(1, 99)), (w // 2, 26), 17, mark)
        elif style == 1:
            cv2.circle(out, (w // 2, 24), 8, mark, -1)
        else:
            out[18:27, 8:-8] = mark
    # The back differs from the front.
    back = np.roll(out, w // 2, 1)
    style = rng.integers(3)
    if style == 0:
        label_text(back, str(rng.integers(1, 99)), (w // 2, 30), 22,
                   (contrast, ) * 3)
    elif style == 1:
        back[12:15, w // 4:-w // 4] = trim
    out = np.roll(back, w // 2, 1)
    if cut == 'tank':
        out[:5] = _skin(rng, tone, (5, w))
    elif cut == 'tee':
        cv2.ellipse(out, (w // 2, 0), (12, 6), 0, 0, 360,
                    tuple(float(c) for c in tone), -1)
    else:
        out[:4] = trim
    return out


def sample_outfit(rng: np.random.Generator) -> Outfit:
    """Draw one person's look."""
    tone = np.array(SKINS[rng.integers(len(SKINS))], np.float32)
    hair = np.array(HAIRS[rng.integers(len(HAIRS))], np.float32)
    style = STYLES[rng.integers(len(STYLES))]
    vivid = rng.uniform(.15, 1.)
    top, trim, bottom, accent = (random_colour(rng, vivid)
                                 for _ in range(4))
    cut = str(rng.choice(['tee', 'tee', 'long', 'tank', 'jacket']))
    legs = str(rng.choice(['trousers', 'trousers', 'shorts', 'shorts',
                           'skirt'] if style in ('long', 'ponytail', 'bun')
                          else ['trousers', 'shorts']))
    kind = CLOTHS[rng.integers(len(CLOTHS))]
    weave = ('plain', 'plain', 'denim', 'pinstripes', 'camo')[rng.integers(5)]
    if weave == 'denim':
        bottom = np.array([110, 72, 48], np.float32) * rng.uniform(.6, 1.4)
    h, w = _LIMB

    def limb(skin_from: float, colour: np.ndarray, other: np.ndarray,
             pattern: str) -> np.ndarray:
        out = cloth(rng, _LIMB, pattern, colour, other, 8)
        cut_row = int(h * skin_from)
        if cut_row < h:
            out[cut_row:] = _skin(rng, tone, (h - cut_row, w))
            out[max(cut_row - 2, 0):cut_row] = other * .8
        return out

    textures = {}
    torso = _torso(rng, top, trim, kind, cut, tone)
    torso[52:] = cloth(rng, (h, _TORSO[1]), weave, bottom, bottom * .7,
                       9)[:20]
    torso[50:52] = accent * .5
    # A tube's first row is its first end, here the lower one.
    textures['chest'] = torso[:38][::-1].copy()
    textures['abdomen'] = torso[38:][::-1].copy()
    textures['neck'] = _skin(rng, tone, (12, 24))
    sleeve = dict(tee=.55, long=1., tank=0., jacket=1.)[cut]
    cuff = dict(tee=0., long=.92, tank=0., jacket=.95)[cut]
    odd = rng.choice(['sleeve', 'band', 'leg', 'sock', 'none'],
                     p=[.25, .25, .2, .15, .15])
    odd_side = str(rng.choice(['right', 'left']))
    bright = random_colour(rng, 1.)
    # Where a stride parts a skirt from a thigh, the thigh has its colour.
    leg_skin = dict(trousers=(1., 1.), shorts=(.72, 0.),
                    skirt=(.66, 0.))[legs]
    shoe = random_colour(rng, rng.uniform(0, 1))
    sock = 200. + 40 * rng.uniform(-1, 1, 3)
    for side in ('right', 'left'):
        mine = side == odd_side
        arm = bright if mine and odd == 'sleeve' else (
            trim if rng.uniform() < .2 else top)
        pattern = kind if kind in ('hoops', 'camo', 'check') else 'plain'
        textures[f'{side}_arm'] = limb(sleeve, arm, trim, pattern)
        fore = limb(cuff, arm, trim, pattern)
        if mine and odd == 'band':
            fore[-14:-4] = bright
        textures[f'{side}_forearm'] = fore
        textures[f'{side}_hand'] = _skin(rng, tone * .97, (12, 16))
        leg, strip = bottom, bottom * .7
        thigh, shank = (limb(s, leg, strip, weave) for s in leg_skin)
        if legs == 'shorts':
            shank[-16:] = sock
        if mine and odd == 'leg':
            for k in (thigh, shank):
                for row in range(2, len(k), 11):
                    k[row:row + 5] = bright
        if mine and odd == 'sock':
            shank[-26:] = bright
        textures[f'{side}_thigh'], textures[f'{side}_shank'] = thigh, shank
        foot = speckle(rng, plain(shoe, (16, 24)), 4, .1)
        foot[11:] = 225.
        textures[f'{side}_foot'] = foot
    textures['skirt'] = cloth(rng, (40, 96), weave, bottom, accent, 12)
    textures['head'] = _head(rng, tone, hair, style)
    textures['nose'] = _skin(rng, tone * .98, (8, 8))
    crown = accent if style == 'cap' else hair
    strands = speckle(rng, plain(crown, (32, 48)), 5, .22, aspect=.3)
    textures.update(hair=strands, tail=strands)
    return Outfit(textures, style, legs == 'skirt', float(
        rng.uniform(1., 1.15)))


def look_alike(rng: np.random.Generator, outfit: Outfit) -> Outfit:
    """Somebody dressed nearly the same, with another head and legs."""
    other = sample_outfit(rng)
    keep = ('chest', 'abdomen', 'arm', 'forearm')
    textures = {k: outfit.textures[k] if k.split('_')[-1] in keep else v
                for k, v in other.textures.items()}
    if rng.uniform() < .5:
        textures.update({k: v for k, v in outfit.textures.items()
                         if k.endswith(('thigh', 'shank', 'skirt'))})
        other = other._replace(skirt=outfit.skirt)
    return other._replace(textures=textures)
