"""A report that may be published: no pixel of a photo, no name of a file or a person.

The report is changed before anything is drawn or written, so whatever the site makes of it, now or in later versions,
cannot reveal them: pictures come from `load_image`, names from the analysis.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis, AnalysisPredictions, FaceRecords
from reportgen.evidence.shortcuts.findings import ShortcutFindings
from reportgen.faces.align import canonical_points
from reportgen.inputs.images.quality import QUALITY_COLUMNS
from reportgen.site.pictures.landmark_sketch import landmark_sketch
from reportgen.site.pictures.overlays import fit_within
from reportgen.site.report import DataNote, Report

__all__ = ["Privacy", "mosaic", "protect", "tile_size"]

Images = TypeVar("Images", bound=AnalysisPredictions)
Privacy = Literal["none", "blur", "outline"]
Pixels = npt.NDArray[np.uint8]

_NOTES = {
    "blur": "Every picture is a mosaic of tiles an eighth of a face wide; file names, persons and your own columns are "
    "left out, but for groups that --groups names. A mosaic hides a face from a reader, not from somebody who has the "
    "photo to compare it with.",
    "outline": "Every face is drawn from its landmarks, without a pixel of the photo; file names, persons and your own "
    "columns are left out, but for groups that --groups names.",
}
_WITHHELD = "name withheld"
_ORIGINS = ("camera", "software", "year taken", "month taken", "day taken")
# Columns of a photo that say nothing about who is in it. A perceptual hash finds the photo again, so it goes.
_KEPT = (
    "row",
    "image_id",
    "path",
    "emotion",
    "label",
    "person",
    "sha256",
    "width",
    "height",
    "notes",
    "format",
    "jpeg_quality",
    *(name for name in QUALITY_COLUMNS if name != "perceptual_hash"),
)
_FILE = re.compile(
    r"[^\s\"'<>|,;:()=]+\.(?:jpe?g|png|webp|bmp|gif|tiff?|avif|heic|ppm|pgm|pkl|pickle|csv|tsv|parquet|jsonl?|ndjson|"
    r"npy|npz|pth?|ckpt|bin|safetensors|toml|zip)\b",
    re.IGNORECASE,
)
_OUTLINE_SIDE = 288
# Tiles across a face, and at most across the picture where the landmarks may be wrong about the face.
_ACROSS_FACE = 8
_ACROSS_PICTURE = 16


def protect(report: Report, privacy: Privacy) -> Report:
    """The same report without pictures and names of people.

    Parameters
    ----------
    privacy
        "blur" shows mosaics, "outline" faces drawn from their landmarks; "none" changes nothing.
    """
    if privacy == "none":
        return report
    analysis = report.analysis
    names = _Names(report.everything)
    kept = {field.name: getattr(report, field.name) for field in fields(report)}
    changed = {
        name: names.cover(value)
        for name, value in kept.items()
        if name not in ("analysis", "predictions", "load_image", "data_notes")
    }
    if report.groups is not None:
        changed["groups"] = names.cover(report.groups.without_own_columns())
    notes = tuple(DataNote(note.title, names.hide(note.text), (), note.serious) for note in report.data_notes)
    if report.shortcuts is not None:
        changed["shortcuts"] = _without_origins(changed["shortcuts"])
    changed["command"] = names.hide(report.command) if report.command else report.command
    return replace(
        report,
        **{
            **changed,
            "analysis": _without_names(analysis, names),
            "predictions": None if report.predictions is None else _without_names(report.predictions, names),
            "load_image": _covered(report.load_image, analysis, privacy),
            "data_notes": (DataNote("Faces are hidden", _NOTES[privacy]), *notes),
            "privacy": privacy,
        },
    )


def _without_origins(shortcuts: ShortcutFindings) -> ShortcutFindings:
    """That photos come from one camera or day may be told, but not which."""
    causes = tuple(
        replace(cause, source=replace(cause.source, values=(_WITHHELD,)))
        if cause.source is not None and cause.source.trait in _ORIGINS
        else cause
        for cause in shortcuts.causes
    )
    return replace(shortcuts, causes=causes)


def _covered(load: Callable[[int], Pixels], analysis: Analysis, privacy: Privacy) -> Callable[[int], Pixels]:
    faces = analysis.faces
    if privacy == "blur":

        def blurred(row: int) -> Pixels:
            pixels = load(row)
            points = None if faces is None or faces.source[row] == "template" else faces.points[row]
            return mosaic(pixels, tile_size(pixels.shape[0], pixels.shape[1], points))

        return blurred
    heights, widths = (analysis.images[side].to_numpy(dtype=np.int64) for side in ("height", "width"))

    def drawn(row: int) -> Pixels:
        points = faces.points[row] if faces is not None else canonical_points()
        return landmark_sketch(points, *fit_within(int(heights[row]), int(widths[row]), _OUTLINE_SIDE))

    return drawn


def tile_size(height: int, width: int, points: npt.NDArray[np.floating] | None) -> int:
    """Side of a square tile in pixels: an eighth of the face's width, and a sixteenth of the picture at least.

    Parameters
    ----------
    points
        (478, 2) fractions of width and height; None where the face is not known, and may fill the picture.
    """
    face = float(width)
    if points is not None:
        x = np.clip(np.asarray(points)[:, 0], 0.0, 1.0)
        face = float(x.max() - x.min()) * width
    return max(1, math.ceil(face / _ACROSS_FACE), math.ceil(max(height, width) / _ACROSS_PICTURE))


def mosaic(pixels: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """Every tile in its mean colour, rounded; what comes out depends on nothing but those means.

    Parameters
    ----------
    pixels
        (H, W, 3).
    side
        Of a tile, pixels; those at the right and lower edge may be smaller.

    Returns
    -------
    (H, W, 3) uint8
    """
    height, width = pixels.shape[:2]
    rows, columns = np.arange(0, height, side), np.arange(0, width, side)
    sums = np.add.reduceat(np.add.reduceat(pixels.astype(np.int64), rows, axis=0), columns, axis=1)
    tall, wide = np.diff([*rows, height]), np.diff([*columns, width])
    means = np.rint(sums / (tall[:, None] * wide[None, :])[..., None]).astype(np.uint8)
    return np.repeat(np.repeat(means, tall, axis=0), wide, axis=1)


def _without_names(analysis: Images, names: _Names) -> Images:
    images = analysis.images
    ids = [names.ids[old] for old in images["image_id"]]
    persons = images["person"]
    hidden = images[[column for column in images.columns if column in _KEPT]].assign(
        image_id=ids,
        path=[f"image {new}" for new in ids],
        # The hash of a file finds that file again.
        sha256=ids,
        person=pd.array([f"person {names.persons[p]}" if pd.notna(p) else None for p in persons], dtype="string"),
    )
    problems = analysis.problems.assign(
        path=[f"file {place + 1}" for place in range(len(analysis.problems))],
        message=[names.hide(str(message)) for message in analysis.problems["message"]],
    )
    manifest = {
        **analysis.manifest,
        "data": {"source": f"test set ({_WITHHELD})"},
        "notes": [names.hide(str(note)) for note in analysis.manifest.get("notes", [])],
    }
    models = tuple(
        replace(
            model,
            info={
                **model.info,
                "file": f"a checkpoint ({_WITHHELD})",
                "notes": [names.hide(str(note)) for note in model.info.get("notes", ())],
            },
        )
        for model in analysis.models
    )
    return replace(analysis, manifest=manifest, images=hidden, problems=problems, models=models)


class _Names:
    """Every name that may not be shown, and what replaces it."""

    def __init__(self, analysis: AnalysisPredictions) -> None:
        images = analysis.images
        # Names of models and emotions are the report's own words, even where one looks like a file's.
        self._own = {*analysis.classes, *(model.name for model in analysis.models)}
        known = images["person"][images["person"].notna()]
        self.persons = {person: place + 1 for place, person in enumerate(dict.fromkeys(known))}
        digits = max(5, len(str(len(images))))
        rows = images["row"].tolist() if "row" in images else range(len(images))
        self.ids = {old: f"{row:0{digits}d}" for old, row in zip(images["image_id"], rows, strict=True)}
        self._swap = dict(self.ids)
        for path, old in zip(images["path"], images["image_id"], strict=True):
            for name in (path, re.split(r"[\\/]", path)[-1]):
                self._swap[name] = f"image {self.ids[old]}"
        listed = {part for path in analysis.problems["path"] for part in (str(path), re.split(r"[\\/]", str(path))[-1])}
        # Longest first, so that no name is cut by another that is part of it.
        self._names = sorted((listed | set(self._swap)) - set(self.ids) - {""}, key=lambda name: (-len(name), name))

    def hide(self, text: str) -> str:
        """The text without any known name and without anything that looks like a file name."""
        for name in self._names:
            if name in text:
                text = text.replace(name, f"({_WITHHELD})")
        return _FILE.sub(f"({_WITHHELD})", text)

    def cover(self, value: Any) -> Any:
        """Any record, list or table with ids and names replaced; returned as it is where it holds none."""
        if isinstance(value, str):
            if value in self._own:
                return value
            # Most strings are words of the report: only those that seem to name a file are searched for names.
            return self._swap.get(value) or (self.hide(value) if _FILE.search(value) else value)
        if isinstance(value, pd.DataFrame):
            return self._cover_table(value)
        if isinstance(value, Mapping):
            return {self.cover(key): self.cover(entry) for key, entry in value.items()}
        if type(value) in (list, tuple, set, frozenset):
            return type(value)(self.cover(entry) for entry in value)
        if is_dataclass(value) and not isinstance(value, type | FaceRecords | AnalysisPredictions):
            found = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
            covered = {name: self.cover(entry) for name, entry in found.items()}
            changed = {name: entry for name, entry in covered.items() if entry is not found[name]}
            return replace(value, **changed) if changed else value
        return value

    def _cover_table(self, table: pd.DataFrame) -> pd.DataFrame:
        text = [column for column in table.columns if not pd.api.types.is_numeric_dtype(table[column])]
        return table.assign(**{column: [self.cover(entry) for entry in table[column]] for column in text})
