"""Example images, chosen by fixed rules so that none is hand-picked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import numpy.typing as npt

from reportgen.analysis import ModelRecords
from reportgen.evidence.attention.map_similarity import map_distance
from reportgen.types import BoolArray, FloatArray, IntArray

__all__ = ["KINDS", "KINDS_BETWEEN", "Mined", "Pick", "mine", "mine_between", "mine_model"]


KINDS = (
    "surest-correct",
    "least-sure-correct",
    "typical-correct",
    "surest-error",
    "confusion",
    "near-miss",
    "fallback",
    "random",
)
KINDS_BETWEEN = ("a-right-b-wrong", "b-right-a-wrong", "wrong-alike", "wrong-differently")


@dataclass(frozen=True)
class Pick:
    """One image on one list.

    Attributes
    ----------
    image
        Row in the analysis.
    model
        Slug of the model; between two models, of the first (A).
    emotion
        The labelled emotion.
    kind
        One of `KINDS` or `KINDS_BETWEEN`.
    rank
        Place on its list, from 1. A list is one model's (or pair's) images of one kind and emotion; for
        confusions of one labelled and one predicted emotion.
    value
        The number that it was picked for: the probability of the prediction; of the label where no image of the emotion
        is predicted correctly; the distance to the mean map for typical ones; how far the label is behind for near
        misses; the overlap of two maps; NaN where it was drawn at random.
    predicted
        The prediction of `model`.
    other
        Slug of the second model (B) between two models, else empty.
    """

    image: int
    model: str
    emotion: str
    kind: str
    rank: int
    value: float
    predicted: str = ""
    other: str = ""


@dataclass(frozen=True)
class Mined:
    """All picks of a report, with the lookups its pages need."""

    picks: tuple[Pick, ...]

    @cached_property
    def images(self) -> tuple[int, ...]:
        """Rows of all images that are on some list, ascending, each once."""
        return tuple(sorted({pick.image for pick in self.picks}))

    @cached_property
    def _lists(self) -> dict[tuple[str, str, str, str], tuple[Pick, ...]]:
        lists: dict[tuple[str, str, str, str], list[Pick]] = {}
        for pick in self.picks:
            lists.setdefault((pick.model, pick.other, pick.emotion, pick.kind), []).append(pick)
        return {key: tuple(values) for key, values in lists.items()}

    @cached_property
    def _by_image(self) -> dict[int, tuple[Pick, ...]]:
        lists: dict[int, list[Pick]] = {}
        for pick in self.picks:
            lists.setdefault(pick.image, []).append(pick)
        return {key: tuple(values) for key, values in lists.items()}

    def of(self, model: str, emotion: str, kind: str) -> tuple[Pick, ...]:
        """One model's list for one emotion, by rank; confusions pair by pair, the most frequent first."""
        return self._lists.get((model, "", emotion, kind), ())

    def confusions(self, model: str, emotion: str, predicted: str) -> tuple[Pick, ...]:
        """The gallery behind one cell of a confusion matrix, surest first."""
        return tuple(pick for pick in self.of(model, emotion, "confusion") if pick.predicted == predicted)

    def between(self, a: str, b: str, kind: str, emotion: str | None = None) -> tuple[Pick, ...]:
        """Two models' list for one labelled emotion; for all of them, the best of every emotion first."""
        if emotion is not None:
            return self._lists.get((a, b, emotion, kind), ())
        chosen = [pick for pick in self.picks if (pick.model, pick.other, pick.kind) == (a, b, kind)]
        return tuple(sorted(chosen, key=lambda pick: pick.rank))

    def on_image(self, image: int) -> tuple[Pick, ...]:
        """Every list that one image is on."""
        return self._by_image.get(image, ())


def mine(
    models: Sequence[ModelRecords],
    labels: IntArray,
    classes: Sequence[str],
    per_kind: int,
    seed: int,
    *,
    content: Sequence[str] | None = None,
    unselected: int = 0,
) -> Mined:
    """Everything: each model by itself, then each pair of models; parameters as in `mine_model`."""
    picks: list[Pick] = []
    for model in models:
        picks += mine_model(model, labels, classes, per_kind, seed, content=content, unselected=unselected)
    for a, b in combinations(models, 2):
        picks += mine_between(a, b, labels, classes, per_kind, seed, content=content)
    return Mined(tuple(picks))


def mine_model(
    model: ModelRecords,
    labels: IntArray,
    classes: Sequence[str],
    per_kind: int,
    seed: int,
    *,
    content: Sequence[str] | None = None,
    null_map: BoolArray | None = None,
    quota: int | None = None,
    unselected: int = 0,
) -> tuple[Pick, ...]:
    """One model's lists, for every emotion in the order of `classes`.

    Parameters
    ----------
    labels
        (n,) index of the labelled class; unlabelled images (-1) are on no list.
    per_kind
        Most images on a list.
    seed
        Of the images drawn at random (`unselected`); every other list is a ranking, ties broken by row.
    content
        (n,) hash of each image's bytes: no list shows the same picture twice.
    null_map
        (n,) maps of the labelled class known to be blank, which have no place to be typical of. A map that is
        nowhere positive is blank in any case.
    quota
        Most images per confused pair, so that a frequent confusion cannot fill the gallery; half of
        `per_kind` unless given.
    unselected
        Images per emotion drawn at random (kind "random"): what the rankings, all of them extreme, do not
        show.
    """
    lists = _Lists(model, labels, classes, content)
    picks: list[Pick] = []
    for emotion in range(len(classes)):
        picks += _correct(lists, emotion, per_kind, null_map)
        picks += _errors(lists, emotion, per_kind)
        if unselected:
            rows = np.flatnonzero(labels == emotion)
            drawn = np.random.default_rng([seed, emotion]).permutation(rows)
            picks += lists.ranked("random", emotion, drawn, unselected, np.full(len(labels), np.nan))
    return tuple(picks + _confusions(lists, quota or (per_kind + 1) // 2))


def mine_between(
    a: ModelRecords,
    b: ModelRecords,
    labels: IntArray,
    classes: Sequence[str],
    per_kind: int,
    seed: int = 0,
    *,
    content: Sequence[str] | None = None,
) -> tuple[Pick, ...]:
    """Images on which two models part, or err together; those first of which the less sure model is surest.

    Parameters as in `mine_model`; `per_kind` counts per emotion. Nothing here is drawn at random, so `seed`
    has no effect; it is taken so that both functions are called alike.
    """
    lists = _Lists(a, labels, classes, content, other=b)
    right_a, right_b, same = a.predicted == labels, b.predicted == labels, a.predicted == b.predicted
    masks = (right_a & ~right_b, right_b & ~right_a, ~right_a & same, ~right_a & ~right_b & ~same)
    both_sure = np.minimum(a.confidence, b.confidence)
    picks: list[Pick] = []
    for kind, mask in zip(KINDS_BETWEEN, masks, strict=True):
        for emotion in range(len(classes)):
            rows = np.flatnonzero(mask & (labels == emotion))
            picks += lists.ranked(kind, emotion, _by(-both_sure, rows), per_kind, a.confidence)
    return tuple(picks)


class _Lists:
    """Turns ranked rows into picks."""

    def __init__(
        self,
        model: ModelRecords,
        labels: IntArray,
        classes: Sequence[str],
        content: Sequence[str] | None,
        other: ModelRecords | None = None,
    ) -> None:
        self.model, self.labels, self.classes, self.content = model, labels, classes, content
        self.other = other.slug if other else ""

    def ranked(
        self, kind: str, emotion: int, rows: Iterable[int], limit: int, values: npt.NDArray[np.floating]
    ) -> list[Pick]:
        """The first `limit` of the rows, each with its entry of `values` (n,)."""
        picks: list[Pick] = []
        seen: set[str] = set()
        for row in map(int, rows):
            if len(picks) == limit:
                break
            if self.content is not None:
                if self.content[row] in seen:
                    continue
                seen.add(self.content[row])
            predicted = self.classes[self.model.predicted[row]]
            label, rank = self.classes[emotion], len(picks) + 1
            picks.append(Pick(row, self.model.slug, label, kind, rank, float(values[row]), predicted, self.other))
        return picks


def _correct(lists: _Lists, emotion: int, per_kind: int, null_map: BoolArray | None) -> list[Pick]:
    model, labels = lists.model, lists.labels
    confidence = model.confidence
    of = np.flatnonzero(labels == emotion)
    rows = of[model.predicted[of] == emotion]
    if not len(rows):
        chance = model.probabilities[:, emotion]
        return lists.ranked("fallback", emotion, _by(-chance, of), 1, chance)
    picks = lists.ranked("surest-correct", emotion, _by(-confidence, rows), per_kind, confidence)
    picks += lists.ranked("least-sure-correct", emotion, _by(confidence, rows), per_kind, confidence)
    shown, distance = _typicality(model, emotion, rows if null_map is None else rows[~null_map[rows]])
    distances = np.full(len(labels), np.nan)
    distances[shown] = distance
    order = shown[np.lexsort((shown, distance))]
    return picks + lists.ranked("typical-correct", emotion, order, per_kind, distances)


def _errors(lists: _Lists, emotion: int, per_kind: int) -> list[Pick]:
    model, labels = lists.model, lists.labels
    confidence, p_true = model.confidence, model.probabilities[:, emotion]
    rows = np.flatnonzero((labels == emotion) & (model.predicted != emotion))
    picks = lists.ranked("surest-error", emotion, _by(-confidence, rows), per_kind, confidence)
    margin = confidence - p_true
    # Second means that no class but the predicted one is above it, so ties for second count.
    above = (model.probabilities[rows] > p_true[rows, None]).sum(axis=1)
    close = rows[above <= 1]
    return picks + lists.ranked("near-miss", emotion, _by(margin, close), per_kind, margin)


def _confusions(lists: _Lists, quota: int) -> list[Pick]:
    model, labels, c = lists.model, lists.labels, len(lists.classes)
    wrong = np.flatnonzero((labels >= 0) & (model.predicted != labels))
    pair = labels[wrong] * c + model.predicted[wrong]
    pairs, counts = np.unique(pair, return_counts=True)
    picks: list[Pick] = []
    for code in pairs[np.lexsort((pairs, -counts))]:
        order = _by(-model.confidence, wrong[pair == code])
        picks += lists.ranked("confusion", int(code) // c, order, quota, model.confidence)
    return picks


def _typicality(model: ModelRecords, emotion: int, rows: IntArray) -> tuple[IntArray, FloatArray]:
    """Rows with some heat, and each map's Jensen-Shannon distance (base 2, 0..1) to their mean map."""
    maps = np.maximum(model.maps[rows, emotion].reshape(len(rows), -1).astype(np.float64), 0)
    total = maps.sum(axis=1)
    rows, maps, total = rows[total > 0], maps[total > 0], total[total > 0]
    if not len(rows):
        return rows, total
    shares = maps / total[:, None]
    return rows, map_distance(shares, np.broadcast_to(shares.mean(axis=0), shares.shape))


def _by(key: FloatArray, rows: IntArray) -> IntArray:
    """Rows by rising key of each, ties by row."""
    return rows[np.lexsort((rows, key[rows]))]
