"""One photo in words: its properties, where it lies among all photos of the set, and what it is an example of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from reportgen.evidence.examples.mining import Pick
from reportgen.evidence.shortcuts.properties import Property
from reportgen.site.wording.format import count, fixed, half_up, percent, sure

__all__ = ["photo_facts", "pick_note"]

# From this share on, photos that are exactly alike are "most" of the set, and a rank among them says nothing.
_ALIKE = 0.5


def photo_facts(
    properties: Sequence[Property], row: int, size: tuple[int, int], form: str, quality: float
) -> tuple[tuple[str, str], ...]:
    """Colour, brightness, contrast, sharpness and size of the photo at `row`, each with its place in the set.

    Parameters
    ----------
    properties
        As `reportgen.evidence.shortcuts.properties.photo_properties` gives them, in the order of the analysis's images.
    size, form, quality
        Width and height in pixels, file format ("" where unknown) and JPEG quality (NaN where there is none).
    """
    by_name = {item.name: item for item in properties}
    facts = []
    colour = by_name["colour"].value
    if math.isfinite(colour[row]):
        is_coloured = bool(colour[row])
        alike = float(np.mean(colour[np.isfinite(colour)] == colour[row]))
        rest = by_name["colourfulness"]
        words = by_name["colour"].more if is_coloured else by_name["colour"].less
        facts.append(("Colour", f"{words}, like {_share(alike)} of the photos"))
        if is_coloured:
            facts.append(("Colourfulness", _place(rest, row)))
    for name in ("brightness", "contrast", "sharpness"):
        value = float(by_name[name].value[row])
        if math.isfinite(value):
            exact = f" ({percent(value)} of white)" if name == "brightness" else ""
            facts.append((name.capitalize(), f"{_place(by_name[name], row)}{exact}"))
    facts.append(("Size", f"{size[0]} × {size[1]} pixels, {_place(by_name['size'], row)}"))
    if form:
        made = "" if math.isnan(quality) else f", quality about {half_up(quality, 0)} of 100"
        facts.append(("Format", f"{form}{made}"))
    return tuple(facts)


def _place(item: Property, row: int) -> str:
    """As in "sharper than 95 % of the photos"; from the side on which more of them lie."""
    known = item.value[np.isfinite(item.value)]
    value = float(item.value[row])
    if len(known) < 2:
        return "the only photo"
    below, above = float(np.mean(known < value)), float(np.mean(known > value))
    alike = 1 - below - above
    if alike == 1:
        return "like all photos"
    if alike > _ALIKE:
        return f"like {_share(alike)} of the photos"
    more = below >= above
    return f"{item.more if more else item.less} than {_share(below if more else above)} of the photos"


def _share(value: float) -> str:
    return "all" if value == 1 else sure(value)


def pick_note(pick: Pick) -> str:
    """Why a photo is on a list, as in "second, 3 percentage points behind"; empty where its prediction says it."""
    if pick.kind == "random":
        return "drawn at random"
    if pick.kind == "typical-correct":
        return f"distance {fixed(pick.value)} (0 to 1)"
    if pick.kind == "near-miss":
        behind = int(half_up(100 * pick.value, 0))
        return f"second, {count(behind, 'percentage point') if behind else 'under 1 percentage point'} behind"
    if pick.kind == "fallback":
        return f"none correct; highest probability of {pick.emotion}, {sure(pick.value)}"
    if pick.kind.endswith("-evidence"):
        return f"overlap {percent(pick.value)}"
    return ""
