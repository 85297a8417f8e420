from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.errors import ConfigError
from reportgen.inputs import persons as reading
from reportgen.inputs.persons import person_of, persons_of, propose_person_pattern, training_overlap


@pytest.mark.parametrize(
    ("names", "persons"),
    [
        (
            [
                "images/Aaron_Peirsol_0001.jpg",
                "images/Aaron_Peirsol_0003.jpg",
                "images/Al_Gore_0001.jpg",
                "Jo_55.jpg",
            ],
            ["Aaron_Peirsol", "Aaron_Peirsol", "Al_Gore", "Jo"],
        ),
        (["AF01ANS.JPG", "BF01HAFL.JPG", "AM02NES.JPG", "BM03SUS.JPG"], ["F01", "F01", "M02", "M03"]),
        (
            ["S005_001_00000011.png", "S005_002_00000011.png", "S010_001_00000014.png", "S011_001_00000014.png"],
            ["S005", "S005", "S010", "S011"],
        ),
        (["KA.AN1.39.tiff", "KA.HA2.30.tiff", "KM.SU3.16.tiff", "YM.NE1.49.tiff"], ["KA", "KA", "KM", "YM"]),
    ],
    ids=["lfw", "kdef", "ck+", "jaffe"],
)
def test_proposes_the_pattern_of_known_data_sets(names: list[str], persons: list[str]) -> None:
    proposal = propose_person_pattern(names)
    assert proposal is not None
    assert [person_of(name, proposal.compiled()) for name in names] == persons
    assert (proposal.matched, proposal.names, proposal.persons) == (len(names), len(names), len(set(persons)))
    assert proposal.example in {(name.rsplit("/", 1)[-1], person) for name, person in zip(names, persons, strict=True)}


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["a.jpg", "b.jpg"],
        [f"img_{number:04d}.jpg" for number in range(50)],
        [f"{number:05d}.png" for number in range(50)],
        [f"{kind}_{number}.png" for number in range(50) for kind in ("PrivateTest", "PublicTest")],
        [f"fer2013.csv#{number}" for number in range(50)],
        ["Aaron_0001.jpg", "Beth_0001.jpg", "Cid_0001.jpg"],
    ],
    ids=["nothing", "words", "numbered", "numbers", "two words", "pixel rows", "everybody once"],
)
def test_proposes_nothing_where_names_tell_no_person(names: list[str]) -> None:
    assert propose_person_pattern(names) is None


@given(st.lists(st.text(max_size=12), max_size=12))
def test_a_proposal_keeps_its_promises(names: list[str]) -> None:
    proposal = propose_person_pattern(names)
    if proposal is not None:
        found = [person_of(name, proposal.compiled()) for name in names]
        assert proposal.matched == sum(person is not None for person in found) >= 0.9 * len(names)
        assert proposal.compiled().groups == 1


def test_person_of_looks_at_the_file_name_only() -> None:
    pattern = re.compile(r"^(\w+?)_\d+")
    assert person_of("Eve_1/Ann_2.jpg", pattern) == "Ann"
    assert person_of("Eve_1\\Ann_2.jpg", pattern) == "Ann"
    assert person_of("nobody.jpg", pattern) is None
    assert person_of("x", re.compile("(y?)")) is None


def test_overlap_counts_images_and_persons() -> None:
    training = {
        "train_df": pd.DataFrame({"path": ["Ann_1.jpg", "Bea_1.jpg", "x/Cid_9.jpg"], "person": None}),
        "val_df": pd.DataFrame({"path": ["Dan_1.jpg"], "person": None}),
    }
    paths = ["Ann_2.jpg", "Ann_3.jpg", "x/Cid_9.jpg", "Dan_2.jpg", "0.jpg"]
    persons = ["Ann", "Ann", "Cid", "Dan", None]
    overlap = training_overlap(paths, persons, training, re.compile(r"^(\w+?)_\d+"))
    assert overlap is not None
    assert (overlap.shared, overlap.known, overlap.persons_shared, overlap.persons) == (3, 4, 2, 3)
    assert overlap.same_path == 1
    assert overlap.share == 0.75


def test_overlap_by_a_column_and_without_training() -> None:
    training = {"train_df": pd.DataFrame({"path": ["1.jpg", "2.jpg"], "person": ["A", None]})}
    overlap = training_overlap(["3.jpg", "4.jpg"], ["A", "B"], training, None)
    assert overlap is not None and (overlap.shared, overlap.known) == (1, 2)
    assert training_overlap(["3.jpg"], ["A"], {}, None) is None
    assert training_overlap(["3.jpg"], ["A"], {"val_df": training["train_df"]}, None) is None
    nobody = training_overlap(["3.jpg"], [None], training, None)
    assert nobody is not None and nobody.share == 0


def test_a_pattern_that_takes_too_long_over_all_names_is_one_line(monkeypatch):
    pattern = re.compile("^(.*)_")
    assert persons_of(["a_1.png", "x" * 256 + "_1.png", "b.png"], pattern) == ["a", None, None]
    monkeypatch.setattr(reading, "_PATIENCE", 0.0)
    monkeypatch.setattr(reading, "_PER_NAME", 0.0)
    with pytest.raises(ConfigError, match=r"person_pattern: took 0 s for 1 file names"):
        persons_of(["a_1.png"], pattern)
