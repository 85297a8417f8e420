"""A face sketched with lines through its landmarks: shows the expression without a pixel of the photo."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

__all__ = ["landmark_sketch"]

# Contours of the 478-point mesh; the closed ones return to their first point.
_CLOSED: tuple[tuple[int, ...], ...] = (
    # oval
    (10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
     136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
    # eyes, of the person's right and left
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
    # lips, outer and inner
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
    (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
    # brows
    (46, 53, 52, 65, 55, 107, 66, 105, 63, 70),
    (276, 283, 282, 295, 285, 336, 296, 334, 293, 300),
    # irises
    (469, 470, 471, 472),
    (474, 475, 476, 477),
)  # fmt: skip
_OPEN: tuple[tuple[int, ...], ...] = (
    (168, 6, 197, 195, 5, 4),  # ridge of the nose
    (129, 64, 98, 97, 2, 326, 327, 294, 358),  # its wings
)
# Heat has to show on the ground and on the lines: both are neither black nor white.
_GROUND = (74, 74, 74)
_LINE = (214, 214, 214)
# Pillow's lines are not smooth: drawn larger and reduced.
_OVERSAMPLING = 3
_STROKE = 1 / 110


def landmark_sketch(points: npt.NDArray[np.floating], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Draw one face.

    Parameters
    ----------
    points
        (478, 2) landmarks, x and y as fractions of width and height.

    Returns
    -------
    (height, width, 3) uint8
    """
    size = (width * _OVERSAMPLING, height * _OVERSAMPLING)
    picture = Image.new("RGB", size, _GROUND)
    pen = ImageDraw.Draw(picture)
    stroke = max(1, round(min(size) * _STROKE))
    corners = [(float(x) * size[0], float(y) * size[1]) for x, y in points]
    for contour in _CLOSED:
        line = [corners[index] for index in (*contour, contour[0])]
        pen.line(line, fill=_LINE, width=stroke, joint="curve")
    for contour in _OPEN:
        pen.line([corners[index] for index in contour], fill=_LINE, width=stroke, joint="curve")
    return np.asarray(picture.resize((width, height), Image.Resampling.BOX))
