"""The method page says how often the verdicts are right, and when that was measured with other code."""

import dataclasses
import json
import re

from reportgen.config import Config
from reportgen.evidence.certificate import read_certificate
from reportgen.progress import SilentProgress
from reportgen.site.publish import publish
from reportgen.site.sections.certificate import certificate_line, certificate_view


def section(published):
    text = (published.site / "method.html").read_text(encoding="utf-8")
    found = re.search(r'<section id="certificate">(.*?)</section>', text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split()) if found else None


def test_the_section_prints_counts_with_intervals_and_what_is_missed(published):
    text = section(published)
    assert "9 small models were trained" in text
    assert "at least 29 of 30 3 of 4 missed" in text
    assert "corner patch (settled on) beside the face 2 1 of 2 [.09, .91]" in text
    assert "saw no artefact at all 1 of 2" in text
    assert "below .30 0 of 5" in text
    assert "in the test set alone 0 of 5" in text
    assert "all of these 2 of 15" in text
    assert "3 models that had been taught no shortcut came to depend" in text
    assert "7 of 8 [.53, .98] of the verdicts on the two are correct; 20 are left open" in text
    assert (
        "No finding does not mean no shortcut: of the models that strongly depend on something in the whole picture "
        "(tint) 0 of 3 were flagged."
    ) in text
    assert "strongly depend on tint, fewer than half are flagged" in text
    assert "2026-01-02" in text
    assert "another version" not in text


def test_the_main_numbers_stand_in_a_line_where_it_is_asked(published, report, certificate):
    line = certificate_line(report)
    found, clean = certificate.detection, certificate.innocents
    assert line == (
        f"Tested on 9 models, this version found {round(found.value * found.n)} of {found.n} strong shortcuts beside "
        f"the face and 0 of 3 in the whole picture, and wrongly flagged {round(clean.value * clean.n)} of {clean.n} "
        "models without one."
    )
    assert line in section(published)
    assert f"<b>How sure is this report?</b> {line}" in (published.site / "index.html").read_text(encoding="utf-8")
    assert certificate_line(dataclasses.replace(report, certificate=None)) == ""


def test_every_model_can_be_downloaded(published, certificate):
    assert (published.site / "downloads/selfcheck.csv").read_bytes() == certificate.table
    assert 'href="downloads/selfcheck.csv"' in (published.site / "method.html").read_text(encoding="utf-8")


def test_other_judging_code_than_the_certified_is_said(report, tmp_path):
    changed = dataclasses.replace(report, judging_code="changed")
    assert " this version found " in certificate_line(report)
    assert " an earlier version found " in certificate_line(changed)
    text = section(publish(changed, tmp_path, Config(), SilentProgress()))
    assert "This report was made by another version of the judging code than the one measured here." in text


def test_without_a_certificate_nothing_is_claimed(variants):
    assert section(variants["one model"]) is None
    assert not (variants["one model"].site / "downloads/selfcheck.csv").exists()


def test_only_a_full_and_whole_certificate_is_read(tmp_path):
    assert read_certificate(tmp_path) is None
    (tmp_path / "trials.csv").write_text("model\n")
    for content in ("", "[]", json.dumps({"plan": "quick"}), json.dumps({"plan": "full"})):
        (tmp_path / "certificate.json").write_text(content)
        assert read_certificate(tmp_path) is None


def test_figures_of_targets_are_written_as_everywhere(report, certificate):
    targets = (("share", "at least 80%", "0.88", True), ("other", "at most 10 %", "10 of 20", None))
    shown = dataclasses.replace(report, certificate=dataclasses.replace(certificate, targets=targets))
    view = certificate_view(shown)
    assert [row[1:3] for row in view.targets] == [("at most 10 %", "10 of 20"), ("at least 80 %", ".88")]


def test_kinds_that_became_tuning_material_are_named(report, certificate):
    several = dataclasses.replace(certificate, tuning="corner patch, headband, scan lines")
    design = certificate_view(dataclasses.replace(report, certificate=several)).design
    assert "on the corner patch from the start, and on headband and scan lines once they had been missed" in design
