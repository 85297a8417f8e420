"""What the transplant test found, in a few words: the same words wherever a heatmap is spoken of."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.evidence.cheating import Status
from reportgen.evidence.estimate import format_p
from reportgen.evidence.use import RegionUse
from reportgen.evidence.use_case import UseFindings
from reportgen.evidence.verdicts import Verdict
from reportgen.site.attention import REGION_NAMES
from reportgen.site.text import and_list

__all__ = ["STATUS_WORDS", "claim_region", "emotions_of", "signed", "use_sentence", "used_regions", "with_use"]

STATUS_WORDS: dict[Status, str] = {
    "confirmed": "use confirmed",
    "contradicted": "use contradicted",
    "undetermined": "use undetermined",
    "not tested": "use not tested",
}

_ANSWERS = {
    "yes": "the model uses it",
    "small": "the model uses it a little",
    "no": "the model does not use it",
    "undetermined": "whether the model uses it is undetermined",
}


def signed(value: float, digits: int = 2) -> str:
    """As in "+0.24" or "−0.03"; what rounds to nothing has no sign."""
    text = f"{value:+.{digits}f}"
    if math.isnan(value):
        return "–"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def use_sentence(use: RegionUse | None) -> str:
    """What the transplant test says of one region."""
    if use is None or use.answer == "insufficient evidence":
        return "Use not tested: too few faces."
    return (
        f"With the {REGION_NAMES[use.region]} of another emotion's face {use.emotion} loses {signed(use.gap)} log-odds "
        f"[{signed(use.low)}, {signed(use.high)}], {format_p(use.p)}: {_ANSWERS[use.answer]}."
    )


def claim_region(verdict: Verdict) -> str | None:
    """The region whose use would back a verdict; None for verdicts that are not about one region."""
    if verdict.kind == "background":
        return "background"
    kind, _, region = verdict.kind.partition(" ")
    return region if kind in ("on", "specific") and region != "face" else None


def with_use(verdict: Verdict, use: UseFindings | None) -> str:
    """A verdict's sentence with its causal status behind it, where it claims heat on a region."""
    region = claim_region(verdict)
    if region is None or verdict.answer != "yes":
        return verdict.sentence
    status: Status = "not tested" if use is None else use.status(verdict.model, verdict.emotion, region)
    return f"{verdict.sentence.removesuffix('.')} ({STATUS_WORDS[status]})."


def used_regions(uses: Sequence[RegionUse], model: str) -> tuple[tuple[str, tuple[RegionUse, ...]], ...]:
    """Parts of the face that a model uses, each with the emotions for which it does, the largest loss first."""
    found: dict[str, list[RegionUse]] = {}
    for use in uses:
        if use.model == model and use.region != "background" and use.answer == "yes":
            found.setdefault(use.region, []).append(use)
    ordered = {region: tuple(sorted(part, key=lambda use: -use.gap)) for region, part in found.items()}
    return tuple(sorted(ordered.items(), key=lambda item: (-len(item[1]), -item[1][0].gap)))


def emotions_of(uses: Sequence[RegionUse]) -> str:
    """As in "happiness, neutral and surprise"."""
    return and_list([use.emotion for use in uses])
