"""One word for a split in folders and in tables, and no split where a column says something else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reportgen.inputs.layouts.splits import split_of
from reportgen.inputs.tables.splits import choose_rows, split_kind


@pytest.mark.parametrize(
    "name", ["final_test", "test_public", "held-out-test", "test_final", "augmented_train", "train_aug", "TestSet"]
)
def test_a_split_has_one_meaning_in_folders_and_in_columns(name: str) -> None:
    assert split_kind(name) == split_of(name) != ""


def test_rows_of_training_under_another_name_are_not_tested(tmp_path: Path) -> None:
    frame = pd.DataFrame({"split": ["train", "train_aug", "final_test"] * 4})
    chosen = choose_rows(tmp_path / "t.csv", frame, None)
    assert frame["split"][chosen.tested].unique().tolist() == ["final_test"]
    assert sorted(frame["split"][chosen.trained].unique()) == ["train", "train_aug"]


@pytest.mark.parametrize("values", [("public", "private"), ("te", "tr"), ("private", "public", "public")])
def test_a_column_of_any_name_is_no_split_by_unsure_words_alone(tmp_path: Path, values: tuple[str, ...]) -> None:
    frame = pd.DataFrame({"visibility": values * 4})
    assert choose_rows(tmp_path / "t.csv", frame, None).tested.all()
    named = choose_rows(tmp_path / "t.csv", frame.rename(columns={"visibility": "Usage"}), None)
    assert 0 < named.tested.sum() < len(frame)
