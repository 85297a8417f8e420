"""Which faces receive and give: fair donors, and no more pictures than a budget has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.explain.experiments.transplants import (
    BUDGETS,
    background_cue_experiment,
    changed_swap_experiment,
    design_transplants,
    transplant_experiment,
)
from reportgen.faces.align import canonical_points
from reportgen.faces.transplant import BACKGROUND_TONES, TRANSPLANTED, Portrait, transplant
from reportgen.inputs.images.disturbances import disturb
from tests.explain.experiments.noise import Noise

REAL = (166, 31, 3, 740, 680, 246, 185)  # images per emotion of a real test set
CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def analysis(counts=REAL, persons=None, template=()):
    labels = np.repeat(np.arange(len(counts)), counts)
    n = len(labels)
    rng = np.random.default_rng(0)
    images = pd.DataFrame(
        {
            "label": labels, "row": np.arange(n), "sha256": [f"{i:064x}" for i in range(n)],
            "person": [None] * n if persons is None else persons(np.arange(n)),
            "colourfulness": np.where(rng.random(n) < 0.3, 0.2, 0.0), "luminance": rng.uniform(0.3, 0.7, n),
            "contrast": 0.2,
        }
    )  # fmt: skip
    source = tuple("template" if row in template else "detector" for row in range(n))
    faces = FaceRecords(np.zeros((n, 478, 2), np.float32), np.ones(n, np.float32), source, source,
                        np.zeros((n, 52), np.float32))  # fmt: skip
    return Analysis(Path("a"), {"classes": list(CLASSES)}, images, pd.DataFrame(), (), faces)


def test_the_usual_budget_is_at_most_two_passes_over_the_real_set():
    design = design_transplants(analysis(), BUDGETS["default"], 0)
    assert 1500 < len(design) <= 2 * sum(REAL)
    # Three images of fear can decide nothing: they neither receive nor give.
    assert not (design[["emotion", "donor_emotion"]] == 2).to_numpy().any()


@pytest.mark.parametrize("budget", list(BUDGETS))
def test_donors_are_fair(budget):
    made = analysis(counts=(40, 12, 7, 40, 25, 18, 5), persons=lambda rows: [f"p{row % 9}" for row in rows])
    design = design_transplants(made, BUDGETS[budget], 1)
    persons, labels = made.images["person"].to_numpy(), made.labels
    assert (persons[design["receiver"]] != persons[design["donor"]]).all()
    assert (labels[design["receiver"]] == design["emotion"]).all()
    assert (labels[design["donor"]] == design["donor_emotion"]).all()
    for (emotion, region, _), rows in design.groupby(["emotion", "region", "kind"]):
        other = rows[rows["donor_emotion"] != emotion]["donor_emotion"].value_counts()
        # Balanced over the other emotions, never by how frequent those are.
        assert len(other) == 5 and other.max() - other.min() <= 2 + BUDGETS[budget].background_other
        same = rows[rows["donor_emotion"] == emotion].groupby("receiver").size()
        if region == "background":
            assert same.max() == BUDGETS[budget].background_same
            assert rows["receiver"].nunique() <= BUDGETS[budget].background


def test_where_faces_are_few_each_receives_more_often():
    budget = BUDGETS["default"]
    design = design_transplants(analysis(counts=(60, 60, 60, 7, 60, 60, 60)), budget, 0)
    mouth = design[design["region"] == "mouth"]
    pairs = mouth[mouth["emotion"] != mouth["donor_emotion"]].groupby("emotion").size()
    assert pairs[0] == budget.pairs and mouth[mouth["emotion"] == 0]["receiver"].nunique() == budget.pairs
    assert abs(pairs[3] - budget.pairs) <= 3 and mouth[mouth["emotion"] == 3]["receiver"].nunique() == 7


def test_faces_that_were_not_found_and_copies_do_not_take_part():
    made = analysis(counts=(12, 12, 12, 0, 0, 0, 0), template=(3, 14))
    made.images.loc[1, "sha256"] = made.images.loc[0, "sha256"]
    design = design_transplants(made, BUDGETS["default"], 0)
    assert not np.isin(design[["receiver", "donor"]].to_numpy(), (3, 14)).any()
    assert not ((design["receiver"] == 0) & (design["donor"] == 1)).any()


def test_grey_faces_get_grey_donors_while_there_are_any():
    made = analysis(counts=(60, 60, 60, 0, 0, 0, 0))
    design = design_transplants(made, BUDGETS["default"], 0)
    colour = made.images["colourfulness"].to_numpy() > 0
    assert (colour[design["receiver"]] == colour[design["donor"]]).all()


def test_the_same_seed_draws_the_same_faces():
    first, again, other = (design_transplants(analysis(), BUDGETS["quick"], seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)
    assert set(first["region"]) == set(TRANSPLANTED)


def test_too_few_faces_are_not_tested():
    assert design_transplants(analysis(counts=(5, 5, 5, 0, 0, 0, 0)), BUDGETS["default"], 0).empty
    # One emotion alone has nobody to exchange with.
    assert design_transplants(analysis(counts=(50, 5, 0, 0, 0, 0, 0)), BUDGETS["default"], 0).empty


def test_backgrounds_are_swapped_both_ways_between_the_same_faces():
    design = design_transplants(analysis(), BUDGETS["default"], 0)
    outside = design[design["region"] == "background"]
    swaps = {kind: rows.drop(columns="kind").reset_index(drop=True) for kind, rows in outside.groupby("kind")}
    assert set(swaps) == {"matched", "unmatched"}
    pd.testing.assert_frame_equal(swaps["matched"], swaps["unmatched"])
    # Regions of the face only where the budget asks for it.
    assert set(design[design["region"] != "background"]["kind"]) <= {"matched", "rival"}


def test_each_emotion_meets_the_one_it_is_confused_with_most():
    made = analysis()
    predicted = made.labels.copy()
    anger, sadness = np.flatnonzero(made.labels == 0), np.flatnonzero(made.labels == 5)
    predicted[anger[:9]], predicted[anger[9:20]] = 3, 4  # anger as happiness, as neutral
    predicted[sadness[:30]] = 0  # sadness as anger, more often than any of these
    logits = np.eye(7)[predicted].astype(np.float32)
    model = ModelRecords("m", "m", {}, logits, np.zeros((len(predicted), 7, 1, 1), np.float32))
    budget = BUDGETS["default"]
    design = design_transplants(replace(made, models=(model,)), budget, 0)
    rival = design[design["kind"] == "rival"]
    assert dict(zip(rival["emotion"], rival["donor_emotion"], strict=True)) == {0: 5, 3: 0, 4: 0, 5: 0}
    assert set(rival["region"]) == set(TRANSPLANTED) - {"background"}
    assert (rival.groupby(["emotion", "region"]).size() == budget.rival).all()
    # They come on top of the balanced pictures, whose receivers they share.
    balanced = design[(design["kind"] == "matched") & (design["region"] == "mouth")]
    assert set(rival["receiver"]) <= set(balanced["receiver"])


def test_without_a_cue_only_the_given_faces_of_an_emotion_take_part():
    made = analysis()
    rows = np.flatnonzero(made.labels == 3)[100:130]
    design = design_transplants(made, BUDGETS["default"], 0, {3: rows})
    assert set(design["emotion"]) == {3} and set(design["receiver"]) <= set(rows.tolist())
    assert set(design[design["donor_emotion"] == 3]["donor"]) <= set(rows.tolist())
    assert len(set(design["donor_emotion"])) == 6 and "background" not in set(design["region"])


def test_cues_of_a_background_are_exchanged_one_at_a_time_between_the_same_faces():
    made = analysis()
    design = design_transplants(made, BUDGETS["quick"], 0)
    experiment = background_cue_experiment(made, design, (3, 6))
    assert experiment is not None and set(experiment.design["emotion"]) == {3, 6}
    pairs = design[(design["kind"] == "unmatched") & design["emotion"].isin((3, 6))]
    faces = ["emotion", "receiver", "donor", "donor_emotion", "region"]
    for kind in BACKGROUND_TONES:
        rows = experiment.design[experiment.design["kind"] == kind]
        assert rows[faces].to_numpy().tolist() == pairs[faces].to_numpy().tolist()
    assert sum(job.count for job in experiment.jobs) == len(experiment.design) == 3 * len(pairs)
    assert background_cue_experiment(made, design, ()) is None


def test_emotions_of_which_nothing_can_be_concluded_keep_their_backgrounds_and_change_no_other_picture():
    whole, fewer = (transplant_experiment(analysis(), "default", 0, idle) for idle in ((), (0, 5)))
    design = whole.design
    left_out = design["emotion"].isin((0, 5)) & (design["region"] != "background")
    assert left_out.sum() == 2 * 5 * (2 * BUDGETS["default"].pairs)
    pd.testing.assert_frame_equal(fewer.design, design[~left_out].reset_index(drop=True))
    assert sum(job.count for job in fewer.jobs) == len(fewer.design)
    assert {0, 5} <= set(fewer.design.loc[fewer.design["region"] == "mouth", "donor_emotion"])


def test_faces_are_made_worse_alike_before_one_gives_to_the_other():
    made = analysis(counts=(3, 3))
    points = np.repeat((0.2 + 0.6 * canonical_points())[None], 6, axis=0).astype(np.float32)
    made = replace(made, faces=replace(made.faces, points=points))
    design = pd.DataFrame({
        "emotion": [0, 0, 1], "receiver": [0, 0, 4], "donor": [1, 3, 2], "donor_emotion": [0, 1, 0],
        "region": ["mouth", "mouth", "nose"], "kind": "matched", "important": True, "place": [5, 6, 9],
    })  # fmt: skip
    wanted = pd.concat([design.assign(change=name, level=1) for name in ("darkness", "blur")], ignore_index=True)
    experiment = changed_swap_experiment(made, wanted, 48)
    assert experiment.side == 48
    assert experiment.design["change"].tolist() == ["blur"] * 3 + ["darkness"] * 3
    assert experiment.design["place"].tolist() == [5, 6, 9] * 2
    pictures = [picture for job in experiment.jobs for picture in job.make(Noise(48))]
    for picture, row in zip(pictures, experiment.design.itertuples(index=False), strict=True):
        level = {"blur": 2.0, "darkness": 2.0}[row.change]
        receiver, donor = (
            Portrait(disturb(row.change, level, Noise(48)[k]), points[k]) for k in (row.receiver, row.donor)
        )
        np.testing.assert_array_equal(picture, transplant(receiver, donor, row.region))
    assert changed_swap_experiment(made, wanted.iloc[:0], 48) is None
