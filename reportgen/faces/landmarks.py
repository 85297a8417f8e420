"""Where the face is: 478 points and 52 facial-action coefficients per image.

Google's MediaPipe Face Landmarker, run with `ai-edge-litert`: BlazeFace finds the face, the mesh places the
points and is run again on a square cut by its own points, a third network reads the facial actions. Face
crops are often so tight that the detector finds nothing: then the mesh looks at the whole crop; and where
that fails too, the points are those of the median face, marked as approximate.

Sources: Bazarevsky et al. 2019 (BlazeFace), Kartynnik et al. 2019 (mesh), Grishchenko et al. 2022
(Blendshapes V2).
"""

from __future__ import annotations

import io
import math
import threading
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.errors import DataError
from reportgen.faces.interpreter import Network, data_file
from reportgen.faces.warp import Square, cut

__all__ = ["ACTIONS", "POINTS", "SOURCES", "Landmarker", "Landmarks", "Source", "template"]

POINTS = 478

ACTIONS = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight",
    "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""Names of the facial-action coefficients in the network's order; left and right are the person's own."""

Source = Literal["detector", "whole", "template", "given"]
SOURCES: tuple[Source, ...] = ("detector", "whole", "template", "given")

# The points that the facial-action network was trained on (MediaPipe's face_blendshapes_graph).
_ACTION_POINTS = np.array([
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67, 70,
    78, 80, 81,
    82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152,
    153, 154,
    155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249,
    251, 263,
    267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317,
    318, 321,
    323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385,
    386, 387,
    388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476,
    477,
])  # fmt: skip

_OUTER_EYE_CORNERS = (33, 263)
_DETECTOR_SIZE = 128
_MESH_SIZE = 256
_PADDING = 0.25  # of the longer side, on every side: BlazeFace misses faces that fill the picture
_MARGIN = 1.5  # side of the mesh's square in sides of the box around its points
_DETECTOR_MARGIN = 1.6  # the detector's box is about 7 % smaller than the box around the points
_DETECTION_AT_LEAST = 0.5
_SAME_FACE_IOU = 0.3
_PRESENCE_AT_LEAST = 0.5
_NO_FACE_BELOW = 0.05  # a square with so little of a face leads a second look astray
_PRESENCE_MAY_DROP = 0.1  # a second look is kept unless it is clearly worse
# A second look costs as much as all the rest. It moves the points by 1 % of the distance between the eyes,
# whether or not the first square was well placed within these limits: no more than a third look still does.
_SHIFT, _ZOOM, _ROLL = 0.06, 0.12, 0.1  # sides of the square, natural logarithm of the ratio, radians


@dataclass(frozen=True, eq=False)
class Landmarks:
    """The points of one face.

    Attributes
    ----------
    points
        (478, 2) float32, x and y as fractions of the image's width and height; a point outside the image
        leaves 0..1.
    presence
        How sure the mesh is that it sees a face, 0..1; for a template, the best score of the failed tries; 1
        if given.
    source
        "detector", "whole" (mesh on the whole crop), "template" (the median face: approximate) or "given"
        (the user's).
    actions
        (52,) float32 0..1 in the order of `ACTIONS`; None for a template.
    """

    points: npt.NDArray[np.float32]
    presence: float
    source: Source
    actions: npt.NDArray[np.float32] | None


class Landmarker:
    """Finds the points of the one face in an image.

    Parameters
    ----------
    threads
        Threads of one call. Give every worker thread a Landmarker of its own with one thread each: an
        interpreter cannot serve two callers at once, so calls on one Landmarker wait for each other.

    Raises
    ------
    BuildError
        The networks cannot be loaded.
    """

    def __init__(self, threads: int = 1) -> None:
        self._detector = Network("face_detector.tflite", threads)
        self._mesh = Network("face_landmarks_detector.tflite", threads)
        self._blendshapes = Network("face_blendshapes.tflite", threads)
        self._busy = threading.Lock()

    def locate(self, rgb: npt.NDArray[np.uint8]) -> Landmarks:
        """Find the face.

        Parameters
        ----------
        rgb
            (H, W, 3) uint8, or (H, W) where all three are equal.

        Returns
        -------
        Landmarks
            Always: the template where no face is found.

        Raises
        ------
        DataError
            The array is no image.
        """
        _check_image(rgb)
        with self._busy:
            return self._locate(rgb)

    def actions(self, points: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
        """(52,) facial-action coefficients of (478, 2) points, fractions of an image's width and height."""
        with self._busy:
            return self._actions(points, width, height)

    def _locate(self, rgb: npt.NDArray[np.uint8]) -> Landmarks:
        height, width = rgb.shape[:2]
        image = Image.fromarray(np.ascontiguousarray(rgb))
        square = self._detect(image)
        best = 0.0
        # A detection that the mesh does not confirm was no face: the whole crop gets its chance as well.
        for source in ("detector", "whole"):
            if source == "whole":
                square = Square(width / 2, height / 2, max(width, height) * (1 + _PADDING))
            if square is None:
                continue
            pixels, presence = self._place(image, square, looks=2 if source == "detector" else 3)
            best = max(best, presence)
            if presence >= _PRESENCE_AT_LEAST:
                points = (pixels / (width, height)).astype(np.float32)
                return Landmarks(points, presence, source, self._actions(points, width, height))
        return template(height, width, presence=best)

    def _detect(self, image: Image.Image) -> Square | None:
        """The square to show to the mesh, or None where no face is detected."""
        width, height = image.size
        whole = Square(width / 2, height / 2, max(width, height) * (1 + 2 * _PADDING))
        pixels = cut(image, whole, _DETECTOR_SIZE)
        boxes, logits = self._detector(_as_input(pixels, 127.5, -1.0))
        scores = _sigmoid(logits[0, :, 0])
        found = scores >= _DETECTION_AT_LEAST
        if not found.any():
            return None
        face = _merge(_decode(boxes[0][found], _anchors()[found]), scores[found])
        matrix = whole.matrix(_DETECTOR_SIZE)
        (x, y), right_eye, left_eye = (face[[0, 1, 4, 5, 6, 7]].reshape(3, 2) * _DETECTOR_SIZE) @ matrix[
            :, :2
        ].T + matrix[:, 2]
        side = float(face[2:4].max()) * whole.side * _DETECTOR_MARGIN
        return Square(float(x), float(y), side, _angle(right_eye, left_eye))

    def _place(self, image: Image.Image, square: Square, looks: int) -> tuple[npt.NDArray[np.float64], float]:
        """Points in pixels, and presence; looks again around the points until the square stands still."""
        points, presence = self._look(image, square)
        for _ in range(looks - 1):
            better = _around(points)
            if presence < _NO_FACE_BELOW or _alike(square, better):
                break
            again, sure = self._look(image, better)
            if sure < presence - _PRESENCE_MAY_DROP:
                break
            square, points, presence = better, again, sure
        return points, presence

    def _look(self, image: Image.Image, square: Square) -> tuple[npt.NDArray[np.float64], float]:
        pixels = cut(image, square, _MESH_SIZE)
        flat, logit, _ = self._mesh(_as_input(pixels, 255.0, 0.0))
        points = flat.reshape(POINTS, 3)[:, :2].astype(np.float64)
        matrix = square.matrix(_MESH_SIZE)
        return points @ matrix[:, :2].T + matrix[:, 2], float(_sigmoid(logit.ravel())[0])

    def _actions(self, points: npt.NDArray[np.float32], width: int, height: int) -> npt.NDArray[np.float32]:
        pixels = points[_ACTION_POINTS] * np.array([width, height], np.float32)
        return self._blendshapes(pixels[None].astype(np.float32))[0].reshape(len(ACTIONS))


def template(height: int, width: int, presence: float = 0.0) -> Landmarks:
    """The median face of tight face crops, for an image of this size in which no face was found.

    48 x 48 pixels are the format of FER2013, whose crops are tighter: they get that set's own median.
    """
    name = "canonical478_fer2013.npy" if (height, width) == (48, 48) else "canonical478_mux.npy"
    return Landmarks(median_points(name).copy(), presence, "template", None)


@cache
def median_points(name: str) -> npt.NDArray[np.float32]:
    """(478, 2) float32, read-only: one of the shipped median faces by its file name."""
    points = np.load(io.BytesIO(data_file(name)), allow_pickle=False).astype(np.float32)
    points.setflags(write=False)
    return np.asarray(points)


def _check_image(rgb: npt.NDArray[np.uint8]) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim not in (2, 3) or rgb.shape[2:] not in ((), (3,)) or 0 in rgb.shape:
        raise DataError(
            f"landmarks: found an array of {rgb.dtype} {rgb.shape}, expected uint8 (height, width, 3) or (height, "
            "width); decode the image first"
        )


def _as_input(pixels: npt.NDArray[np.uint8], divisor: float, offset: float) -> npt.NDArray[np.float32]:
    """(1, size, size, 3) float32 from a grey or RGB cut-out."""
    values = pixels.astype(np.float32)
    values *= np.float32(1 / divisor)
    values += np.float32(offset)
    if values.ndim == 2:
        values = np.repeat(values[:, :, None], 3, axis=2)
    return values[None]


def _sigmoid(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    clipped = np.clip(logits.astype(np.float64), -100, 100)
    return np.asarray(1 / (1 + np.exp(-clipped)))


@cache
def _anchors() -> npt.NDArray[np.float64]:
    """(896, 2) fractions: centres of BlazeFace's anchors, 2 in a cell of 16 x 16, then 6 in one of 8 x 8."""
    grids = []
    for cells, repeats in ((16, 2), (8, 6)):
        centre = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(centre, centre, indexing="ij")
        grids.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    return np.concatenate(grids)


def _decode(boxes: npt.NDArray[np.float32], anchors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(k, 16) as fractions of the detector's input: centre x, y, width, height, six key points."""
    values = boxes.astype(np.float64) / _DETECTOR_SIZE
    values[:, :2] += anchors
    values[:, 4:] += np.tile(anchors, 6)
    return values


def _merge(faces: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(16,) the surest face, averaged by score with what overlaps it (weighted non-maximum suppression)."""
    low, high = faces[:, :2] - faces[:, 2:4] / 2, faces[:, :2] + faces[:, 2:4] / 2
    surest = int(scores.argmax())
    overlap = np.clip(np.minimum(high, high[surest]) - np.maximum(low, low[surest]), 0, None).prod(axis=1)
    areas = (high - low).prod(axis=1)
    iou = overlap / np.maximum(areas + areas[surest] - overlap, 1e-12)
    # The surest face belongs to the average even if its box has no area.
    same = iou > _SAME_FACE_IOU
    same[surest] = True
    return np.asarray(np.average(faces[same], axis=0, weights=scores[same]))


def _angle(right_eye: npt.NDArray[np.float64], left_eye: npt.NDArray[np.float64]) -> float:
    """Roll of the line through the eyes, in radians; 0 when the face is upright."""
    dx, dy = left_eye - right_eye
    return math.atan2(float(dy), float(dx))


def _around(points: npt.NDArray[np.float64]) -> Square:
    """The square that the mesh expects around points in pixels."""
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = (low + high) / 2
    right, left = _OUTER_EYE_CORNERS
    return Square(float(x), float(y), float((high - low).max()) * _MARGIN, _angle(points[right], points[left]))


def _alike(a: Square, b: Square) -> bool:
    """Whether two squares show the mesh the same picture, within what it is indifferent to."""
    roll = math.remainder(a.rotation - b.rotation, math.tau)
    shift = math.hypot(a.x - b.x, a.y - b.y) / b.side if b.side > 0 else 0.0
    zoom = math.log(a.side / b.side) if b.side > 0 else 0.0
    return shift <= _SHIFT and abs(zoom) <= _ZOOM and abs(roll) <= _ROLL
