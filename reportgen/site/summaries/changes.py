"""Two builds compared, as one page of Markdown for a pull request: what the gates say, then the scores."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen._version import __version__
from reportgen.evidence.comparison.change import PredictionChange
from reportgen.evidence.comparison.gates import GateResult
from reportgen.settings import GATES, Gate
from reportgen.site.pages.diff import change_title
from reportgen.site.summaries.gates import gate_text, gate_verdict, open_lines, sentence_of
from reportgen.site.summaries.markdown import bullets, details, document, escaped, table
from reportgen.site.wording.format import and_list, count, format_p, percent, points, points_interval

__all__ = ["changes_summary"]

_SIGNS = {"failed": "❌", "passed": "✅", "passed in part": "✅", "not measured": "⚪"}
_SHOWN = 20


def changes_summary(
    changes: Sequence[tuple[str, PredictionChange]], results: Sequence[GateResult], cautions: Sequence[str]
) -> bytes:
    """The summary, UTF-8.

    Parameters
    ----------
    changes
        Models by name.
    results
        Of all gates, watched or not.
    cautions
        What keeps the two from being alike but for the models, one sentence each.
    """
    n = changes[0][1].comparison.n
    return document([
        f"## {_verdict(results)}",
        " ".join(escaped(change_title(name, answers)) for name, answers in changes),
        table(("Check", "", "Result", "It fails where"), [_row(result) for result in results if _counts(result)]),
        _findings("What failed", [result for result in results if result.gate != Gate.UNMEASURED]),
        _not_measured([result for result in results if result.gate != Gate.UNMEASURED]),
        f"### Scores\n\nOn the {count(n, 'image')} with the same label in both, with 95 % intervals of the difference.",
        table(("", "before", "after", "difference", ""), [_scores(name, answers) for name, answers in changes]),
        *(_recalls(name, answers) for name, answers in changes),
        f"### Before you compare\n\n{bullets([escaped(text) for text in cautions])}" if cautions else "",
        f"<sub>reportgen {escaped(__version__)}; open `site/index.html` of the comparison for the pictures.</sub>",
    ])  # fmt: skip


def _counts(result: GateResult) -> bool:
    """Whether a line is worth its place: the gate of what is unmeasured only where it is watched."""
    return result.watched or result.gate != Gate.UNMEASURED


def _verdict(results: Sequence[GateResult]) -> str:
    watched = [result for result in results if result.watched]
    failed = [result.gate for result in watched if result.outcome == "failed"]
    if failed:
        return f"❌ Failed: {and_list(failed)}"
    if not watched:
        return "What changed between the two builds"
    return "✅ Passed, with gaps" if any(one.unmeasured for one in watched) else "✅ Passed"


def _row(result: GateResult) -> tuple[str, str, str, str]:
    said = gate_verdict(result)
    sign = _SIGNS[said] if result.watched else ""
    name = f"**{result.gate}**" if result.watched else f"{result.gate} (not watched)"
    return name, f"{sign} {said}".strip(), escaped(gate_text(result)), escaped(GATES[result.gate])


def _findings(title: str, results: Sequence[GateResult]) -> str:
    lines = [
        f"**{result.gate}**{'' if result.watched else ' (not watched)'}: {escaped(sentence_of(test))}"
        for result in results
        for test in result.failed
    ]
    more = len(lines) - _SHOWN
    shown = lines[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])
    return f"### {title}\n\n{bullets(shown)}" if shown else ""


def _not_measured(results: Sequence[GateResult]) -> str:
    lines = [f"**{result.gate}**: {escaped(line)}" for result in results for line in open_lines(result.unmeasured)]
    n = sum(len(result.unmeasured) for result in results)
    return details(f"Not measured: {count(n, 'test')}", bullets(lines)) if lines else ""


def _scores(name: str, answers: PredictionChange) -> tuple[str, ...]:
    c, before, after = answers.comparison, answers.before, answers.after
    if not c.n:
        return f"**{escaped(name)}**", "–", "–", "–", "no labels"
    return (
        f"**{escaped(name)}**, accuracy",
        percent(before.accuracy.value, 1),
        percent(after.accuracy.value, 1),
        escaped(f"{points(c.difference.value)} {points_interval(c.difference)}"),
        escaped(format_p(c.p_value)),
    )


def _recalls(name: str, answers: PredictionChange) -> str:
    rows = [
        (
            f"{escaped(recall.emotion)} ({recall.n:,})",
            percent(before.recall.value),
            percent(after.recall.value),
            escaped(f"{points(recall.difference.value)} {points_interval(recall.difference)}"),
            escaped(format_p(recall.p_holm)),
        )
        for recall, before, after in zip(answers.recalls, answers.before.emotions, answers.after.emotions, strict=True)
        if recall.n
    ]
    if not rows:
        return ""
    inside = table(("Recall (images)", "before", "after", "difference", "p (Holm, over emotions)"), rows)
    return details(f"{name}: recall of every emotion", inside)
