"""The seam: `output/analysis/`, the per-image records on disk between the models and everything that judges them.

    analysis/
      manifest.json             what was analysed: classes, models, settings, versions, content hashes; written last
      images/part-*.parquet     one row per readable test image
      problems.parquet          what was left out, and why
      landmarks/part-*.parquet  where the face is, one row per readable image
      models/<slug>/part-*.parquet   logits, raw maps, region masks on the model's grid and probes, likewise
      conclusions.bin           what was concluded from it, for a build that only shows it in another way

The name of a part carries the hash of everything it was computed from, so a part that exists is right: a killed run
resumes at the first missing part, and nothing is computed twice for the same inputs. This module needs no torch.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.cell_grid import CellGrid
from reportgen.errors import BuildError
from reportgen.shards import RECORD_KEY, PartStore

__all__ = [
    "SCHEMA_VERSION",
    "SURROUNDINGS_COLUMNS",
    "VOTES",
    "Analysis",
    "AnalysisPredictions",
    "FaceRecords",
    "ModelPredictions",
    "ModelRecords",
    "content_hash",
    "read_analysis",
    "read_manifest",
    "read_predictions",
    "read_records",
    "rows_with_maps",
    "slugify",
    "unique_slugs",
]

SCHEMA_VERSION = 4

VOTES = "votes "
"""How the columns of the images begin that hold people's votes for a label."""

SURROUNDINGS_COLUMNS = ("background_luminance", "background_colourfulness", "background_detail", "face_detail")
"""Beside the landmarks: measures of `reportgen.faces.surroundings`."""


@dataclass(frozen=True)
class ModelPredictions:
    """One model's predictions for every image.

    Attributes
    ----------
    name, slug
        As the user called it; and a form that is safe in file names and links.
    info
        The model's entry in the manifest (architecture, file, sha256, target layer, grid, where its
        cells see, completeness, notes).
    logits
        (n, C) float32.
    """

    name: str
    slug: str
    info: dict[str, Any]
    logits: npt.NDArray[np.float32]

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """(n, C) softmax of the logits, 0..1, rows sum to 1."""
        from scipy.special import softmax  # takes longer to load than a manifest to read

        return np.asarray(softmax(self.logits.astype(np.float64), axis=1))

    @cached_property
    def predicted(self) -> npt.NDArray[np.int64]:
        """(n,) index of the class with the largest logit."""
        return np.asarray(self.logits.argmax(axis=1), dtype=np.int64)

    @cached_property
    def confidence(self) -> npt.NDArray[np.float64]:
        """(n,) probability of the predicted class, 0..1."""
        return np.asarray(self.probabilities.max(axis=1))


@dataclass(frozen=True)
class ModelRecords(ModelPredictions):
    """One model's predictions for every image, with its heatmaps and what they are compared with.

    Attributes
    ----------
    maps
        (n, C, h, w) float32: the raw, signed map of every class: a class-activation map at the target layer's
        resolution, or what the log-odds lose where a place is hidden. Zero everywhere for an image without a map.
    masks
        (n, R, h, w) float32, 0..1: the share of each cell that lies in each region; None without regions.
    null_mass, null_share
        (n, P) and (n, P, R): positive mass of P maps with scrambled channel weights, and the share of it in each
        region.
    peak_changed, control_changed
        (n,) whether the prediction changes without the peak cell, and without others (0..1); NaN where not run.
    features
        (n, F) float32, kept in half precision: what the model's last linear layer makes the logits of; None where it
        ends otherwise, and in an analysis of an older version.
    """

    maps: npt.NDArray[np.float32]
    masks: npt.NDArray[np.float32] | None = None
    null_mass: npt.NDArray[np.float32] | None = None
    null_share: npt.NDArray[np.float32] | None = None
    peak_changed: npt.NDArray[np.float32] | None = None
    control_changed: npt.NDArray[np.float32] | None = None
    features: npt.NDArray[np.float32] | None = None

    @cached_property
    def grid(self) -> CellGrid:
        """Where the maps' cells see."""
        height, width = self.maps.shape[-2:]
        return CellGrid.from_record(height, width, self.info.get("cell_centres"))


@dataclass(frozen=True)
class FaceRecords:
    """Where the face is in every image.

    Attributes
    ----------
    points
        (n, 478, 2) float32, x and y as fractions of the image's width and height.
    presence
        (n,) 0..1.
    source, regions_from
        (n,) "detector", "whole", "template" or "given"; regions also "mask".
    actions
        (n, 52) float32 facial-action coefficients, NaN where unknown.
    contrast, eye_light, cheek_light, cheek_balance
        (n,) float32, see `reportgen.faces.light`; NaN where unknown, None where an older version did not measure them.
    surroundings
        By measure of `reportgen.faces.surroundings`, (n,) float32; NaN where no face was found. Empty in records of
        older versions.
    """

    points: npt.NDArray[np.float32]
    presence: npt.NDArray[np.float32]
    source: tuple[str, ...]
    regions_from: tuple[str, ...]
    actions: npt.NDArray[np.float32]
    contrast: npt.NDArray[np.float32] | None = None
    eye_light: npt.NDArray[np.float32] | None = None
    cheek_light: npt.NDArray[np.float32] | None = None
    cheek_balance: npt.NDArray[np.float32] | None = None
    surroundings: Mapping[str, npt.NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class AnalysisPredictions:
    """All images of a finished analysis with all predictions: what fits into memory for millions of images.

    Attributes
    ----------
    images
        n rows in the order of the test set: `row` (position in it), `image_id` (unique, hash of the content), `path`
        (as in the test set), `emotion` and `label` (index into `classes`; None and -1 where unlabelled), `person` (or
        None), `sha256`, `width`, `height`, `notes` (what decoding had to do, e.g. "grey"), `format`, `jpeg_quality`
        (1..100, NaN for other formats), `camera`, `software`, `taken` and `jpeg_tables` (None where the file does not
        say; analyses of older versions lack them), `sharpness`, `noise`, `blockiness`, `luminance`, `contrast`,
        `colourfulness`, `red_green`, `yellow_blue`, `perceptual_hash` (see `reportgen.inputs.images.quality`), and the
        user's columns.
    problems
        What was left out: `path`, `emotion`, `kind`, `message`.
    models
        In the user's order.
    """

    folder: Path
    manifest: dict[str, Any]
    images: pd.DataFrame
    problems: pd.DataFrame
    models: tuple[ModelPredictions, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Emotions in the order of the models' outputs."""
        return tuple(self.manifest["classes"])

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """(n,) index of the labelled emotion, -1 where unlabelled."""
        return self.images["label"].to_numpy(dtype=np.int64)


@dataclass(frozen=True)
class Analysis(AnalysisPredictions):
    """An analysis, or a sample of its images, with everything that was recorded.

    Attributes
    ----------
    models
        In the user's order.
    faces
        None where the user wants no regions.
    """

    models: tuple[ModelRecords, ...]
    faces: FaceRecords | None = None


def read_analysis(folder: Path) -> Analysis:
    """Read a finished analysis with all its records: about 16 KB of memory per image and model.

    Raises
    ------
    BuildError
        The folder holds none, or one of another schema version, or a part is gone.
    """
    return read_records(read_predictions(folder))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a finished analysis.

    Raises
    ------
    BuildError
        The folder holds none, or one of another schema version.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BuildError(f"{path}: no finished analysis here ({error}); run 'reportgen build' first") from None
    if not isinstance(manifest, dict) or manifest.get("schema") != SCHEMA_VERSION:
        raise BuildError(f"{path}: schema of another version, expected {SCHEMA_VERSION}; build again with this version")
    return manifest


def read_predictions(folder: Path) -> AnalysisPredictions:
    """Read a finished analysis without maps, masks and landmarks.

    Raises
    ------
    BuildError
        As for `read_analysis`.
    """
    manifest = read_manifest(folder)
    images = PartStore(folder / "images").read(manifest["parts"]).to_pandas()
    readable = images["problem"].isna().to_numpy(dtype=bool)
    images.insert(0, "row", np.arange(len(images)))
    images = images[readable].drop(columns=["problem", RECORD_KEY]).reset_index(drop=True)
    problems = pd.read_parquet(folder / "problems.parquet")
    models = []
    for info in manifest["models"]:
        logits = _store(folder, info).rows(info["parts"], ["logits"])["logits"]
        if len(logits) != len(images):
            raise BuildError(f"{folder}: {info['name']} has {len(logits)} rows for {len(images)} images; build again")
        models.append(ModelPredictions(info["name"], info["slug"], info, logits))
    return AnalysisPredictions(folder, manifest, images, problems, tuple(models))


def rows_with_maps(predictions: AnalysisPredictions) -> npt.NDArray[np.int64]:
    """Ascending positions of the images of which every model has a map: maps may be too dear to be made of all.

    Raises
    ------
    BuildError
        A part is gone or cannot be read.
    """
    there = np.ones(len(predictions.images), dtype=bool)
    for model in predictions.models:
        if not model.info.get("maps_of_all", True):
            there &= _store(predictions.folder, model.info).rows(model.info["parts"], ["mapped"])["mapped"]
    return np.flatnonzero(there)


def read_records(predictions: AnalysisPredictions, rows: npt.NDArray[np.int64] | None = None) -> Analysis:
    """Read the large records: maps, masks, landmarks.

    Parameters
    ----------
    rows
        Ascending positions in `predictions.images`; None for all of them.

    Raises
    ------
    BuildError
        A part is gone or cannot be read.
    """
    folder, manifest = predictions.folder, predictions.manifest
    images = predictions.images if rows is None else predictions.images.iloc[rows].reset_index(drop=True)
    models = tuple(_read_model(folder, model, rows) for model in predictions.models)
    faces = _read_faces(folder, manifest.get("landmark_parts", []), rows)
    return Analysis(folder, manifest, images, predictions.problems, models, faces)


def _store(folder: Path, info: dict[str, Any]) -> PartStore:
    return PartStore(folder / "models" / info["slug"])


def _read_faces(folder: Path, parts: Sequence[str], rows: npt.NDArray[np.int64] | None) -> FaceRecords | None:
    if not parts:
        return None
    store = PartStore(folder / "landmarks")
    names = ["points", "presence", "source", "regions_from", "actions"]
    measured = ("face_contrast", "eye_light", "cheek_light", "cheek_balance")
    light = [name for name in measured if store.has_column(parts, name)]
    around = [name for name in SURROUNDINGS_COLUMNS if store.has_column(parts, name)]
    found = store.rows(parts, [*names, *light, *around], rows)
    return FaceRecords(
        points=found["points"].reshape(len(found["points"]), found["points"].shape[1] // 2, 2),
        presence=found["presence"],
        source=tuple(found["source"].tolist()),
        regions_from=tuple(found["regions_from"].tolist()),
        actions=found["actions"],
        contrast=found.get("face_contrast"),
        eye_light=found.get("eye_light"),
        cheek_light=found.get("cheek_light"),
        cheek_balance=found.get("cheek_balance"),
        surroundings={name: found[name] for name in around},
    )


def _read_model(folder: Path, predictions: ModelPredictions, rows: npt.NDArray[np.int64] | None) -> ModelRecords:
    info, logits = predictions.info, predictions.logits if rows is None else predictions.logits[rows]
    names = ["maps", *(["features"] if info.get("features") else [])]
    if info["regions"]:
        names += ["masks", "peak_changed", "control_changed"]
        names += ["null_mass", "null_share"] if info.get("random_heads", True) else []
    found = _store(folder, info).rows(info["parts"], names, rows)
    n, grid = len(logits), info["grid"]
    found["maps"] = found["maps"].reshape(n, logits.shape[1], *grid)
    if info["regions"]:
        found["masks"] = found["masks"].reshape(n, found["masks"].shape[1] // (grid[0] * grid[1]), *grid)
        if "null_mass" in found:
            shape = found["null_mass"].shape
            found["null_share"] = found["null_share"].reshape(*shape, found["null_share"].shape[1] // shape[1])
    return ModelRecords(predictions.name, predictions.slug, info, logits, **found)


def content_hash(*parts: str | bytes) -> str:
    """SHA-256 over the parts, each preceded by its length so that no two lists collide; 64 hex digits."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def slugify(name: str) -> str:
    """A name as lower-case ASCII letters, digits and hyphens, for file names and links; "x" if nothing is left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "x"


def unique_slugs(names: Iterable[str]) -> tuple[str, ...]:
    """A slug for each name, numbered from 2 where two names have the same."""
    slugs: dict[str, None] = {}  # in their order
    for name in names:
        slug, number = slugify(name), 2
        while slug in slugs:
            slug, number = f"{slugify(name)}-{number}", number + 1
        slugs[slug] = None
    return tuple(slugs)
