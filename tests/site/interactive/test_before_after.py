"""Photos with a cue and without it: which are shown, and with which numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import html5lib
import numpy as np
import pytest

from reportgen.config import Config
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.stats.intervals import Estimate, wilson
from reportgen.progress import SilentProgress
from reportgen.site.interactive.before_after import background_pairs, lost_pairs, turned_pairs
from reportgen.site.links import Links
from reportgen.site.pictures.background_swaps import draw_background_swaps
from reportgen.site.pictures.shortcuts import draw_shortcuts
from reportgen.site.publish import publish
from reportgen.site.report import Report

XHTML = "{http://www.w3.org/1999/xhtml}"


def test_probabilities_are_those_of_the_photo_and_of_the_changed_one(report: Report) -> None:
    pictures = draw_shortcuts(report, lambda path, content: None)
    (found,) = report.shortcuts.found  # type: ignore[union-attr]
    assert pictures is not None
    model = report.models[0]
    pairs = lost_pairs(report, Links(report, ()), found, pictures)
    assert len(pairs) == 4
    for pair, row in zip(pairs, found.images, strict=False):
        label, now = pair.odds
        assert (label.emotion, now.emotion) == ("happiness", "anger")
        assert label.before == pytest.approx(100 * model.probabilities[row, 2], abs=0.051)
        # In grey the constructed model has logits 1, 0, 0, 0.
        assert now.after == pytest.approx(100 * np.e / (np.e + 3), abs=0.051)
        assert label.after == pytest.approx(100 / (np.e + 3), abs=0.051)
        assert (pair.before.title, pair.after.title) == ("happiness", "anger")


def test_what_an_older_version_kept_has_no_probabilities_and_is_shown_all_the_same(report: Report) -> None:
    pictures = draw_shortcuts(report, lambda path, content: None)
    (found,) = report.shortcuts.found  # type: ignore[union-attr]
    assert pictures is not None
    pairs = lost_pairs(report, Links(report, ()), replace(found, probabilities_now=()), pictures)
    assert len(pairs) == 4 and all(pair.odds == () and pair.after.note == "" for pair in pairs)


def test_photos_that_a_cue_turned_have_the_probabilities_of_the_experiment(report: Report) -> None:
    pictures = draw_shortcuts(report, lambda path, content: None)
    (found,) = report.shortcuts.found  # type: ignore[union-attr]
    assert pictures is not None and found.turned is not None and found.added is not None
    model, turned = report.models[0], found.turned
    pairs = turned_pairs(report, Links(report, ()), found, pictures)
    assert len(pairs) == len(turned.rows) == 4
    assert set(turned.rows) <= set(found.added.images)
    for pair, row in zip(pairs, turned.rows, strict=True):
        label, emotion = pair.odds
        truth = report.classes[report.labels[row]]
        assert truth != "happiness" and (label.emotion, emotion.emotion) == (truth, "happiness")
        assert emotion.before == pytest.approx(100 * model.probabilities[row, 2], abs=0.051)
        # In the colours of happiness the constructed model has logits 0, 0, 1, 0.
        assert emotion.after == pytest.approx(100 * np.e / (np.e + 3), abs=0.051)
        assert label.after == pytest.approx(100 / (np.e + 3), abs=0.051)
        first = report.classes[model.predicted[row]]
        assert (pair.before.title, pair.after.title) == (first, "happiness")
        # The neutral change left the constructed model as it was.
        assert f"with the colour cast of happiness photos; after the equally large change: {first}" in pair.after.alt
        assert f"labelled {truth}, as it is" in pair.before.alt


def test_without_photos_that_a_cue_turned_there_are_no_such_pairs(report: Report) -> None:
    pictures = draw_shortcuts(report, lambda path, content: None)
    (found,) = report.shortcuts.found  # type: ignore[union-attr]
    assert pictures is not None
    assert turned_pairs(report, Links(report, ()), replace(found, turned=None), pictures) == ()


def test_swapped_backgrounds_are_shown_of_photos_that_are_lost(report: Report) -> None:
    saved: dict[str, bytes] = {}
    pictures = draw_background_swaps(report, saved.__setitem__)
    importance = report.importance
    assert importance is not None
    proved = [found for found in importance.backgrounds if found.cheating]
    assert proved and set(pictures) == {(found.model, found.emotion) for found in proved}
    for found in proved:
        model = next(model for model in report.models if model.name == found.model)
        e, shown = report.classes.index(found.emotion), pictures[found.model, found.emotion]
        assert len({swapped.row for swapped in shown}) == len(shown) <= 4
        for swapped in shown:
            assert report.labels[swapped.row] == e == model.predicted[swapped.row] != report.labels[swapped.donor]
            assert int(np.argmax(swapped.probabilities)) != e
            assert swapped.before.path in saved and saved[swapped.before.path] != saved[swapped.after.path]
        pairs = background_pairs(report, Links(report, ()), found, pictures)
        assert [pair.before.title for pair in pairs] == [found.emotion] * len(shown)


def test_a_headline_of_leakage_is_proved_by_photos_of_both_kinds(report: Report, tmp_path: Path) -> None:
    seen = np.arange(len(report.labels)) % 2.0
    leak = Leakage("ResNet18", wilson(20, 20), wilson(1, 20), Estimate(0.9, 0.8, 0.95, 40, 20))
    leaky = replace(report, leakages=(leak,), trained_on=seen)
    assert leaky.damages[0].kind == "leakage"
    site = publish(leaky, tmp_path, Config(zip=False), SilentProgress()).site
    root = html5lib.parse((site / "index.html").read_text(encoding="utf-8"))
    groups = [part for part in root.iter(f"{XHTML}div") if part.get("class") == "strip-group"]
    titles = ["".join(group.find(f".//{XHTML}b").itertext()) for group in groups]
    labelled = report.labels >= 0
    assert titles == [
        f"Persons or files in the training data: {int((seen[labelled] == 1).sum())} photos",
        f"New to the model: {int((seen[labelled] == 0).sum())} photos",
    ]
