"""One frame for all faces: which images have landmarks of their own, and how each is brought onto the mean face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.analysis import FaceRecords
from reportgen.faces.align import face_affines

__all__ = ["Frames", "face_frames"]


@dataclass(frozen=True)
class Frames:
    """How images are brought into the median face's frame.

    Attributes
    ----------
    affines
        (n, 2, 3) from fractions of the image to fractions of the frame; NaN for images that are left out because
        their points are the template's, which say nothing about where this face is.
    """

    affines: npt.NDArray[np.float64]

    @property
    def used(self) -> npt.NDArray[np.bool_]:
        """(n,) images that can be aligned."""
        return np.asarray(np.isfinite(self.affines).all(axis=(1, 2)))

    @property
    def left_out(self) -> int:
        """How many cannot."""
        return int((~self.used).sum())

    def reach(self, row: int, size: int) -> npt.NDArray[np.bool_]:
        """(size, size) pixels of the frame that image `row` covers."""
        square = np.vstack([self.affines[row], [0.0, 0.0, 1.0]])
        back = np.linalg.inv(square)[:2]
        centres = (np.arange(size) + 0.5) / size
        x = back[0, 0] * centres[None, :] + back[0, 1] * centres[:, None] + back[0, 2]
        y = back[1, 0] * centres[None, :] + back[1, 1] * centres[:, None] + back[1, 2]
        return np.asarray((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1))


def face_frames(faces: FaceRecords | None) -> Frames | None:
    """The frames of all images; None where no image has landmarks of its own."""
    if faces is None:
        return None
    frames = Frames(face_affines(faces.points, faces.source))
    return frames if frames.used.any() else None
