"""All that was proved against the models, on one scale: the predictions that are lost when the cue is taken away, or
that a group of photos lacks beside others of the same emotions.

The largest leads the report, the rest follow in order. One scale holds for all kinds: recall points of the emotion, so
that a rare emotion is no lesser one; a finding about all emotions alike weighs as many times as there are emotions. It
is multiplied by how sure the loss is: the chance, by its interval, that at least half of it is real. Classes in a wrong
order come before everything: under the wrong names no other finding can be read.

Another kind of finding is one more line of `rank_damages`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.special import ndtr

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.groups.judging import GroupFindings, GroupGap
from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.importance.contamination import Contamination
from reportgen.evidence.performance.leakage import Leakage
from reportgen.evidence.performance.permuted_classes import PermutedOrder
from reportgen.evidence.shortcuts.components import Component
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.evidence.shortcuts.marks import MarkTest
from reportgen.evidence.shortcuts.properties import photo_properties, photos_having
from reportgen.evidence.stats.intervals import Estimate, Z
from reportgen.types import BoolArray, IntArray

__all__ = ["Damage", "DamageKind", "rank_damages", "same_photos"]

DamageKind = Literal["class order", "leakage", "property", "background", "component", "mark", "group"]

_NOT_MEASURED = Estimate(0.0, -1.0, 1.0, 0)


@dataclass(frozen=True)
class Damage:
    """One thing that was proved against one model.

    Attributes
    ----------
    emotion
        Whose predictions are lost; "" where it concerns all emotions.
    cue
        What is taken away: the change that removes a property, by what of the background the emotion is predicted, or
        the region of a mark, "" of a pattern; of a group its grouping and name; "" for the other kinds.
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
    finding: Shortcut | BackgroundFinding | Component | MarkTest | Leakage | PermutedOrder | GroupGap

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
    groups: GroupFindings | None = None,
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
    groups
        Of each model the group that loses most is told, unless it is the photos with a property that was proved to be a
        shortcut: these are told already.
    """
    models = {model.name: model for model in analysis.models}
    found = [*_class_orders(analysis, orders), *_leakages(leakages, len(analysis.classes))]
    for (name, emotion), proved in contaminated.items():
        found += (Damage("property", name, emotion, s.change, s.fall, 1, s) for s in proved.shortcuts)
        found += (
            Damage("background", name, emotion, b.cues[0], _lost_to_background(b), 1, b) for b in proved.backgrounds
        )
        found += (
            Damage("component", name, emotion, "", _lost_to_component(c, models[name], analysis.labels), 1, c)
            for c in proved.components
        )
        found += (Damage("mark", name, emotion, t.mark.region, _lost_to_mark(t), 1, t) for t in proved.marks)
    found += _groups(analysis, contaminated, groups) if groups is not None else ()
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


_SAME = 0.8  # photos shared, of all in either, from which a group is the photos with a property


def same_photos(one: BoolArray, other: BoolArray) -> bool:
    """Whether two sets of photos, each (n,), are the same but for a few."""
    return bool((one & other).sum() >= _SAME * (one | other).sum())


def _groups(
    analysis: Analysis, contaminated: Mapping[tuple[str, str], Contamination], groups: GroupFindings
) -> Iterator[Damage]:
    """By model the group that loses most, as far as it goes with no other group or shortcut."""
    signs = {(s.properties[0], s.association.sign) for proved in contaminated.values() for s in proved.shortcuts}
    properties = {item.name: item for item in photo_properties(analysis.images, analysis.faces)} if signs else {}
    told = [photos_having(properties[name], sign)[0] for name, sign in signs if name in properties]
    for model in analysis.models:
        found = []
        for one in groups.gaps:
            if one.model != model.name or not one.worse or one.through is not None or one.score == "precision":
                continue
            if any(same_photos(groups.photos(one), other) for other in told):
                continue
            gap = one.gap.estimate
            lost = Estimate(
                -one.share * gap.value, -one.share * gap.high, -one.share * gap.low, gap.n, gap.persons, gap.named
            )
            emotions = 1 if one.emotion else len(analysis.classes)
            cue = f"{one.grouping}: {one.level}"
            found.append(Damage("group", model.name, one.emotion, cue, lost, emotions, one))
        yield from sorted(found, key=lambda damage: -damage.size)[:1]


def _lost_to_background(background: BackgroundFinding) -> Estimate:
    """By the swap that decided; it takes no face away, so its recall drop is the emotion's."""
    swap = background.decisive
    if swap is None or not math.isfinite(swap.recall_drop):
        return _NOT_MEASURED
    low, high = (
        end if math.isfinite(end) else bound for end, bound in ((swap.recall_low, -1.0), (swap.recall_high, 1.0))
    )
    return Estimate(swap.recall_drop, low, high, swap.receivers)


def _lost_to_component(component: Component, model: ModelRecords, labels: IntArray) -> Estimate:
    """The loss was measured on correct top photos and counts for the share of the emotion's photos that are alike."""
    if component.test is None or model.features is None:
        return _NOT_MEASURED
    carried = component.much(model.features, labels) & (model.predicted == component.emotion)
    return _for_share(float(carried.sum() / (labels == component.emotion).sum()), component.test.fall)


def _lost_to_mark(test: MarkTest) -> Estimate:
    """The loss was measured on correct photos that carry it and counts for their share of the emotion's photos."""
    return _for_share(test.mark.carriers / test.mark.n * test.known / len(test.mark.rows), test.fall)


def _for_share(share: float, fall: Estimate) -> Estimate:
    """A fall of the recall of a share of the emotion's photos, in that of all of them."""
    value = share * fall.value if fall.defined else 0.0
    return Estimate(value, share * max(fall.low, -1.0), share * min(fall.high, 1.0), fall.n)
