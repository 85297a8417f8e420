"""Components of a model's last features in words: what they are called, where they lie, and what testing them showed.

A name is made of what was measured and nothing else: where the heat lies, and what the top photos have in common.
"""

from __future__ import annotations

from reportgen.evidence.shortcuts.components import MIN_RISE, MOST_TESTED, PICTURED, Component, ComponentFindings
from reportgen.evidence.shortcuts.properties import Property
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import (
    and_list,
    count,
    decimal,
    format_p,
    number_or_none,
    percent,
    plural,
    points_interval,
)

__all__ = [
    "VERDICTS",
    "component_claim",
    "component_cue",
    "component_facts",
    "component_name",
    "component_reliance",
    "component_test",
    "component_verdict",
    "missing_components",
    "no_components",
    "not_looked_for",
]

_NAMED, _TOLD = 2, 4  # properties in a name, and beside it: those that go with it most

VERDICTS = {
    "yes": "relied on",
    "no": "not found by this test",
    "undetermined": "inconclusive",
    "insufficient evidence": "insufficient evidence",
}
"""By answer, whether a model relies on a cue that nobody listed."""


def component_name(report: Report, component: Component) -> str:
    """A suggested name, as in "top edge, photos brighter", else "unnamed component 1 of surprise"."""
    photos, people = _shared(report, component, _NAMED)
    parts = [
        part for part in (component.place, f"photos {and_list(photos)}" if photos else "", and_list(people)) if part
    ]
    if component.kind in ("facial", "partly beside the face") and component.region:
        parts.insert(0, REGION_NAMES[component.region])
    return ", ".join(parts) or f"unnamed component {component.number} of {report.classes[component.emotion]}"


def component_cue(component: Component) -> str:
    """As in "something at the top edge of the picture", after "relies on"."""
    return f"something {_at(component.place)} of the picture" if component.place else "something beside the face"


def component_claim(component: Component, emotion: str, subject: str = "") -> str:
    """A proven component as a claim; `subject`: in place of the model's name."""
    return f"{subject or component.model} relies on {component_cue(component)} for {emotion}."


def component_reliance(component: Component, emotion: str) -> str:
    """A proven component as a claim with its numbers."""
    return f"{component_claim(component, emotion)} {component_test(component, emotion)}"


def component_facts(report: Report, component: Component) -> str:
    """How much it raises the logit, where its heat lies, and what its top photos share."""
    emotion = report.classes[component.emotion]
    above = "the other emotions' mean photo" if component.shared else f"the mean photo of {emotion}"
    shown = min(PICTURED, len(component.top))
    text = (
        f"It raises the logit of {emotion} by {decimal(component.rise, 1)} in its {count(shown, 'top photo')}, "
        f"measured from {above}. Of all photos with as much of it as these, {percent(component.purity.value)} are "
        f"labelled {emotion} (of all photos {percent(component.base)})."
    )
    if component.off_face == component.off_face:
        where = f", most of it {_at(component.place)}" if component.place and component.kind != "facial" else ""
        text += f" {percent(component.off_face)} of its heat lies beside the face{where}."
    if component.properties:
        photos, people = _shared(report, component, _TOLD)
        told = [f"are {and_list(photos)}"] if photos else []
        told += [f"have {and_list(people)}"] if people else []
        others = "those of other emotions" if component.shared else "the rest"
        text += f" Its top photos {and_list(told)} than {others}."
    return text


def component_verdict(component: Component) -> tuple[str, bool]:
    """In a few words whether the model relies on it as on a cue beside the face, and whether that was shown."""
    if component.kind == "facial":
        return "a facial component: not tested as a shortcut", False
    if component.kind == "not located":
        return "not tested: where it lies is not known", False
    if component.test is None:
        return f"not tested: only the {MOST_TESTED} of a model that raise a logit most from beside the face are", False
    return VERDICTS[component.answer], component.answer == "yes"


def component_test(component: Component, emotion: str) -> str:
    """What pasting and cutting did, as sentences; empty where it was not tested."""
    test = component.test
    if test is None:
        return ""
    area = "Its hot area" if component.kind == "beside the face" else "Its hot area beside the face"
    text = (
        f"{area}, pasted into {count(test.n, 'photo')} of other emotions, makes {number_or_none(test.became)} of them "
        f"{emotion}; the same area of photos with little of it, {number_or_none(test.became_low)}"
    )
    if test.p_gain == test.p_gain:
        text += f" (difference {points_interval(test.gain)} points, corrected {format_p(test.p_gain)})"
    text += "."
    if test.known:
        text += (
            f" With it cut out of {count(test.known, 'photo')} predicted as {emotion} with most of it, and filled in "
            f"from other photos, {number_or_none(test.lost)} {plural(max(test.lost, 1), 'is', 'are')} lost; with an "
            f"equal area elsewhere cut out, {number_or_none(test.lost_control)}."
        )
        if component.answer == "yes" and not test.lost:
            text += " What is left of these photos is enough."
    return text


def missing_components(findings: ComponentFindings) -> str:
    """Which models were left out and why; empty where none was."""
    if not findings.missing:
        return ""
    return (
        f"Not measured for {and_list(findings.missing)}: such a component is a direction of what a last linear layer "
        "takes, and the file ends in none, or shows none, as ONNX files do."
    )


def no_components(report: Report) -> str:
    """Why nothing is shown; empty where something is."""
    findings = report.components
    if findings is None:
        return not_looked_for(report)
    if not findings.components and len(findings.missing) < len(report.models):
        return (
            f"No component raises the logit of an emotion by {MIN_RISE:g} or more in its top photos, or there are too "
            "few photos of each emotion to tell."
        )
    return ""


def not_looked_for(report: Report) -> str:
    """Why no cue that nobody listed was looked for, where there are no findings at all."""
    reason = "no changed pictures were shown (experiments = off)" if report.labelled else "no image has a label"
    return f"Not looked for: {reason}."


def _at(place: str) -> str:
    return f"{'in' if place.endswith('corner') else 'at'} the {place}"


_SHOWN = {
    "face size": "faces",
    "horizontal face position": "faces",
    "vertical face position": "faces",
    "head tilt": "heads",
    "head turn": "heads",
    "head nod": "heads",
}
"""What a property is one of, where it is none of the photo: "heads raised further"."""


def _shared(report: Report, component: Component, most: int) -> tuple[list[str], list[str]]:
    """What the top photos have more of: as words for photos, and as words for faces and heads with their noun."""
    photos, people = [], []
    for link in component.properties[:most]:
        item: Property = next(item for item in report.properties if item.name == link.name)
        more = item.more if link.sign > 0 else item.less
        if link.name in _SHOWN:
            people.append(f"{_SHOWN[link.name]} {more}")
        else:
            photos.append(more)
    return photos, people
