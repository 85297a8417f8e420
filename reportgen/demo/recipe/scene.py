"""Render one head with Mitsuba: linear RGBA and the region of every pixel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mitsuba as mi  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np
from numpy.typing import NDArray

from .hair import Strands, beard_strands, brow_strands, grow_scalp_hair, strand_points
from .makehuman import BaseHead
from .persons import Person
from .shots import Shot
from .skin import linear, region_of_quads, skin_colours
from .surfaces import eye, eye_texture, hair_bsdf, mesh, plain_bsdf, ribbons, rotation, skin_bsdf

__all__ = ["Bust", "render"]

Floats = NDArray[np.float64]


class Bust:
    """A person's neutral head with hair, ready to be posed."""

    def __init__(self, head: BaseHead, person: Person, fineness: float = 1.0) -> None:
        self.head, self.person = head, person
        self.base = head.deformed(person.shape)
        neutral = head.skin.refine @ self.base
        self.colours = skin_colours(head, person)
        self.regions = region_of_quads(head, person)
        self.strands: dict[str, Strands] = {
            "hair": grow_scalp_hair(head, person, neutral, fineness),
            "brows": brow_strands(head, person, neutral),
        }
        beard = beard_strands(head, person, neutral)
        if beard is not None:
            self.strands["beard"] = beard
        self.iris = eye_texture(person)


def render(
    bust: Bust,
    units: dict[str, float],
    shots: Sequence[Shot],
    size: int,
    samples: int,
    seed: int,
    map_size: int | None = None,
) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """Render one expression, seen by a camera per shot; the light is the first shot's.

    Building the scene costs about as much as looking at it, so that a second view is cheap.

    Returns
    -------
    rgba
        (size, size, 4) linear, premultiplied, without background; empty when `samples` is 0.
    regions
        (map_size, map_size) index into `REGIONS`, exact: read from the surface that the pixel's centre sees;
        `map_size` is `size` unless given.
    """
    head, person = bust.head, bust.person
    base = head.deformed(units, bust.base)
    shot, pivot = shots[0], np.array([0.0, 6.95, 0.30])
    turn = rotation(shot.yaw, shot.pitch, shot.roll)

    def place(points: Floats) -> Floats:
        placed: Floats = (points - pivot) @ turn.T + pivot
        return placed

    eye_centres = [bust.base[index].mean(axis=0) for index in head.eyeballs]
    between = place(np.mean(eye_centres, axis=0))
    mouth = (head.teeth.refine @ bust.base).mean(axis=0)
    eye_line = np.mean(eye_centres, axis=0)
    cameras = {}
    for k, view in enumerate(shots):
        turned = rotation(view.yaw, view.pitch, view.roll)
        target = (eye_line - pivot) @ turned.T + pivot
        orbit = np.eye(4)
        orbit[:3, :3] = turn @ turned.T
        orbit[:3, 3] = pivot - orbit[:3, :3] @ pivot
        cameras[f"camera{k}"] = _camera(target, view.frame * (eye_line[1] - mouth[1]), view, size, orbit)
    shapes: dict[str, Any] = {}
    skin = head.skin.refine @ base
    shapes["skin"] = mesh("skin", head.skin, place(skin), skin_bsdf(), bust.colours)
    teeth = place(head.teeth.refine @ base)
    shapes["teeth"] = mesh("teeth", head.teeth, teeth, plain_bsdf((0.80, 0.77, 0.70), 0.3))
    shapes["tongue"] = mesh(
        "tongue", head.tongue, place(head.tongue.refine @ base), plain_bsdf((0.45, 0.13, 0.12), 0.35)
    )
    if person.lashes > 0.6:
        lash = {"type": "twosided", "inner": plain_bsdf(tuple(0.3 * linear(person.hair)), 0.6)}
        shapes["lashes"] = mesh("lashes", head.lashes, place(head.lashes.refine @ base), lash)
    for name, strands in bust.strands.items():
        points = place(strand_points(strands, head, skin).reshape(-1, 3)).reshape(*strands.course.shape)
        shapes[name] = ribbons(name, points, strands.radius, hair_bsdf(person, name), seed)
    for side, (index, centre) in enumerate(zip(head.eyeballs, eye_centres, strict=True)):
        radius = 1.03 * float(np.ptp(bust.base[index][:, 0]) / 2)
        shapes[f"eye{side}"] = eye(bust.iris, place(centre), radius, turn, shot.gaze)
    scene = mi.load_dict({
        "type": "scene",
        "integrator": {"type": "aov", "aovs": "albedo:albedo,normal:sh_normal",
                       "image": {"type": "direct", "hide_emitters": True}},
        **cameras,
        **_lights(between, shot),
        **shapes,
    })  # fmt: skip
    names = [str(shape.id()) for shape in scene.shapes()]
    views = []
    for k in range(len(shots)):
        if not samples:
            views.append(
                (np.zeros((0, 0, 4), np.float32), _regions(_identify(scene, k, map_size or size), names, bust))
            )
            continue
        layers = np.array(mi.render(scene, sensor=k, spp=samples, seed=seed + k), dtype=np.float32)  # (size, size, 10)
        ids = _identify(scene, k, size)
        rgba = _denoised(layers, ids[..., 0] == names.index("skin"))
        if map_size is not None and map_size != size:
            ids = _identify(scene, k, map_size)
        views.append((rgba, _regions(ids, names, bust)))
    return views


def _denoised(layers: NDArray[np.float32], skin: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Smooth the light on the skin, not the skin's own pattern: a joint bilateral filter of colour / albedo."""
    rgba, albedo, normal = layers[..., :4].copy(), layers[..., 4:7], layers[..., 7:10]
    light = rgba[..., :3] / (albedo + 0.02)
    reach = 3
    pad = ((reach, reach), (reach, reach), (0, 0))
    guide = np.pad(np.concatenate([light, normal, skin[..., None]], axis=2), pad).astype(np.float32)
    total = np.zeros((*skin.shape, 4), dtype=np.float32)
    size = len(skin)
    for dy in range(2 * reach + 1):
        for dx in range(2 * reach + 1):
            other = guide[dy : dy + size, dx : dx + size]
            bend = ((normal - other[..., 3:6]) ** 2).sum(axis=2)
            apart = (dx - reach) ** 2 + (dy - reach) ** 2
            weight = np.exp(-apart / 4.5 - bend / 0.03) * other[..., 6]
            total[..., :3] += weight[..., None] * other[..., :3]
            total[..., 3] += weight
    smooth = total[..., :3] / np.maximum(total[..., 3:], 1e-6) * (albedo + 0.02)
    rgba[..., :3] = np.where(skin[..., None], smooth, rgba[..., :3])
    return rgba


def _identify(scene: Any, camera: int, size: int) -> NDArray[np.int64]:
    """(size, size, 2) shape and primitive that the ray through each pixel's centre hits; -1 for none."""
    sensor = scene.sensors()[camera]
    shapes = {str(shape.id()): k for k, shape in enumerate(scene.shapes())}
    out = np.full((size, size, 2), -1)
    for row in range(size):
        for column in range(size):
            ray, _ = sensor.sample_ray(0.0, 0.5, [(column + 0.5) / size, (row + 0.5) / size], [0.5, 0.5])
            hit = scene.ray_intersect_preliminary(ray)
            if hit.is_valid():
                out[row, column] = shapes[str(hit.shape.id())], hit.prim_index
    return out


def _regions(ids: NDArray[np.int64], names: list[str], bust: Bust) -> NDArray[np.uint8]:
    out = np.zeros(ids.shape[:2], dtype=np.uint8)
    fixed = {"lashes": 2, "eye0": 2, "eye1": 2, "teeth": 4, "tongue": 4}
    for k, name in enumerate(names):
        seen = ids[..., 0] == k
        if name == "skin":
            out[seen] = bust.regions[ids[seen, 1] // 2]
        elif name in bust.strands:  # hair hides the face, brows and beard are part of it
            strands = bust.strands[name]
            strand = ids[seen, 1] // (2 * (strands.course.shape[1] - 1))
            out[seen] = bust.regions[strands.quad[strand]] if name == "beard" else 2 * (name == "brows")
        else:
            out[seen] = fixed.get(name, 0)
    return out


def _camera(target: Floats, height: float, shot: Shot, size: int, orbit: Floats) -> dict[str, Any]:
    # The face sits a little above the middle, as photographers place it.
    aim = target + height * np.array([-shot.shift[0], -0.09 - shot.shift[1], 0.0])
    origin = aim + np.array([0.0, 0.0, shot.distance])
    angle = 2 * np.degrees(np.arctan(height / 2 / (shot.distance)))
    stand = mi.ScalarTransform4f().look_at(list(origin), list(aim), [0, 1, 0])
    return {"type": "perspective", "fov": float(angle), "fov_axis": "y",
            "to_world": mi.ScalarTransform4f(orbit) @ stand,
            "film": {"type": "hdrfilm", "width": size, "height": size, "pixel_format": "rgba",
                     "rfilter": {"type": "gaussian", "stddev": 0.45}},
            "sampler": {"type": "multijitter"}}  # fmt: skip


def _lights(target: Floats, shot: Shot) -> dict[str, Any]:
    key = np.array(shot.key) / np.linalg.norm(shot.key)
    tint = np.array([1 + 0.12 * shot.warmth, 1.0, 1 - 0.16 * shot.warmth])

    def panel(direction: Floats, distance: float, scale: float, colour: Floats) -> dict[str, Any]:
        place = (
            mi.ScalarTransform4f()
            .look_at(list(target + direction * distance), list(target), [0.02, 1, 0.01])
            .scale(scale)
        )
        # Irradiance is kept equal for every size of the lamp.
        radiance = colour * distance**2 / (4 * scale**2)
        lamp = {"type": "area", "radiance": {"type": "rgb", "value": [float(c) for c in radiance]}}
        return {"type": "rectangle", "to_world": place, "emitter": lamp}

    lights: dict[str, Any] = {
        "around": {
            "type": "constant",
            "radiance": {"type": "rgb", "value": [float(c) for c in shot.fill * np.array([0.94, 0.98, 1.06])]},
        },
        "key": panel(key, 14.0, shot.key_size, shot.key_strength * tint),
    }
    if shot.rim > 0.05:
        behind = np.array([-np.sign(key[0]) * 0.8, 0.45, -0.55])
        lights["rim"] = panel(behind / np.linalg.norm(behind), 12.0, 2.0, shot.rim * np.array([1.0, 0.98, 0.95]))
    return lights
