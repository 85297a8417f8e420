"""The summary's numbers, by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from reportgen.evidence.stats.intervals import exact
from reportgen.selfcheck.artefacts import Artefact
from reportgen.selfcheck.criteria import Criteria, criteria_sha256, read_criteria
from reportgen.selfcheck.faces import DATA
from reportgen.selfcheck.outcome import COLUMNS, Outcome, outcome_table
from reportgen.selfcheck.plan import Trial
from reportgen.selfcheck.reason_truth import ReasonOutcome
from reportgen.selfcheck.reliance import Reliance
from reportgen.selfcheck.report_verdicts import HEAT, REGION, ReportVerdict
from reportgen.selfcheck.summary import summarise


def outcome(
    arm="off-face", kind="border strip", reliance=0.5, alarms=(), heat=(), emotion="fear", score=0.0, number=0,
    regions=(), network="coarse",
):  # fmt: skip
    trial = Trial(f"{arm}-{number}", arm, Artefact(kind, ""), emotion, 0.8, 0.0, network, number)
    found = (
        [ReportVerdict(emotion, "background", score, "no")]
        if not any(a[:2] == (emotion, "background") for a in alarms)
        else []
    )
    found += [ReportVerdict(e, k, s, "yes") for e, k, s in alarms] + [ReportVerdict(e, HEAT, 3.0, "yes") for e in heat]
    found += [ReportVerdict(e, f"{REGION}{region}", 1.0, answer) for e, region, answer in regions]
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
        outcome(kind="corner patch"),  # settled on
        outcome(arm="on-face", kind="cheek sticker"),
    ])  # fmt: skip
    assert (summary.detection.value, summary.detection.n) == (3 / 5, 5)
    assert (summary.naming.value, summary.naming.n) == (2 / 3, 3)
    assert summary.detection == exact(3, 5)
    assert summary.strong == 7
    assert summary.other_emotions == exact(2, 8)


def test_strong_begins_at_three_tenths():
    assert outcome(reliance=0.3).strong
    assert not outcome(reliance=0.2999).strong


def test_any_alarm_for_any_emotion_and_kind_is_a_false_one_in_an_innocent_model():
    summary = summarise([
        outcome("clean"), outcome("clean", alarms=[OTHER]), outcome("clean", heat=["fear"]),
        outcome("distractor", alarms=[("joy", "colour", 1.0)]), outcome("distractor"),
    ])  # fmt: skip
    assert summary.clean == exact(1, 3)
    assert summary.distractors == exact(1, 2)
    assert summary.false_alarms == exact(2, 5)
    assert summary.heat_alarms == exact(1, 5)


def test_heat_accuses_nobody_by_itself():
    found = outcome(heat=["fear"])
    assert found.alarms == ()
    assert found.named is None
    assert summarise([found]).heat_detection == exact(1, 1)


def test_kinds_say_what_was_seen_what_it_was_called_and_what_was_not():
    tint = ("fear", "colour", 1.0)
    summary = summarise([
        outcome("invisible", "tint", alarms=[tint]), outcome("invisible", "tint", alarms=[tint]),
        outcome("invisible", "tint", alarms=[OTHER]),
        outcome("invisible", "blur"), outcome("invisible", "blur", reliance=0.1, alarms=[tint]),
        outcome("on-face", "cheek sticker", reliance=0.1),
    ])  # fmt: skip
    kinds = {kind.kind: kind for kind in summary.kinds}
    assert kinds["tint"].flagged == exact(3, 3)
    assert kinds["tint"].named == exact(2, 3)
    assert kinds["tint"].called == ("colour",)
    assert kinds["blur"].flagged == exact(0, 1)
    assert kinds["blur"].flagged_weak == exact(1, 1)
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
    noise = [outcome("invisible", "tint", reliance=0.9), outcome(kind="corner patch", reliance=0.9)]
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
    assert {target.met for target in summary.targets} == {None}


def test_the_raw_table_gives_the_summary_again():
    found = [outcome(alarms=[OWN], number=1), outcome(number=2), outcome("clean", alarms=[OTHER], number=3)]
    table = outcome_table(found)
    assert list(table.columns) == list(COLUMNS)
    strong = table[(table["arm"] == "off-face") & ~table["tuning"] & table["strong"]]
    assert strong["flagged"].mean() == summarise(found).detection.value
    assert table[table["arm"] == "clean"]["flags"].tolist() == ["anger: background"]
    assert pd.to_numeric(table["score"]).tolist() == [2.0, 0.0, 0.0]


def test_soft_and_worn_shortcuts_are_found_by_an_alarm_of_any_kind_and_named_by_one_for_their_emotion():
    blurred = ("fear", "blurred", 0.4)
    found = [outcome("soft", "vignette", alarms=[blurred], number=k) for k in range(7)]
    found += [outcome("soft", "vignette", alarms=[OTHER], number=7), outcome("soft", "vignette", number=8)]
    found += [outcome("soft", "vignette", reliance=0.2, number=9)]  # not strong
    found += [outcome("soft", "corner glow", alarms=[OWN], number=k) for k in range(8)]
    kinds = {kind.kind: kind for kind in summarise(found).kinds}
    assert kinds["vignette"].flagged == exact(8, 9)
    assert kinds["vignette"].named == exact(7, 8)
    met = {target.title: (target.found, target.met) for target in summarise(found).targets}
    assert met["strong shortcuts, soft light and shade: flagged"] == ("16 of 17", True)
    assert met["strong shortcuts, soft light and shade: flagged with the right emotion"] == ("15 of 17", True)


def test_models_that_came_to_depend_on_what_they_were_not_taught_are_no_innocents():
    found = [outcome(arm, "tint", reliance=0.0, number=k) for arm in ("confounded", "fragile") for k in range(50)]
    found += [outcome("fragile", "tint", reliance=0.15, alarms=[OWN], number=50)]
    found += [outcome("confounded", "tint", reliance=0.1, alarms=[OTHER], number=51)]
    summary = summarise(found)
    assert summary.innocents == exact(1, 101)
    assert (summary.confounded, summary.fragile, summary.dependent) == (exact(1, 51), exact(0, 50), 1)
    title = "innocent models that are flagged"
    assert [target.met for target in summary.targets if target.title == title] == [True]
    few = [target.met for target in summarise(found[:20]).targets if target.title == title]
    assert few == [None]  # so few models certify nothing


def test_verdicts_on_regions_of_models_that_see_one_band():
    seen = [
        ("fear", "eyes+brows", "yes"), ("fear", "mouth", "no"), ("anger", "mouth", "yes"),
        ("anger", "eyes+brows", "no"), ("sadness", "mouth", "undetermined"), ("sadness", "nose", "yes"),
    ]  # fmt: skip
    upper = outcome("region", network="upper", regions=seen)
    assert upper.regions == (2, 2)
    assert outcome("region", network="lower", regions=seen).regions == (2, 2)
    assert outcome(regions=seen).regions == (0, 0)
    summary = summarise([upper])
    assert summary.regions == exact(2, 4)
    assert summary.regions_open == 2 * 7 - 4
    assert not upper.alarms


def erring(kind, caused, counted=(), given=0, share=math.nan, errors=100, low=math.nan):
    trial = Trial(f"reason-{kind}", "reason", Artefact(kind, ""), "fear", 0.25, 0.25, "coarse", 1)
    reason = ReasonOutcome(errors, caused, 0, given, tuple(counted), share, low, share)
    return Outcome(trial, 0.6, 0.8, Reliance(0.0, 0.0, 240), (), {}, reason)


def test_reasons_are_held_against_what_spoiled_photos_caused():
    poor, dark = "low-quality", "dark-eyes"
    summary = summarise([
        erring("low light", 40, [poor], given=30, share=0.3, low=0.2),  # a cause, found
        erring("out of focus", 20, [poor], given=10, share=0.3, low=0.25),  # likewise; its share is told too large
        erring("shaded eyes", 60, [poor], share=0.0, low=-0.1),  # a cause, and another reason is given
        erring("out of focus", 10, [dark]),  # neither a cause nor none
        erring("shaded eyes", 4, ["open-mouth"]),  # none; an open mouth may be a true reason
        erring("low light", 4, [dark]),  # none, and one is given
        erring("headband", 50, [poor]),  # for which the report has no reason
        erring("watermark", 50),
        erring("dark glasses", 60, [dark]),  # settled on: counts nowhere
    ])  # fmt: skip
    assert summary.reasons_found == exact(2, 3)
    assert summary.reasons_given == exact(40, 120)
    assert summary.reasons_false == exact(2, 4)
    assert summary.reasons_too_large == exact(1, 3)
    assert summary.reasons_ratio == pytest.approx(0.3 / 0.4)  # of .75, 1.5 and 0
    assert [t.met for t in summary.targets[-3:]] == [False, False, False]
    assert summary.targets[-3].found == "2 of 3"


def test_spoiling_that_helps_makes_the_true_share_negative():
    assert ReasonOutcome(50, 5, 15, 0, (), math.nan, math.nan, math.nan).true_share == -0.2
    assert ReasonOutcome(0, 0, 0, 0, (), math.nan, math.nan, math.nan).true_share == 0


def test_an_arm_with_too_few_strong_models_of_a_kind_is_not_measured():
    glow = [outcome("soft", "corner glow", alarms=[OWN], number=k) for k in range(8)]
    shade = [outcome("soft", "vignette", alarms=[OWN], number=k) for k in range(8)]
    assert [t.met for t in summarise([*glow, *shade]).targets[5:7]] == [True, True]
    assert [t.met for t in summarise([*glow, *shade[1:]]).targets[5:7]] == [None, None]


def test_exact_intervals():
    # Clopper and Pearson: 0 of n has the upper end 1 - .025^(1/n), n of n its mirror image.
    assert exact(0, 20).high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert exact(20, 20).low == pytest.approx(0.025 ** (1 / 20))
    assert not exact(0, 0).defined


def test_the_criteria_are_those_whose_checksum_was_kept():
    line = next(line for line in (DATA / "SHA256SUMS").read_text().splitlines() if line.endswith("criteria.json"))
    assert line.split()[0] == criteria_sha256()
    assert read_criteria() == Criteria((37, 38), 0.8, 0.7, (2, 100), 8, 0.95, 0.8, 0.1, 0.1)
