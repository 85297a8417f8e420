"""The head's surfaces as Mitsuba shapes: meshes, strands of hair, eyeballs."""

from __future__ import annotations

from typing import Any

import mitsuba as mi  # type: ignore[import-not-found,import-untyped,unused-ignore]
import numpy as np
from numpy.typing import NDArray

from .makehuman import Part, vertex_normals
from .persons import Person
from .skin import linear, smooth_noise

__all__ = ["eye", "eye_texture", "hair_bsdf", "mesh", "plain_bsdf", "ribbons", "rotation", "skin_bsdf"]

# Compiled variants are faster with a matching LLVM, the scalar one runs everywhere from the wheel alone.
mi.set_variant("scalar_rgb")
mi.set_log_level(mi.LogLevel.Error)

Floats = NDArray[np.float64]


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    around_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    around_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    around_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    turned: Floats = around_z @ around_x @ around_y
    return turned


def mesh(name: str, part: Part, vertices: Floats, bsdf: dict[str, Any], colours: Floats | None = None) -> Any:
    return _raw_mesh(name, vertices, vertex_normals(vertices, part.triangles), part.triangles, bsdf, colours)


def _raw_mesh(
    name: str,
    vertices: Floats,
    normals: Floats,
    faces: NDArray[np.int64],
    bsdf: dict[str, Any],
    colours: Floats | None = None,
) -> Any:
    properties = mi.Properties()
    properties["bsdf"] = mi.load_dict(bsdf)
    shape = mi.Mesh(name, len(vertices), len(faces), props=properties, has_vertex_normals=True)
    if colours is not None:
        shape.add_attribute("vertex_colour", 3, colours.astype(np.float32).ravel())
    state = mi.traverse(shape)
    state["vertex_positions"] = vertices.astype(np.float32).ravel()
    state["vertex_normals"] = normals.astype(np.float32).ravel()
    state["faces"] = faces.astype(np.uint32).ravel()
    state.update()
    shape.set_id(name)
    return shape


def ribbons(name: str, points: Floats, radius: float, bsdf: dict[str, Any], seed: int) -> Any:
    """Strands as flat ribbons that face about the camera: triangles are much faster to hit than curves."""
    count, steps, _ = points.shape
    rng = np.random.default_rng(seed)
    along = np.gradient(points, axis=1)
    along /= np.linalg.norm(along, axis=2, keepdims=True) + 1e-9
    facing = np.array([0.0, 0.0, 1.0]) + rng.normal(0, 0.35, (count, 1, 3))
    across = np.cross(along, facing)
    across /= np.linalg.norm(across, axis=2, keepdims=True) + 1e-9
    half = radius * np.linspace(1.0, 0.4, steps)[None, :, None] * across
    vertices = np.stack([points - half, points + half], axis=2).reshape(-1, 3)
    # Shaded like the round mass of hair they belong to, not like flat paper.
    outward = points - points.reshape(-1, 3).mean(axis=0)
    outward /= np.linalg.norm(outward, axis=2, keepdims=True) + 1e-9
    normals = outward - 0.8 * (outward * along).sum(axis=2, keepdims=True) * along + rng.normal(0, 0.2, (count, 1, 3))
    normals[..., 2] = np.maximum(normals[..., 2], 0.15)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True) + 1e-9
    first = (np.arange(count)[:, None] * steps + np.arange(steps - 1)).ravel() * 2
    faces = np.stack([first, first + 1, first + 3, first, first + 3, first + 2], axis=1).reshape(-1, 3)
    return _raw_mesh(name, vertices, np.repeat(normals.reshape(-1, 3), 2, axis=0), faces, bsdf)


def skin_bsdf() -> dict[str, Any]:
    return {"type": "principled", "base_color": {"type": "mesh_attribute", "name": "vertex_colour"},
            "roughness": 0.48, "specular": 0.42, "sheen": 0.12, "sheen_tint": 0.5}  # fmt: skip


def plain_bsdf(colour: tuple[float, ...], roughness: float) -> dict[str, Any]:
    return {"type": "principled", "base_color": {"type": "rgb", "value": [float(c) for c in colour]},
            "roughness": roughness, "specular": 0.5}  # fmt: skip


def hair_bsdf(person: Person, name: str) -> dict[str, Any]:
    colour = linear(person.hair) * (0.55 if name == "brows" else 0.9)
    return {"type": "twosided", "inner": {
        "type": "principled", "base_color": {"type": "rgb", "value": [float(c) for c in colour]},
        "roughness": 0.42, "specular": 0.35 if name == "hair" else 0.15,
    }}  # fmt: skip


def eye_texture(person: Person) -> NDArray[np.float32]:
    """Reflectance of the eyeball: rows from the front pole (pupil) to the back, columns around it."""
    rows, columns = 192, 128
    angle = (np.arange(rows) + 0.5)[:, None] / rows * np.pi
    around = (np.arange(columns) + 0.5)[None, :] / columns * 2 * np.pi
    unit = np.stack(np.broadcast_arrays(np.cos(around) * 9, np.sin(around) * 9, angle * 6), axis=-1)
    fibres = smooth_noise(unit.reshape(-1, 3) + person.seed % 50 + 20).reshape(rows, columns)
    iris = linear(person.iris)[None, None] * (0.5 + 1.1 * np.clip(angle / 0.46, 0, 1) * fibres)[..., None]
    iris = iris * np.clip((0.50 - angle) / 0.07, 0.2, 1)[..., None]
    white = (
        np.array([0.74, 0.70, 0.67])
        * (1 - 0.25 * np.clip((angle - 0.75) / 0.6, 0, 1))[..., None]
        * np.array([1, 0.93, 0.9])
    )
    blend = np.clip((0.49 - angle) / 0.05, 0, 1)[..., None]
    colour = white * (1 - blend) + iris * blend
    pupil = np.clip((0.20 - angle) / 0.03, 0, 1)[..., None]
    return np.asarray(colour * (1 - pupil) + 0.004 * pupil, dtype=np.float32)


def eye(
    texture: NDArray[np.float32], centre: Floats, radius: float, turn: Floats, gaze: tuple[float, float]
) -> dict[str, Any]:
    look = turn @ rotation(gaze[0], -gaze[1], 0.0)
    matrix = np.eye(4)
    matrix[:3, :3] = look * radius
    matrix[:3, 3] = centre
    return {"type": "sphere", "to_world": mi.ScalarTransform4f(matrix), "bsdf": {
        "type": "roughplastic", "alpha": 0.06, "int_ior": 1.376, "nonlinear": False,
        "diffuse_reflectance": {"type": "bitmap", "bitmap": mi.Bitmap(texture), "raw": True, "wrap_mode": "mirror"},
    }}  # fmt: skip
