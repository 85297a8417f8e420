"""Which emotions a model predicts from something other than the face, and by what: of these no facial claim is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.shortcuts.components import Component, ComponentFindings
from reportgen.evidence.shortcuts.findings import Shortcut, ShortcutFindings
from reportgen.evidence.shortcuts.marks import MarkFindings, MarkTest

__all__ = ["Contamination", "contaminations"]


@dataclass(frozen=True)
class Contamination:
    """What one model was shown to rely on for one emotion besides the face: at least one of four kinds.

    Attributes
    ----------
    shortcuts
        Properties of the photo, the largest effect first.
    backgrounds
        The background, where swapping it counts as cheating.
    components
        Cues beside the face that nobody listed, the strongest first.
    marks
        Things at one place of the face, or patterns, that its photos share, the largest effect first.
    """

    shortcuts: tuple[Shortcut, ...]
    backgrounds: tuple[BackgroundFinding, ...]
    components: tuple[Component, ...]
    marks: tuple[MarkTest, ...]


def contaminations(
    classes: Sequence[str],
    shortcuts: ShortcutFindings | None,
    backgrounds: Sequence[BackgroundFinding],
    components: ComponentFindings | None,
    marks: MarkFindings | None,
) -> Mapping[tuple[str, str], Contamination]:
    """By name of the model and of the emotion, what was proved; nothing where nothing was.

    Parameters
    ----------
    classes
        Names of the emotions, in the models' order.
    shortcuts, components, marks
        None where they were not looked for.
    """
    found = () if shortcuts is None else shortcuts.found
    relied = tuple(background for background in backgrounds if background.cheating)
    proved = () if components is None else components.proved()
    keys = [(background.model, background.emotion) for background in relied]
    keys += [(shortcut.model, shortcut.emotion) for shortcut in found]
    keys += [(component.model, classes[component.emotion]) for component in proved]
    shown = () if marks is None else marks.proved()
    keys += [(test.model, classes[test.mark.emotion]) for test in shown]
    return {
        key: Contamination(
            tuple(s for s in found if (s.model, s.emotion) == key),
            tuple(b for b in relied if (b.model, b.emotion) == key),
            tuple(c for c in proved if (c.model, classes[c.emotion]) == key),
            tuple(test for test in shown if (test.model, classes[test.mark.emotion]) == key),
        )
        for key in dict.fromkeys(keys)
    }
