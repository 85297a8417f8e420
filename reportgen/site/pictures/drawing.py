"""One pass over the images draws every picture, thumbnail and map cell of the site, decoding each image once.

Work is split into sheets and shared among threads (decoding, scaling and encoding release the interpreter lock). The
result does not depend on their number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from reportgen.analysis import Analysis, content_hash
from reportgen.faces.align import canonical_points, mean_shape, warp_to_canonical
from reportgen.site.pictures.examples import ImagePictures, PictureStyle, Save, draw_image
from reportgen.site.pictures.landmark_sketch import landmark_sketch
from reportgen.site.pictures.mean_maps import Frames, face_frames
from reportgen.site.pictures.overlays import resize
from reportgen.site.pictures.sprites import CELLS, COLUMNS, FINEST, THUMB, SheetView, map_sheet, thumb_sheet

__all__ = ["Drawn", "SheetFile", "draw_everything", "explorer_order", "thumb_position"]

_FRAME = 112
_LINES = 192
# What no image of an emotion covers once the faces are aligned.
_UNCOVERED = 34


@dataclass(frozen=True)
class SheetFile:
    """One sheet on disk, and where in it one thumbnail or map is."""

    path: str
    width: int
    height: int
    view: SheetView


@dataclass(frozen=True)
class Drawn:
    """All pictures of a site, as drawn.

    Attributes
    ----------
    order
        (n,) rows of the analysis in the order of the explorer.
    place
        (n,) position of each row in `order`; position // CELLS is its sheet.
    thumbs
        One sheet per hundred images.
    maps
        Per model, one sheet per hundred images.
    pictures
        Of the mined rows.
    mean_faces
        Per label, the mean of its aligned faces, or with no landmarks at all the plain mean of its thumbnails; labels
        without such images are missing.
    frames
        How the images were aligned; None where they were not.
    """

    order: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    thumbs: tuple[SheetFile, ...]
    maps: tuple[tuple[SheetFile, ...], ...]
    pictures: dict[int, ImagePictures]
    mean_faces: dict[int, npt.NDArray[np.uint8]]
    frames: Frames | None = None


def explorer_order(analysis: Analysis) -> npt.NDArray[np.int64]:
    """(n,) rows by label (unlabelled last), then by the first model's prediction, then by image id.

    Neighbours in this order are looked at together, so a filtered view needs few sheets.
    """
    labels = analysis.labels
    keys: list[npt.NDArray[np.generic]] = [analysis.images["image_id"].to_numpy(dtype=str)]
    if analysis.models:
        keys.append(analysis.models[0].predicted)
    keys.append(np.where(labels < 0, len(analysis.classes), labels))
    return np.asarray(np.lexsort(keys), dtype=np.int64)


@dataclass(frozen=True)
class _Chunk:
    thumbs: SheetFile
    maps: tuple[SheetFile, ...]
    pictures: dict[int, ImagePictures]


class _MeanFaces:
    """Sums of faces per label. Whole numbers, so the order in which threads add makes no difference."""

    def __init__(self, analysis: Analysis, as_lines: bool) -> None:
        self.frames = face_frames(analysis.faces)
        # The mean of few faces, or of one person's many, is a face again, and so is the mean of many mosaics of it.
        self._as_lines = as_lines
        self._faces, self._labels = analysis.faces, analysis.labels
        size = THUMB if self.frames is None else _FRAME
        self._sums = np.zeros((len(analysis.classes), size, size, 3), dtype=np.int64)
        self._counts = np.zeros((len(analysis.classes), size, size), dtype=np.int64)
        self._lock = Lock()

    def add(self, row: int, pixels: npt.NDArray[np.uint8], thumb: npt.NDArray[np.uint8]) -> None:
        """Add one image, where it has a label and can be aligned."""
        label = int(self._labels[row])
        if label < 0 or self._as_lines:
            return
        if self.frames is None or self._faces is None:
            face, reach = thumb, np.ones(thumb.shape[:2], dtype=bool)
        elif self.frames.used[row]:
            face = warp_to_canonical(pixels, self._faces.points[row], _FRAME)
            reach = self.frames.reach(row, _FRAME)
        else:
            return
        covered = np.where(reach[..., None], face, 0)
        with self._lock:
            self._sums[label] += covered
            self._counts[label] += reach

    def means(self) -> dict[int, npt.NDArray[np.uint8]]:
        """Mean face of every label that has one."""
        if self._as_lines:
            return {label: self._lines(label) for label in sorted(set(self._labels[self._labels >= 0].tolist()))}
        found = {}
        for label, (total, count) in enumerate(zip(self._sums, self._counts, strict=True)):
            if count.any():
                mean = np.rint(total / np.maximum(count, 1)[..., None])
                found[label] = np.where(count[..., None] > 0, mean, _UNCOVERED).astype(np.uint8)
        return found

    def _lines(self, label: int) -> npt.NDArray[np.uint8]:
        points: npt.NDArray[np.floating] = canonical_points()
        if self.frames is not None and self._faces is not None:
            rows = np.flatnonzero((self._labels == label) & self.frames.used)
            points = mean_shape(self._faces.points[rows]) if len(rows) else points
        return landmark_sketch(points, _LINES, _LINES)


def draw_everything(
    analysis: Analysis,
    load_image: Callable[[int], npt.NDArray[np.uint8]],
    mined: Iterable[int],
    style: PictureStyle,
    known: Mapping[str, bytes],
    save: Save,
    advance: Callable[[int], None],
    workers: int | None = None,
    *,
    faces_as_lines: bool = False,
    thumb_quality: int = 68,
    finest: int = FINEST,
) -> Drawn:
    """Draw the whole site's pictures.

    Parameters
    ----------
    load_image
        Decoded original of one row, (H, W, 3).
    mined
        Rows that get pictures of their own.
    known
        Pictures of the last site, by path.
    save
        Called from several threads with the path from the site's root and the content.
    advance
        Called with the number of images done since the last call.
    faces_as_lines
        Draw mean faces from landmarks instead of pixels.
    thumb_quality
        WebP quality of thumbnails, 0..100.
    finest
        Cells along the longer side of a map in a sheet.
    """
    order = explorer_order(analysis)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    wanted = frozenset(mined)
    labels = analysis.labels
    ids = analysis.images["image_id"].tolist()
    hashes = analysis.images["sha256"].tolist()

    faces = _MeanFaces(analysis, faces_as_lines)

    def draw(start: int) -> _Chunk:
        rows = order[start : start + CELLS]
        thumbs, pictures = [], {}
        for row in rows.tolist():
            pixels = load_image(row)
            thumb = resize(pixels, THUMB, THUMB)
            thumbs.append(thumb)
            faces.add(row, pixels, thumb)
            if row in wanted:
                pictures[row] = draw_image(
                    row, ids[row], hashes[row], int(labels[row]), pixels, analysis.models, style, known, save
                )
        content, width, height = thumb_sheet(thumbs, thumb_quality)
        number = start // CELLS + 1
        path = f"sheets/images-{number:03d}-{content_hash(content)[:10]}.webp"
        save(path, content)
        maps = []
        for model in analysis.models:
            sheet = map_sheet(model.maps[rows], model.grid, style.map_name, finest)
            map_path = f"sheets/{model.slug}-{number:03d}-{content_hash(sheet.content)[:10]}.png"
            save(map_path, sheet.content)
            maps.append(SheetFile(map_path, sheet.width, sheet.height, sheet.view))
        advance(len(rows))
        return _Chunk(SheetFile(path, width, height, SheetView.of_squares(THUMB)), tuple(maps), pictures)

    with ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        chunks = list(pool.map(draw, range(0, len(order), CELLS)))
    return Drawn(
        order=order,
        place=place,
        thumbs=tuple(chunk.thumbs for chunk in chunks),
        maps=tuple(tuple(chunk.maps[index] for chunk in chunks) for index in range(len(analysis.models))),
        pictures={row: made for chunk in chunks for row, made in chunk.pictures.items()},
        mean_faces=faces.means(),
        frames=faces.frames,
    )


def thumb_position(index: int, sheet: SheetFile) -> tuple[int, int]:
    """(x, y) of the cell at place `index` of the explorer's order inside its sheet."""
    columns = min(COLUMNS, sheet.width // THUMB)
    cell = index % CELLS
    return cell % columns * THUMB, cell // columns * THUMB
