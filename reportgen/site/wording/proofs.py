"""What was proved not to be read off the face, said where one emotion or one model is spoken of.

The words beside a page's title are short; those behind them give the numbers with n and interval, and lead on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.site.html.components import Link
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.changes import DONE
from reportgen.site.wording.format import and_list, count, percent, signed
from reportgen.site.wording.shortcuts import proved_backgrounds, proved_shortcuts

__all__ = ["Proof", "emotion_proofs", "known_by", "known_words", "model_proofs", "proved_of"]

_BACKGROUND = "its background"


@dataclass(frozen=True)
class Proof:
    """One thing that was proved: `claim` in a few words, `text` with its numbers, and where it is shown; `change`: the
    property that was taken away, "" for a background.
    """

    claim: str
    text: str
    link: Link
    change: str = ""


def proved_of(
    report: Report, *, model: str | None = None, emotion: str | None = None
) -> tuple[tuple[BackgroundFinding, ...], tuple[Shortcut, ...]]:
    """Backgrounds that are used and shortcuts, of one model or of one emotion."""
    backgrounds = tuple(
        b for b in proved_backgrounds(report) if model in (None, b.model) and emotion in (None, b.emotion)
    )
    shortcuts = tuple(s for s in proved_shortcuts(report) if model in (None, s.model) and emotion in (None, s.emotion))
    return backgrounds, shortcuts


def known_by(report: Report, emotion: str) -> tuple[tuple[str, ...], str]:
    """Which models know an emotion by what, as in (("ResNet18",), "its colour"); empty if none does.

    One thing only, so that it fits a title. The background comes first: it has a place, and the same emotion's colour
    is the lesser news. Then what costs most.
    """
    backgrounds, shortcuts = proved_of(report, emotion=emotion)
    if not backgrounds and not shortcuts:
        return (), ""
    by = _BACKGROUND if backgrounds else shortcuts[0].by
    guilty = {b.model for b in backgrounds} or {s.model for s in shortcuts if s.by == by}
    return tuple(model.name for model in report.models if model.name in guilty), by


def known_words(report: Report, emotion: str) -> str:
    """As in "Known by its colour (ResNet18)"; the models only where not all do, "" where none does."""
    models, by = known_by(report, emotion)
    if not models:
        return ""
    return f"Known by {by}" + (f" ({and_list(models)})" if len(models) < len(report.models) else "")


def emotion_proofs(report: Report, links: Links, emotion: int) -> tuple[Proof, ...]:
    """What was proved of one emotion, one entry per background or change, all models together."""
    name = report.classes[emotion]
    backgrounds, shortcuts = proved_of(report, emotion=name)
    found = []
    if backgrounds:
        losses = [f"{b.model} loses {name} by {_loss(report, b)}" for b in backgrounds]
        at = links.model_path([model.name for model in report.models].index(backgrounds[0].model))
        text = f"With another emotion's background {and_list(losses)}."
        found.append(Proof("", text, Link("How it was tested", f"{at}#use")))
    for change in dict.fromkeys(s.change for s in shortcuts):
        mine = [s for s in shortcuts if s.change == change]
        falls = [f"{s.model}'s{'' if i else ' recall falls'} {_fall(s)}" for i, s in enumerate(mine)]
        text = f"With the same photos {DONE[change]}, {and_list(falls)}."
        found.append(Proof("", text, _images(report, links, mine), change))
    return tuple(found)


def model_proofs(report: Report, links: Links, k: int) -> tuple[Proof, ...]:
    """What was proved of one model, one entry for all backgrounds and one per change."""
    backgrounds, shortcuts = proved_of(report, model=report.models[k].name)
    found = []
    claimed: set[str] = set()
    if backgrounds:
        losses = [f"{b.emotion} loses {_loss(report, b)}" for b in backgrounds]
        claim = f"It reads {and_list([b.emotion for b in backgrounds])} off the background, not only off the face."
        text = f"With another emotion's background {and_list(losses)}."
        found.append(Proof(claim, text, Link("How it was tested", f"{links.model_path(k)}#use")))
    for change in dict.fromkeys(s.change for s in shortcuts):
        mine = [s for s in shortcuts if s.change == change]
        what = mine[0].by if len(mine) == 1 else mine[0].by.replace("its ", "their ").replace("it was", "they were")
        falls = [f"{_fall(s)} for {s.emotion}" for s in mine]
        end = " as well" if {s.emotion for s in mine} <= claimed else ""
        claim = f"It knows {and_list([s.emotion for s in mine])} by {what}{end}."
        claimed |= {s.emotion for s in mine}
        text = f"With the same photos {DONE[change]}, recall falls {and_list(falls)}."
        found.append(Proof(claim, text, _images(report, links, mine), change))
    return tuple(found)


def _images(report: Report, links: Links, shortcuts: Sequence[Shortcut]) -> Link:
    first = shortcuts[0]
    anchor = links.shortcut_anchor(first.model, first.emotion, first.change)
    return Link("Before and after, with the images", f"shortcuts.html#{anchor}")


def _fall(shortcut: Shortcut) -> str:
    """As in "from 81 % to 0 % (37 images; by 81 points, 95 % interval 65 to 91)"."""
    fall = shortcut.fall
    return (
        f"from {percent(shortcut.before.value)} to {percent(shortcut.after.value)} ({count(shortcut.n, 'image')}; by "
        f"{100 * fall.value:.0f} points, 95 % interval {100 * fall.low:.0f} to {100 * fall.high:.0f})"
    )


def _loss(report: Report, background: BackgroundFinding) -> str:
    """As in "0.9 log-odds [+0.6, +1.2] and 12 points of recall (40 faces)"."""
    found = report.use
    use = None if found is None else found.region(background.model, background.emotion, "background")
    if use is None:
        return f"{background.score:.1f} log-odds"
    return (
        f"{signed(use.drop).removeprefix('+')} log-odds [{signed(use.low)}, {signed(use.high)}] and "
        f"{100 * use.recall_drop:.0f} points of recall ({count(use.receivers, 'face')})"
    )
