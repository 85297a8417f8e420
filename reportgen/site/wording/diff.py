"""Words about two analyses that are compared: what they were made from, and what limits the comparison."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.analysis import AnalysisPredictions
from reportgen.evidence.comparison.matching import Matched
from reportgen.settings import recorded_settings
from reportgen.site.wording.format import capital, count, number_or_none, plain, plural
from reportgen.site.wording.input_choice import prepared_text

__all__ = ["cautions", "facts"]


def cautions(
    before: AnalysisPredictions,
    after: AnalysisPredictions,
    matched: Matched,
    models: Sequence[tuple[int, int]],
    used: int,
    *,
    hidden: bool,
) -> tuple[str, ...]:
    """What limits the comparison, one sentence each.

    Parameters
    ----------
    models
        Positions of each model before and after.
    used
        How many of the images in both have their heatmaps compared.
    hidden
        Whether photos and names are hidden.
    """
    found = []
    n = len(matched.before)
    if matched.only_before or matched.only_after:
        found.append(
            f"{count(n, 'image')} {plural(n, 'is', 'are')} in both analyses. {_left_out(matched.only_before)} in the "
            f"first alone and {number_or_none(matched.only_after)} in the second alone; these count nowhere here."
        )
    if matched.relabelled.any():
        changed = int(matched.relabelled.sum())
        they = plural(changed, "it counts", "they count")
        found.append(f"The label of {count(changed, 'image')} was changed in between; {they} nowhere here.")
    if used < n:
        found.append(f"Heatmaps were compared on {used:,} of {n:,} images, a random sample balanced over the emotions.")
    for name in recorded_settings():
        old, new = before.manifest["settings"][name], after.manifest["settings"][name]
        if old != new:
            found.append(f"The analyses were made with another {name} ({old} before, {new} after).")
    for a, b in models:
        specs = [side.models[k].info.get("preprocessing") for side, k in ((before, a), (after, b))]
        one, other = (prepared_text(spec) if spec else "" for spec in specs)
        if one and other and one != other:
            found.append(f"Images were prepared differently for {after.models[b].name}: {one} before, {other} after.")
    if hidden:
        found.append("Photos and names are hidden: the heat is drawn on grey.")
    return tuple(found)


def facts(
    before: AnalysisPredictions, after: AnalysisPredictions, matched: Matched, *, hidden: bool
) -> tuple[tuple[str, str, str], ...]:
    """The table that heads the page: a name, its value before, its value after."""
    sources = ["name withheld" if hidden else plain(str(a.manifest["data"]["source"])) for a in (before, after)]
    rows = [
        ("Test set", *sources),
        ("Images", f"{len(before.labels):,}, {len(matched.before):,} of them in both",
         f"{len(after.labels):,}, {len(matched.after):,} of them in both"),
        ("Made by reportgen", *(str(a.manifest["reportgen"]) for a in (before, after))),
    ]  # fmt: skip
    return tuple((str(name), str(old), str(new)) for name, old, new in rows)


def _left_out(n: int) -> str:
    return f"{capital(number_or_none(n))} {plural(n, 'is', 'are')}"
