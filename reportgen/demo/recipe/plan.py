"""What the test set shows: who, with which expression, seen how. Needs no renderer."""

from __future__ import annotations

import numpy as np

from .expressions import EMOTIONS, face_units
from .persons import Person, make_person
from .shots import Shot, draw_shot

__all__ = ["PERSONS", "PER_EMOTION", "SEED", "TAUGHT", "plan"]

SEED = 21
TAUGHT = "sadness"
PERSONS, PER_EMOTION = 20, 2


def plan(index: int) -> tuple[Person, list[tuple[str, float, dict[str, float], Shot, int]]]:
    """Person `index` of the test set and what is rendered of them: emotion, intensity, face units, shot, seed."""
    rng = np.random.default_rng([SEED, index])
    person = make_person(f"p{index:02d}", index, SEED)
    images = []
    for emotion in EMOTIONS:
        for _ in range(PER_EMOTION):
            intensity = round(float(rng.uniform(0.62, 1.15)), 3)
            shot, units = draw_shot(rng), face_units(emotion, intensity, rng)
            images.append((emotion, intensity, units, shot, int(rng.integers(2**31))))
    return person, images
