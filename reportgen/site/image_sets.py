"""Named sets of images that the explorer can show: maps that show a pattern, errors with a flag, how people voted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.analysis import slugify
from reportgen.evidence.attention.patterns import PatternKind
from reportgen.evidence.errors.rules import ORDER, UNEXPLAINED
from reportgen.evidence.performance.votes import consensus_of
from reportgen.site.report import Report
from reportgen.site.wording.attention import PATTERN_WORDS
from reportgen.site.wording.format import capital
from reportgen.site.wording.performance.votes import CONSENSUS_WORDS
from reportgen.site.wording.reasons import FLAG_NAMES

__all__ = ["ImageSets", "image_sets", "pattern_slug"]


@dataclass(frozen=True)
class ImageSets:
    """Sets of one kind.

    Attributes
    ----------
    kind
        The word in the explorer's filter: "pattern", "flag" or "votes".
    title, explain
        A heading, and what the word looks for.
    slugs, names
        One per set.
    bits
        Per model (n,): bit k of an entry is set where the image belongs to set k.
    """

    kind: str
    title: str
    explain: str
    slugs: tuple[str, ...]
    names: tuple[str, ...]
    bits: tuple[npt.NDArray[np.int64], ...]


def image_sets(report: Report) -> tuple[ImageSets, ...]:
    """All kinds that were measured on this report."""
    return tuple(sets for sets in (_flags(report), _patterns(report), _votes(report)) if sets is not None)


def pattern_slug(kind: PatternKind) -> str:
    """As in "diffuse", "too-localized", "eyes-brows"."""
    return slugify(kind.removeprefix("on "))


def _patterns(report: Report) -> ImageSets | None:
    attention = report.regions
    if attention is None or not attention.findings.patterns:
        return None
    patterns = list(dict.fromkeys(found.kind for found in attention.findings.patterns))
    bits = [np.zeros(len(report.labels), dtype=np.int64) for _ in report.models]
    names = [model.name for model in report.models]
    for found in attention.findings.patterns:
        bits[names.index(found.model)][found.images] |= 1 << patterns.index(found.kind)
    slugs = tuple(pattern_slug(pattern) for pattern in patterns)
    words = tuple(capital(PATTERN_WORDS[pattern].name) for pattern in patterns)
    return ImageSets("pattern", "map", "what the map of the prediction shows", slugs, words, tuple(bits))


def _flags(report: Report) -> ImageSets | None:
    """Flags by model's slug, row and name, where errors were asked why: "unexplained" first, then in order of rank."""
    flags = report.reasons.flags if report.reasons is not None else {}
    found = {flag for rows in flags.values() for raised in rows.values() for flag in raised}
    if not found:
        return None
    slugs = tuple(slug for slug in (UNEXPLAINED, *ORDER) if slug in found)
    bits = [np.zeros(len(report.labels), dtype=np.int64) for _ in report.models]
    for k, model in enumerate(report.models):
        for row, raised in flags.get(model.slug, {}).items():
            bits[k][row] = sum(1 << slugs.index(flag) for flag in set(raised))
    names = tuple(FLAG_NAMES[slug].lower() for slug in slugs)
    return ImageSets(
        "flag",
        "rules that apply",
        "rules that apply to a wrong prediction, or that none goes with errors",
        slugs,
        names,
        tuple(bits),
    )


def _votes(report: Report) -> ImageSets | None:
    """How far raters agree, and whether one of them chose the prediction."""
    votes = report.image_votes
    if votes is None:
        return None
    words = consensus_of(votes)
    levels = sum((words == level).astype(np.int64) << place for place, level in enumerate(CONSENSUS_WORDS))
    every, chosen = np.arange(len(words)), 1 << len(CONSENSUS_WORDS)
    bits = tuple(levels + chosen * (votes.counts[every, model.predicted] > 0) for model in report.models)
    return ImageSets(
        "votes",
        "votes",
        "how far raters agree, or predictions that a rater chose",
        (*CONSENSUS_WORDS, "human-choice"),
        (*CONSENSUS_WORDS.values(), "prediction chosen by a rater"),
        bits,
    )
