"""Columns of words beside the numbers of the tables, so that a table can be read without the site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reportgen.evidence.attention.column_descriptions import ATTENTION_COLUMNS
from reportgen.evidence.attention.findings import AttentionFindings
from reportgen.evidence.damage import Damage
from reportgen.evidence.errors.flips import FLIP_COLUMNS
from reportgen.evidence.errors.tables import REASON_COLUMNS
from reportgen.evidence.examples.map_agreement import AGREEMENT_COLUMNS, agreement_tables
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.evidence.groups.tables import GROUP_COLUMNS, group_tables
from reportgen.evidence.importance.findings import IMPORTANCE_COLUMNS, ImportanceFindings
from reportgen.evidence.performance.votes import VOTE_COLUMNS
from reportgen.evidence.proofs import PROOF_COLUMNS, proof_tables
from reportgen.evidence.robustness.findings import ROBUSTNESS_COLUMNS
from reportgen.evidence.shortcuts.column_descriptions import SHORTCUT_COLUMNS
from reportgen.evidence.shortcuts.components import COMPONENT_COLUMNS
from reportgen.evidence.shortcuts.cue_places import PLACE_COLUMNS
from reportgen.evidence.shortcuts.marks import MARK_COLUMNS
from reportgen.evidence.shortcuts.repair import REPAIR_COLUMNS
from reportgen.evidence.tables import Dictionary, Tables
from reportgen.site.report import Report
from reportgen.site.wording.attention import PATTERN_WORDS, verdict_note, verdict_sentence
from reportgen.site.wording.claims import claim_models, claim_note, claim_words
from reportgen.site.wording.importance import background_sentence
from reportgen.site.wording.models import check_sentence
from reportgen.site.wording.performance.groups import group_words
from reportgen.site.wording.shortcuts import cue_words

__all__ = ["report_tables"]

Column = tuple[str, Sequence[str]]
"""What a column means, and its cells."""


def report_tables(report: Report) -> tuple[tuple[Tables, Dictionary], ...]:
    """Everything that was found as tidy tables, with the meaning of their columns."""
    found: list[tuple[Tables, Dictionary]] = []
    if report.labelled:
        found.append(_proof_tables(report))
    if report.rater_votes is not None:
        found.append((report.rater_votes.tables, VOTE_COLUMNS))
    if report.attention is not None:
        found.append(_attention_tables(report.attention))
    if report.importance is not None:
        found.append(_importance_tables(report.importance))
    if report.shortcuts is not None:
        found.append((report.shortcuts.tables, SHORTCUT_COLUMNS))
    if report.components is not None:
        found.append((report.components.tables, COMPONENT_COLUMNS))
    if report.marks is not None:
        found.append((report.marks.tables, MARK_COLUMNS))
    if report.places is not None:
        found.append((report.places.tables, PLACE_COLUMNS))
    if report.groups is not None:
        found.append((group_tables(report.groups), GROUP_COLUMNS))
    if report.robustness is not None:
        found.append((report.robustness.tables, ROBUSTNESS_COLUMNS))
    if report.agreements:
        found.append((agreement_tables(report.agreements), AGREEMENT_COLUMNS))
    if report.reasons is not None:
        found.append((report.reasons.tables, REASON_COLUMNS))
    if report.repairs is not None:
        found.append((report.repairs.tables, REPAIR_COLUMNS))
    if report.flips is not None:
        found.append((report.flips.tables, FLIP_COLUMNS))
    return tuple(found)


def _proof_tables(report: Report) -> tuple[Tables, Dictionary]:
    """What was proven, with the names that the pages give it."""
    cues = [_cue(one.damage, report.groups) for one in report.proofs]
    meaning = "what the model relies on, or on which photos it fares worse, in words"
    words: dict[str, dict[str, Column]] = {"proofs": {"words": (meaning, cues)}}
    return _with_words(proof_tables(report.proofs), PROOF_COLUMNS, words)


def _cue(damage: Damage | None, groups: GroupFindings | None) -> str:
    if damage is not None and isinstance(damage.finding, GroupGap):
        return group_words(damage.finding.grouping, damage.finding.level, groups)
    return cue_words(damage) if damage is not None and damage.emotion else ""


def _attention_tables(found: AttentionFindings) -> tuple[Tables, Dictionary]:
    """The tables about heatmaps, with the sentences of verdicts, takeaways and patterns."""
    claims, patterns = found.claims, [PATTERN_WORDS[pattern.kind] for pattern in found.patterns]
    words: dict[str, dict[str, Column]] = {
        "verdicts": {
            "note": ("what limits the answer", [verdict_note(v) for v in found.verdicts]),
            "sentence": ("the verdict in words", [verdict_sentence(v) for v in found.verdicts]),
        },
        "claims": {
            "claim": ("takeaway as guides put it", [claim_words(c).claim for c in claims]),
            "model": ("model, or the two that are compared", [claim_models(c) for c in claims]),
            "how": ("how it was tested", [claim_words(c).how for c in claims]),
            "quantity": ("what value measures", [claim_words(c).quantity for c in claims]),
            "note": ("what limits the test", [claim_note(c) for c in claims]),
        },
        "patterns": {
            "pattern": ("what is seen", [pattern.name for pattern in patterns]),
            "meaning": ("what guides say it means", [pattern.meaning for pattern in patterns]),
            "rule": ("how it is measured on the map of the predicted class", [pattern.rule for pattern in patterns]),
        },
    }
    return _with_words(found.tables, ATTENTION_COLUMNS, words)


def _importance_tables(found: ImportanceFindings) -> tuple[Tables, Dictionary]:
    """The tables about region importance, with the sentences of backgrounds and checks."""
    checks = [check_sentence(check) for grade in found.grades for check in grade.checks]
    words: dict[str, dict[str, Column]] = {
        "backgrounds": {"sentence": ("the finding in words", [background_sentence(b) for b in found.backgrounds])},
        "trust": {"text": ("the result in words", checks)},
    }
    return _with_words(found.tables, IMPORTANCE_COLUMNS, words)


def _with_words(
    tables: Tables, dictionary: Dictionary, words: Mapping[str, Mapping[str, Column]]
) -> tuple[Tables, Dictionary]:
    """Tables and dictionary with further columns, in the order given, at the end."""
    found, meanings = dict(tables), dict(dictionary)
    for name, columns in words.items():
        found[name] = tables[name].assign(**{column: list(cells) for column, (_, cells) in columns.items()})
        meanings[name] = {**dictionary[name], **{column: meaning for column, (meaning, _) in columns.items()}}
    return found, meanings
