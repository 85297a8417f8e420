"""Faces with the outlines of their regions, or with the angles of the head, to look at.

`python -m reportgen.commands.face_sheet FOLDER`, with `--angles` for three axes at the tip of the nose: red to the
person's left, green to the top of the head, and blue where the nose points.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from reportgen.analysis import read_analysis
from reportgen.errors import DataError, OutputError, ReportError
from reportgen.faces.head_pose import head_angles, rotation_of
from reportgen.faces.landmarks import Landmarker, Landmarks
from reportgen.faces.regions import INNER, outlines

__all__ = ["draw", "draw_angles", "main", "sheet"]

_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
_COLOURS = {
    "face": (255, 255, 255),
    "cheeks+jaw": (190, 150, 255),
    "forehead": (90, 170, 255),
    "nose": (255, 150, 60),
    "mouth": (255, 70, 130),
    "eyes+brows": (255, 220, 40),
}

_AXES = ((255, 80, 80), (90, 230, 90), (90, 140, 255))
_AXIS = 0.7  # length, in sides of a tile
_NOSE_TIP = 4


def draw(rgb: npt.NDArray[np.uint8], face: Landmarks, size: int) -> Image.Image:
    """One tile: the image squeezed to a square, with the outlines and the source of the points."""
    # Drawn at twice the size and reduced, since Pillow's lines are not smooth.
    tile = Image.fromarray(rgb).resize((2 * size, 2 * size), Image.Resampling.BILINEAR)
    pen = ImageDraw.Draw(tile)
    shapes = outlines(face.points)
    for region in (*INNER, "face"):
        for polygon in shapes[region]:
            corners = [(float(x) * 2 * size, float(y) * 2 * size) for x, y in polygon]
            pen.line([*corners, corners[0]], fill=_COLOURS[region], width=3)
    tile = tile.resize((size, size), Image.Resampling.BILINEAR)
    ImageDraw.Draw(tile).text((3, 2), f"{face.source} {face.presence:.2f}", fill=(0, 255, 120))
    return tile


def draw_angles(rgb: npt.NDArray[np.uint8], face: Landmarks, size: int) -> Image.Image:
    """One tile: the image with three axes that turn with the head, and its turn, nod and tilt in degrees."""
    height, width = rgb.shape[:2]
    scale = 2 * size / max(width, height)
    tile = Image.new("RGB", (2 * size, 2 * size))
    tile.paste(Image.fromarray(rgb).resize((round(width * scale), round(height * scale))))
    ((turn, nod, tilt),) = head_angles(face.points[None], [width], [height])
    pen, nose = ImageDraw.Draw(tile), face.points[_NOSE_TIP] * (width * scale, height * scale)
    for axis, colour in zip(rotation_of(turn, nod, tilt).T, _AXES, strict=True):
        pen.line([*nose, *(nose + _AXIS * size * axis[:2] * (1, -1))], fill=colour, width=5)
    tile = tile.resize((size, size), Image.Resampling.BILINEAR)
    text = f"turn {turn:+.0f} nod {nod:+.0f} tilt {tilt:+.0f}"
    ImageDraw.Draw(tile).text((3, 2), text, fill=(0, 255, 120), stroke_width=1, stroke_fill=(0, 0, 0))
    return tile


def sheet(paths: Sequence[Path], columns: int = 8, size: int = 200, *, angles: bool = False) -> Image.Image:
    """Tiles of all images, row by row: with outlines of the regions, or with the head's angles.

    Raises
    ------
    DataError
        An image cannot be read.
    """
    landmarker = Landmarker()
    rows = -(-len(paths) // columns)
    page = Image.new("RGB", (columns * size, rows * size))
    for index, path in enumerate(paths):
        try:
            with Image.open(path) as image:
                rgb = np.asarray(image.convert("RGB"))
        except (OSError, Image.DecompressionBombError) as error:
            raise DataError(f"{path}: not a readable image ({error}); take it out of the folder") from None
        tile = (draw_angles if angles else draw)(rgb, landmarker.locate(rgb), size)
        page.paste(tile, (index % columns * size, index // columns * size))
    return page


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m reportgen.commands.face_sheet", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of images, or a finished analysis")
    parser.add_argument("--n", type=_at_least_one, default=40, help="how many images, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other images")
    parser.add_argument("--angles", action="store_true", help="the head's turn, nod and tilt instead of regions")
    parser.add_argument("--out", type=Path, default=Path("sheet.png"), help="a PNG file")
    options = parser.parse_args(arguments)
    try:
        paths = _paths(options.folder)
        chosen = np.random.default_rng(options.seed).permutation(len(paths))[: options.n]
        page = sheet([paths[index] for index in sorted(chosen)], angles=options.angles)
        try:
            page.save(options.out, "PNG")
        except OSError as error:
            raise OutputError(f"{options.out}: cannot be written ({error.strerror}); choose another --out") from None
    except ReportError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"found {number}, expected at least 1")
    return number


def _paths(folder: Path) -> list[Path]:
    """The images of an analysis or below a folder, sorted."""
    if (folder / "manifest.json").is_file():
        analysis = read_analysis(folder)
        root = Path(analysis.manifest["data"].get("image_root") or ".")
        paths = [root / path for path in analysis.images["path"]]
    else:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PICTURES)
    if not paths:
        raise DataError(f"{folder}: found no images, expected a folder of images or a finished analysis")
    return paths


if __name__ == "__main__":
    sys.exit(main())
