"""Where in the picture a property is used that a shortcut rests on, in words."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.evidence.shortcuts.cue_places import CuePlace
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import and_list, count, number

__all__ = ["look_there", "place_of", "place_sentence", "shared_place"]


def place_of(report: Report, shortcut: Shortcut) -> CuePlace | None:
    """Where one shortcut's property is used; None where that was not asked."""
    return None if report.places is None else report.places.of(shortcut)


def shared_place(report: Report, shortcuts: Sequence[Shortcut]) -> str:
    """The foremost place that shortcuts share, as in "the eyes and brows"; "" where they share none."""
    found = {place.found[:1] for s in shortcuts if (place := place_of(report, s)) is not None}
    if len(found) != 1 or any(place_of(report, s) is None for s in shortcuts):
        return ""
    return "".join(f"the {REGION_NAMES[region]}" for region in found.pop())


def place_sentence(place: CuePlace, done: str, brief: bool = False) -> str:
    """What the change does on one part of the picture at a time; `done` names it, as in "slightly blurred".

    With `brief` of the foremost place alone.
    """
    most = max((one.lost for one in place.regions if one.region not in place.found), default=0)
    if not place.found:
        known = count(place.everywhere.known, f"{place.emotion} photo")
        return f"With one part of the picture alone {done}, {number(most)} of {known} are lost at most: no part tells."
    found = [one for name in place.found for one in place.regions if one.region == name]
    first, rest = found[0], found[1:]
    text = (
        f"With the {REGION_NAMES[first.region]} alone {done}, {number(first.lost)} of "
        f"{count(first.known, f'{place.emotion} photo')} are lost (of other emotions' photos, "
        f"{number(first.lost_elsewhere)} of {number(first.known_elsewhere)})"
    )
    if brief:
        return f"{text}."
    for one in rest:
        text += f"; with the {REGION_NAMES[one.region]} alone, {number(one.lost)} of {number(one.known)} "
        text += f"({number(one.lost_elsewhere)} of {number(one.known_elsewhere)})"
    return f"{text}; with any other part, {f'{number(most)} at most' if most else 'none'}."


def look_there(place: CuePlace) -> str:
    """Where to look for the thing itself; "" where no part of the face was found."""
    faces = [REGION_NAMES[name] for name in place.found if name != "background"]
    if not faces:
        return ""
    return (
        f"Look at what the {place.emotion} photos share on the {and_list(faces)}: something worn, drawn or printed "
        "there, such as glasses, may be the cue."
    )
