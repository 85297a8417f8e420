"""The first question in words: do the models answer from something that is not the face?

What was proved comes first: recall that is lost when a property of the photo is taken away, and answers that depend on
the background. Heat on the background alone proves nothing, and the words say so.
"""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.site.html.components import Finding, Headline, Link
from reportgen.site.report import Report
from reportgen.site.wording.attention import where
from reportgen.site.wording.format import and_list, count, decimal, number, percent, signed

__all__ = ["GLARING", "cheating_answer", "cheating_headline", "proved_backgrounds", "proved_shortcuts"]

GLARING = 6.0
"""Times uniform attention from which heat outside the face is the first thing a reader should know where use was not
tested. On clean models trained on photos, hot cells of 2 to 5 times uniform at the lower border are common; planted
artefacts reach 19 to 25."""

_NAMED = 3
_QUESTION = "Are they cheating?"
_REGIONS = Link("Heat against use, by region", "index.html#regions")
_SHORTCUTS = Link("Before and after, with the images", "shortcuts.html")


def proved_shortcuts(report: Report) -> tuple[Shortcut, ...]:
    """Emotions known by a property of the photo, the largest fall first."""
    return report.shortcuts.found if report.shortcuts is not None else ()


def proved_backgrounds(report: Report) -> tuple[BackgroundFinding, ...]:
    """Emotions read off the background, the largest loss first."""
    use = report.use
    found = () if use is None else tuple(b for b in use.backgrounds if b.cheating)
    return tuple(sorted(found, key=lambda b: -b.score))


def cheating_headline(report: Report, reading: str) -> Headline | None:
    """The headline where something was proved, or glaring heat was not tested; `reading` goes below it."""
    backgrounds = proved_backgrounds(report)
    # What is proved of a background has a place: the same emotion's colour or light is the lesser news.
    placed = {(b.model, b.emotion) for b in backgrounds}
    shortcuts = [s for s in proved_shortcuts(report) if (s.model, s.emotion) not in placed]
    recall = max((s.fall.value for s in shortcuts), default=0.0)
    if backgrounds and _recall_gap(report, backgrounds[0]) >= recall:
        first = backgrounds[0]
        emotions = and_list([b.emotion for b in backgrounds if b.model == first.model])
        at = f": the {first.place}" if first.place else ""
        return Headline(f"{first.model} reads {emotions} off the background{at}.", reading)
    if shortcuts:
        return Headline(_known_by(report, shortcuts), reading)
    if report.use is not None and report.use.tested:
        return None
    strong = [v for v in (report.regions.backgrounds() if report.regions else ()) if v.value >= GLARING]
    if not strong:
        return None
    most = max(strong, key=lambda verdict: verdict.value)
    emotions = and_list([verdict.emotion for verdict in strong if verdict.model == most.model])
    at = f": the {most.place}" if most.place else ""
    return Headline(f"{most.model} looks at the background for {emotions}{at}.", reading)


def _recall_gap(report: Report, background: BackgroundFinding) -> float:
    use = report.use
    found = None if use is None else use.region(background.model, background.emotion, "background")
    return 0.0 if found is None else found.recall_drop


def _known_by(report: Report, shortcuts: Sequence[Shortcut]) -> str:
    """As in "Both models know disgust by its colour"."""
    by = shortcuts[0].by
    models: dict[str, list[str]] = {}
    for shortcut in shortcuts:
        if shortcut.by == by:
            models.setdefault(shortcut.emotion, []).append(shortcut.model)
    most = max(len(names) for names in models.values())
    shared = [emotion for emotion, names in models.items() if len(names) == most]
    names = models[shared[0]]
    emotions = [emotion for emotion in shared if models[emotion] == names]
    everyone = len(names) == len(report.models)
    subject = names[0] if len(names) == 1 else _everyone(report) if everyone else and_list(names)
    verb = "knows" if len(names) == 1 else "know"
    what = by if len(emotions) == 1 else by.replace("its ", "their ")
    return f"{subject} {verb} {and_list(emotions)} by {what}."


def _everyone(report: Report) -> str:
    return "Both models" if len(report.models) == 2 else f"All {len(report.models)} models"


def cheating_answer(report: Report) -> Finding:
    """The first question's answer."""
    shortcuts, backgrounds = proved_shortcuts(report), proved_backgrounds(report)
    if shortcuts or backgrounds:
        emotions = list(dict.fromkeys([*(b.emotion for b in backgrounds), *(s.emotion for s in shortcuts)]))
        said = [*_background_sentences(report, backgrounds), *_shortcut_sentences(shortcuts), _counts(report)]
        if not backgrounds:
            said.append(_no_background(report))
        measured = None if report.regions is None else _REGIONS
        link, more = (_SHORTCUTS, measured) if shortcuts else (_REGIONS, None)
        return Finding(_QUESTION, "bad", f"Yes, for {and_list(emotions)}.", " ".join(filter(None, said)), link, more)
    if report.regions is None or not report.labelled:
        return Finding(
            _QUESTION,
            "open",
            "Not decided.",
            "A heatmap shows where evidence sits, not whether the answer depends on it, and no region was measured "
            "here. Judge the maps by eye: heat in a corner, on hair or on a border is the sign to follow up.",
            Link("Mean maps of every emotion", "index.html#maps")
            if report.labelled
            else Link("All images", "explorer.html"),
        )
    use = report.use
    if use is not None and use.tested:
        return _tested(report, use.backgrounds)
    return _untested(report)


def _background_sentences(report: Report, backgrounds: Sequence[BackgroundFinding]) -> list[str]:
    use, said = report.use, []
    for background in backgrounds[:2]:
        found = None if use is None else use.region(background.model, background.emotion, "background")
        if found is not None:
            said.append(
                f"With another emotion's background {background.model} loses {background.emotion} by "
                f"{signed(found.drop, 1).removeprefix('+')} log-odds [{signed(found.low, 1)}, {signed(found.high, 1)}] "
                f"and {100 * found.recall_drop:.0f} points of recall"
                f"{f'; its heat lies in the {background.place}' if background.place else ''}."
            )
    return said


def _shortcut_sentences(shortcuts: Sequence[Shortcut]) -> list[str]:
    """One sentence per change: "With the same images made grey, disgust's recall falls from 81 % to 0 % (...)"."""
    said = []
    for change in dict.fromkeys(s.change for s in shortcuts):
        parts = []
        mine = [s for s in shortcuts if s.change == change]
        for emotion in list(dict.fromkeys(s.emotion for s in mine))[:2]:
            falls = [
                f"{percent(s.before.value)} to {percent(s.after.value)} ({s.model})"
                for s in mine
                if s.emotion == emotion
            ]
            parts.append(f"{emotion}'s recall falls from {and_list(falls)}")
        said.append(f"{_MADE[change]}, {'; '.join(parts)}.")
    return said


def _counts(report: Report) -> str:
    """The largest count: "All 106 photos that Custom CNN calls disgust are in colour, as are 7 % of all photos"."""
    findings = report.shortcuts
    splits = [] if findings is None else [(split, called) for split in findings.splits for called in split.called]
    if not splits:
        return ""
    split, (emotion, answered, having) = max(splits, key=lambda pair: pair[1][1])
    if not answered:
        return ""
    n = split.n_having + split.n_lacking
    part = f"All {number(answered)}" if having == answered else f"{number(having)} of {number(answered)}"
    verb = "is" if split.n_having == 1 else "are"
    return (
        f"{part} photos that {split.model} calls {emotion} are {split.having}, as {verb} "
        f"{percent(split.n_having / n)} of all {number(n)}."
    )


_MADE = {
    "grey": "With the same images made grey",
    "equalised": "With the same images at one brightness and contrast",
    "blurred": "With the same images slightly blurred",
    "re-encoded": "With the same images stored again as JPEG",
}


def _no_background(report: Report) -> str:
    """What is known of the background where it is not the culprit."""
    use = report.use
    if use is None or not use.tested:
        return "Use of the background was not tested."
    tested = [b for b in use.backgrounds if b.state != "not tested"]
    clear = [b for b in tested if b.state in ("clear", "looks only")]
    if not tested:
        return "Use of the background was not tested."
    if len(clear) == len(tested):
        return "The background itself is not used."
    little = [b for b in tested if b.state == "uses a little"]
    rest = f"small in {len(little)}" if little else "shown in none"
    return f"Use of the background was ruled out in {len(clear)} of {len(tested)} tests and {rest}."


def _tested(report: Report, backgrounds: Sequence[BackgroundFinding]) -> Finding:
    tested = [b for b in backgrounds if b.state != "not tested"]
    little = [b for b in tested if b.state == "uses a little"]
    clear = [b for b in tested if b.state in ("clear", "looks only")]
    effects = report.shortcuts.effects if report.shortcuts is not None else ()
    decided = [effect for effect in effects if effect.answer == "no"]
    also = ""
    if effects:
        which = "no emotion" if len(decided) == len(effects) else "no emotion beyond doubt"
        also = f" Made grey, evened out in light, blurred or stored again, {which} is lost that goes with it."
    if little:
        names = and_list([f"{b.emotion} ({b.model})" for b in little])
        text = (
            f"Another emotion's background costs {names} something, but less than what is called cheating: half a "
            f"log-odds and five points of recall.{also}"
        )
        return Finding(
            _QUESTION, "mid", f"A little, for {and_list(sorted({b.emotion for b in little}))}.", text, _REGIONS
        )
    if not tested:
        return Finding(
            _QUESTION, "open", "Not decided.", f"Too few faces to test the use of the background.{also}", _REGIONS
        )
    looks = [b for b in tested if b.looks]
    text = (
        f"In {len(clear)} of {len(tested)} tests, one per model and emotion, another emotion's background costs "
        "next to nothing"
    )
    rest = len(tested) - len(clear)
    text += f"; {count(rest, 'test')} {'does' if rest == 1 else 'do'} not decide." if rest else "."
    if looks:
        names = and_list([f"{b.emotion} ({b.model})" for b in looks[:_NAMED]])
        text += f" Heat lies outside the face for {names} all the same."
    lead = "No sign of it." if not rest else "Not shown."
    return Finding(
        _QUESTION, "good" if not rest else "mid", lead, f"{text}{also} That is no proof of innocence.", _REGIONS
    )


def _untested(report: Report) -> Finding:
    found = report.regions.backgrounds() if report.regions is not None else ()
    link = Link("Where they look, measured", "index.html#regions")
    if found:
        strongest = max(found, key=lambda verdict: verdict.value)
        return Finding(
            _QUESTION,
            "bad",
            f"Possibly, for {and_list(sorted({verdict.emotion for verdict in found}))}.",
            f"Heat lies outside the face for {where(found)}. Most of all for {strongest.emotion}, {strongest.model}: "
            f"{decimal(strongest.value, 1)} {strongest.quantity}{', ' + strongest.place if strongest.place else ''}. "
            "Whether the answers depend on it was not tested.",
            link,
        )
    verdicts = report.regions.findings.verdicts if report.regions is not None else ()
    judged = [v for v in verdicts if v.kind == "background"]
    clear = sum(v.answer == "no" for v in judged)
    if not clear:
        return Finding(
            _QUESTION,
            "open",
            "Not decided.",
            f"None of {len(judged)} tests, one per model and emotion, found heat on the background, and none could "
            "rule it out: there are too few images, or the maps differ too much.",
            link,
        )
    return Finding(
        _QUESTION,
        "mid",
        "No sign of it in the heatmaps.",
        f"In {clear} of {len(judged)} tests, one per model and emotion, the heat keeps to the face; none shows it on "
        "the background. That is no proof: colour or lighting leave no trace in a heatmap, and use was not tested.",
        link,
    )
