"""Errors shown again without a property, and the counts behind a shortcut, on sets small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.errors.label_suspects import find_label_suspects
from reportgen.evidence.errors.reasons import weigh_reasons
from reportgen.evidence.errors.rules import ORDER, ErrorCase, raise_flags
from reportgen.evidence.errors.shortcut_errors import (
    SHORTCUT_ERROR_BUDGETS,
    ShortcutErrors,
    choose_shortcut_errors,
    measure_shortcut_errors,
)
from reportgen.evidence.shortcuts.properties import Property, split_predictions
from reportgen.evidence.stats.clustered import clusters
from reportgen.explain.experiments.interventions import shortcut_error_experiment

CLASSES = ("anger", "disgust", "happiness")
ANGER, DISGUST, HAPPINESS = range(3)
#            0        1          2          3        4        5          6          7
LABELS = [ANGER, HAPPINESS, HAPPINESS, ANGER, ANGER, DISGUST, HAPPINESS, -1]
SAID = [DISGUST, DISGUST, DISGUST, DISGUST, HAPPINESS, DISGUST, HAPPINESS, DISGUST]
COLOURED = [True, True, False, True, True, True, True, True]
# Suspected are 0, 1 and 3: errors called disgust and in colour. 2 is grey, 4 is called something else, 5 is right.
BY_COLOUR = SimpleNamespace(model="Cheat", emotion="disgust", change="grey")


def logits(answers: list[int]) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[answers] * 4


def analysis(sides: tuple[int, ...] = (224, 224)) -> Analysis:
    images = pd.DataFrame({
        "row": range(8), "label": LABELS, "luminance": 0.5, "contrast": 0.2, "sharpness": 50.0,
        "colourfulness": np.where(COLOURED, 0.2, 0.0),
    })  # fmt: skip
    maps = np.zeros((8, 3, 2, 2), np.float32)
    models = tuple(
        ModelRecords(name, name.lower(), {"input": [side, side], "parts": []}, logits(SAID), maps)
        for name, side in zip(("Cheat", "Honest"), sides, strict=True)
    )
    return Analysis(Path("a"), {"classes": list(CLASSES)}, images, pd.DataFrame(), models)


def test_only_errors_that_the_shortcut_can_explain_are_shown_with_some_for_comparison() -> None:
    assert choose_shortcut_errors(analysis(), [BY_COLOUR], "default", 0) == {"grey": (0, 1, 3, 4)}
    assert choose_shortcut_errors(analysis(), [], "default", 0) == {}
    blur = SimpleNamespace(model="Cheat", emotion="disgust", change="blurred")
    assert choose_shortcut_errors(analysis(), [blur], "default", 0) == {"blurred": (0, 1, 2, 3, 4)}


def test_the_budget_takes_some_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "reportgen.evidence.errors.shortcut_errors.SHORTCUT_ERROR_BUDGETS",
        {"quick": replace(SHORTCUT_ERROR_BUDGETS["quick"], suspected=2)},
    )
    chosen = choose_shortcut_errors(analysis(), [BY_COLOUR], "quick", 0)["grey"]
    assert 4 in chosen and len(set(chosen) & {0, 1, 3}) == 2


def test_the_pictures_are_those_rows_in_grey() -> None:
    experiment = shortcut_error_experiment(analysis(), {"grey": (0, 3)})
    assert experiment is not None
    assert experiment.design.to_dict("list") == {"image": [0, 3], "change": ["grey", "grey"]}
    scaled = shortcut_error_experiment(analysis((224, 96)), {"grey": (0,), "blurred": (0, 3)})
    assert scaled is not None
    assert scaled.design["change"].tolist() == ["unchanged", "grey", "blurred", "unchanged", "blurred"]
    assert shortcut_error_experiment(analysis(), {}) is None


def measured(answers: list[int], rows: tuple[int, ...] = (0, 1, 3, 4)) -> dict:
    design = pd.DataFrame({"image": rows, "change": "grey"})
    return measure_shortcut_errors(analysis(), [BY_COLOUR], {name: (design, logits(answers)) for name in ("cheat",)})


def test_a_prediction_that_changes_without_colour_is_due_to_the_shortcut() -> None:
    found = measured([ANGER, HAPPINESS, DISGUST, HAPPINESS])
    cheat = found["cheat"]
    assert np.flatnonzero(cheat.suspected).tolist() == [0, 1, 3]
    assert np.flatnonzero(cheat.gone).tolist() == [0, 1]
    assert cheat.predicted[[0, 1, 3]].tolist() == [ANGER, HAPPINESS, DISGUST]
    assert cheat.margin[[0, 3]].tolist() == [-4.0, 4.0]
    assert cheat.change[[0, 4]].tolist() == ["grey", ""]
    assert (cheat.compared.sum(), cheat.compared_gone.sum(), cheat.usual, cheat.net) == (1, 0, 0.0, 2)
    others = measured([ANGER, HAPPINESS, DISGUST, ANGER])["cheat"]
    # As many of three would have changed anyway as the one other error did.
    assert (np.flatnonzero(others.compared_gone).tolist(), others.usual, others.net) == ([4], 1.0, 0)
    honest = found["honest"]
    assert not honest.suspected.any() and not honest.compared.any() and honest.net == 0


def test_a_prediction_that_differed_before_the_change_is_left_out() -> None:
    design = pd.DataFrame({"image": [0, 0, 1, 1], "change": ["unchanged", "grey"] * 2})
    said = logits([DISGUST, ANGER, HAPPINESS, HAPPINESS])
    found = measure_shortcut_errors(analysis(), [BY_COLOUR], {"cheat": (design, said)})["cheat"]
    assert np.flatnonzero(found.gone).tolist() == [0] and np.isnan(found.margin[1])


def test_without_a_difference_from_other_errors_it_does_not_count_and_it_leaves_the_others_rates() -> None:
    model, labels = analysis().models[0], np.array(LABELS)
    found = measured([ANGER, HAPPINESS, DISGUST, HAPPINESS], (0, 1, 3, 4))["cheat"]
    case = ErrorCase(labels, model.logits, model.probabilities, model.maps, {}, shortcut=found)
    flags = raise_flags(case, find_label_suspects([model.probabilities], labels), ["Cheat"])
    flag = flags[ORDER.index("shortcut")]
    assert np.flatnonzero(flag.fires).tolist() == [0, 1]
    # The grey one and the one called happiness are settled without a picture.
    assert np.flatnonzero(flag.tested).tolist() == [0, 1, 2, 3, 4]
    marked = np.array([True, True, False, True, False, True, False, False])
    flags = tuple(replace(f, common=marked, comparable=labels >= 0) if f.name == "low-quality" else f for f in flags)
    reasons = weigh_reasons("Cheat", "cheat", case, flags)
    # Two of three changed, and one other error did not: that may be chance.
    assert [reasons.raised(row) for row in (0, 3)] == [
        ("unexplained", "shortcut"),
        ("unexplained",),
    ]
    shown = reasons.rates[0]
    assert (shown.in_errors, shown.errors, shown.in_correct, shown.correct) == (2, 3, 0, 1) and not shown.telling
    rate = reasons.rates[ORDER.index("low-quality")]
    assert (rate.in_errors, rate.errors, rate.in_correct, rate.correct) == (1, 3, 1, 2)
    unasked = raise_flags(replace(case, shortcut=None), find_label_suspects([model.probabilities], labels), ["Cheat"])[
        0
    ]
    assert not unasked.tested.any() and unasked.untested == "no changed photo"


def test_it_counts_where_far_more_change_than_among_other_errors() -> None:
    n = 60
    labels, predicted = np.zeros(n, dtype=np.int64), np.ones(n, dtype=np.int64)
    part = np.arange(n) < 30
    margin = np.where(part, np.where(np.arange(n) < 24, -1.0, 1.0), np.nan)
    found = ShortcutErrors(
        part, np.full(n, "grey", dtype=object), np.zeros(n, dtype=np.int64), margin, ~part, np.arange(n) >= 54,
        np.arange(n) < 18, np.arange(n) >= 57,
    )  # fmt: skip
    case = ErrorCase(labels, np.eye(3)[predicted], np.eye(3)[predicted], np.zeros((n, 3, 1, 1)), {}, shortcut=found)
    flags = raise_flags(case, find_label_suspects([np.eye(3)[predicted]], labels), ["Cheat"])
    reasons = weigh_reasons("Cheat", "cheat", case, flags)
    # 24 of 30 against 6 of 30: 80 % less 20 %.
    assert found.net == 18 and reasons.rates[0].ratio is not None and reasons.rates[0].ratio.value == pytest.approx(4)
    assert reasons.rates[0].primary == 24 and reasons.raised(0) == ("shortcut",)
    assert reasons.unexplained.value == pytest.approx(36 / 60)
    # 18 of 30 become right, of the others 3 of 30; half of all errors are suspected.
    share = reasons.rates[0].share
    assert share is not None and share.value == pytest.approx(0.5 * (18 / 30 - 3 / 30)) and share.low > 0.1


def test_predictions_are_counted_by_property() -> None:
    colour = Property("colour", "in colour", "grey", True, np.array(COLOURED, dtype=float))
    link = SimpleNamespace(emotion="disgust", name="colour", sign=1)
    (split,) = split_predictions(
        "Cheat",
        np.array(SAID),
        np.array(LABELS),
        CLASSES,
        [("disgust", "colour")],
        [colour],
        [link],
        clusters(None, len(LABELS)),
    )
    assert (split.having, split.lacking, split.n_having, split.n_lacking) == ("in colour", "grey", 6, 1)
    assert split.right_having.value == pytest.approx(2 / 6) and split.right_lacking.value == 0
    assert split.predictions == (("disgust", 5, 4),)


def test_a_quantity_is_split_at_its_median_on_the_side_of_the_emotion() -> None:
    light = Property("brightness", "brighter", "darker", False, np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, np.nan, 0.7]))
    link = SimpleNamespace(emotion="disgust", name="brightness", sign=-1)
    (split,) = split_predictions(
        "Cheat",
        np.array(SAID),
        np.array(LABELS),
        CLASSES,
        [("disgust", "brightness")],
        [light],
        [link],
        clusters(None, len(LABELS)),
    )
    assert (split.having, split.lacking) == ("darker", "")
    assert (split.n_having, split.n_lacking) == (3, 3)  # one is unknown, one has no label
    assert split.predictions == (("disgust", 5, 3),)
