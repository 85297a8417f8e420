"""Where in the picture a property is used that a shortcut rests on, in words."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.evidence.shortcuts.cue_places import CuePlace
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import and_list, count, number

__all__ = ["first_place", "look_there", "place_of", "place_sentence", "shared_place"]


def place_of(report: Report, shortcut: Shortcut) -> CuePlace | None:
    """Where one shortcut's property is used; None where that was not asked."""
    return None if report.places is None else report.places.of(shortcut)


def shared_place(report: Report, shortcuts: Sequence[Shortcut]) -> str:
    """The foremost place that shortcuts share, as in "the eyes and brows"; "" where they share none."""
    places = [place_of(report, shortcut) for shortcut in shortcuts]
    found = {place.found[0] if place is not None and place.found else "" for place in places}
    region = found.pop() if len(found) == 1 else ""
    return f"the {REGION_NAMES[region]}" if region else ""


def first_place(report: Report, shortcuts: Sequence[Shortcut]) -> CuePlace | None:
    """Where the first shortcut of which a region was found is used; None where none was."""
    places = (place_of(report, shortcut) for shortcut in shortcuts)
    return next((place for place in places if place is not None and place.found), None)


def place_sentence(place: CuePlace, done: str, brief: bool = False) -> str:
    """What the change does on one part of the picture at a time; `done` names it, as in "slightly blurred".

    With `brief` of the foremost place alone.
    """
    most = max((one.lost for one in place.regions if one.region not in place.found), default=0)
    if not place.found:
        known = count(place.everywhere.known, f"{place.emotion} photo")
        return (
            f"With one part of the picture alone {done}, at most {number(most)} of {known} lose the correct "
            "prediction: no single part stands out."
        )
    found = [one for name in place.found for one in place.regions if one.region == name]
    first, rest = found[0], found[1:]
    text = (
        f"With the {REGION_NAMES[first.region]} alone {done}, {number(first.lost)} of "
        f"{count(first.known, f'{place.emotion} photo')} lose the correct prediction (of other emotions' photos, "
        f"{number(first.lost_elsewhere)} of {number(first.known_elsewhere)})"
    )
    if brief:
        return f"{text}."
    for one in rest:
        text += f"; with the {REGION_NAMES[one.region]} alone, {number(one.lost)} of {number(one.known)} "
        text += f"({number(one.lost_elsewhere)} of {number(one.known_elsewhere)})"
    return f"{text}; with any other part, {f'at most {number(most)}' if most else 'none'}."


def look_there(place: CuePlace) -> str:
    """Where to look for the thing itself; "" where no part of the face was found."""
    faces = [f"the {REGION_NAMES[name]}" for name in place.found if name != "background"]
    if not faces:
        return ""
    return (
        f"Look at what the {place.emotion} photos have in common on {and_list(faces)}: something worn, drawn or "
        "printed there, such as glasses, may be the cue."
    )
