"""Paint on the head: colours per vertex and the region of every face of the mesh, in rest coordinates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .makehuman import BaseHead
from .persons import Person

__all__ = ["REGIONS", "brow_centre", "linear", "region_of_quads", "scalp", "skin_colours", "smooth_noise"]

Floats = NDArray[np.float64]

REGIONS = ("background", "forehead", "eyes+brows", "nose", "mouth", "cheeks+jaw")

_LATTICE = np.random.default_rng(5).random((64, 64, 64))
# The brow follows the bone: |x| and y of its centre line on the rest head, from the inner end to the tip.
_BROW_X = (0.10, 0.20, 0.32, 0.44, 0.55)
_BROW_Y = (7.445, 7.475, 7.495, 7.490, 7.445)
_BROW_HALF = (0.026, 0.032, 0.028, 0.022, 0.010)
# Eyes and brows are one band, as in the report: up to the brows' tops, down to below the lids and the root of the nose.
_UNDER_EYE_X = (0.0, 0.10, 0.20, 0.31, 0.44, 0.56)
_UNDER_EYE_Y = (7.30, 7.235, 7.175, 7.160, 7.190, 7.31)


def linear(colour: tuple[float, ...] | Floats) -> Floats:
    """SRGB 0..1 -> linear 0..1 (IEC 61966-2-1)."""
    c = np.asarray(colour, dtype=float)
    decoded: Floats = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    return decoded


def smooth_noise(points: Floats) -> Floats:
    """Value noise in 0..1, one octave per unit length: (n, 3) -> (n,)."""
    cell = np.floor(points).astype(int)
    part = points - cell
    part = part * part * (3 - 2 * part)
    total = np.zeros(len(points))
    for corner in range(8):
        step = np.array([(corner >> k) & 1 for k in range(3)])
        at = (cell + step) % 64
        total += np.prod(np.where(step, part, 1 - part), axis=1) * _LATTICE[at[:, 0], at[:, 1], at[:, 2]]
    return total


def brow_centre(x: Floats) -> tuple[Floats, Floats]:
    """Height of the brow's centre line and its half width at |x|, dm; the width is 0 outside the brow."""
    inside = (x > _BROW_X[0]) & (x < _BROW_X[-1])
    return np.interp(x, _BROW_X, _BROW_Y), np.interp(x, _BROW_X, _BROW_HALF) * inside


def scalp(points: Floats, style: str) -> Floats:
    """Distance (dm, roughly) inside the hairline: positive where hair grows."""
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    height = {"receding": 8.22, "bald": 7.75}.get(style, 8.02)
    front = height - 0.16 * np.clip(x / 0.55, 0, 1) ** 2 - 0.55 * np.clip((x - 0.55) / 0.25, 0, 1.2)
    if style == "receding":
        front = front - 0.10 + 0.16 * np.exp(-(((x - 0.42) / 0.16) ** 2))
    front = front - 0.9 * np.clip(0.95 - z, 0, 0.35)
    back = 6.75 + 0.25 * np.clip((z + 0.1) / 0.4, 0, 1)
    inside = y - np.where(z < 0.38, back, front)
    if style == "bald":  # a ring of short hair is left
        inside = np.minimum(inside, np.where(z < 0.38, 7.65 - y, -0.05))
    ear = (x > 0.66) & (y < 7.44) & (z > 0.22) & (z < 0.72)
    grows: Floats = np.where(ear, -0.1, inside)
    return grows


def region_of_quads(head: BaseHead, person: Person) -> NDArray[np.uint8]:
    """Region (index into `REGIONS`) of every quad of the skin.

    Brow hair, lashes, eyeballs, teeth and the tongue are separate surfaces with regions of their own.
    """
    skin = head.skin
    centre = skin.rest[skin.quads].mean(axis=1)
    masks = {name: values[skin.quads].mean(axis=1) for name, values in head.masks.items()}
    x, y, z = np.abs(centre[:, 0]), centre[:, 1], centre[:, 2]
    inside_mouth = (masks["inside-mouth"] > 0.3) & (y < 7)
    face = (x < 0.72) & (y > 6.15) & (z > 0.68 + 0.30 * np.clip((6.45 - y) / 0.3, 0, 1)) & (y < 8.12)
    face &= (scalp(centre, person.style) < 0.02) | (person.style == "bald")
    out = np.zeros(len(centre), dtype=np.uint8)
    out[face] = 5
    brow_top = np.interp(x, _BROW_X, np.add(_BROW_Y, _BROW_HALF)) + 0.012
    out[face & (y > brow_top) & (x < 0.64 + 0.05 * (y > 7.6))] = 1
    under_eye = np.interp(x, _UNDER_EYE_X, _UNDER_EYE_Y)
    wings = 0.065 + 0.115 * np.clip((7.20 - y) / 0.22, 0, 1)
    out[face & (x < wings) & (y > 6.835) & (y <= under_eye)] = 3
    out[face & (x < _UNDER_EYE_X[-1]) & (y > under_eye) & (y <= brow_top)] = 2
    lips = ((x / 0.285) ** 2 + ((y - 6.635) / 0.125) ** 2) < 1
    out[face & ((masks["lips"] > 0.2) | (lips & (z > 1.3)))] = 4
    out[inside_mouth & (z > 0.5)] = 4
    return out


def skin_colours(head: BaseHead, person: Person) -> Floats:
    """(n, 3) linear reflectance of every skin vertex."""
    p = head.skin.rest + person.seed % 97
    rest = head.skin.rest
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    base = linear(person.skin)
    colour = np.tile(base, (len(rest), 1))
    patches, fine = smooth_noise(p * 3.5) - 0.5, smooth_noise(p * 30) - 0.5
    colour *= (1 + 0.10 * patches + 0.07 * (smooth_noise(p * 11) - 0.5) + 0.06 * fine)[:, None]
    light = float(np.clip((base.mean() - 0.08) / 0.3, 0, 1))  # redness shows on light skin
    flush = 0.6 * _bump(x, 0.43, 0.22, y, 6.93, 0.20) + 0.7 * _bump(x, 0, 0.15, y, 6.96, 0.14)
    flush += 0.7 * head.masks["ears"] * (z < 0.72) + 0.25 * _bump(x, 0, 0.3, y, 6.3, 0.12)
    colour *= 1 + flush[:, None] * np.array([0.08, -0.16, -0.14]) * (0.35 + 0.65 * light)
    tired = 0.25 + 0.5 * np.clip((person.age - 35) / 40, 0, 1)
    under = _bump(x, 0.30, 0.20, y, 7.17, 0.06) + 0.5 * _bump(x, 0.31, 0.25, y, 7.36, 0.06)
    colour *= 1 - tired * under[:, None] * np.array([0.22, 0.30, 0.26])
    spots = np.clip(smooth_noise(p * 17) - 0.72, 0, 1) * np.clip((person.age - 40) / 30, 0, 1) * 2.2
    colour *= 1 - spots[:, None] * np.array([0.5, 0.65, 0.75])
    if person.beard:
        colour = _shade(colour, _beard_mask(head) * 0.50 * min(person.beard * 1.6, 1.0), person)
    grown = np.clip(scalp(rest, person.style) / 0.06, 0, 1) * (0.85 if person.style != "bald" else 0.5)
    colour = _shade(colour, grown * (head.masks["inside-mouth"] < 0.3), person)
    centre_line, half = brow_centre(x)
    brow = np.clip(1.2 - np.abs(y - centre_line) / np.maximum(half * person.brows, 1e-3), 0, 1) * (z > 0.9) * (half > 0)
    colour = _shade(colour, 0.65 * brow, person)
    lips = np.clip(head.masks["lips"] * 1.1, 0, 1)[:, None] * (0.75 if person.sex == "female" else 0.6)
    colour = colour * (1 - lips) + linear(person.lips) * (1 + 0.25 * fine[:, None]) * lips
    lid_edge = np.clip((head.masks["eyelids"] - 0.3) / 0.5, 0, 1)[:, None]
    colour *= 1 - 0.45 * person.lashes * lid_edge
    mouth = np.clip(head.masks["inside-mouth"] * (y < 7) * (z < 1.52), 0, 1)[:, None]
    colour = colour * (1 - mouth) + np.array([0.17, 0.045, 0.04]) * mouth
    cloth = np.clip((5.72 + 0.10 * x - y) / 0.02, 0, 1)[:, None]
    painted: Floats = colour * (1 - cloth) + linear(person.cloth) * cloth
    return np.clip(painted, 0.003, 0.95)


def _beard_mask(head: BaseHead) -> Floats:
    rest = head.skin.rest
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    edge = 6.72 + 0.10 * np.clip(x - 0.30, 0, 1) + 0.55 * np.clip((x - 0.50) / 0.2, 0, 1)
    jaw = _step(edge - y, 0.04) * _step(y - 6.10, 0.04) * _step(z - 0.45, 0.08) * _step(0.74 - x, 0.03)
    moustache = _step(0.065 - np.abs(y - 6.775), 0.018) * _step(0.30 - x, 0.03) * (z > 1.2)
    mask: Floats = np.maximum(jaw, moustache) * (1 - head.masks["lips"]) * (head.masks["inside-mouth"] < 0.3)
    return mask


def _shade(colour: Floats, amount: Floats, person: Person) -> Floats:
    mixed: Floats = colour * (1 - amount[:, None]) + 0.8 * linear(person.hair) * amount[:, None]
    return mixed


def _bump(x: Floats, cx: float, wx: float, y: Floats, cy: float, wy: float) -> Floats:
    bump: Floats = np.exp(-(((x - cx) / wx) ** 2) - ((y - cy) / wy) ** 2)
    return bump


def _step(value: Floats, width: float) -> Floats:
    step: Floats = 1 / (1 + np.exp(-np.clip(value / width, -30, 30)))
    return step
