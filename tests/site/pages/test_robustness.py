"""The page about robustness: its heading, its counts, and curves where the numbers are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reportgen.evidence.robustness.findings import ROBUSTNESS_COLUMNS, judge_robustness
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.site.links import Links
from reportgen.site.pages.robustness import robustness_view
from reportgen.site.plots.robustness import panel
from reportgen.site.wording.format import percent
from reportgen.site.wording.next_steps import next_steps
from reportgen.site.wording.performance.robustness import (
    CHANGE_NAMES,
    effect_sentence,
    flow_sentence,
    in_training,
    moves_limits,
    moves_line,
    recall_moved,
    robustness_answer,
    robustness_lines,
    robustness_title,
    severity,
    severity_table,
    shown_as,
    weaker_said,
)


def test_the_heading_says_what_breaks_which_model(report):
    assert robustness_title(report, report.robustness) == (
        "Custom CNN breaks under blur; none was shown to break ResNet18."
    )
    claims = {(one.of, one.value) for one in report.stated if one.what == "breaks"}
    assert (("Custom CNN", "blur"), "yes") in claims and (("ResNet18", "mirror"), "no") in claims


def test_where_most_is_inconclusive_no_heading_sounds_safe(report):
    """Two changes cost a model more than nothing by their intervals; the largest fall is named first."""
    moved = {"blur": (0.1, -0.05, 0.25), "mirror": (0.2, 0.02, 0.4), "cover": (0.3, 0.1, 0.5)}

    def verdict(effect, answer):
        value, low, high = moved[effect.change]
        drop = replace(effect.overall.drop, value=value, low=low, high=high)
        return replace(effect, drift=None, overall=replace(effect.overall, drop=drop, answer=answer))

    found = report.robustness
    unsure = replace(found, effects=tuple(verdict(effect, "undetermined") for effect in found.effects))
    assert robustness_title(report, unsure) == (
        f"{found.photos} photos were too few to tell whether most changes break a model; covered regions and mirror "
        "image cost most."
    )
    untested = replace(found, effects=tuple(verdict(effect, "insufficient evidence") for effect in found.effects))
    assert robustness_title(report, untested).startswith("It could not be tested whether most changes break a model;")
    safe = replace(found, effects=tuple(verdict(effect, "holds") for effect in found.effects))
    assert robustness_title(report, safe) == "No change of the photos was shown to break a model."
    broken = tuple(
        effect if effect.model == "Custom CNN" else verdict(effect, "undetermined") for effect in found.effects
    )
    assert robustness_title(report, replace(found, effects=broken)) == (
        f"Custom CNN breaks under blur; {found.photos} photos were too few to tell whether most changes break ResNet18."
    )


def test_to_how_many_photos_weaker_changes_were_shown_is_counted(report):
    found = report.robustness
    (weak,) = (one for one in found.of("Custom CNN", "blur") if not one.hardest)

    def of_size(n):
        fewer = replace(weak, overall=replace(weak.overall, n=n))
        return replace(
            found, effects=tuple(fewer if one is weak else one for one in found.effects if one.hardest or one is weak)
        )

    assert weaker_said(of_size(found.photos)).endswith("costs predictions, to the same photos")
    assert weaker_said(of_size(11)).endswith("to 11 of the photos or more")
    assert panel(report, of_size(11), "blur", "Blur").note == f"11 to {found.photos} photos"
    hard = replace(found, effects=tuple(one for one in found.effects if one.hardest))
    assert weaker_said(hard) == "weaker changes were not shown"


def test_the_table_has_a_line_for_every_change_that_was_shown_at_its_strongest(report):
    view = robustness_view(report, Links(report, ()), report.robustness, None)
    assert [shown for shown, _ in view.verdicts] == ["Blurred by 4 px", "Mirrored", "With mouth covered"]
    first, second = view.verdicts[0][1]
    effect = report.robustness.of("Custom CNN", "blur")[-1]
    assert first.recall == f"{effect.overall.right} → 0 of {effect.overall.n}"
    assert (first.verdict, first.tone) == ("breaks", "bad")
    assert second.drop == "0" and second.tone != "bad"
    assert "Breaks: recall is shown to fall by more than 15 percentage points." in view.rule
    accuracy = percent(report.scores[0].accuracy.value)
    shown = percent(effect.overall.before.value)
    assert f"Correct as they are: Custom CNN {shown} (of all test photos {accuracy})" in view.lede
    assert "3 photos" in view.caution  # of fear there are three
    assert all(f"{effect.overall.n} photos" in one.overall.note for one in view.changes)


def test_curves_go_through_the_recalls_at_their_severities(report):
    found = panel(report, report.robustness, "blur", "Blur")
    assert [text for _, text in found.ticks] == ["as it is", "1 px", "2 px", "4 px"]
    custom, resnet = found.curves
    weak, strong = report.robustness.of("Custom CNN", "blur")
    assert [point.y for point in custom.points] == pytest.approx([
        100 * (1 - strong.overall.before.value), 100 * (1 - weak.overall.after.value), 100.0,
    ], abs=0.01)  # fmt: skip
    assert all(point.high <= point.y <= point.low for point in (*custom.points, *resnet.points))
    assert len(custom.lines) == 2
    places = [x for x, _ in found.ticks]
    assert [point.x for point in custom.points] == pytest.approx([places[0], places[2], places[3]], abs=1.0)
    covered = panel(report, report.robustness, "cover", "Covered")
    assert not covered.curves[0].lines  # the nose is no weaker mouth
    assert panel(report, report.robustness, "noise", "Noise") is None
    assert panel(report, report.robustness, "blur", "neutral", "neutral") is None  # no photo has that label


def test_every_change_has_words(report):
    rows = severity_table()
    assert [name for name, _, _ in rows] == [CHANGE_NAMES[name] for name in DISTURBANCES]
    assert {name: levels for name, _, levels in rows}["Noise"] == (
        "10 levels, 20 levels, 40 levels (signal to noise 28, 22, 16 dB)"
    )
    for name, change in DISTURBANCES.items():
        assert in_training(name)
        assert len({shown_as(name, place) for place in range(len(change.levels))}) == len(change.levels)
    assert (severity("darkness", 0), severity("crop", 2), severity("cover", 0)) == (
        "1 stop",
        "70\u202f%",
        "eyes and brows",
    )


def test_sentences_carry_counts_and_intervals(report):
    effect = report.robustness.of("Custom CNN", "blur")[-1]
    n, right = effect.overall.n, effect.overall.right
    sentence = effect_sentence(report, effect)
    assert sentence.startswith(f"Blurred by 4 px, Custom CNN predicts 0 of {n} photos correctly, {right} as they are")
    # The change and its interval have one sign, the one that the table has as well.
    low, high = 100 * effect.overall.drop.low, 100 * effect.overall.drop.high
    assert sentence.endswith(f"recall changes by −{100 * right / n:.0f} points [−{high:.0f}, −{low:.0f}].")
    assert recall_moved(effect.overall) == (f"−{100 * right / n:.0f}", f"[−{high:.0f}, −{low:.0f}]")
    words = flow_sentence(effect, effect.flow)
    assert (
        f"% of {effect.flow.emotion} is predicted as neutral ({effect.flow.after} of {effect.flow.n} photos)" in words
    )


def test_what_breaks_a_model_is_a_next_step_with_its_numbers(report):
    alone = replace(report, shortcuts=None, components=None, marks=None, importance=None, reasons=None)
    steps = {step.title: step for step in next_steps(alone, Links(report, ()))}
    step = steps["Train with blur."]
    assert "predicts 0 of" in step.text and step.link.href == "robustness.html"


def test_the_first_page_says_what_breaks_each_model(report):
    answer = robustness_answer(report)
    broken = report.robustness.broken("Custom CNN")
    assert answer.tone == "bad" and answer.lead.lower().startswith(in_training(broken[0].change))
    breaking = {effect.model for effect in report.robustness.effects if effect.overall.answer == "breaks"}
    assert {line.model for line in answer.models} == breaking < {model.name for model in report.models}
    calm = [
        replace(
            one, overall=replace(one.overall, answer="holds" if one.overall.answer == "breaks" else one.overall.answer)
        )
        for one in report.robustness.effects
    ]
    calm_answer = robustness_answer(replace(report, robustness=replace(report.robustness, effects=tuple(calm))))
    for line in (*answer.models, *calm_answer.models):
        own = [effect for effect in report.robustness.effects if effect.model == line.model]
        part = max((effect.overall for effect in own), key=lambda part: part.drop.value)
        if part.drop.value > 0:
            how = {shown_as(e.change, e.level) for e in own if e.overall.drop.value == part.drop.value}
            proven = {"breaks": "", "holds": " (does not break it)"}.get(part.answer, " (inconclusive)")
            assert any(f"photos correct; at worst {part.still}, {one}" in line.text for one in how)
            assert line in calm_answer.models or line.text.endswith(f"{proven}.")
        else:
            assert line.text.endswith("photos correct; no change costs any.")
    assert {line.text.endswith("no change costs any.") for line in calm_answer.models} == {True, False}
    assert robustness_answer(replace(report, robustness=None)) is None
    unsure = [replace(one, overall=replace(one.overall, answer="undetermined")) for one in report.robustness.effects]
    open_answer = robustness_answer(replace(report, robustness=replace(report.robustness, effects=tuple(unsure))))
    assert (open_answer.tone, open_answer.lead) == ("open", "Too few photos to tell.")


def test_too_few_photos_are_said_and_nothing_else(report):
    findings = judge_robustness(report.analysis, {}, {}, {}, 0)
    view = robustness_view(report, Links(report, ()), findings, None)
    assert view.title == "Whether changes of the photos break the models was not measured."
    assert "too few" in view.lede
    assert not view.verdicts and not view.changes and not view.models


def test_importance_that_moves_is_a_row_with_its_interval_and_verdict(report):
    found = report.robustness
    view = robustness_view(report, Links(report, ()), found, None)
    moved, unsure, untested = view.models[0].moves
    assert (moved.region, moved.shown, moved.faces) == ("happiness, mouth", "blurred by 2 px", "26")
    assert (moved.before, moved.after, moved.move, moved.interval) == ("2.00", "0.75", "−1.25", "[−1.50, −1.00]")
    assert (moved.p, moved.verdict, moved.tone) == ("< .001", "moves", "")
    assert (unsure.shown, unsure.verdict, unsure.tone) == ("darkened by 2 stops", "inconclusive", "open")
    assert (untested.interval, untested.p, untested.verdict) == ("", "–", "cannot be tested")
    assert view.models[1].moves == ()
    assert "both blurred by 2 px, reduced to 40 px or darkened by 2 stops." in view.moves_limits
    table = found.tables["robustness_importance"]
    assert list(table.columns) == list(ROBUSTNESS_COLUMNS["robustness_importance"])
    assert table["change_of_drop_low"].tolist()[:2] == [-1.5, -0.6]
    assert moves_line(found.moves) == (
        "Region importance under changes moves for the mouth of happiness blurred by 2 px and is open in 1 of 2 cases."
    )


def test_where_importance_with_changes_was_not_measured_the_page_and_the_card_say_so(report):
    left_out, nothing = (replace(report.robustness, moves=moves) for moves in (None, ()))
    assert moves_limits(left_out).startswith("Region importance was not measured on changed photos.")
    assert "With experiments = full" in moves_limits(left_out)
    assert "there is nothing to move" in moves_limits(nothing)
    for found in (left_out, nothing):
        view = robustness_view(report, Links(report, ()), found, None)
        assert not any(one.moves for one in view.models)
        lines = robustness_lines(replace(report, robustness=found), "Custom CNN")
        assert lines[-1] == "Region importance under changes: not measured."
