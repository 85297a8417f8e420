"""Which images are one unit: photos of one person, exact copies, near copies, and what these link."""

from __future__ import annotations

import pandas as pd

from reportgen.evidence.stats.units import names_persons, units_of


def table(persons: list[str | None], content: list[str] | None = None, hashes: list[int] | None = None) -> pd.DataFrame:
    n = len(persons)
    far = [0x0123456789ABCDEF * (7 * i + 1) % 2**64 for i in range(n)]
    return pd.DataFrame({
        "person": pd.array(persons, dtype="string"),
        "sha256": content or [f"{i:064d}" for i in range(n)],
        "perceptual_hash": [f"{value:016x}" for value in hashes or far],
        "contrast": 0.2,
    })  # fmt: skip


def partition(units: object) -> list[int]:
    """The number of each image's unit in order of appearance."""
    return pd.factorize(pd.Series(units))[0].tolist()


def test_photos_of_a_person_are_one_unit_and_a_photo_without_one_is_its_own() -> None:
    units = units_of(table(["ann", None, "bob", "ann", None]))
    assert partition(units) == [0, 1, 2, 0, 3]
    assert names_persons(units)


def test_without_persons_and_copies_every_image_counts_for_itself() -> None:
    assert units_of(table([None] * 4)) is None
    assert not names_persons(None)


def test_exact_and_near_copies_are_one_unit_and_link_others() -> None:
    a, b = 0x0F0F0F0F0F0F0F0F, 0xF0F0F0F0F0F0F0F0
    # The second is an exact copy of the third by content, which is a near copy of the fourth: four bits apart.
    units = units_of(table([None] * 5, ["a", "b", "b", "c", "d"], [a, b, b, b ^ 0b1111, a ^ 0x1F]))
    assert partition(units) == [0, 1, 1, 1, 2]
    assert not names_persons(units)


def test_an_unnamed_copy_of_a_persons_photo_belongs_to_that_person() -> None:
    units = units_of(table(["ann", None, "ann", "bob"], ["a", "a", "b", "c"]))
    assert partition(units) == [0, 0, 0, 1]


def test_even_pictures_are_no_copies_of_each_other() -> None:
    images = table([None, None], hashes=[5, 5]).assign(contrast=0.01)
    assert units_of(images) is None
