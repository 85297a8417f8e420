"""The first question in words: do predictions rely on something other than the face?

What was proved comes first: recall that falls when a property of the photo is taken away, and predictions that depend
on the background. Heat on the background alone proves nothing, and the words say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

from reportgen.evidence.damage import Damage, DamageKind
from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.importance.findings import LEAST_RECALL
from reportgen.evidence.importance.regions import CHEATING_DROP
from reportgen.evidence.shortcuts.components import Component
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.evidence.shortcuts.interventions import InterventionEffect
from reportgen.evidence.shortcuts.marks import MarkTest
from reportgen.evidence.shortcuts.properties import PredictionSplit
from reportgen.site.html.components import Finding, Link
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES, where
from reportgen.site.wording.cue_places import first_place, look_there, place_sentence
from reportgen.site.wording.format import and_list, count, decimal, number, percent, plural, points
from reportgen.site.wording.hidden_cues import component_claim, component_cue, component_reliance, component_test
from reportgen.site.wording.importance import LEAST_FALL, background_cue, background_numbers, fall_of
from reportgen.site.wording.marks import mark_claim, mark_cue, mark_reliance, mark_test
from reportgen.site.wording.models import named_models

__all__ = [
    "ADDED",
    "BACKGROUND",
    "CUES",
    "DONE",
    "PROPERTY",
    "Proof",
    "before_and_after",
    "cheating_answer",
    "cue_label",
    "cue_of",
    "cue_words",
    "effect_note",
    "emotion_proofs",
    "heat_place",
    "model_proofs",
    "proved",
    "proved_cues",
    "relies_on_cue",
    "shortcut_sentence",
    "split_words",
    "state_cues",
    "state_none",
]

DONE: Mapping[str, str] = MappingProxyType({
    "grey": "converted to greyscale",
    "equalised": "normalised in brightness and contrast",
    "blurred": "slightly blurred",
    "sharpened": "sharpened",
    "re-encoded": "re-encoded as JPEG",
    "deblocked": "brought to one level of JPEG blocks",
    "denoised": "brought to one level of noise",
    "zoomed": "zoomed to one face size",
    "shifted": "shifted to one face position",
    "straightened": "rotated to one head tilt",
    "flattened": "smoothed in the background",
    "mirrored": "mirrored",
})  # fmt: skip
"""By change, as in "the same photos, converted to greyscale"."""

CUES: Mapping[str, str] = MappingProxyType({
    "grey": "colour",
    "equalised": "brightness and contrast",
    "blurred": "sharpness",
    "sharpened": "softness",
    "re-encoded": "image encoding",
    "deblocked": "JPEG blocks",
    "denoised": "noise",
    "zoomed": "the size of the face",
    "shifted": "the position of the face",
    "straightened": "the tilt of the head",
    "flattened": "detail in the background",
    "mirrored": "the side to which the head turns",
})  # fmt: skip
"""By change, as in "relies on colour"."""

ADDED: Mapping[str, str] = MappingProxyType({
    "grey": "the colour cast",
    "equalised": "the brightness or contrast",
    "blurred": "the sharpness",
    "sharpened": "the softness",
    "deblocked": "JPEG blocks",
    "denoised": "the noise",
    "zoomed": "the face size",
    "shifted": "the face position",
    "straightened": "the head tilt",
})  # fmt: skip
"""By the change that takes it away, what of an emotion's photos is put into photos of others."""

PROPERTY, BACKGROUND = "relies on a property of the photo", "relies on the background"
"""What is said to hold, or not to hold, of a model and an emotion."""

_RELIES: Mapping[DamageKind, str] = MappingProxyType(
    {
        "property": PROPERTY,
        "background": BACKGROUND,
        "component": "relies on something beside the face",
        "mark": "relies on a mark",
    }
)

Found = TypeVar("Found", Shortcut, BackgroundFinding, Component, MarkTest)

_NAMED = 3
_QUESTION = "Are they cheating?"
_REGIONS = Link("Heat and region importance", "index.html#regions")
_SHORTCUTS = Link("Before and after", "shortcuts.html#found")
_COMPONENTS = Link("The component, with its photos", "shortcuts.html#components")
_MARKS = Link("The mark, with the mean photos that show it", "shortcuts.html#marks")
_BACKGROUNDS = Link("Backgrounds swapped, all results", "shortcuts.html#backgrounds")


@dataclass(frozen=True)
class Proof:
    """One thing that was proved: `claim` in a few words, `text` with its numbers, and where it is shown; `change`: the
    property that was taken away, "" for a background.
    """

    claim: str
    text: str
    link: Link
    change: str = ""


def proved_cues(report: Report, emotion: str | None = None) -> tuple[Damage, ...]:
    """All cues that models, or predictions of one emotion, were shown to rely on, the largest damage first.

    A cue beside the face that nobody listed is left out where something else is proved for the same model and emotion:
    it may be the same thing seen twice.
    """
    known = {
        key for key, proved in report.contaminated.items() if proved.backgrounds or proved.shortcuts or proved.marks
    }
    return tuple(
        damage
        for damage in report.damages
        if damage.emotion
        and damage.kind != "group"
        and emotion in (None, damage.emotion)
        and not (damage.kind == "component" and (damage.model, damage.emotion) in known)
    )


def state_cues(report: Report, found: Iterable[Damage]) -> None:
    """Note that models are said to rely on cues: what relies on one is not trusted."""
    for damage in found:
        report.stated.claim(_RELIES[damage.kind], damage.model, damage.emotion, holds=True)
        report.stated.claim("relies on a cue", damage.model, damage.emotion, holds=True)
        report.stated.claim("trusted", damage.model, damage.emotion, holds=False)


def proved(
    report: Report, kind: type[Found], *, model: str | None = None, emotion: str | None = None
) -> tuple[Found, ...]:
    """Of `proved_cues` those of one kind, of one model or emotion or of all."""
    return tuple(
        damage.finding
        for damage in proved_cues(report, emotion)
        if isinstance(damage.finding, kind) and model in (None, damage.model)
    )


def relies_on_cue(report: Report, model: str, emotion: str) -> bool:
    """Whether a shortcut of any kind is proved for a model and an emotion."""
    return (model, emotion) in report.contaminated


def cue_of(report: Report, emotion: str) -> tuple[tuple[str, ...], str]:
    """Which models rely on what for an emotion, as in (("ResNet18",), "colour"); empty if none does.

    One thing only, so that it fits a title: that with the largest damage.
    """
    found = proved_cues(report, emotion)
    if not found:
        return (), ""
    state_cues(report, found)
    cue = cue_words(found[0])
    relying = {damage.model for damage in found if cue_words(damage) == cue}
    return tuple(model.name for model in report.models if model.name in relying), cue


def cue_words(damage: Damage) -> str:
    """What a proven cue is called after "relies on", as in "colour" or "the bright background"."""
    finding = damage.finding
    if isinstance(finding, BackgroundFinding):
        return background_cue(finding)
    if isinstance(finding, MarkTest):
        return mark_cue(finding.mark)
    return component_cue(finding) if isinstance(finding, Component) else CUES[damage.cue]


def cue_label(report: Report, emotion: str) -> str:
    """As in "Relies on colour (ResNet18)"; the models only where not all do, "" where none does."""
    models, cue = cue_of(report, emotion)
    if not models:
        return ""
    return f"Relies on {cue}" + (f" ({and_list(models)})" if len(models) < len(report.models) else "")


def shortcut_sentence(report: Report, shortcut: Shortcut) -> str:
    """A shortcut with its numbers: recall without the property, and how the property goes with the emotion."""
    association, emotion, has = shortcut.association, shortcut.emotion, shortcut.has
    more = association.sign > 0
    text = ""
    if shortcut.removed:
        text = (
            f"With the same {count(shortcut.n, 'image')} {DONE[shortcut.change]}, {shortcut.model}'s recall of "
            f"{emotion} falls {_recall_fall(report, shortcut)}. "
        )
    text += "".join(f"{sentence} " for sentence in _added_sentences([shortcut]))
    if shortcut.binary:
        share, rest = association.typical, association.elsewhere
        share, rest = (share, rest) if more else (1 - share, 1 - rest)
        return f"{text}{percent(share)} of the {emotion} images are {has}, compared with {percent(rest)} of the others."
    pairs = association.auc.value if more else 1 - association.auc.value
    return f"{text}An image of {emotion} is {has} than one of another emotion in {percent(pairs)} of such pairs."


def _added_sentences(shortcuts: Sequence[Shortcut]) -> list[str]:
    """What adding the property does, one sentence per emotion; none where adding it shows nothing.

    As in "With the colour cast of disgust photos, 87 of 90 photos of other emotions are predicted as disgust by CNN and
    44 of 90 by ResNet18; after another, equally large change, none."
    """
    sentences = []
    for emotion in dict.fromkeys(s.emotion for s in shortcuts):
        shown = [s for s in shortcuts if s.emotion == emotion and s.added is not None and s.added.answer == "yes"]
        counts = [(s.model, s.added.became, s.added.n, s.added.became_neutral) for s in shown if s.added is not None]
        if counts:
            as_it = [f" photos of other emotions are predicted as {emotion}", *[""] * (len(counts) - 1)]
            turned = and_list([
                f"{number(became)} of {number(n)}{said} by {model}"
                for (model, became, n, _), said in zip(counts, as_it, strict=True)
            ])  # fmt: skip
            neutral = and_list([number(k) for *_, k in counts]) if any(k for *_, k in counts) else "none"
            sentences.append(
                f"With {ADDED[shown[0].change]} of {emotion} photos, {turned}; after another, equally large change, "
                f"{neutral}."
            )
    return sentences


def _removal(report: Report, shortcuts: Sequence[Shortcut], emotion: str) -> list[str]:
    """As in "With the same photos slightly blurred, recall of surprise falls ..."; none where no fall was shown."""
    falls = [f"{_recall_fall(report, s)} for {s.model} (n = {number(s.n)})" for s in shortcuts if s.removed]
    done = DONE[shortcuts[0].change]
    return [f"With the same photos {done}, recall of {emotion} falls {and_list(falls)}."] if falls else []


def heat_place(report: Report, shortcut: Shortcut) -> str:
    """Where the heat confirms a place for what the shortcut rests on, as in "the eyes and brows"; "" where it does not.

    The place is a part of the face that has above-average heat and more of it than in other emotions' maps.
    """
    if report.regions is None:
        return ""
    found = []
    for focus in report.regions.focus(shortcut.model):
        verdict = report.regions.on(shortcut.model, shortcut.emotion, focus.region)
        if shortcut.emotion in focus.specific and verdict is not None:
            found.append((verdict.value, focus.region))
    return f"the {REGION_NAMES[max(found)[1]]}" if found else ""


def before_and_after(report: Report, shortcut: Shortcut) -> str:
    """As in "from 81 % to 0 %": recall of the photos that were shown again."""
    key = shortcut.model, shortcut.emotion, shortcut.change
    before = report.stated.number(percent(shortcut.before.value), "recall of photos shown again", *key)
    after = report.stated.number(percent(shortcut.after.value), "recall without a property", *key)
    return f"from {before} to {after}"


def _recall_fall(report: Report, shortcut: Shortcut) -> str:
    """As in "from 81 % to 0 % (by 81 percentage points, 95 % interval 65 to 91)"."""
    fall = shortcut.fall
    low, high = (points(end, 0, sign=False, unit="") for end in (fall.low, fall.high))
    return (
        f"{before_and_after(report, shortcut)} (by "
        f"{points(fall.value, 0, sign=False, unit=' percentage points')}, 95 % interval {low} to {high})"
    )


def effect_note(effect: InterventionEffect) -> str:
    """What limits what was concluded from one change of one emotion's photos; empty where nothing does."""
    return {
        "": "",
        "fragile": (
            "other emotions, or another change of the same size, lose as much, or nothing that this change takes away "
            "goes with the emotion: fragile, not a shortcut"
        ),
        "no comparison": "the change alters too few correctly classified images of other emotions to compare with",
    }[effect.note]


def emotion_proofs(report: Report, links: Links, emotion: int) -> tuple[Proof, ...]:
    """What was proved of one emotion, one entry per background or change, all models together."""
    name = report.classes[emotion]
    state_cues(report, proved_cues(report, name))
    backgrounds, shortcuts = proved(report, BackgroundFinding, emotion=name), proved(report, Shortcut, emotion=name)
    found = []
    if backgrounds:
        text = " ".join(f"{b.model} relies on {background_cue(b)}. {background_numbers(b)}" for b in backgrounds)
        found.append(Proof("", text, _BACKGROUNDS))
    for change in dict.fromkeys(s.change for s in shortcuts):
        mine = [s for s in shortcuts if s.change == change]
        text = " ".join([*_removal(report, mine, name), *_added_sentences(mine)])
        found.append(Proof("", text, _images(links, mine), change))
    found += [Proof("", mark_reliance(test, name), _MARKS) for test in proved(report, MarkTest, emotion=name)]
    found += [Proof("", component_reliance(c, name), _COMPONENTS) for c in proved(report, Component, emotion=name)]
    return tuple(found)


def model_proofs(report: Report, links: Links, k: int, subject: str = "It") -> tuple[Proof, ...]:
    """What was proved of model `k`, one entry for all backgrounds and one per change; `subject` begins each claim."""
    model = report.models[k].name
    backgrounds, shortcuts = proved(report, BackgroundFinding, model=model), proved(report, Shortcut, model=model)
    state_cues(report, (damage for damage in proved_cues(report) if damage.model == model))
    found = []
    claimed: set[str] = set()
    for cue in dict.fromkeys(map(background_cue, backgrounds)):
        here = [b for b in backgrounds if background_cue(b) == cue]
        claim = f"{subject} relies on {cue} for {and_list([b.emotion for b in here])}."
        found.append(Proof(claim, " ".join(map(background_numbers, here)), _BACKGROUNDS))
    for change in dict.fromkeys(s.change for s in shortcuts):
        mine = [s for s in shortcuts if s.change == change]
        emotions = [s.emotion for s in mine]
        also = "also relies" if set(emotions) <= claimed else "relies"
        claim = f"{subject} {also} on {CUES[change]} for {and_list(emotions)}."
        claimed |= set(emotions)
        falls = [f"{_recall_fall(report, s)} for {s.emotion} (n = {number(s.n)})" for s in mine if s.removed]
        lost = [f"With the same photos {DONE[change]}, recall falls {and_list(falls)}."] if falls else []
        found.append(Proof(claim, " ".join([*lost, *_added_sentences(mine)]), _images(links, mine), change))
    for test in proved(report, MarkTest, model=model):
        name = report.classes[test.mark.emotion]
        found.append(Proof(mark_claim(test, name, subject), mark_test(test, name), _MARKS))
    for c in proved(report, Component, model=model):
        name = report.classes[c.emotion]
        found.append(Proof(component_claim(c, name, subject), component_test(c, name), _COMPONENTS))
    return tuple(found)


def _images(links: Links, shortcuts: Sequence[Shortcut]) -> Link:
    first = shortcuts[0]
    anchor = links.shortcut_anchor(first.model, first.emotion, first.change)
    return Link("Before and after, with the images", f"shortcuts.html#{anchor}")


def cheating_answer(report: Report) -> Finding:
    """The first question's answer."""
    found = proved_cues(report)
    if found:
        shortcuts, backgrounds = proved(report, Shortcut), proved(report, BackgroundFinding)
        marks, hidden = proved(report, MarkTest), proved(report, Component)
        state_cues(report, found)
        above = _in_headline(report, found)
        told = {
            "background": _background_sentences(backgrounds, above),
            "property": [*_shortcut_sentences(report, shortcuts), *_located(report, shortcuts)],
            "mark": [mark_reliance(t, report.classes[t.mark.emotion]) for t in marks[:2] if t is not above],
            "component": [component_reliance(c, report.classes[c.emotion]) for c in hidden[:2] if c is not above],
        }
        parts = [text for kind in dict.fromkeys(damage.kind for damage in found) for text in told[kind]]
        if not backgrounds:
            parts.append(_no_background(report))
        if backgrounds and not shortcuts:
            link, more = _REGIONS, None
        else:
            link = _SHORTCUTS if shortcuts else _MARKS if marks else _COMPONENTS
            more = _REGIONS if backgrounds and report.regions is not None else None
        lead = f"Yes, for {_with_models(report, found)}."
        return Finding(_QUESTION, "bad", lead, " ".join(filter(None, parts)), link, more)
    if report.regions is None or not report.labelled:
        return Finding(
            _QUESTION,
            "open",
            "Inconclusive.",
            "A heatmap shows where evidence lies, not whether the prediction depends on it, and no region was measured "
            "here. Judge the maps by eye: heat in a corner, on hair or on a border is the sign to follow up.",
            Link("Mean maps of every emotion", "emotions.html")
            if report.labelled
            else Link("All images", "explorer.html"),
        )
    if report.importance is not None and report.importance.tested:
        return _tested(report, report.importance.backgrounds)
    return _untested(report)


def _with_models(report: Report, found: Sequence[Damage]) -> str:
    """The emotions, each with the models that rely on a cue for it, as in "disgust (both models) and sadness (CNN)";
    without models where there is but one.
    """
    relying: dict[str, set[str]] = {}
    for damage in found:
        relying.setdefault(damage.emotion, set()).add(damage.model)
    told: dict[str, list[str]] = {}
    for emotion, names in relying.items():
        who = named_models(report, [model.name for model in report.models if model.name in names])
        told.setdefault(who, []).append(emotion)
    if len(report.models) == 1:
        return and_list(list(relying))
    return and_list([f"{and_list(emotions)} ({who})" for who, emotions in told.items()])


def _in_headline(report: Report, found: Sequence[Damage]) -> object:
    """The finding that the headline has told as a claim with its test; None where what leads there is no cue."""
    lead = next(one for one in report.damages if one.kind in ("leakage", "group") or one in found)
    return lead.finding if lead in found else None


def _background_sentences(backgrounds: Sequence[BackgroundFinding], above: object) -> list[str]:
    sentences = []
    for b in backgrounds[:2]:
        relies = "" if b is above else f"{b.model} relies on {background_cue(b)} for {b.emotion}. "
        place = f" Its heat lies in the {b.place}." if b.place else ""
        sentences.append(f"{relies}{background_numbers(b, brief=True)}{place}")
    return sentences


def _shortcut_sentences(report: Report, shortcuts: Sequence[Shortcut]) -> list[str]:
    """One sentence per change, as in "With the same images slightly blurred, recall of disgust falls from ..."."""
    sentences = []
    for change in dict.fromkeys(s.change for s in shortcuts):
        parts = []
        mine = [s for s in shortcuts if s.change == change]
        for emotion in list(dict.fromkeys(s.emotion for s in mine))[:2]:
            falls = [f"{before_and_after(report, s)} ({s.model})" for s in mine if s.emotion == emotion and s.removed]
            if falls:
                parts.append(f"recall of {emotion} falls {and_list(falls)}")
        if parts:
            sentences.append(f"With the same images {DONE[change]}, {'; '.join(parts)}.")
        # The others stand on the page of shortcuts.
        sentences += _added_sentences(mine)[:1]
    return sentences


def _located(report: Report, shortcuts: Sequence[Shortcut]) -> list[str]:
    """Where the first shortcut that has a place is used, and what to look for; where none has, the largest count."""
    place = first_place(report, shortcuts)
    if place is not None:
        return [place_sentence(place, DONE[place.change], True), look_there(place)]
    return [] if _added_sentences(shortcuts) else [_counts(report)]


def _counts(report: Report) -> str:
    """The largest count: "All 106 photos predicted as disgust by Custom CNN are in colour, as are 7 % of all"."""
    findings = report.shortcuts
    splits = [] if findings is None else [(split, called) for split in findings.splits for called in split.predictions]
    if not splits:
        return ""
    split, (emotion, predicted, having) = max(splits, key=lambda pair: pair[1][1])
    if not predicted:
        return ""
    n = split.n_having + split.n_lacking
    report.stated.number(number(predicted), "photos of the split predicted as", split.model, split.property, emotion)
    part = f"All {number(predicted)}" if having == predicted else f"{number(having)} of {number(predicted)}"
    return (
        f"{part} photos predicted as {emotion} by {split.model} are {split_words(split)[0]}, as "
        f"{plural(split.n_having, 'is', 'are')} {percent(split.n_having / n)} of all {number(n)}."
    )


def split_words(split: PredictionSplit) -> tuple[str, str]:
    """What photos with a property and those without it are called."""
    if split.lacking:
        return split.having, split.lacking
    return f"{split.having} than the median photo", f"not {split.having}"


def _no_background(report: Report) -> str:
    """What is known of the background where it is not the culprit."""
    backgrounds = () if report.importance is None else report.importance.backgrounds
    made = [b for b in backgrounds if b.importance is not None]
    tested = [b for b in made if b.state != "cannot be tested"]
    if not tested:
        return "The effect of swapping the background was not tested."
    clear = sum(b.state in ("clear", "looks only") for b in tested)
    for b in tested:
        report.stated.claim(BACKGROUND, b.model, b.emotion, holds=False)
    little = sum(b.state == "uses a little" for b in tested)
    weak = f"; in {little} it is smaller than counts as cheating" if little else ""
    without = f"in {clear} the odds are shown to fall by less than {LEAST_FALL}" if clear else ""
    open_, vain = len(tested) - clear - little, len(made) - len(tested)
    unknown = f"{open_} {plural(open_, 'is', 'are')} inconclusive" if open_ else ""
    barred = f"{vain} cannot be made" if vain else ""
    tests = count(len(made), "test")
    if open_ == len(tested):
        return ""  # the matrix tells what is inconclusive and what cannot be tested
    rest = "; ".join(filter(None, (without, unknown, barred)))
    found = "no" if not little else "no great"
    return (
        f"Swapping backgrounds found {found} reliance on them in {tests}{weak}"
        f"{': ' if not weak and rest else '; ' if rest else ''}{rest}."
    )


def _tested(report: Report, backgrounds: Sequence[BackgroundFinding]) -> Finding:
    """Nothing was proved, and the background was swapped."""
    also = _no_shortcut(report, report.shortcuts.effects if report.shortcuts is not None else ())
    tested = [b for b in backgrounds if b.state != "not tested"]
    little = [b for b in tested if b.state == "uses a little"]
    if little:
        names = and_list([f"{b.emotion} ({b.model})" for b in little])
        text = (
            f"Swapping the background has an effect on {names}, but a smaller one than counts as cheating: odds that "
            f"fall by {fall_of(CHEATING_DROP)} and recall by five percentage points.{also}"
        )
        lead = f"A little, for {and_list(sorted({b.emotion for b in little}))}."
        return Finding(_QUESTION, "mid", lead, text, _REGIONS)
    for b in tested:
        report.stated.claim(BACKGROUND, b.model, b.emotion, holds=False)
    if not tested:
        text = f"Too few faces to test the effect of swapping the background.{also}"
        return Finding(_QUESTION, "open", "Inconclusive.", text, _REGIONS)
    clear = sum(b.state in ("clear", "looks only") for b in tested)
    vain = sum(b.state == "cannot be tested" for b in tested)
    rest = len(tested) - clear - vain
    text = (
        f"Tested: backgrounds swapped, as they are and in the face's own light and colour. In {clear} of {len(tested)} "
        f"tests, one per model and emotion, the odds are shown to fall by less than {LEAST_FALL}"
    )
    text += f"; {rest} {plural(rest, 'is', 'are')} inconclusive" if rest else ""
    few = f"recall of the emotion is below {percent(LEAST_RECALL)}, or not shown to be above chance"
    text += f"; {vain} cannot be made, as {few}." if vain else "."
    looks = [f"{b.emotion} ({b.model})" for b in tested if b.state == "looks only"]
    if looks:
        named = looks if len(looks) <= _NAMED else [*looks[:_NAMED], f"{len(looks) - _NAMED} more"]
        text += (
            f" Heat and swaps disagree for {and_list(named)}: heat lies outside the face, and no swap confirms it. "
            "That is an open question."
        )
    tone = "mid" if rest or vain or looks else "good"
    return Finding(
        _QUESTION, tone, "Not found by these tests.", f"{text}{also} Other shortcuts cannot be ruled out.", _REGIONS
    )


def _no_shortcut(report: Report, effects: Sequence[InterventionEffect]) -> str:
    if not effects:
        return ""
    state_none(report, effects)
    changes = and_list([DONE[change] for change in dict.fromkeys(effect.change for effect in effects)], "or")
    return f" With photos {changes}, no reliance on what is removed was shown."


def state_none(report: Report, effects: Sequence[InterventionEffect]) -> None:
    """Note that no reliance on a property of the photo is said to be shown."""
    for effect in effects:
        report.stated.claim(PROPERTY, effect.model, effect.emotion, holds=False)


def _untested(report: Report) -> Finding:
    """Only heatmaps are there to tell."""
    found = report.regions.backgrounds() if report.regions is not None else ()
    link = Link("Heat by region", "index.html#regions")
    if found:
        strongest = max(found, key=lambda verdict: verdict.value)
        place = f", {strongest.place}" if strongest.place else ""
        return Finding(
            _QUESTION,
            "bad",
            f"Possibly, for {and_list(sorted({verdict.emotion for verdict in found}))}.",
            f"There is heat outside the face for {where(found)}, most for {strongest.emotion} in {strongest.model}: "
            f"{decimal(strongest.value, 1)} {strongest.quantity}{place}. Whether the predictions depend on it was not "
            "tested.",
            link,
        )
    verdicts = report.regions.findings.verdicts if report.regions is not None else ()
    judged = [v for v in verdicts if v.kind == "background"]
    clear = sum(v.answer == "no" for v in judged)
    tests = f"{count(len(judged), 'test')}, one per model and emotion,"
    if not clear:
        text = (
            f"None of {tests} found above-average heat on the background, and none could rule it out: there are too "
            "few images, or the maps differ too much."
        )
        return Finding(_QUESTION, "open", "Inconclusive.", text, link)
    text = (
        f"In {clear} of {tests} there is no above-average heat on the background; none shows any. That is no proof: "
        "colour and lighting leave no trace in a heatmap, and the effect of swapping the background was not tested."
    )
    return Finding(_QUESTION, "mid", "Not found in the heatmaps.", text, link)
