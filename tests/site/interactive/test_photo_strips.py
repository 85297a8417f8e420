"""Strips of photos: all are counted, what is shown has the shares of all, and frames say what is predicted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import html5lib
import numpy as np

from reportgen.config import Config
from reportgen.evidence.shortcuts.causes import PhotoSource
from reportgen.progress import SilentProgress
from reportgen.site.publish import publish
from reportgen.site.report import Report

XHTML = "{http://www.w3.org/1999/xhtml}"


def test_photos_of_two_sources_are_counted_by_prediction(report: Report, tmp_path: Path) -> None:
    shortcuts = report.shortcuts
    assert shortcuts is not None
    source = PhotoSource("picture size", ("50 x 40",), 26, 0)
    told = replace(shortcuts, causes=tuple(replace(cause, source=source) for cause in shortcuts.causes))
    site = publish(replace(report, shortcuts=told), tmp_path, Config(zip=False), SilentProgress()).site
    root = html5lib.parse((site / "shortcuts.html").read_text(encoding="utf-8"))
    groups = [part for part in root.iter(f"{XHTML}div") if part.get("class") == "strip-group"]
    model = report.models[0]
    coloured = report.analysis.images["colourfulness"].to_numpy() > 0
    labels = report.labels
    assert len(groups) == 2
    for group, mine in zip(groups, (coloured, ~coloured), strict=True):
        rows = np.flatnonzero(mine & (labels >= 0))
        right = model.predicted[rows] == labels[rows]
        happy = (model.predicted[rows] == 2) & ~right
        expected = {
            "correct": int(right.sum()),
            "wrong: happiness": int(happy.sum()),
            "wrong: another emotion": int((~right & ~happy).sum()),
        }
        titles = ["".join(title.itertext()) for title in group.iter() if str(title.tag).endswith("title")]
        assert titles == [f"{words}: {n}" for words, n in expected.items()]
        frames = Counter(link.get("class").split()[1] for link in group.iter(f"{XHTML}a"))
        assert sum(frames.values()) == len(rows)  # few enough to be shown, all of them
        assert [frames[tone] for tone in ("right", "first", "wrong")] == list(expected.values())
