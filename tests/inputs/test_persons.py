from __future__ import annotations

import re

import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reportgen.config import compile_person_pattern
from reportgen.inputs.persons import persons_of, propose_person_pattern, sure_person_pattern, training_overlap


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
    assert persons_of(names, proposal.pattern) == persons == list(proposal.of)
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


def test_a_pattern_is_used_unasked_only_where_it_surely_names_persons() -> None:
    named = [f"{first}_{last}_{k:04d}.jpg" for first in ("Ann", "Bo", "Cy", "Dee") for last in "ABC" for k in (1, 2)]
    sure = sure_person_pattern(named)
    assert sure is not None and sure.persons == 12
    few = sure_person_pattern([name for name in named if name.startswith(("Ann", "Bo", "Cy"))])
    assert few is None  # nine persons
    kinds = [f"{emotion}_{who}_{k}.jpg" for emotion in ("happy", "sad", "angry", "fear", "disgust", "surprise")
             for who in ("man", "woman") for k in (1, 2)]  # fmt: skip
    assert propose_person_pattern(kinds) is not None and sure_person_pattern(kinds) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["Ann", "Bob_Lee", "Ég", "x y"]), st.integers(0, 9999)), min_size=20, max_size=40
    ),
    st.lists(st.text(max_size=12), max_size=2),
)
def test_a_proposal_keeps_its_promises(photos: list[tuple[str, int]], others: list[str]) -> None:
    names = [f"{person}_{number:04d}.jpg" for person, number in photos] + others
    proposal = propose_person_pattern(names)
    assume(proposal is not None)
    found = persons_of(names, proposal.pattern)
    assert proposal.matched == sum(person is not None for person in found) >= 0.9 * len(names)
    assert {person for person, _ in photos} <= {*found}
    assert proposal.persons == len({*found} - {None})


@given(st.lists(st.text(max_size=12), max_size=12))
def test_any_names_have_a_proposal_or_none(names: list[str]) -> None:
    proposal = propose_person_pattern(names)
    assert proposal is None or proposal.matched >= 0.9 * len(names)


def test_only_the_file_name_tells_a_person() -> None:
    assert persons_of(["Eve_1/Ann_2.jpg", "Eve_1\\Ann_2.jpg", "nobody.jpg"], r"^(\w+?)_\d+") == ["Ann", "Ann", None]
    assert persons_of(["x"], "(y?)") == [None]
    assert persons_of(["\udcff_1.jpg", "Zoë_1.jpg"], "^(.+)_") == ["\ufffd", "Zoë"]


@pytest.mark.parametrize("pattern", [r"(a)\1", "(?<=x)(a)", "(a)(?!b)", "(?>a)(b)"])
def test_what_needs_more_than_linear_time_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="neither look-arounds nor back-references"):
        compile_person_pattern(pattern)


def test_overlap_counts_images_and_persons() -> None:
    training = {
        "train_df": pd.DataFrame({"path": ["Ann_1.jpg", "Bea_1.jpg", "x/Cid_9.jpg"], "person": None}),
        "val_df": pd.DataFrame({"path": ["Dan_1.jpg"], "person": None}),
    }
    paths = ["Ann_2.jpg", "Ann_3.jpg", "x/Cid_9.jpg", "Dan_2.jpg", "0.jpg"]
    persons = ["Ann", "Ann", "Cid", "Dan", None]
    overlap = training_overlap(paths, persons, training, r"^(\w+?)_\d+")
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


@pytest.mark.parametrize("letter", ["a", "Z", "7", "_", "ü", "Ł", "é", "Я", "字", "٣", "½", "-", " ", "."])
@pytest.mark.parametrize("token", [r"\w", r"\d", r"\W", r"[\w-]", r"[^\d]", r"\\w"])
def test_a_pattern_means_in_re2_what_it_means_in_python(token: str, letter: str) -> None:
    """RE2's own word characters are ASCII: a person called Łukasz would be nobody."""
    ours, python = compile_person_pattern(f"^({token})$"), re.compile(f"^({token})$")
    assert bool(ours.search(letter)) == bool(python.search(letter))


def test_a_class_of_no_word_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="write what is meant"):
        compile_person_pattern(r"^([^\W_]+)_")
