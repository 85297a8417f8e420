"""Constructed faces and maps: regions painted on a fine raster, maps drawn in a region or anywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.faces.regions import REGIONS
from reportgen.types import Float32Array, FloatArray, IntArray

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def paint_masks(n: int, seed: int, grid: int, cover: float = 0.66) -> Float32Array:
    """(n, R, grid, grid) masks of upright faces that fill about `cover` of their crops, each a little elsewhere."""
    rng = np.random.default_rng(seed)
    fine, scale = 8, np.sqrt(cover / (np.pi * 0.4 * 0.5))
    centres = (np.arange(grid * fine) + 0.5) / (grid * fine)
    y, x = np.meshgrid(centres, centres, indexing="ij")
    masks = np.empty((n, len(REGIONS), grid, grid), dtype=np.float32)
    for i in range(n):
        u = (x - 0.5 - rng.normal(0, 0.01)) / scale
        v = (y - 0.5 - rng.normal(0, 0.01)) / scale
        face = (u / 0.4) ** 2 + (v / 0.5) ** 2 < 1
        label = np.full(x.shape, REGIONS.index("background"))
        label[face] = REGIONS.index("cheeks+jaw")
        label[face & (v < -0.22)] = REGIONS.index("forehead")
        label[face & (v >= -0.22) & (v < -0.06)] = REGIONS.index("eyes+brows")
        label[face & (np.abs(u) < 0.1) & (v >= -0.06) & (v < 0.13)] = REGIONS.index("nose")
        label[face & (np.abs(u) < 0.2) & (v >= 0.13) & (v < 0.29)] = REGIONS.index("mouth")
        for r in range(1, len(REGIONS)):
            masks[i, r] = (label == r).reshape(grid, fine, grid, fine).mean(axis=(1, 3))
        masks[i, 0] = 1 - masks[i, -1]
    return masks


def draw_maps(rng: np.random.Generator, shape: tuple[int, int, int], kind: str) -> FloatArray:
    """(n, C, grid, grid) maps that know nothing of faces, from mildly to extremely skewed."""
    n, classes, grid = shape
    if kind == "gamma":
        return rng.gamma(0.3, 1.0, (n, classes, grid, grid))
    if kind == "one cell":
        cells = rng.integers(0, grid * grid, (n, classes, 1))
        maps = np.full((n, classes, grid * grid), -1.0)
        np.put_along_axis(maps, cells, 1.0, axis=2)
        return maps.reshape(n, classes, grid, grid)
    position = np.arange(grid)
    middle = rng.uniform(0, grid, (2, n, classes, 1, 1))
    away = [np.abs(p - m) for p, m in zip((position[:, None], position), middle, strict=True)]
    dy, dx = (np.minimum(d, grid - d) for d in away)
    return np.asarray(np.exp(-(dx**2 + dy**2) / (2 * 1.2**2)))


def as_cases(labels: IntArray, persons: list[str] | None = None) -> Cases:
    names = None if persons is None else np.asarray(persons, dtype=object)
    return Cases(EMOTIONS, labels, tuple(f"image{i}" for i in range(len(labels))), names)


def as_model(maps: FloatArray, masks: Float32Array, labels: IntArray) -> ModelMaps:
    """A model that is always right and always 80 % sure."""
    probabilities = np.eye(len(EMOTIONS))[labels] * 0.8 + 0.2 / len(EMOTIONS)
    return ModelMaps("Net", "net", maps, masks, probabilities)


@pytest.fixture(scope="session")
def face_masks() -> Callable[..., Float32Array]:
    return paint_masks


@pytest.fixture(scope="session")
def random_maps() -> Callable[..., FloatArray]:
    return draw_maps


@pytest.fixture(scope="session")
def make_cases() -> Callable[..., Cases]:
    return as_cases


@pytest.fixture(scope="session")
def make_model() -> Callable[..., ModelMaps]:
    return as_model
