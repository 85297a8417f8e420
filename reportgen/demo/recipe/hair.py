"""Hair as strands: on the scalp, in the brows, on the lids and in the beard.

Roots are fixed on quads of the skin, so that brows and beard move with the face. The course of the scalp hair is grown
once per person on the neutral head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .makehuman import BaseHead, vertex_normals
from .persons import Person
from .skin import _beard_mask, brow_centre, scalp

__all__ = ["Strands", "beard_strands", "brow_strands", "grow_scalp_hair", "strand_points"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Strands:
    """Hairs rooted on the skin, in a frame that moves with it.

    Attributes
    ----------
    quad
        (n,) quad of the skin that carries the root.
    weights
        (n, 4) position of the root between the quad's corners.
    course
        (n, k, 3) points relative to the root in the neutral head's coordinates, dm.
    radius
        Half thickness, dm.
    """

    quad: NDArray[np.int64]
    weights: Floats
    course: Floats
    radius: float


def strand_points(strands: Strands, head: BaseHead, vertices: Floats) -> Floats:
    """(n, k, 3) points on the deformed head whose skin vertices are `vertices`."""
    corners = vertices[head.skin.quads[strands.quad]]  # (n, 4, 3)
    root = (corners * strands.weights[:, :, None]).sum(axis=1)
    points: Floats = root[:, None, :] + strands.course
    return points


def _roots(
    head: BaseHead, vertices: Floats, density: Floats, count: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], Floats, Floats, Floats, Floats]:
    """Random roots: quads, corner weights, positions, normals, rest positions; `density` is per vertex."""
    quads = head.skin.quads
    a, b, c, d = (vertices[quads[:, k]] for k in range(4))
    area = np.linalg.norm(np.cross(c - a, d - b), axis=1) / 2
    chance = area * np.clip(density[quads].mean(axis=1), 0, None)
    quad = rng.choice(len(quads), size=count, p=chance / chance.sum())
    u, v = rng.random((2, count))
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], axis=1)
    normals = vertex_normals(vertices, head.skin.triangles)
    at = [(values[quads[quad]] * weights[:, :, None]).sum(axis=1) for values in (vertices, normals, head.skin.rest)]
    return quad, weights, at[0], at[1] / np.linalg.norm(at[1], axis=1, keepdims=True), at[2]


_LENGTH = {"long": 2.3, "bob": 1.15, "tied": 1.0, "curly": 0.55, "side": 0.55, "back": 0.6, "crop": 0.16,
           "receding": 0.14, "bald": 0.10}  # fmt: skip
_COUNT = {"long": 6000, "bob": 6000, "tied": 6500, "curly": 5500, "side": 7000, "back": 7000, "crop": 9000,
          "receding": 7000, "bald": 3000}  # fmt: skip


def grow_scalp_hair(head: BaseHead, person: Person, neutral: Floats, fineness: float = 1.0) -> Strands:
    """Scalp hair on the neutral head (`neutral`: skin vertices); `fineness` times as many strands, each thinner."""
    rng = np.random.default_rng([person.seed, 1])
    style = person.style
    steps = {"long": 9, "bob": 8, "tied": 6, "curly": 6, "side": 5, "back": 5}.get(style, 2)
    inside = scalp(head.skin.rest, style)
    density = np.clip(inside / 0.08, 0, 1) * (head.masks["inside-mouth"] < 0.3)
    quad, weights, root, normal, rest = _roots(head, neutral, density, int(_COUNT[style] * fineness), rng)
    edge = np.clip(scalp(rest, style) / 0.25, 0.25, 1)
    length = _LENGTH[style] * rng.uniform(0.75, 1.1, len(root))
    if style in ("side", "back", "crop", "curly"):
        # Sides and nape are cut shorter than the top.
        length *= np.clip(0.35 + 1.3 * (rest[:, 1] - 7.45), 0.28 if style != "curly" else 0.5, 1)
    woolly = style == "curly" or ("african" in person.ancestry and style in ("crop", "receding", "bald"))
    comb = _comb(style, rest, rng)
    comb -= (comb * normal).sum(axis=1, keepdims=True) * normal
    comb /= np.linalg.norm(comb, axis=1, keepdims=True) + 1e-9
    lift = {"crop": 0.9, "receding": 0.6, "bald": 0.5, "curly": 1.2, "back": 0.55, "side": 0.38}.get(style, 0.22)
    along = comb + lift * normal + rng.normal(0, 0.13, root.shape)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    surface = cKDTree(neutral)
    normals = vertex_normals(neutral, head.skin.triangles)
    volume = {"long": 0.085, "bob": 0.10, "tied": 0.035, "curly": 0.05, "side": 0.09, "back": 0.09}.get(style, 0.02)
    layer = edge * volume * rng.uniform(0.15, 1.0, len(root)) + 0.008
    weight = {"long": 0.55, "bob": 0.50, "tied": 0.0, "side": 0.34, "back": 0.06}.get(style, 0.02)
    points = [root - 0.01 * normal]
    here = root.copy()
    step = (length / steps)[:, None]
    for _ in range(steps):
        here = here + along * step
        _, near = surface.query(here)
        out = ((here - neutral[near]) * normals[near]).sum(axis=1)
        push = np.clip(layer - out, 0, None)[:, None]
        here = here + push * normals[near]
        along = along + push / np.maximum(step, 1e-6) * normals[near] * 0.6
        along[:, 1] -= weight
        if style == "tied":
            along = along + 0.35 * _towards(here, np.array([0.0, 7.55, -0.55]))
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        points.append(here)
    course = np.stack(points, axis=1)
    if woolly or style in ("long", "bob"):
        course = course + _curl(len(root), steps + 1, 0.030 if woolly else 0.02, 3.5 if woolly else 0.8, rng)
    course = course + 0.02 * rng.normal(size=(len(root), 1, 3)) * np.linspace(0, 1, steps + 1)[None, :, None]
    radius = (0.0070 if style in ("crop", "receding", "bald") else 0.0100) / fineness**0.6
    return Strands(quad, weights, course - root[:, None, :], radius)


def _towards(points: Floats, goal: Floats) -> Floats:
    gap = goal - points
    unit: Floats = gap / (np.linalg.norm(gap, axis=1, keepdims=True) + 1e-9)
    return unit


def _curl(count: int, steps: int, size: float, turns: float, rng: np.random.Generator) -> Floats:
    """Helical offset that grows from the root, (count, steps, 3); neighbours share their phase in locks of 40."""
    locks = rng.uniform(0, 2 * np.pi, (count // 40 + 1, 1))
    phase = locks[rng.integers(len(locks), size=count)] + np.linspace(0, 2 * np.pi * turns, steps)
    grow = np.minimum(np.linspace(0, 3, steps), 1) * size
    return np.stack([np.cos(phase) * grow, np.sin(phase * 0.9) * grow * 0.6, np.sin(phase) * grow], axis=2)


def _comb(style: str, rest: Floats, rng: np.random.Generator) -> Floats:
    """Direction in which the hair lies, before it is laid on the scalp."""
    x = rest[:, 0]
    comb = np.zeros_like(rest)
    if style in ("long", "bob"):
        part = 0.16
        comb[:, 0] = np.where(x > part, 1.0, -1.0)
        comb[:, 1] = -0.35
        comb[:, 2] = -0.30 - 0.45 * (rest[:, 2] > 1.0)
    elif style == "tied":
        comb[:, 1], comb[:, 2] = 0.15, -1.0
    elif style == "side":
        top = np.clip((rest[:, 1] - 7.8) / 0.3, 0, 1)
        comb[:, 0] = np.where(x > 0.32, 0.5, -1.0) * top
        comb[:, 1] = 0.5 * top - 0.8 * (1 - top)
        comb[:, 2] = -0.25
    elif style == "back":
        comb[:, 1], comb[:, 2] = 0.45 * (rest[:, 2] > 0.9) - 0.4 * (rest[:, 1] < 7.8), -1.0
    else:
        comb[:, 1], comb[:, 2] = -0.5, 0.35
        comb += rng.normal(0, 0.5, rest.shape)
    return comb


def brow_strands(head: BaseHead, person: Person, neutral: Floats) -> Strands:
    """Brow hairs: upright at the inner end, lying outwards along the brow."""
    rng = np.random.default_rng([person.seed, 2])
    rest = head.skin.rest
    x = np.abs(rest[:, 0])
    centre_line, half = brow_centre(x)
    near = np.exp(-(((rest[:, 1] - centre_line) / np.maximum(0.75 * half * person.brows, 1e-3)) ** 2))
    density = near * (half > 0) * (rest[:, 2] > 0.9)
    count = int(620 * person.brows)
    quad, weights, _, normal, at = _roots(head, neutral, density, count, rng)
    side, out = np.sign(at[:, 0]), np.clip((np.abs(at[:, 0]) - 0.10) / 0.40, 0, 1)
    along = np.stack([side * (0.35 + 0.75 * out), 0.75 - 1.05 * out, np.zeros(count)], axis=1)
    along += 0.15 * normal + rng.normal(0, 0.10, along.shape)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    length = rng.uniform(0.030, 0.050, (count, 1)) * (0.8 + 0.2 * person.brows)
    course = np.linspace(0, 1, 3)[None, :, None] * (along * length)[:, None, :]
    course[:, :, 1] -= 0.008 * np.linspace(0, 1, 3)[None, :] ** 2
    return Strands(quad, weights, course, 0.0026)


def beard_strands(head: BaseHead, person: Person, neutral: Floats) -> Strands | None:
    """Beard and moustache hairs, or nothing for a shaven chin."""
    if person.beard < 0.3:
        return None
    rng = np.random.default_rng([person.seed, 3])
    count = int(6500 * person.beard) + 2500
    quad, weights, _, normal, at = _roots(head, neutral, np.clip(_beard_mask(head) - 0.25, 0, None), count, rng)
    down = np.array([0.0, -0.8, 0.1]) + np.stack(
        [0.5 * np.sign(at[:, 0]) * (at[:, 1] > 6.70), 0 * at[:, 0], 0 * at[:, 0]], 1
    )
    along = 0.75 * normal + down + rng.normal(0, 0.25, at.shape)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    length = (0.02 + 0.11 * max(person.beard - 0.3, 0)) * rng.uniform(0.6, 1.1, (count, 1))
    course = np.linspace(0, 1, 3)[None, :, None] * (along * length)[:, None, :]
    return Strands(quad, weights, course, 0.0034)
