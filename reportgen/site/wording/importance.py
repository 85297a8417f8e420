"""Region importance in words: the effect of swapping a region, said alike wherever a heatmap is spoken of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reportgen.analysis import slugify
from reportgen.evidence.attention.verdicts import Verdict
from reportgen.evidence.importance.background import BackgroundFinding, Status
from reportgen.evidence.importance.findings import ImportanceFindings
from reportgen.evidence.importance.regions import MIN_DROP, RegionImportance
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.site.wording.attention import REGION_NAMES, verdict_sentence
from reportgen.site.wording.format import (
    and_list,
    count,
    decimal,
    fixed,
    format_p,
    interval_text,
    number,
    points,
    signed,
)

__all__ = [
    "IMPORTANCE_RULE",
    "IMPORTANCE_WORDS",
    "STATUS_WORDS",
    "background_sentence",
    "claim_region",
    "corrected",
    "emotions_of",
    "importance_anchor",
    "importance_basis",
    "importance_interval",
    "importance_sentence",
    "pictures_of",
    "used_regions",
    "with_importance",
]

STATUS_WORDS: dict[Status, str] = {
    "confirmed": "swapping confirms it",
    "contradicted": "swapping has no such effect",
    "undetermined": "swapping is inconclusive",
    "not tested": "swapping not tested",
}

IMPORTANCE_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "yes": ("●", "important"),
        "small": ("○", "weakly important"),
        "no": ("–", "not important"),
        "undetermined": ("?", "inconclusive"),
        "insufficient evidence": ("", "too few faces"),
    }
)
"""Every answer's sign and words."""

IMPORTANCE_RULE = (
    f"Important: corrected p below {decimal(ALPHA)} and a log-odds drop of at least {MIN_DROP:g}. Weakly important: "
    f"such a p, a smaller drop. Not important: the whole interval lies below {MIN_DROP:g}. Inconclusive: none of "
    "these; more faces would be needed. p is corrected (Holm) for all emotions and regions of the face that were "
    "tested of the model, for the background over the emotions; the intervals are not. So an interval may lie above "
    "0 and the result still be inconclusive: of so many intervals a few miss 0 by chance."
)
"""How the numbers become the words, for every place where both are shown."""

_ANSWERS = {
    "yes": "the model relies on it",
    "small": "the model relies on it weakly",
    "no": "the model does not rely on it",
    "undetermined": "inconclusive",
}


def importance_interval(importance: RegionImportance) -> str:
    """As in "[−0.10, +0.32]"; empty where nothing bounds it."""
    bounded = math.isfinite(importance.low) and math.isfinite(importance.high)
    return f"[{signed(importance.low)}, {signed(importance.high)}]" if bounded else ""


def corrected(importance: RegionImportance) -> str:
    """As in "p = .03", of the p that is corrected for all that was tested; a dash where there is none."""
    return "–" if math.isnan(importance.p) else format_p(importance.p)


def importance_anchor(slug: str, region: str) -> str:
    """Where on the model's page the table has the row of an emotion (by its slug) and region."""
    return f"use-{slug}-{slugify(region)}"


def pictures_of(found: ImportanceFindings) -> dict[tuple[int, str], int]:
    """How many pictures every emotion (its index) and region rests on, with colour and light matched."""
    if found.design is None:
        return {}
    matched = found.design[found.design["matched"].astype(bool)]
    return dict(Counter(zip(matched["emotion"].tolist(), matched["region"].tolist(), strict=True)))


def importance_basis(found: ImportanceFindings) -> str:
    """As in "22 faces of each emotion (44 for the background) and 44 (88) pictures of them"; empty without a test."""
    if found.design is None:
        return ""
    matched = found.design[found.design["matched"].astype(bool)]
    outside = matched["region"] == "background"
    faces, pictures = [], []
    for rows in (matched[~outside], matched[outside]):
        cells = rows.groupby(["emotion", "region"])
        faces.append(_span(cells["receiver"].nunique().tolist()))
        pictures.append(_span(cells.size().tolist()))
    if faces[0] == faces[1] and pictures[0] == pictures[1]:
        return f"{faces[0]} faces of the emotion and {pictures[0]} pictures with the region swapped"
    return (
        f"{faces[0]} faces of the emotion and {pictures[0]} pictures with the region swapped; for the background, "
        f"on {faces[1]} faces and {pictures[1]} pictures"
    )


def _span(values: Sequence[int]) -> str:
    low, high = min(values, default=0), max(values, default=0)
    return number(low) if low == high else f"{number(low)} to {number(high)}"


def importance_sentence(importance: RegionImportance | None, pictures: int = 0) -> str:
    """What the transplant test says of one region, and how many pictures say so."""
    if importance is None or importance.answer == "insufficient evidence":
        return "Effect of swapping not tested: too few faces."
    drop = " ".join(filter(None, [signed(importance.drop), importance_interval(importance)]))
    p = "" if math.isnan(importance.p) else f", corrected {format_p(importance.p)}"
    rests = count(importance.receivers, "face") + (f" and {count(pictures, 'picture')}" if pictures else "")
    return (
        f"Swapping the {REGION_NAMES[importance.region]} for that of another emotion: log-odds drop of "
        f"{importance.emotion} {drop}{p}, over {rests}: {_ANSWERS[importance.answer]}."
    )


def background_sentence(found: BackgroundFinding) -> str:
    """Heat on the background and the effect of swapping it, for one emotion of one model."""
    place = f" ({found.place})" if found.place else ""
    heat = f"{found.model} has above-average heat on the background for {found.emotion}{place}"
    importance = found.importance
    if importance is None:
        return f"{heat}; the effect of swapping the background was not tested." if found.looks else (
            f"The effect of swapping the background was not tested for {found.emotion}."
        )  # fmt: skip
    effect = (
        f"with another emotion's background the log-odds of {found.emotion} fall by "
        f"{interval_text(importance.drop, importance.low, importance.high)}, {format_p(importance.p)}, and its "
        f"recall by {points(importance.recall_drop, 0, sign=False)}"
    )
    most = f"swapping it lowers the log-odds by at most {fixed(max(importance.high, 0))}"
    if found.state in ("uses it", "uses a little"):
        weakly = " weakly" if found.state == "uses a little" else ""
        if found.looks:
            return f"{heat} and relies{weakly} on it: {effect}."
        relies = f"{found.model} relies{weakly} on the background for {found.emotion}"
        return f"{relies}, although the heatmap does not show it: {effect}."
    if found.state == "looks only":
        return f"{heat} but does not rely on it: {most}."
    if found.state == "clear":
        return f"{found.model} does not rely on the background for {found.emotion}: {most}."
    if found.looks:
        return f"{heat}; whether it relies on it is inconclusive: {effect}."
    return f"Whether {found.model} relies on the background for {found.emotion} is inconclusive: {effect}."


def claim_region(verdict: Verdict) -> str | None:
    """The region whose importance would back a verdict; None for verdicts that are not about one region."""
    if verdict.kind == "background":
        return "background"
    kind, _, region = verdict.kind.partition(" ")
    return region if kind in ("on", "specific") and region != "face" else None


def with_importance(verdict: Verdict, importance: ImportanceFindings | None) -> str:
    """A verdict's sentence with its causal status behind it, where it claims heat on a region."""
    region = claim_region(verdict)
    if region is None or verdict.answer != "yes":
        return verdict_sentence(verdict)
    status: Status = "not tested" if importance is None else importance.status(verdict.model, verdict.emotion, region)
    return verdict_sentence(verdict, STATUS_WORDS[status])


def used_regions(uses: Sequence[RegionImportance], model: str) -> tuple[tuple[str, tuple[RegionImportance, ...]], ...]:
    """Parts of the face that a model uses, each with the emotions for which it does, the largest loss first."""
    found: dict[str, list[RegionImportance]] = {}
    for importance in uses:
        if importance.model == model and importance.region != "background" and importance.answer == "yes":
            found.setdefault(importance.region, []).append(importance)
    ordered = {region: tuple(sorted(part, key=lambda importance: -importance.drop)) for region, part in found.items()}
    return tuple(sorted(ordered.items(), key=lambda item: (-len(item[1]), -item[1][0].drop)))


def emotions_of(uses: Sequence[RegionImportance]) -> str:
    """As in "happiness, neutral and surprise"."""
    return and_list([importance.emotion for importance in uses])
