"""All that was proved against the models, on one scale: the predictions that are lost when the cue is taken away.

The largest leads the report, the rest follow in order. One scale holds for all kinds: recall points of the emotion, so
that a rare emotion is no lesser one; a finding about all emotions alike weighs as many times as there are emotions. It
is multiplied by how sure the loss is: the chance, by its interval, that at least half of it is real. Classes in a wrong
order come before everything: under the wrong names no other finding can be read.

Another kind of finding is one more generator here, listed in `rank_damages`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtr

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.importance.contamination import Contamination
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.performance.permuted_classes import PermutedOrder
from reportgen.evidence.shortcuts.components import Component
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.evidence.shortcuts.marks import MarkTest
from reportgen.evidence.stats.intervals import Estimate, Z

__all__ = ["Damage", "DamageKind", "rank_damages"]

DamageKind = Literal["class order", "leakage", "property", "background", "component", "mark"]


@dataclass(frozen=True)
class Damage:
    """One thing that was proved against one model.

    Attributes
    ----------
    emotion
        Whose predictions are lost; "" where it concerns all emotions.
    cue
        What is taken away: the change that removes a property, or by what of the background the emotion is predicted;
        "" for the other kinds.
    lost
        Share of the emotion's photos (of all photos where it concerns all) whose prediction is right with the cue and
        lost without it, net of what is gained, -1..1.
    emotions
        How many emotions it concerns.
    finding
        What was found, with all its numbers.
    """

    kind: DamageKind
    model: str
    emotion: str
    cue: str
    lost: Estimate
    emotions: int
    finding: Shortcut | BackgroundFinding | Component | MarkTest | Leakage | PermutedOrder

    @property
    def sure(self) -> float:
        """Chance, 0..1, that at least half of the loss is real: normal, with the error that the interval's lower end
        tells; 1/2 where nothing bounds it or nothing is lost.
        """
        reach = self.lost.value - self.lost.low
        if self.lost.value <= 0 or not math.isfinite(reach):
            return 0.5
        return 1.0 if reach <= 0 else float(ndtr(self.lost.value / 2 / (reach / Z)))

    @property
    def size(self) -> float:
        """Predictions lost, in shares of one emotion's photos, times how sure that is; 0 where nothing is lost."""
        return max(self.lost.value, 0.0) * self.emotions * self.sure


def rank_damages(
    analysis: Analysis,
    contaminated: Mapping[tuple[str, str], Contamination],
    orders: Sequence[PermutedOrder | None],
    leakages: Sequence[Leakage],
) -> tuple[Damage, ...]:
    """All that was proved, the largest damage first.

    Parameters
    ----------
    contaminated
        By model and emotion, the cues that were shown to be relied on.
    orders
        Per model of the analysis, another order of its classes, or None.
    leakages
        Of models whose training data are known.
    """
    models = {model.name: model for model in analysis.models}
    found = [*_class_orders(analysis, orders), *_leakages(leakages, len(analysis.classes))]
    for (name, emotion), proved in contaminated.items():
        found += (_of_property(shortcut) for shortcut in proved.shortcuts)
        found += (_of_background(background) for background in proved.backgrounds)
        found += (_of_component(c, emotion, models[name], analysis) for c in proved.components)
        found += (_of_mark(test, emotion) for test in proved.marks)
    return tuple(sorted(found, key=lambda d: (d.kind != "class order", -d.size, d.model, d.emotion)))


def _class_orders(analysis: Analysis, orders: Sequence[PermutedOrder | None]) -> Iterator[Damage]:
    for model, order in zip(analysis.models, orders, strict=True):
        if order is not None:
            lost = order.accuracy_then - order.accuracy_now
            estimate = Estimate(lost, lost, lost, order.n)  # certain: the same predictions under other names
            yield Damage("class order", model.name, "", "", estimate, len(analysis.classes), order)


def _leakages(leakages: Sequence[Leakage], classes: int) -> Iterator[Damage]:
    for leakage in leakages:
        if leakage.proven:
            yield Damage("leakage", leakage.model, "", "", leakage.inflation, classes, leakage)


def _of_property(shortcut: Shortcut) -> Damage:
    return Damage("property", shortcut.model, shortcut.emotion, shortcut.change, shortcut.fall, 1, shortcut)


def _of_background(background: BackgroundFinding) -> Damage:
    """By the swap that decided; it takes no face away, so its recall drop is the emotion's."""
    swap = background.decisive
    nothing = Estimate(0.0, -1.0, 1.0, 0)
    if swap is None or not math.isfinite(swap.recall_drop):
        return Damage("background", background.model, background.emotion, background.cues[0], nothing, 1, background)
    low, high = (
        end if math.isfinite(end) else bound for end, bound in ((swap.recall_low, -1.0), (swap.recall_high, 1.0))
    )
    lost = Estimate(swap.recall_drop, low, high, swap.receivers)
    return Damage("background", background.model, background.emotion, background.cues[0], lost, 1, background)


def _of_component(component: Component, emotion: str, model: ModelRecords, analysis: Analysis) -> Damage:
    """The loss was measured on correct top photos and counts for the share of the emotion's photos that are alike."""
    nothing = Estimate(0.0, -1.0, 1.0, 0)
    if component.test is None or model.features is None:
        return Damage("component", component.model, emotion, "", nothing, 1, component)
    carried = component.much(model.features, analysis.labels) & (model.predicted == component.emotion)
    share, fall = float(carried.sum() / (analysis.labels == component.emotion).sum()), component.test.fall
    lost = Estimate(share * fall.value, share * max(fall.low, -1.0), share * min(fall.high, 1.0), fall.n)
    return Damage("component", component.model, emotion, "", lost, 1, component)


def _of_mark(test: MarkTest, emotion: str) -> Damage:
    """The loss was measured on correct photos that carry it and counts for their share of the emotion's photos."""
    carried = test.mark.carriers / test.mark.n * test.known / len(test.mark.rows)
    fall = test.fall
    low, high = carried * max(fall.low, -1.0), carried * min(fall.high, 1.0)
    value = carried * fall.value if fall.defined else 0.0
    return Damage("mark", test.model, emotion, test.mark.region, Estimate(value, low, high, fall.n), 1, test)
