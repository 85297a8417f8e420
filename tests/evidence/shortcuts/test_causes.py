"""What a property goes with, on constructed sets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reportgen.evidence.shortcuts.causes import Cause, PhotoSource, SourceTrait, find_cause
from reportgen.evidence.shortcuts.properties import Property

CLASSES = ("disgust", "joy")
N = 60


def cause(coloured: np.ndarray | None = None, sign: int = 1, **columns: object) -> Cause:
    """The first twenty of sixty photos are in colour, all of disgust but one, unless said otherwise."""
    has = np.arange(N) < 20 if coloured is None else coloured
    usual: dict[str, object] = {
        "path": [f"{row:03d}.jpg" for row in range(N)],
        "person": [None] * N,
        "sha256": [f"{row:064x}" for row in range(N)],
        "width": [48] * N,
        "height": [48] * N,
        "format": ["JPEG"] * N,
        "jpeg_quality": [75.0] * N,
    }
    item = Property("colour", "in colour", "grey", True, has.astype(float))
    labels = np.where(np.arange(N) < 19, 0, 1)
    return find_cause(item, sign, pd.DataFrame(usual | columns), labels, CLASSES)


def test_counts_and_words_of_both_kinds_of_photo() -> None:
    found = cause()
    assert (found.having, found.lacking, found.n_having, found.n_lacking) == ("in colour", "grey", 20, 40)
    assert found.emotions == (("disgust", 19, 19), ("joy", 1, 41))
    assert not found.known
    grey = cause(sign=-1)
    assert (grey.having, grey.n_having, grey.emotions[1]) == ("grey", 40, ("joy", 40, 41))


@pytest.mark.parametrize(
    ("trait", "columns", "values"),
    [
        ("JPEG quality", {"jpeg_quality": [74.8] * 20 + [95.0] * 40}, ("75",)),
        ("file format", {"format": ["PNG"] * 20 + ["JPEG"] * 40}, ("PNG",)),
        ("camera", {"camera": ["Canon"] * 15 + ["Nikon"] * 5 + [None] * 40}, ("Canon", "Nikon")),
        ("software", {"software": ["Photoshop"] * 20 + [None] * 40}, ("Photoshop",)),
        ("JPEG tables", {"jpeg_tables": ["0a1b2c3d"] * 20 + ["ffffffff"] * 40}, ("0a1b2c3d",)),
        ("year taken", {"taken": [f"2019-05-{1 + k:02d}" for k in range(20)] + ["2021-01-01"] * 40}, ("2019",)),
        (
            "day taken",
            {"taken": ["2019-05-17"] * 20 + [f"2019-05-{1 + k % 16:02d}" for k in range(40)]},
            ("2019-05-17",),
        ),
        ("picture size", {"width": [100] * 20 + [48] * 40}, ("100 x 48",)),
        (
            "file name",
            {"path": [f"Ann_{k}.jpg" for k in range(20)] + [f"{k}.jpg" for k in range(40)]},
            ("word_number",),
        ),
    ],
)
def test_a_source_is_known_by_a_trait_of_its_files(
    trait: SourceTrait, columns: dict[str, object], values: tuple[str, ...]
) -> None:
    assert cause(**columns).source == PhotoSource(trait, values, 20, 0)


def test_a_source_needs_nine_in_ten_on_either_side() -> None:
    """Two of twenty outside and four of forty inside are just enough; one more on either side is not."""
    enough = cause(jpeg_quality=[80.0] * 18 + [95.0] * 2 + [80.0] * 4 + [95.0] * 36).source
    assert enough == PhotoSource("JPEG quality", ("80",), 18, 4)
    assert cause(jpeg_quality=[80.0] * 17 + [95.0] * 3 + [95.0] * 40).source is None
    assert cause(jpeg_quality=[80.0] * 20 + [80.0] * 5 + [95.0] * 35).source is None


def test_many_values_are_no_source() -> None:
    assert cause(width=list(range(100, 100 + N))).source is None


def test_few_persons_are_a_cause_where_nearly_all_their_photos_have_it() -> None:
    persons = [f"p{row // 10}" for row in range(20)] + [f"q{row}" for row in range(40)]
    found = cause(person=persons)
    assert found.few_persons and (found.persons_having, found.persons_lacking) == (2, 40)
    shared = [f"p{row % 10}" for row in range(N)]
    assert not cause(person=shared).few_persons


def test_copies_are_a_cause_where_most_photos_with_it_are_copies() -> None:
    same = ["a" * 64] * 12 + [f"{row:064x}" for row in range(48)]
    found = cause(sha256=same)
    assert found.copies == pytest.approx(0.6) and found.copied and found.known
    assert not cause(sha256=["a" * 64] * 8 + [f"{row:064x}" for row in range(52)]).copied
