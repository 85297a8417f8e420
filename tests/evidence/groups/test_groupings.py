"""Groups by columns and by what is measured, on constructed tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from reportgen.evidence.groups.groupings import (
    FILE_COLUMNS,
    Grouping,
    alike,
    called_groupings,
    given_columns,
    given_groupings,
    measured_groupings,
    unknown_groups,
)
from reportgen.inputs.images.decoding import ORIGIN_COLUMNS
from tests.evidence.groups.simulated import CLASSES, analysis_of

N = 90


def images(**columns: object) -> pd.DataFrame:
    return analysis_of(pd.DataFrame(columns), np.arange(N) % 7, np.arange(N) % 7).images


def counts(one: Grouping) -> dict[str, int]:
    return dict(zip(one.levels, np.bincount(one.code[one.code >= 0], minlength=len(one.levels)).tolist(), strict=True))


def test_words_are_groups_and_many_numbers_are_thirds() -> None:
    table = images(
        sex=["f", "m", ""] * 30, age=list(range(N)), rating=["1", "2"] * 45, name=[f"n{k}" for k in range(N)],
        beard=[0.0, 1.0, 0.8] * 30, code=["007", "1.0", None] * 30,
    )  # fmt: skip
    found = {one.name: one for one in given_groupings(table, CLASSES)}
    assert counts(found["sex"]) == {"f": 30, "m": 30} and (found["sex"].code == -1).sum() == 30
    assert counts(found["age"]) == {"≤ 29.67": 30, "29.67 to 59.33": 30, "> 59.33": 30}
    assert counts(found["rating"]) == {"1": 45, "2": 45}
    assert counts(found["beard"]) == {"0": 30, "0.8": 30, "1": 30}
    assert counts(found["code"]) == {"007": 30, "1.0": 30}  # words stay as they are written
    assert "name" not in found  # as many values as photos are no groups


def test_what_the_program_measures_and_votes_are_no_columns() -> None:
    table = images(sharpness=[0.1] * N, Fear=[3] * N, view=["front"] * N)
    assert given_columns(table, CLASSES) == ("view",)
    assert given_groupings(table, CLASSES) == ()  # one group alone


def test_pairs_are_all_combinations_that_occur() -> None:
    table = images(sex=["f", "m"] * 45, age=["old"] * 44 + ["young"] * 46, view=["side"] * N)
    (pair,) = given_groupings(table, CLASSES, ("sex*age",))
    assert pair.name == "sex * age" and pair.asked
    assert counts(pair) == {"f, old": 22, "f, young": 23, "m, old": 22, "m, young": 23}
    assert pair.photos(0).tolist() == [k % 2 == 0 and k < 44 for k in range(N)]
    assert pair.others(0).sum() == N - 22


def test_pairs_with_what_is_measured_may_be_asked_for() -> None:
    analysis = analysis_of(pd.DataFrame({"sex": ["f", "m"] * 45}), np.arange(N) % 7, np.arange(N) % 7)
    sizes = analysis.images.assign(width=[100] * 60 + list(range(200, 230)))
    measured = measured_groupings(analysis.__class__(**(vars(analysis) | {"images": sizes})))
    (size,) = measured
    assert counts(size) == {"100 x 100": 60, "not 100 x 100": 30}
    (pair,) = given_groupings(sizes, CLASSES, ("sex * source: picture size",), measured)
    assert counts(pair)["f, 100 x 100"] == 30
    assert unknown_groups(("sex*race", "age"), [size.name], sizes, CLASSES) == ("race", "age")


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.sampled_from(["a", "b", " "])), min_size=N, max_size=N))
def test_every_photo_is_in_one_group_at_most(cells: list[object]) -> None:
    for one in given_groupings(images(own=cells), CLASSES, ("own",)):
        assert len(one.code) == N and one.code.min() >= -1 and one.code.max() < len(one.levels)
        assert len(set(one.levels)) == len(one.levels)
        for k in range(len(one.levels)):
            assert not (one.photos(k) & one.others(k)).any()


def test_columns_that_files_fill_are_known() -> None:
    assert set(ORIGIN_COLUMNS) == FILE_COLUMNS


def test_groups_by_codes_of_files_are_called_by_what_their_photos_share() -> None:
    """30 photos in colour have tables of their own; of the others two kinds, one saved at one quality."""
    kind = np.repeat([0, 1, 2], 30)
    quality = np.where(kind == 1, 95.0, np.where(np.arange(N) % 2 == 0, 50.0, 60.0))
    analysis = analysis_of(pd.DataFrame({"name": range(N)}), np.arange(N) % 7, np.arange(N) % 7)
    table = analysis.images.assign(colourfulness=np.where(kind == 0, 30.0, 0.0), jpeg_quality=quality)
    rest = "red_green", "yellow_blue", "luminance", "contrast", "sharpness", "noise", "blockiness"
    table = table.assign(**dict.fromkeys(rest, 0.5))
    analysis = replace(analysis, images=table)
    tables = Grouping("jpeg_tables", "given", ("a", "b", "c"), kind)
    film = Grouping("film", "given", ("x", "y", "z"), kind)
    called, own = called_groupings(analysis, (tables, film))
    assert called.called == ("in colour", "of one source (JPEG quality 95)", "of one source")
    assert called.having == (30, -1, -1)
    assert own.called == own.having == ()  # the user's own names stay
    assert np.array_equal(called.code, kind) and called.levels == tables.levels
    # One more photo of the source, in grey, and one photo in colour without a label: neither is counted.
    unlabelled = replace(analysis, images=table.assign(label=np.where(np.arange(N) == 0, -1, table["label"])))
    (mixed,) = called_groupings(unlabelled, (replace(tables, code=np.where(np.arange(N) == 30, 0, kind)),))
    assert mixed.called[0] == "in colour" and mixed.having[0] == 29 and (mixed.photos(0)).sum() == 31
    few = np.zeros(N, bool)
    few[:19] = True
    assert alike(few, np.arange(N) < 20) and not alike(few, np.arange(N) < 21)
