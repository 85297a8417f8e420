"""A user's own regions: label images beside the photos."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
from PIL import Image

from reportgen.errors import DataError

__all__ = ["mask_file", "read_mask"]

_MAX_PIXELS = 64_000_000


def mask_file(folder: Path, image_path: str) -> Path:
    """Where the label image of an image is looked for: the same stem, ending in .png."""
    return folder / f"{PurePosixPath(image_path.replace(chr(92), '/')).stem}.png"


def read_mask(file: Path) -> npt.NDArray[np.integer] | None:
    """The integers of a label image (height, width); None where there is no such file.

    Raises
    ------
    DataError
        The file is no readable single-channel PNG.
    """
    if not file.is_file():
        return None
    try:
        with Image.open(file, formats=("PNG",)) as image:
            if image.width * image.height > _MAX_PIXELS or image.mode not in ("L", "P", "I", "I;16", "1"):
                raise DataError(
                    f"{file.name}: found mode {image.mode}, {image.width} x {image.height}; expected a PNG of integer "
                    "labels in one channel"
                )
            return np.asarray(image).astype(np.int64)
    except DataError:
        raise
    except Exception as error:  # damaged files make decoders raise nearly anything
        raise DataError(f"{file.name}: cannot be read as a label image ({error}); save it again as PNG") from None
