"""The summary of a report says what its first page says, and what was not tested."""

import re

from reportgen.site.links import Links
from reportgen.site.summaries.build import build_summary
from reportgen.site.summaries.markdown import escaped
from reportgen.site.wording.headline import answer_questions, headline


def test_the_summary_has_headline_answers_scores_and_proofs(report, published):
    text = (published.site.parent / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("<!-- reportgen summary -->\n\n## ")
    assert escaped(headline(report).text) in text
    for answer in answer_questions(report, Links(report, ())):
        assert escaped(answer.lead) in text and escaped(answer.text) in text
    assert all(f"| **{escaped(score.name)}** | " in text for score in report.scores)
    proven = text[text.index("### Proven") :]
    for damage in report.damages:
        assert f"**{escaped(damage.model)}** relies on" in proven and escaped(damage.emotion) in proven
    assert len(report.damages) > 1


def test_what_was_not_tested_is_said(make_report):
    bare = build_summary(make_report()).decode()
    assert "Nothing was proven against a model." in bare
    assert "Not tested: 2 models" in bare
    assert "marks on faces" in bare and "the background" in bare and "properties of the photo" in bare


def test_images_without_labels_have_a_summary_without_scores(make_report):
    text = build_summary(make_report(labelled=False)).decode()
    assert "accuracy" not in text.partition("\n| Question")[0] and "### Proven" not in text


def test_names_stay_text(hostile):
    text = (hostile.site.parent / "summary.md").read_text(encoding="utf-8")
    assert not re.search(r"(?<!\\)<(?!/?(?:details|summary|sub|!--))", text)


def test_names_of_files_stay_at_home_under_privacy(report, publish_report, tmp_path):
    publish_report(report, tmp_path, privacy="outline", zip=False)
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert "face_0" not in text and "/home/" not in text


def test_the_table_of_proofs_has_every_model_and_kind(report):
    from reportgen.site.report_tables import report_tables

    (table,) = (tables["proofs"] for tables, _ in report_tables(report) if "proofs" in tables)
    kinds = {"class order", "leakage", "property", "background", "component", "mark", "group"}
    assert set(zip(table["model"], table["kind"], strict=True)) == {(m.name, k) for m in report.models for k in kinds}
    assert (table["state"] == "proven").sum() == len(report.damages)
    assert set(table.loc[table["kind"] == "leakage", "state"]) == {"not tested"}
    assert (table.loc[table["state"] == "proven", "words"] != "").all()
