"""A report as one page of Markdown: the headline, the four answers, scores, what was proven and what not tested."""

from __future__ import annotations

from collections.abc import Iterator

from reportgen._version import __version__
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.evidence.performance.scores import ModelScores
from reportgen.evidence.proofs import ProofLine
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.summaries.gates import KIND_WORDS
from reportgen.site.summaries.markdown import bullets, details, document, escaped, table
from reportgen.site.wording.format import (
    and_list,
    count,
    decimal,
    decimal_interval,
    percent,
    percent_estimate,
    points,
    rate,
    share_interval,
)
from reportgen.site.wording.headline import answer_questions, headline
from reportgen.site.wording.next_steps import next_steps
from reportgen.site.wording.performance.groups import group_words
from reportgen.site.wording.scope import facts, remarks
from reportgen.site.wording.shortcuts import cue_words

__all__ = ["build_summary"]


def build_summary(report: Report) -> bytes:
    """The summary of a report, UTF-8; make it before its pages, whose statements are counted."""
    links, said = Links(report, ()), headline(report)
    steps = next_steps(report, links)
    notes = [note for note in remarks(report) if note.serious]
    answers = [
        (f"**{escaped(a.question)}**", f"{'⚠ ' if a.tone == 'bad' else ''}**{escaped(a.lead)}** {escaped(a.whole)}")
        for a in answer_questions(report, links)
    ]
    shown = report.labelled > 0
    return document([
        f"## {escaped(said.text)}",
        escaped(said.lede),
        table(("Question", "Answer"), answers),
        table(
            ("", "accuracy", "macro-F1", "Brier score", "calibration error"), [_scores(s) for s in report.scores]
        ) if shown else "",
        *(_recalls(score) for score in report.scores if shown),
        _proven(report.proofs, report.groups) if shown else "",
        _not_tested(report) if shown else "",
        f"### Do next\n\n{bullets([f'**{escaped(s.title)}** {escaped(s.text)}' for s in steps])}" if steps else "",
        f"### Before you read\n\n{bullets([f'**{escaped(n.title)}.** {escaped(n.text)}' for n in notes])}"
        if notes else "",
        f"<sub>{escaped(facts(report))} · reportgen {escaped(__version__)} · open `site/index.html` for the evidence."
        "</sub>",
    ])  # fmt: skip


def _scores(score: ModelScores) -> tuple[str, ...]:
    return (
        f"**{escaped(score.name)}**",
        escaped(percent_estimate(score.accuracy, 1)),
        escaped(f"{decimal(score.macro_f1.value)} {decimal_interval(score.macro_f1)}"),
        escaped(decimal(score.brier, 3)),
        percent(score.ece, 1),
    )


def _recalls(score: ModelScores) -> str:
    rows = [
        (f"{escaped(one.emotion)} ({one.n:,})", rate(one), escaped(percent_estimate(one.precision)))
        for one in score.emotions
        if one.n
    ]
    return details(f"{score.name}: every emotion", table(("Emotion (images)", "recall", "precision"), rows))


def _proven(proofs: tuple[ProofLine, ...], groups: GroupFindings | None) -> str:
    lines = [line for proof in proofs for line in _proof(proof, groups)]
    return f"### Proven\n\n{bullets(lines)}" if lines else "Nothing was proven against a model."


def _proof(proof: ProofLine, groups: GroupFindings | None) -> Iterator[str]:
    damage = proof.damage
    if damage is None:
        return
    lost = f"{points(damage.lost.value, 0, sign=False)} {share_interval(damage.lost)}"
    if isinstance(damage.finding, GroupGap):
        photos = group_words(damage.finding.grouping, damage.finding.level, groups)
        of = f"the {damage.emotion} photos" if damage.emotion else "all photos"
        yield (
            f"**{escaped(proof.model)}** fares worse on {escaped(photos)} than on others of the same emotions: "
            f"{escaped(lost)} of {escaped(of)} are lost by it"
        )
    elif damage.emotion:
        yield (
            f"**{escaped(proof.model)}** relies on {escaped(cue_words(damage))} for {escaped(damage.emotion)}: "
            f"{escaped(lost)} of recall are lost without it"
        )
    elif proof.kind == "leakage":
        yield f"**{escaped(proof.model)}**: training leaked into the test set and inflates accuracy by {escaped(lost)}"
    else:
        yield f"**{escaped(proof.model)}**: its outputs fit the labels in another order"


def _not_tested(report: Report) -> str:
    lines = []
    for name in (model.name for model in report.models):
        kinds = [KIND_WORDS[p.kind] for p in report.proofs if (p.model, p.state) == (name, "not tested")]
        if kinds:
            lines.append(f"**{escaped(name)}**: {escaped(and_list(kinds))}")
    return details(f"Not tested: {count(len(lines), 'model')}", bullets(lines)) if lines else ""
