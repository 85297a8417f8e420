from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reportgen.errors import DataError
from reportgen.inputs.label_corrections import correct_labels, read_corrections

CLASSES = ("anger", "fear", "happiness")
FRAME = pd.DataFrame({"path": ["a.png", "b,b.png", "=c.png", "d.png"], "label": [0, 1, 1, -1]})
FRAME["emotion"] = pd.Series(["anger", "fear", "fear", None], dtype=object)
HEAD = "file,old,new,who,when,note\n"


def corrected(tmp_path: Path, text: str, frame: pd.DataFrame = FRAME):
    file = tmp_path / "labels.csv"
    file.write_text(text, encoding="utf-8")
    return correct_labels(frame, CLASSES, read_corrections(file), {"gone.png": "exact-copy"})


def test_labels_are_changed_and_confirmed_and_the_given_table_stays_as_it_was(tmp_path: Path) -> None:
    before = FRAME.copy(deep=True)
    frame, own = corrected(
        tmp_path, HEAD + 'a.png,anger,Happy,Ann,2026-01-02T03:04:05Z,"no, smiling"\n"b,b.png",fear,fear,,,\n'
    )
    assert frame["emotion"].tolist() == ["happiness", "fear", "fear", None]
    assert frame["label"].tolist() == [2, 1, 1, -1] and frame["label"].dtype == FRAME["label"].dtype
    told = [(one.old, one.new, one.note) for one in own]
    assert told == [("anger", "happiness", "no, smiling"), ("fear", "fear", "")]
    pd.testing.assert_frame_equal(FRAME, before)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_what_a_spreadsheet_makes_of_the_file_is_read(tmp_path: Path, mark: str) -> None:
    text = "\ufeff" + mark.join(["New", "Old ", "more", "File"]) + "\r\n" + mark.join(["anger", "fear", "x", "'=c.png"])
    frame, own = corrected(tmp_path, text + "\r\n" + mark * 3 + "\r\n")
    assert frame["emotion"].tolist() == ["anger", "fear", "anger", None] and own[0].file == "=c.png"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("x.png,anger,fear", "line 2: x.png is no image of this test set; .* remove the line"),
        ("gone.png,anger,fear", r"gone.png was left out \(exact-copy\)"),
        ("a.png,anger,joyous", "line 2: column new: joyous is none of the classes anger, fear, happiness"),
        ("a.png,,fear", "column old: an empty cell is none"),
        ("a.png,fear,anger", "a.png is labelled anger in the test set, not fear: .* look at the image again"),
        ("d.png,fear,anger", "d.png is labelled nothing in the test set"),
        ("a.png,anger,fear\na.png,anger,happiness", "line 3: a.png is to be labelled happiness, but fear by .*line 2"),
        ('a.png,"anger', "no readable table"),
    ],
)
def test_what_does_not_fit_is_one_line_with_what_to_do(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as refused:
        corrected(tmp_path, HEAD + lines + "\n")
    assert "\n" not in str(refused.value)


def test_a_file_without_the_columns_or_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column old and no column new"):
        corrected(tmp_path, "file,label\na.png,fear\n")
    with pytest.raises(DataError, match=r"none.csv: cannot be read .* --labels"):
        read_corrections(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes("file,old,new\nÄ".encode("latin-1"))
    with pytest.raises(DataError, match="save it as 'CSV UTF-8'"):
        read_corrections(tmp_path / "latin.csv")
