"""The summary's numbers, by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from reportgen.evidence.stats.intervals import wilson
from reportgen.selfcheck.artefacts import Artefact
from reportgen.selfcheck.outcome import COLUMNS, Outcome, outcome_table
from reportgen.selfcheck.plan import TUNING, Trial
from reportgen.selfcheck.reliance import Reliance
from reportgen.selfcheck.report_verdicts import HEAT, ReportVerdict
from reportgen.selfcheck.summary import summarise


def outcome(arm="off-face", kind="border strip", reliance=0.5, alarms=(), heat=(), emotion="fear", score=0.0, number=0):
    trial = Trial(f"{arm}-{number}", arm, Artefact(kind, ""), emotion, 0.8, 0.0, "coarse", number)
    found = (
        [ReportVerdict(emotion, "background", score, "no")]
        if not any(a[:2] == (emotion, "background") for a in alarms)
        else []
    )
    found += [ReportVerdict(e, k, s, "yes") for e, k, s in alarms] + [ReportVerdict(e, HEAT, 3.0, "yes") for e in heat]
    return Outcome(trial, 0.6, 0.55, Reliance(reliance, 0.5, 240), tuple(found), {"training": 1.0, "build": 2.0})


OWN, OTHER = ("fear", "background", 2.0), ("anger", "background", 1.0)
LOUD = ("anger", "background", 3.0)


def test_detection_and_naming_count_strong_shortcuts_of_the_tested_kinds_only():
    summary = summarise([
        outcome(alarms=[OWN]),  # found and named
        outcome(alarms=[OWN, OTHER]),  # named: the strongest is the right one
        outcome(alarms=[OWN, LOUD]),  # found, but the strongest is another emotion
        outcome(),  # missed
        outcome(alarms=[("fear", "colour", 9.0)]),  # an alarm of another kind does not find what lies beside the face
        outcome(reliance=0.29),  # not strong
        outcome(kind=TUNING),  # settled on
        outcome(arm="on-face", kind="cheek sticker"),
    ])  # fmt: skip
    assert (summary.detection.value, summary.detection.n) == (3 / 5, 5)
    assert (summary.naming.value, summary.naming.n) == (2 / 3, 3)
    assert summary.detection == wilson(3, 5)
    assert summary.strong == 7
    assert summary.other_emotions == wilson(2, 8)


def test_strong_begins_at_three_tenths():
    assert outcome(reliance=0.3).strong
    assert not outcome(reliance=0.2999).strong


def test_any_alarm_for_any_emotion_and_kind_is_a_false_one_in_an_innocent_model():
    summary = summarise([
        outcome("clean"), outcome("clean", alarms=[OTHER]), outcome("clean", heat=["fear"]),
        outcome("distractor", alarms=[("joy", "colour", 1.0)]), outcome("distractor"),
    ])  # fmt: skip
    assert summary.clean == wilson(1, 3)
    assert summary.distractors == wilson(1, 2)
    assert summary.false_alarms == wilson(2, 5)
    assert summary.heat_alarms == wilson(1, 5)


def test_heat_accuses_nobody_by_itself():
    found = outcome(heat=["fear"])
    assert found.alarms == ()
    assert found.named is None
    assert summarise([found]).heat_detection == wilson(1, 1)


def test_kinds_say_what_was_seen_what_it_was_called_and_what_was_not():
    tint = ("fear", "colour", 1.0)
    summary = summarise([
        outcome("invisible", "tint", alarms=[tint]), outcome("invisible", "tint", alarms=[tint]),
        outcome("invisible", "tint", alarms=[OTHER]),
        outcome("invisible", "blur"), outcome("invisible", "blur", reliance=0.1, alarms=[tint]),
        outcome("on-face", "cheek sticker", reliance=0.1),
    ])  # fmt: skip
    kinds = {kind.kind: kind for kind in summary.kinds}
    assert kinds["tint"].flagged == wilson(3, 3)
    assert kinds["tint"].named == wilson(2, 3)
    assert kinds["tint"].called == ("colour",)
    assert kinds["blur"].flagged == wilson(0, 1)
    assert kinds["blur"].flagged_weak == wilson(1, 1)
    # Nothing is said of the sticker: no model depends on it strongly.
    assert summary.unseen == ("blur",)


def test_doses_hold_every_model_once_and_count_the_right_emotion_only():
    doses = (-0.02, 0.04, 0.05, 0.1, 0.3, 0.49, 0.5, 1.0)
    found = [outcome(reliance=dose, alarms=[OWN] if dose >= 0.3 else [OTHER], number=k) for k, dose in enumerate(doses)]
    rows = summarise(found).doses
    assert [row.flagged.n for row in rows] == [2, 2, 0, 2, 2]
    assert [row.flagged.value for row in rows if row.flagged.n] == [0, 0, 1, 1]


def test_the_correlation_is_spearmans_over_what_lies_beside_the_face():
    rng = np.random.default_rng(2)
    reliance = rng.random(20)
    score = reliance + 0.3 * rng.random(20)
    found = [
        outcome("clean" if k < 5 else "off-face", reliance=r, score=s, number=k)
        for k, (r, s) in enumerate(zip(reliance, score, strict=True))
    ]
    noise = [outcome("invisible", "tint", reliance=0.9), outcome(kind=TUNING, reliance=0.9)]
    summary = summarise([*found, *noise])
    expected = np.corrcoef(rankdata(reliance), rankdata(score))[0, 1]
    assert summary.correlation.value == pytest.approx(expected)
    assert summary.correlation.n == 20
    assert summary.correlation_taught.n == 15
    assert summary.correlation.low < expected < summary.correlation.high


def test_targets_are_missed_at_their_edge_and_met_on_it():
    def found(strong, flagged, innocent, accused):
        outcomes = [outcome(alarms=[OWN] if k < flagged else [], number=k) for k in range(strong)]
        outcomes += [outcome("clean", alarms=[OTHER] if k < accused else [], number=k) for k in range(innocent)]
        return [target.met for target in summarise(outcomes).targets[:3]]

    assert found(30, 29, 40, 1) == [True, True, True]
    assert found(30, 28, 40, 2) == [False, True, False]
    assert found(0, 0, 0, 0) == [None, None, None]


def test_an_empty_summary_claims_nothing():
    summary = summarise([])
    assert not summary.detection.defined
    assert math.isnan(summary.clean_accuracy)
    assert [target.met for target in summary.targets] == [None] * 4


def test_the_raw_table_gives_the_summary_again():
    found = [outcome(alarms=[OWN], number=1), outcome(number=2), outcome("clean", alarms=[OTHER], number=3)]
    table = outcome_table(found)
    assert list(table.columns) == list(COLUMNS)
    strong = table[(table["arm"] == "off-face") & ~table["tuning"] & table["strong"]]
    assert strong["flagged"].mean() == summarise(found).detection.value
    assert table[table["arm"] == "clean"]["flags"].tolist() == ["anger: background"]
    assert pd.to_numeric(table["score"]).tolist() == [2.0, 0.0, 0.0]
