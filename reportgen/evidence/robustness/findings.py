"""What changes of a photo cost: recall of the same photos without a change and with it, and what they turn into.

A change "breaks" a model where it is shown to lose more than fifteen points of recall by it, and "holds" where it is
shown to lose less; the test asks on which side of fifteen points the drop lies. What is not shown is undetermined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.importance.findings import LEAST_RECALL
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.robustness.heat import HeatMove, heat_moves
from reportgen.evidence.robustness.importance import ImportanceMove
from reportgen.evidence.robustness.plan import MIN_DROP, Answers, Shown, read_shown, strongest
from reportgen.evidence.stats.clustered import Clusters, clusters, proportion
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.paired import paired_proportions
from reportgen.evidence.stats.units import units_of
from reportgen.inputs.images.disturbances import DISTURBANCES
from reportgen.types import BoolArray, Float32Array, FloatArray, IntArray, ObjectArray

__all__ = [
    "ROBUSTNESS_COLUMNS",
    "Drift",
    "Flow",
    "LevelEffect",
    "RecallChange",
    "RobustnessFindings",
    "judge_robustness",
    "side_of",
]

Verdict = Literal["breaks", "holds", "undetermined", "insufficient evidence"]

_DRAWS = 10_000


@dataclass(frozen=True)
class RecallChange:
    """Recall of the same photos without a change and with it.

    Attributes
    ----------
    emotion
        Whose photos; "" for those of all emotions.
    right, still
        How many are predicted correctly without the change, and with it.
    before, after
        The shares, with intervals that count persons where they are known.
    drop
        before - after, with a paired 95 % interval.
    p
        Two-sided, that the drop is `MIN_DROP`; adjusted (Holm). NaN where it was not tested.
    answer
        "insufficient evidence" where fewer than ten photos or fewer than five persons were shown, or where fewer than
        40 % of the test set's photos with such labels are right as they are: such a model has little to lose.
    """

    emotion: str
    n: int
    persons: int | None
    right: int
    still: int
    before: Estimate
    after: Estimate
    drop: Estimate
    p: float
    answer: Verdict


@dataclass(frozen=True)
class Drift:
    """The emotion that gains most predictions by a change.

    Attributes
    ----------
    before, after
        How many of the n photos are predicted as it.
    p
        Two-sided, that the gain is `MIN_DROP` of the photos; adjusted (Holm).
    shown
        Whether the gain is shown to exceed that.
    """

    emotion: str
    n: int
    before: int
    after: int
    p: float
    shown: bool


@dataclass(frozen=True)
class Flow:
    """The confusion that grows most: of `n` photos of `emotion`, how many are predicted as `predicted`. Described, not
    tested.
    """

    emotion: str
    predicted: str
    n: int
    before: int
    after: int


@dataclass(frozen=True)
class LevelEffect:
    """One model and one change at one level, which is named by its place in `DISTURBANCES`."""

    model: str
    change: str
    level: int
    overall: RecallChange
    emotions: tuple[RecallChange, ...]
    drift: Drift | None
    flow: Flow | None

    @property
    def hardest(self) -> bool:
        """Whether it is the strongest level, or one of alternatives."""
        return self.level in strongest(self.change)


@dataclass(frozen=True)
class RobustnessFindings:
    """All models and changes, and their tables.

    Attributes
    ----------
    effects
        By model in the order of the analysis, then by change in that of `DISTURBANCES` and by level from the weakest.
    photos
        How many were shown with each change at its strongest; 0 where the test set is too small for any.
    pictures
        How many changed pictures were shown, unchanged ones included.
    heat
        What the changes do to heatmaps; empty where these were not made.
    mapped
        Names of the models whose heatmaps of changed photos were made.
    moves
        What the changes do to region importance; None where it was not looked at, empty where nothing could be swapped.
    """

    effects: tuple[LevelEffect, ...]
    photos: int
    pictures: int
    heat: tuple[HeatMove, ...]
    mapped: tuple[str, ...]
    moves: tuple[ImportanceMove, ...] | None
    tables: Mapping[str, pd.DataFrame]

    def of(self, model: str, change: str) -> tuple[LevelEffect, ...]:
        """The levels of one change that were shown to one model, from the weakest."""
        return tuple(effect for effect in self.effects if (effect.model, effect.change) == (model, change))

    def broken(self, model: str) -> tuple[LevelEffect, ...]:
        """By change that breaks the model, the weakest level that is shown to; the largest drop at the strongest first.

        Levels that are alternatives count one by one.
        """
        found = []
        for change, table in DISTURBANCES.items():
            breaking = [effect for effect in self.of(model, change) if effect.overall.answer == "breaks"]
            worst = max((effect.overall.drop.value for effect in breaking), default=0.0)
            if table.graded:
                found += [(worst, effect) for effect in breaking[:1]]
            else:
                found += [(effect.overall.drop.value, effect) for effect in breaking]
        return tuple(effect for _, effect in sorted(found, key=lambda item: -item[0]))


def judge_robustness(
    analysis: Analysis,
    first: Answers,
    weaker: Answers,
    maps: Mapping[str, Float32Array],
    seed: int,
    moves: tuple[ImportanceMove, ...] | None = None,
) -> RobustnessFindings:
    """Judge all that was shown.

    Parameters
    ----------
    first, weaker
        Answers to the strongest levels and to weaker ones; either may be empty.
    maps
        By model's slug, (pictures of `first`, C, h, w) heatmaps; of some models or none.
    moves
        Of region importance, see `importance_moves`; None where it was not looked at.
    """
    units = units_of(analysis.images)
    effects: list[LevelEffect] = []
    heat: list[HeatMove] = []
    for model in analysis.models:
        if model.slug not in first:
            continue
        design, logits = first[model.slug]
        shown = read_shown(analysis, model.predicted, design, logits)
        start = model.predicted.copy()
        for part in shown.values():
            start[part.rows] = part.before
        more = read_shown(analysis, start, *weaker[model.slug]) if model.slug in weaker else {}
        effects += _judge_model(model, {**shown, **more}, analysis.labels, analysis.classes, units, seed)
        if model.slug in maps:
            heat += heat_moves(analysis, model, design, maps[model.slug], units, seed)
    mapped = tuple(model.name for model in analysis.models if model.slug in maps)
    photos = max((effect.overall.n for effect in effects if effect.hardest), default=0)
    pictures = sum(len(answers[slug][0]) for answers in (first, weaker) for slug in list(answers)[:1])
    tables = {
        "robustness": _table(effects),
        "robustness_heat": _moved(heat, "change_of_enrichment"),
        "robustness_importance": _moved(moves or (), "change_of_drop"),
    }
    found = tuple(effects), photos, pictures, tuple(heat), mapped, moves
    return RobustnessFindings(*found, MappingProxyType(tables))


def _moved(moves: Sequence[HeatMove | ImportanceMove], name: str) -> pd.DataFrame:
    """A table with a row per move, whose interval has columns of that name."""
    columns = ROBUSTNESS_COLUMNS["robustness_heat" if name == "change_of_enrichment" else "robustness_importance"]
    return pd.DataFrame([vars(move) | _flat(name, move.move) for move in moves], columns=[*columns])


def _judge_model(
    model: ModelRecords,
    shown: Mapping[tuple[str, int], Shown],
    labels: IntArray,
    classes: Sequence[str],
    units: ObjectArray | None,
    seed: int,
) -> list[LevelEffect]:
    """Four families of tests: all emotions together at the strongest levels; and at the weaker ones, whether they were
    shown or not, as that depends on the former; each emotion at the strongest; what predictions turn into, at these.
    """
    every = [(name, level) for name, change in DISTURBANCES.items() for level in range(len(change.levels))]
    hard = [key for key in every if key[1] in strongest(key[0]) and key in shown]
    weak = [key for key in every if key[1] not in strongest(key[0])]
    size, known = range(len(classes)), _known(labels, model.predicted, len(classes))
    whole = {
        key: _side_of_recall(part, np.ones(len(part.rows), dtype=bool), known, units, seed)
        for key, part in shown.items()
    }
    overall: dict[tuple[str, int], float] = {}
    for family in (hard, weak):
        overall |= dict(zip(family, holm([whole.get(key, 1.0) for key in family]).tolist(), strict=True))
    own = [[_side_of_recall(shown[key], shown[key].labels == e, known, units, seed) for e in size] for key in hard]
    gained = [[_side_of_gain(shown[key], e, known, units, seed) for e in size] for key in hard]
    by_emotion, turned = (holm(family) if hard else np.empty((0, len(classes))) for family in (own, gained))
    effects = []
    for key in every:
        if key not in shown:
            continue
        part, row = shown[key], hard.index(key) if key in hard else None
        effects.append(
            LevelEffect(
                model=model.name,
                change=key[0],
                level=key[1],
                overall=_change("", np.ones(len(part.rows), dtype=bool), part, known, units, overall[key], seed),
                emotions=tuple(
                    _change(
                        name, part.labels == e, part, known, units, np.nan if row is None else by_emotion[row, e], seed
                    )
                    for e, name in enumerate(classes)
                    if (part.labels == e).any()
                ),
                drift=_drift(part, classes, None if row is None else turned[row]),
                flow=_flow(part, classes),
            )
        )
    return effects


def _known(labels: IntArray, predicted: IntArray, classes: int) -> FloatArray:
    """(C, C) share of each label's photos that are predicted as each class, over the whole test set."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (labels[labels >= 0], predicted[labels >= 0]), 1.0)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))


def _side_of_recall(shown: Shown, chosen: BoolArray, known: FloatArray, units: ObjectArray | None, seed: int) -> float:
    """On which side of `MIN_DROP` the drop in recall of some of the photos lies; NaN where they are too few."""
    right, still = shown.before == shown.labels, shown.after == shown.labels
    share = known[np.arange(len(known)), np.arange(len(known))][shown.labels[chosen]]
    return _side(right[chosen], still[chosen], share, shown.rows[chosen], units, seed)


def _side_of_gain(shown: Shown, emotion: int, known: FloatArray, units: ObjectArray | None, seed: int) -> float:
    """The same of the share of photos that are predicted as an emotion: how much more they are with the change."""
    share = 1.0 - known[shown.labels, emotion]
    return _side(shown.before != emotion, shown.after != emotion, share, shown.rows, units, seed)


def _side(
    before: BoolArray, after: BoolArray, share: FloatArray, rows: IntArray, units: ObjectArray | None, seed: int
) -> float:
    group = clusters(None if units is None else units[rows], len(rows))
    if not _enough(len(rows), group):
        return float("nan")
    return side_of(before, after, float(share.mean()), MIN_DROP, group, seed)


def _enough(n: int, group: Clusters) -> bool:
    return n >= FEW and group.count >= MIN_PERSONS


def side_of(before: BoolArray, after: BoolArray, share: float, border: float, group: Clusters, seed: int) -> float:
    """Two-sided p that a share falls by `border`: one p for "more" and for "less".

    What holds of a photo before can only be lost, and what does not can only be gained. How often it holds before is
    known from all photos of the test set; how much is lost and gained is tested on the shown ones, each of the two as
    in `clustered.bounded_test`, with the worst value that it can have, and both are added up. Each person counts once
    in either. Signs are not flipped: around a border that is not 0 nothing is symmetric.

    Parameters
    ----------
    before, after
        (n,) of the same photos.
    share
        How often it holds before, 0..1.
    border
        0..1.
    """
    low, high = np.zeros(_DRAWS), np.zeros(_DRAWS)
    for kind, (chosen, value, size) in enumerate(((before, ~after, share), (~before, after, 1.0 - share))):
        part = group.subset(np.flatnonzero(chosen))
        mean = np.bincount(part.code, value[chosen], part.count) / np.maximum(np.bincount(part.code), 1)
        weight, sign = _weights(seed, kind, part.count), 1.0 - 2.0 * kind
        middle, rest = sign * size * (weight[:, :-1] @ mean), size * weight[:, -1]
        # The worst for "more" is a photo that loses nothing, or gains; for "less" one that loses, or gains nothing.
        low += middle - kind * rest
        high += middle + (1 - kind) * rest
    tail = min(int((low <= border).sum()), int((high >= border).sum()))
    return min(1.0, 2.0 * (tail + 1.0) / (_DRAWS + 1.0))


@lru_cache(maxsize=8)
def _weights(seed: int, kind: int, count: int) -> FloatArray:
    """(draws, count + 1) weights that add up to 1, uniform among all such; tests of equally many persons share them."""
    drawn = np.random.default_rng([seed, kind, count]).standard_exponential((_DRAWS, count + 1))
    weights: FloatArray = drawn / drawn.sum(axis=1, keepdims=True)
    return weights


def _change(
    emotion: str,
    chosen: BoolArray,
    shown: Shown,
    known: FloatArray,
    units: ObjectArray | None,
    p: float,
    seed: int,
) -> RecallChange:
    right, still = (shown.before == shown.labels)[chosen], (shown.after == shown.labels)[chosen]
    n = len(right)
    group = clusters(None if units is None else units[shown.rows[chosen]], n)
    drop, _ = paired_proportions(right, still, group, seed)
    answer: Verdict = "undetermined"
    if not _enough(n, group) or np.diag(known)[shown.labels[chosen]].mean() < LEAST_RECALL:
        answer = "insufficient evidence"
    elif p < ALPHA:
        answer = "breaks" if drop.value > MIN_DROP else "holds"
    persons = None if group.single else group.count
    before, after = proportion(right, group), proportion(still, group)
    return RecallChange(emotion, n, persons, int(right.sum()), int(still.sum()), before, after, drop, p, answer)


def _drift(shown: Shown, classes: Sequence[str], p: FloatArray | None) -> Drift | None:
    before, after = (np.bincount(part, minlength=len(classes)) for part in (shown.before, shown.after))
    most = int(np.argmax(after - before))
    if after[most] <= before[most]:
        return None
    n, own = len(shown.rows), float("nan") if p is None else float(p[most])
    proved = own < ALPHA and (after[most] - before[most]) / n > MIN_DROP
    return Drift(classes[most], n, int(before[most]), int(after[most]), own, bool(proved))


def _flow(shown: Shown, classes: Sequence[str]) -> Flow | None:
    """By the share of the label's photos, of labels with ten photos or more; with fewer, by their number."""
    size = len(classes)
    before, after = np.zeros((size, size), dtype=np.int64), np.zeros((size, size), dtype=np.int64)
    np.add.at(before, (shown.labels, shown.before), 1)
    np.add.at(after, (shown.labels, shown.after), 1)
    grown, n = after - before, before.sum(axis=1)
    np.fill_diagonal(grown, 0)
    many = n >= FEW
    rank = np.where(many[:, None], grown / np.maximum(n, 1)[:, None], grown / 1000.0)
    e, k = (int(place) for place in np.unravel_index(int(np.argmax(rank)), rank.shape))
    if grown[e, k] <= 0:
        return None
    return Flow(classes[e], classes[k], int(n[e]), int(before[e, k]), int(after[e, k]))


def _table(effects: Sequence[LevelEffect]) -> pd.DataFrame:
    rows = []
    for effect in effects:
        for part in (effect.overall, *effect.emotions):
            drift = effect.drift if part is effect.overall else None
            rows.append({
                "model": effect.model, "change": effect.change,
                "severity": str(DISTURBANCES[effect.change].levels[effect.level]), "emotion": part.emotion or "all",
                "images": part.n, "persons": part.persons, "right_unchanged": part.right, "right_changed": part.still,
                **_flat("recall_unchanged", part.before), **_flat("recall_changed", part.after),
                **_flat("drop", part.drop), "p_adjusted": part.p, "answer": part.answer,
                "turns_into": drift.emotion if drift is not None else "",
                "turned_unchanged": drift.before if drift is not None else np.nan,
                "turned_changed": drift.after if drift is not None else np.nan,
                "turned_shown": drift.shown if drift is not None else False,
            })  # fmt: skip
    return pd.DataFrame(rows, columns=list(ROBUSTNESS_COLUMNS["robustness"])).astype({"persons": "float64"})


def _flat(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


ROBUSTNESS_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "robustness": {
        "model": "name of the model",
        "change": "what was done to the photos",
        "severity": "how much, in the unit that the method page names; of cover the region",
        "emotion": "label of the photos, or all",
        "images": "photos that were shown, the same without the change and with it",
        "persons": "their persons; empty where every photo counts for itself",
        "right_unchanged": "how many are predicted correctly without the change",
        "right_changed": "how many are with it",
        "recall_unchanged": "share that is correct without the change, 0..1",
        "recall_unchanged_low": "lower end of its 95 % interval",
        "recall_unchanged_high": "upper end",
        "recall_changed": "share that is correct with the change, 0..1",
        "recall_changed_low": "lower end of its 95 % interval",
        "recall_changed_high": "upper end",
        "drop": "recall_unchanged - recall_changed",
        "drop_low": "lower end of its paired 95 % interval",
        "drop_high": "upper end",
        "p_adjusted": "two-sided p that the drop is .15, corrected (Holm): for all emotions together over the "
        "strongest levels, or over all weaker ones; for single emotions over emotions x strongest levels; empty where "
        "not tested",
        "answer": "breaks (the drop exceeds .15), holds (it is smaller), undetermined, or insufficient evidence",
        "turns_into": "emotion that gains most predictions by the change; of all photos only",
        "turned_unchanged": "photos that are predicted as it without the change",
        "turned_changed": "with the change",
        "turned_shown": "whether the gain is shown to exceed .15 of the photos (Holm over emotions x strongest levels)",
    },
    "robustness_heat": {
        "model": "name of the model",
        "change": "what was done to the photos, at its strongest",
        "level": "place of the severity in the table of changes, from 0",
        "region": "region of the face, or background",
        "images": "photos with heat for their label without the change and with it",
        "before": "enrichment of the region without the change",
        "after": "enrichment with it, on the same photos",
        "change_of_enrichment": "after - before",
        "change_of_enrichment_low": "lower end of its 95 % interval",
        "change_of_enrichment_high": "upper end",
        "p": "two-sided p that nothing changes, corrected (Holm) over the model's changes x regions",
        "shown": "whether that is below .05",
    },
    "robustness_importance": {
        "model": "name of the model",
        "change": "what was done to the photos, of those that give and of those that receive",
        "level": "place of the severity in the table of changes, from 0",
        "emotion": "label of the receiving photos",
        "region": "region that was swapped",
        "important": "whether it was shown to be important without the change; else it was shown not to be",
        "receivers": "faces that received",
        "persons": "their persons; images where these are unknown",
        "donors": "faces that gave",
        "before": "log-odds drop without the change",
        "after": "log-odds drop with it, of the same swaps",
        "change_of_drop": "after - before",
        "change_of_drop_low": "lower end of its paired 95 % interval",
        "change_of_drop_high": "upper end",
        "p": "two-sided p that it is .5 either way, corrected (Holm) over the model's changes x regions",
        "answer": "moves (by more than .5), stays (by less), undetermined, or insufficient evidence",
    },
})  # fmt: skip
