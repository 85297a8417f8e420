"""Errors of the head's angles against the demo's cameras, in degrees: `python tests/benchmarks/bench_head_pose.py`.

Every photo of the demo was rendered with a known turn, nod and tilt of the head. The mean face that ships is made from
the same photos (`--write`), so it is also made from half of the persons and measured on the other half, twenty times.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from reportgen.faces import head_pose
from reportgen.faces.landmarks import POINTS, Landmarker
from reportgen.faces.warp import cut

DEMO = Path(head_pose.__file__).parents[1] / "demo" / "data"
_SIZE = 256  # pixels that the mesh sees


class _Deep(Landmarker):
    """Keeps the depth of the last look, in pixels of the picture."""

    def _look(self, image, square):
        flat, logit, _ = self._mesh((cut(image, square, _SIZE).astype(np.float32) / 255)[None])
        points = flat.reshape(POINTS, 3).astype(np.float64)
        matrix = square.matrix(_SIZE)
        self.depth = points[:, 2] * np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        return points[:, :2] @ matrix[:, :2].T + matrix[:, 2], float(1 / (1 + np.exp(-logit.ravel()[0])))


def photos() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, 478, 3) points in pixels, y up and z towards the camera; (n, 3) true angles; (n,) persons."""
    landmarker, points, angles, persons = _Deep(), [], [], []
    for entry in json.loads((DEMO / "truth.json").read_text(encoding="utf-8"))["images"]:
        rgb = np.asarray(Image.open(DEMO / entry["image"]).convert("RGB"))
        found, shot = landmarker.locate(rgb), entry["shot"]
        if found.source != "template":
            places = found.points * (rgb.shape[1], rgb.shape[0]) * (1, -1)
            points.append(np.column_stack([places, -landmarker.depth]))
            angles.append(np.degrees([shot["yaw"], shot["pitch"], -shot["roll"]]))
            persons.append(entry["person"])
    return np.array(points), np.array(angles), np.array(persons)


def mean_of(points: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(478, 3) the mean of faces turned to the front, of equal size, made symmetric."""
    front = np.stack([face @ head_pose.rotation_of(*angle) for face, angle in zip(points, angles, strict=True)])
    front -= front.mean(axis=1, keepdims=True)
    mean = front[0] / front[0].std()
    for _ in range(5):
        scale = (front * mean).sum(axis=(1, 2)) / (front**2).sum(axis=(1, 2))
        mean = (front * scale[:, None, None]).mean(axis=0)
        mean /= mean.std()
    mirrored = mean * (-1, 1, 1)
    twin = ((mean[:, None] - mirrored[None]) ** 2).sum(axis=2).argmin(axis=1)
    return (mean + mirrored[twin]) / 2


def errors(points: np.ndarray, angles: np.ndarray, face: np.ndarray) -> np.ndarray:
    """(n, 3) measured less true angles, degrees."""
    head_pose.mean_face.cache_clear()
    kept, head_pose.mean_face = head_pose.mean_face, lambda: face
    try:
        return head_pose.head_angles(points[:, :, :2] * (1, -1), np.ones(len(points)), np.ones(len(points))) - angles
    finally:
        head_pose.mean_face = kept


def show(title: str, found: np.ndarray) -> None:
    for k, name in enumerate(("turn", "nod", "tilt")):
        size = np.abs(found[:, k])
        print(
            f"{title:28} {name:5} mean {found[:, k].mean():+5.2f}  sd {found[:, k].std():5.2f}  "
            f"mean absolute {size.mean():5.2f}  95 % within {np.quantile(size, 0.95):5.2f} degrees"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="where to write the mean face")
    options = parser.parse_args()
    points, angles, persons = photos()
    if options.write is not None:
        np.save(options.write, mean_of(points, angles).astype(np.float32))
    names, rng, found = np.unique(persons), np.random.default_rng(0), []
    for _ in range(20):
        learnt = np.isin(persons, rng.permutation(names)[: len(names) // 2])
        found.append(errors(points[~learnt], angles[~learnt], mean_of(points[learnt], angles[learnt])))
    show("persons not in the mean face", np.concatenate(found))
    show("the mean face that ships", errors(points, angles, head_pose.mean_face()))


if __name__ == "__main__":
    main()
