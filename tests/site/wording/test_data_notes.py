"""Remarks on the data: hand-worked sentences, and no folder of anyone's disk."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from reportgen.evidence.data_findings import DataFindings, LeftOut, TrainingOverlap, find_in_data
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.shortcuts.near_duplicates import NearDuplicates, NearPair
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.site.report import DataNote
from reportgen.site.wording.data_notes import data_notes

NONE = NearDuplicates(0, (), 0, 0)
IMAGES = pd.DataFrame({
    "path": ["/home/Jane Doe/a.jpg", "b.jpg", "c.jpg", "d.jpg"],
    "emotion": ["fear", "fear", "anger", "fear"],
    "label": [1, 1, 0, 1],
    "sha256": ["x", "x", "x", "y"],
    "notes": ["", "grey", "grey; alpha on white", ""],
})  # fmt: skip


def notes(found: DataFindings, duplicates: NearDuplicates = NONE) -> dict[str, DataNote]:
    return {note.title: note for note in data_notes(found, duplicates, IMAGES)}


def text(note: DataNote) -> str:
    return note.text.replace("\u202f", " ")


def test_everything_found_in_a_small_set() -> None:
    problems = pd.DataFrame(
        {"path": ["/data/e.jpg"], "kind": ["missing-file"], "message": ["/data/e.jpg: no such file"]}
    )
    found = notes(find_in_data(IMAGES, problems, ("anger", "fear"), ["read from /data/x.csv"], None))
    assert text(found["Images left out"]) == "1 of 5 listed images was left out: file not found."
    assert found["Images left out"].items == ("e.jpg: e.jpg: no such file",)
    assert text(found["Too few images to evaluate"]).endswith("only counts are given: anger (1), fear (3).")
    assert text(found["Unbalanced classes"]).startswith("75 % of the labelled images are fear")
    repeated = found["Repeated images"]
    assert text(repeated) == "3 files are exact copies of each other, in 1 group; the labels of 1 group differ."
    assert repeated.serious and repeated.items == ("a.jpg = b.jpg = c.jpg",)
    assert text(found["How images were decoded"]) == "alpha on white: 1, stored without colour channels: 2 (of 4)."
    assert text(found["While reading"]) == "Read from x.csv"


def test_near_duplicates_name_both_labels() -> None:
    pairs = (NearPair(0, 2, 3), NearPair(1, 2, 4))
    note = notes(DataFindings(4), NearDuplicates(4, pairs, 1, 6))["Near duplicates with different labels"]
    assert note.serious and note.items == ("a.jpg (fear) ~ c.jpg (anger)", "b.jpg (fear) ~ c.jpg (anger)")
    assert text(note).startswith("2 pairs of near-identical images have different labels")


def test_how_models_do_on_known_and_on_new_persons_is_told_where_it_is_known() -> None:
    found = DataFindings(100, training=TrainingOverlap(60, 100, 0, "columns"))

    def said(*leakages: Leakage) -> str:
        (note,) = data_notes(found, NONE, IMAGES, leakages)
        return text(note).removeprefix("60 of 100 test images (60 %) show a person of the training images. ")

    inflated = Estimate(0.2, 0.1, 0.3, 100)
    better, worse = (
        Leakage("A", wilson(54, 60), wilson(20, 40), inflated),
        Leakage("B", wilson(42, 60), wilson(32, 40), replace(inflated, low=-0.1)),
    )
    assert said() == "Scores on new persons may be lower."
    assert said(worse) == "Correct on these and on all others: B 70 % and 80 %; not shown to inflate accuracy."
    assert said(better, worse) == (
        "Correct on these and on all others: A 90 % and 50 %, B 70 % and 80 %; that inflates the accuracy of A."
    )
    assert said(replace(better, on_new=wilson(0, 0))) == "Scores on new persons may be lower."


def test_training_images_among_the_test_images() -> None:
    found = notes(DataFindings(4000, training=TrainingOverlap(1011, 2000, 1, "file names")))
    assert text(found["Persons seen in training"]).startswith(
        "1,011 of 2,000 test images (51 %) show a person of the training images (persons read"
    )
    assert text(found["Test images used in training"]).startswith("1 test image is also listed")


def test_the_serious_come_first_and_nothing_found_is_nothing_said() -> None:
    assert notes(DataFindings(4)) == {}
    problems = (LeftOut("unreadable", (("e.jpg", "damaged"),)),)
    order = data_notes(DataFindings(4, problems, dominant=("fear", 0.5)), NONE, IMAGES)
    assert [note.serious for note in order] == [True, False]
