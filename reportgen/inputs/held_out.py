"""Photos of the training splits that are at hand: what a repair is fitted on, apart from those that judge it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from reportgen.inputs.images.locate import Locator
from reportgen.inputs.listing import PROBLEM_COLUMNS
from reportgen.inputs.testset import TestSet

__all__ = ["HELD_OUT", "held_out_marks", "held_out_photos"]

HELD_OUT = {"default": 60, "full": 200}
"""Photos of each class at most, by budget of experiments."""
_TRIED = 1000  # rows of which no file is there: then the photos are elsewhere


def held_out_photos(test_set: TestSet, most: int, seed: int) -> TestSet | None:
    """Labelled photos of the training splits, as a test set of their own; None where none is at hand.

    Those of validation splits come first: a model has not learnt from them, and its last features of photos that it
    has learnt from are better than those of new ones (Kirichenko et al. 2023 fit on held-out photos for this reason).
    Neither a test image nor a photo of a person of the test set is among them.

    Parameters
    ----------
    most
        Photos of each class at most.
    seed
        Of the draw; the same seed draws the same photos.
    """
    if not test_set.training or not test_set.lies_in_files:
        return None
    locator = Locator(test_set.roots)
    tested, files = set(test_set.frame["path"]), set(test_set.frame["file"])
    persons = set(test_set.frame["person"].dropna())
    rows: list[tuple[str, str, object, int, object]] = []
    counts, missing = dict.fromkeys(test_set.classes, 0), 0
    for path, written, person, emotion in _drawn(test_set, seed):
        if min(counts.values()) >= most or (not rows and missing >= _TRIED):
            break
        if emotion not in counts or counts[emotion] >= most or path in tested or person in persons:
            continue
        file = locator.find(written) if written else None
        missing += file is None
        if file is None or str(file) in files:
            continue
        files.add(str(file))
        counts[emotion] += 1
        rows.append((path, str(file), emotion, test_set.classes.index(emotion), person))
    if not rows:
        return None
    frame = pd.DataFrame(rows, columns=["path", "file", "emotion", "label", "person"])
    frame = frame.astype({"path": object, "file": object, "emotion": object, "person": object})
    frame = frame.sort_values("path", kind="stable", ignore_index=True)
    problems = pd.DataFrame([], columns=list(PROBLEM_COLUMNS), dtype=object)
    return TestSet(frame, test_set.classes, problems, f"{len(frame):,} photos of the training splits")


def held_out_marks(test_set: TestSet, budget: str, seed: int) -> list[str]:
    """What tells one draw of these photos from another: path, size and time of change of each.

    Parameters
    ----------
    budget
        Of experiments; none is drawn for one that is not in `HELD_OUT`.
    """
    photos = held_out_photos(test_set, HELD_OUT[budget], seed) if budget in HELD_OUT else None
    if photos is None:
        return []
    facts = [(path, Path(file).stat()) for path, file in zip(photos.frame["path"], photos.frame["file"], strict=True)]
    return [f"{path} {fact.st_size} {fact.st_mtime_ns}" for path, fact in facts]


def _drawn(test_set: TestSet, seed: int) -> Iterator[tuple[str, str, object, object]]:
    """Path as shown, path as written, person and emotion of each row: validation first, each split in random order."""
    rng = np.random.default_rng([seed, 0x48])
    for _, split in sorted(test_set.training.items(), key=lambda one: ("val" not in one[0].casefold(), one[0])):
        columns = [split[name].to_numpy(dtype=object) for name in ("path", "written", "person", "emotion")]
        for row in rng.permutation(len(split)).tolist():
            path, written, person, emotion = (column[row] for column in columns)
            yield path, written, person if isinstance(person, str) else None, emotion
