"""Marks: found where they are and nowhere else, counted by hand, and each rule of the verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.evidence.importance.contamination import contaminations
from reportgen.evidence.shortcuts.marks import MARK_COLUMNS, MOST_MARKS, choose_looks, find_marks, judge_marks
from reportgen.faces.align import canonical_points
from reportgen.faces.looks import FRAME, Looks, log_power

EMOTIONS = ("anger", "fear", "surprise")
N = 20  # photos of an emotion
SURPRISE = 2
FOREHEAD = slice(20, 27), slice(30, 50)
MOUTH = slice(53, 58), slice(32, 48)


def analysis_of(persons: int = 10) -> Analysis:
    """Three emotions of 20 photos, every person in two photos of each; the model is always right."""
    labels = np.repeat(np.arange(3), N)
    faces = FaceRecords(
        np.repeat(canonical_points()[None], 3 * N, axis=0).astype(np.float32), np.ones(3 * N, np.float32),
        ("detector",) * (3 * N), ("detector",) * (3 * N), np.zeros((3 * N, 52), np.float32),
    )  # fmt: skip
    images = pd.DataFrame({
        "image_id": [f"id{k}" for k in range(3 * N)],
        "label": labels,
        "person": pd.array([f"p{k % persons}" for k in range(3 * N)], dtype="string"),
        "sha256": [f"{k:064d}" for k in range(3 * N)],
    })  # fmt: skip
    model = ModelRecords("Net", "net", {}, np.eye(3, dtype=np.float32)[labels], np.zeros((3 * N, 3, 1, 1), np.float32))
    return Analysis(Path(), {"classes": EMOTIONS}, images, pd.DataFrame(), (model,), faces)


def looks_of(marked: dict[int, list[int]] | None = None, where=FOREHEAD, colour=(60, -40, -40)) -> Looks:
    """Faces of different tones with noise; of each emotion some photos, by their place in it, with a coloured patch."""
    rng = np.random.default_rng(0)
    tones = rng.uniform(90, 170, (3 * N, 1, 1, 3))
    faces = tones + rng.normal(0, 8, (3 * N, FRAME, FRAME, 3))
    for e, places in (marked or {}).items():
        for k in places:
            faces[e * N + k][where] += colour
    seen = np.full((3 * N, FRAME, FRAME, 1), 255.0)
    rgba = np.concatenate([np.clip(np.rint(faces), 0, 255), seen], axis=3)
    patterns = rng.normal(6, 0.3, (3 * N, 11, 6)).astype(np.float32)
    return Looks(np.arange(3 * N), rgba.astype(np.uint8), patterns, 32)


def test_a_band_on_the_forehead_is_found_with_its_photos():
    (mark,) = find_marks(looks_of({SURPRISE: list(range(18)), 0: [3]}), analysis_of(), "default", 0)
    assert (mark.emotion, mark.where, mark.region) == (SURPRISE, "face", "forehead")
    assert (mark.carriers, mark.n, mark.elsewhere, mark.n_elsewhere) == (18, 20, 1, 40)
    assert mark.without == (58, 59)
    assert mark.rows == tuple(range(40, 58))
    assert len(mark.others) == 39 and 3 not in mark.others
    inside = np.zeros((FRAME, FRAME), bool)
    inside[FOREHEAD] = True
    assert mark.weight[inside].min() > 0.5
    assert mark.weight[inside].sum() > 0.6 * mark.weight.sum()
    # Each photo gets the place of one that carries it and of one that does not, of other persons; all give alike.
    shown, persons = (*mark.rows, *mark.others), analysis_of().images["person"]
    assert len(mark.givers) == len(shown)
    for row, (carrier, other) in zip(shown, mark.givers, strict=True):
        assert carrier in mark.rows and other in mark.others
        assert persons[row] not in (persons[carrier], persons[other])
    for side in (0, 1):
        used = np.unique([pair[side] for pair in mark.givers], return_counts=True)[1]
        assert used.max() - used.min() <= 2
    # 18 of 20 photos, less one of 20 of one of the two other emotions.
    assert mark.shift == pytest.approx(np.array([60, -40, -40]) * (0.9 - 0.025), abs=4)
    # The mark's own mean is that of its carriers alone.
    assert (mark.own - mark.other)[inside].mean(axis=0) == pytest.approx(np.array([60, -40, -40]) * (1 - 0.025), abs=3)


@pytest.mark.parametrize(
    ("marked", "where", "colour", "persons"),
    [
        ({}, FOREHEAD, (60, -40, -40), 10),
        ({e: list(range(20)) for e in range(3)}, FOREHEAD, (60, -40, -40), 10),  # with every emotion
        ({SURPRISE: list(range(20))}, MOUTH, (60, -40, -40), 10),  # where expressions are
        ({SURPRISE: list(range(20))}, FOREHEAD, (14, 14, 14), 10),  # as little as wrinkles
        ({SURPRISE: list(range(20))}, FOREHEAD, (9, -4, -9), 10),  # as little colour as flushed skin
        ({SURPRISE: [0, 4, 8, 12, 16]}, FOREHEAD, (60, -40, -40), 4),  # one person of four
        ({SURPRISE: list(range(20))}, FOREHEAD, (60, -40, -40), 4),  # too few persons
    ],
)  # fmt: skip
def test_what_is_no_mark(marked, where, colour, persons):
    assert find_marks(looks_of(marked, where, colour), analysis_of(persons), "default", 0) == ()


def test_colour_alone_shows_a_mark_and_a_thin_one_too():
    stroke = slice(20, 21), slice(30, 50)
    (mark,) = find_marks(looks_of({SURPRISE: list(range(20))}, stroke, (24, -8, -16)), analysis_of(), "default", 0)
    assert mark.region == "forehead" and mark.size == pytest.approx(17.3, abs=4)  # the root of (24² + 8² + 16²) / 3
    assert mark.weight[25:].max() < 0.01


def test_a_pattern_is_found_by_its_period():
    rng = np.random.default_rng(1)
    photos = rng.integers(80, 170, (3 * N, 96, 96, 3)).astype(float)
    for k in range(2 * N, 3 * N - 4):
        photos[k, rng.integers(3) :: 3] *= 0.7
    plain = looks_of()
    looks = replace(plain, patterns=np.stack([log_power(p.astype(np.uint8)) for p in photos]), side=96)
    (mark,) = find_marks(looks, analysis_of(), "default", 0)
    assert (mark.emotion, mark.where, mark.region) == (SURPRISE, "pattern", "")
    assert mark.period[0] == pytest.approx(3, abs=0.15) and mark.period[1] > 30
    assert (mark.carriers, mark.elsewhere) == (16, 0)
    assert mark.size > 2
    # Photos that are twice as noisy as well: what else differs goes along, at whatever frequency.
    photos[2 * N :] += rng.normal(0, 40, photos[2 * N :].shape)
    noisy = np.stack([log_power(np.clip(p, 0, 255).astype(np.uint8)) for p in photos])
    (both,) = find_marks(replace(plain, patterns=noisy, side=96), analysis_of(), "default", 0)
    assert both.weight.sum() > 3 * mark.weight.sum()


def test_without_landmarks_patterns_are_still_looked_for():
    analysis = replace(analysis_of(), faces=None)
    looks = looks_of({SURPRISE: list(range(20))})
    assert find_marks(replace(looks, faces=np.zeros_like(looks.faces)), analysis, "default", 0) == ()


def test_looks_are_chosen_person_by_person():
    analysis = analysis_of()
    many = replace(analysis, images=pd.concat([analysis.images] * 6, ignore_index=True))
    rows = choose_looks(many, "quick", 0)
    assert np.bincount(many.labels[rows]).tolist() == [60, 60, 60]
    for e in range(3):
        persons = many.images["person"].iloc[rows[many.labels[rows] == e]].value_counts()
        assert persons.min() == persons.max() == 6
    assert np.array_equal(rows, choose_looks(many, "quick", 0))


def answers(mark, own, others, emotion=SURPRISE):
    """Design and logits: for carriers and for others, the classes predicted with the mark and without."""
    rows = [
        (0, shown, row, predicted)
        for chosen, both in ((mark.rows, own), (mark.others, others))
        for shown, classes in zip(("with", "without"), both, strict=True)
        for row, predicted in zip(chosen, classes, strict=True)
    ]
    design = pd.DataFrame([row[:3] for row in rows], columns=["mark", "shown", "image"])
    return {"net": (design, np.eye(3, dtype=np.float32)[[row[3] for row in rows]])}


@pytest.fixture
def marked():
    analysis = analysis_of()
    (mark,) = find_marks(looks_of({SURPRISE: list(range(18))}), analysis, "default", 0)
    return analysis, mark


def judged(marked, own_with, own_without, turned):
    """A test from how many carriers are lost with the mark and without it, and how many others turn with it."""
    analysis, mark = marked
    o, labels = len(mark.others), analysis.labels[list(mark.others)]
    own = [np.where(np.arange(18) < lost, 0, SURPRISE) for lost in (own_with, own_without)]
    with_it = np.where(np.arange(o) * 7 % o < o * turned, SURPRISE, labels)  # of all persons
    return judge_marks(analysis, [mark], answers(mark, own, (with_it, labels)), 60, 0).tests[0]


def test_a_model_that_relies_on_it_by_hand(marked):
    test = judged(marked, 1, 15, 0.5)
    assert (test.known, test.lost, test.lost_control) == (18, 15, 1)
    assert test.fall.value == pytest.approx(14 / 18)
    assert (test.n, test.became, test.became_control) == (40, 20, 0)
    assert test.fall_elsewhere == pytest.approx(-0.5)  # the mark itself is what turns them
    assert test.answer == "yes"
    assert len(test.lost_rows) == 14 and len(test.turned_rows) == 20
    assert test.effect_size == pytest.approx(14 / 18)


@pytest.mark.parametrize(
    ("own_with", "own_without", "turned", "answer"),
    [
        (0, 15, 0.0, "yes"),  # what is lost without it decides
        (0, 0, 0.5, "yes"),  # the emotion needs it not, and half of the others turn
        (0, 0, 0.25, "yes"),
        (0, 3, 0.25, "yes"),  # few are lost, and others turn
        (15, 15, 0.0, "undetermined"),  # any patch there costs as much
        (0, 0, 0.0, "undetermined"),  # of 18 photos none: up to 18 % may be
    ],
)  # fmt: skip
def test_each_rule(marked, own_with, own_without, turned, answer):
    assert judged(marked, own_with, own_without, turned).answer == answer


def test_findings_their_table_and_what_they_bar(marked):
    analysis, mark = marked
    o = len(mark.others)
    labels = analysis.labels[list(mark.others)]
    own = [np.full(18, SURPRISE), np.zeros(18, int)]
    found = judge_marks(analysis, [mark], answers(mark, own, (labels, labels)), 60, 0)
    (test,) = found.proved()
    assert found.proved(emotion=0) == () and found.proved(model="Net", emotion=SURPRISE) == (test,)
    table = found.tables["marks"]
    assert list(table.columns) == list(MARK_COLUMNS["marks"])
    row = table.iloc[0]
    assert (row["emotion"], row["region"], row["lost"], row["answer"]) == ("surprise", "forehead", 18, "yes")
    assert (row["n"], row["persons"]) == (o, 10)
    cues = contaminations(EMOTIONS, None, (), None, found)
    assert list(cues) == [("Net", "surprise")] and cues["Net", "surprise"].marks == (test,)


def test_no_more_than_a_few_are_tested():
    looks = looks_of({e: list(range(20)) for e in (0, SURPRISE)})
    assert len(find_marks(looks, analysis_of(), "default", 0)) <= MOST_MARKS


def test_few_givers_do_not_stand_for_all(marked):
    analysis, mark = marked
    o, labels = len(mark.others), analysis.labels[list(mark.others)]
    own = [np.full(18, SURPRISE)] * 2
    # Every photo that one of two persons gives to turns; over receivers alone that would be beyond doubt.
    persons = analysis.images["person"]
    turns = [persons[carrier] in ("p0", "p1") for carrier, _ in mark.givers[18:]]
    with_it = np.where(turns, SURPRISE, labels)
    found = judge_marks(analysis, [mark], answers(mark, own, (with_it, labels)), 60, 0).tests[0]
    assert found.became == sum(turns) and found.p_gain > 0.05 and found.answer != "yes"
    spread = np.where(np.arange(o) * 7 % o < sum(turns), SURPRISE, labels)
    alike = judge_marks(analysis, [mark], answers(mark, own, (spread, labels)), 60, 0).tests[0]
    assert alike.p_gain < found.p_gain


@pytest.mark.slow
@pytest.mark.parametrize("upset", [0.0, 0.15, 0.4])
def test_innocent_models_are_hardly_ever_accused(upset):
    """Models that do not know the mark: pictures flicker, and any patch upsets some photos, towards a class of its own
    that attracts what is unusual. Of 400 families of two marks at most 5 % may accuse, and a little more by chance.
    """
    analysis = analysis_of()
    marks = []
    for e in (0, SURPRISE):
        (mark,) = find_marks(looks_of({e: list(range(18))}), analysis, "default", 0)
        rows, others = tuple(range(e * N, e * N + N)), tuple(k for k in range(3 * N) if k // N != e)
        givers = tuple((rows[(k + 1) % N], others[(k + 1) % (2 * N)]) for k in range(3 * N))
        marks.append(replace(mark, rows=rows, others=others, givers=givers))
    accused, families = 0, 400
    rng = np.random.default_rng(5)
    for _ in range(families):
        rows, predicted = [], []
        attractor = int(rng.integers(3))
        for number, mark in enumerate(marks):
            for row in (*mark.rows, *mark.others):
                for shown in ("with", "without"):
                    rows.append((number, shown, row))
                    now = attractor if rng.random() < upset else int(analysis.labels[row])
                    predicted.append(int(rng.integers(3)) if rng.random() < 0.1 else now)
        design = pd.DataFrame(rows, columns=["mark", "shown", "image"])
        found = judge_marks(analysis, marks, {"net": (design, np.eye(3, dtype=np.float32)[predicted])}, 60, 0)
        accused += bool(found.proved())
    assert accused <= 0.05 * families + 2 * np.sqrt(0.05 * 0.95 * families)
    print(f"upset {upset}: {accused} of {families} families accused")
