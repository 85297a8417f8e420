"""Cues that nobody listed: components of what a model's last layer sees of one emotion's photos.

Of each photo the last linear layer takes F features. Weighted with a class's weights they add up to its logit, so each
direction among them contributes a share of it: Neuhaus et al., "Spurious Features Everywhere", ICCV 2023. A direction
often means one thing, and some of these things lie beside the face. Those are cut out and tested both ways: filled in
where they are, and pasted into photos of other emotions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from scipy.linalg import eigh
from scipy.ndimage import binary_dilation, gaussian_filter

from reportgen.analysis import Analysis, ModelRecords
from reportgen.cell_grid import CellGrid
from reportgen.evidence.examples.sampling import draw_own_and_others, interleave
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.added_cues import MIN_GAIN
from reportgen.evidence.shortcuts.properties import Association, Property, associations
from reportgen.evidence.stats.clustered import clusters, proportion
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.paired import giver_clusters, paired_over_givers, paired_proportions
from reportgen.evidence.stats.units import units_of
from reportgen.faces.regions import INNER, REGIONS
from reportgen.types import BoolArray, Float32Array, FloatArray, IntArray, ObjectArray

__all__ = [
    "COMPONENT_COLUMNS",
    "MIN_RISE",
    "MOST_TESTED",
    "PICTURED",
    "Component",
    "ComponentAnswers",
    "ComponentFindings",
    "ComponentTest",
    "PatchPlan",
    "SpreadRows",
    "choose_patches",
    "choose_spread",
    "find_components",
    "judge_component",
    "judge_components",
    "locate",
    "spread_patches",
]

MIN_RISE = 1.0
"""Smallest mean contribution to the logit of a strong component's top photos: their odds are 2.7 times as high."""

PICTURED = 8
"""Top photos that are shown, and over which the contribution is averaged."""

MOST_TESTED = 3
"""Components of a model that are tested, the strongest first."""

_MOST_PER_CLASS = 2
_SOURCES = 16
_RECEIVERS = 40
_LOOKED_AT = 6  # directions of the largest variance, of which the strong ones are kept
_HALF = 0.5  # of the rise, which a photo must reach to be a top photo
_PER_UNIT = 2  # top photos of one person, or several copies would stand for all
_HEAT = 0.6  # share of the heat beside the face that is cut out
_MOST_AREA = 0.25  # of the picture
_AROUND = 0.1  # of the side, over which heat is spread before cells are cut out
_PARTLY = 0.1  # share of the heat beside the face from which that part is tested
_FEWEST_CELLS = 9
_ON_FACE = 0.25  # share of a cell on the face from which it is not cut out
_OFF_FACE = 0.5  # share of the heat from which a component lies beside the face
_ONE_PLACE = 0.5

Kind = Literal["beside the face", "partly beside the face", "facial", "not located"]
Answer = Literal["yes", "no", "undetermined", "insufficient evidence", "not tested"]


@dataclass(frozen=True)
class Component:
    """One direction of the features of one emotion's photos, for one model.

    Attributes
    ----------
    emotion
        Index of the class.
    number
        From 1, the strongest of the emotion first.
    shared
        Whether it is the direction in which the emotion's photos differ from all others on average, and not one in
        which they differ among themselves.
    rise
        Mean contribution to the logit of the top photos, above the emotion's mean photo; of the shared one above the
        mean photo of the others.
    direction
        (F,) of the unweighted features: their product with it is the contribution but for a constant.
    top, low
        Rows: the emotion's photos with the most of it, none with less than half of `rise`, at most two of a person; and
        photos of other emotions with little of it.
    reference
        Rows of photos to compare the heat with: of other emotions for the shared direction, else of the same.
    purity, base
        Share of the emotion among all labelled photos with at least as much of it as the least of the top, and among
        all labelled photos.
    kind
        Where its heat lies, known from `locate` on.
    off_face
        Mean share of the heat that lies beside the face; NaN where regions are not known.
    region
        The region of the face with the most of the rest; "" where it is not known.
    place
        A corner or an edge of the picture, such as "bottom right corner"; "" where its heat lies elsewhere or in many
        places.
    properties
        Properties of the whole photo that its top photos share, with their direction.
    maps
        (t, h, w) heat of the top photos, less the mean of the reference photos; None before `locate`.
    test
        None where it was not tested.
    """

    model: str
    emotion: int
    number: int
    shared: bool
    rise: float
    direction: Float32Array
    top: tuple[int, ...]
    low: tuple[int, ...]
    reference: tuple[int, ...]
    purity: Estimate
    base: float
    kind: Kind = "not located"
    off_face: float = float("nan")
    region: str = ""
    place: str = ""
    properties: tuple[Association, ...] = ()
    maps: Float32Array | None = None
    test: ComponentTest | None = None

    @property
    def beside(self) -> float:
        """Its rise times the share of its heat beside the face: what of the logit may come from there."""
        return self.rise * self.off_face if self.off_face == self.off_face else 0.0

    @property
    def answer(self) -> Answer:
        """Whether the model relies on it as a cue beside the face."""
        return "not tested" if self.test is None else self.test.answer

    def much(self, features: Float32Array, labels: IntArray) -> BoolArray:
        """(n,) the emotion's photos with at least half of its rise, as its top photos have; see `little`."""
        value = features.astype(np.float64) @ self.direction
        mine = labels == self.emotion
        others = [value[labels == k].mean() for k in np.unique(labels[labels >= 0]) if k != self.emotion]
        reference = float(np.mean(others)) if self.shared else value[mine].mean()
        return np.asarray(mine & (value >= reference + _HALF * self.rise))

    def little(self, features: Float32Array | None, labels: IntArray) -> BoolArray:
        """(n,) photos that carry little of it: no more than the median photo of other emotions, and less than a top
        photo.

        The median is the rule by which a photo is without a measured property, too; the rest keeps out the photos that
        the component was proved on even where the others' photos spread widely. No photo carries little of the shared
        direction: it is what the emotion's photos have in common, the face's part of it included, so those with the
        least of it are the ones that the model recognises least, not the ones without a cue.

        Parameters
        ----------
        features
            (n, F) of the component's model; None where none were recorded: then nothing is known of any photo.
        labels
            (n,) index of the class, -1 where unlabelled.
        """
        if self.shared or features is None:
            return np.zeros(len(labels), dtype=bool)
        value = features.astype(np.float64) @ self.direction
        mine, others = labels == self.emotion, (labels >= 0) & (labels != self.emotion)
        top = value[mine].mean() + _HALF * self.rise  # see `find_components`: its reference is the emotion's mean photo
        return np.asarray((value <= np.median(value[others])) & (value < top))


@dataclass(frozen=True)
class ComponentTest:
    """One component cut out and pasted.

    Attributes
    ----------
    known, lost, lost_control
        Top photos that were predicted as the emotion; how many are not when the hot area is filled in from other
        photos, and when an equal area elsewhere is.
    fall
        (lost - lost_control) / known with a 95 % interval.
    n, persons
        Photos of other emotions that were not predicted as this one; their persons, None where not known.
    became, became_low
        How many are predicted as the emotion with the hot area of a top photo, and with the same area of a photo with
        little of the component.
    gain
        Their difference as a share, with a 95 % interval.
    elsewhere
        The largest such difference of another emotion.
    p_fall, p_gain
        Two-sided, each adjusted (Holm) over the model's tested components; NaN where not tested.
    """

    known: int
    lost: int
    lost_control: int
    fall: Estimate
    n: int
    persons: int | None
    became: int
    became_low: int
    gain: Estimate
    elsewhere: float
    p_fall: float
    p_gain: float
    answer: Answer


@dataclass(frozen=True)
class ComponentFindings:
    """What was found in the features of all models.

    Attributes
    ----------
    components
        Model by model, emotion by emotion.
    missing
        Models whose features were not recorded: they do not end in a linear layer.
    """

    components: tuple[Component, ...]
    missing: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]

    def proved(self, *, model: str | None = None, emotion: int | None = None) -> tuple[Component, ...]:
        """Those on which a model was shown to rely as on a cue beside the face, the strongest first."""
        found = [
            c
            for c in self.components
            if c.answer == "yes" and model in (None, c.model) and emotion in (None, c.emotion)
        ]
        return tuple(sorted(found, key=lambda c: -max(c.test.gain.value, c.test.fall.value) if c.test else 0.0))


def find_components(model: ModelRecords, weights: Float32Array, analysis: Analysis, seed: int) -> tuple[Component, ...]:
    """The strong components of one model, emotion by emotion, two of each at most.

    The weighted features of a photo are `psi = w * f`; their sum is the logit less its bias. The first direction leads
    from the mean photo of the other emotions to the mean photo of this one, so that a cue on all its photos is found,
    too; the others are principal components of the emotion's photos at right angles to it. A direction v contributes
    `<psi - reference, v> <1, v>` to the logit (Neuhaus et al. 2023, equation 4), and over a complete basis these add up
    to its whole difference.

    Parameters
    ----------
    weights
        (C, F) of the last linear layer.
    """
    labels, features = analysis.labels, model.features
    if features is None or not np.isfinite(features).all():
        return ()
    units = units_of(analysis.images)
    who = np.asarray(units if units is not None else [str(i) for i in range(len(labels))], dtype=object)
    found: list[Component] = []
    for e in range(len(analysis.classes)):
        mine, others = labels == e, (labels >= 0) & (labels != e)
        if int(mine.sum()) < FEW or int(others.sum()) < FEW:
            continue
        psi = features.astype(np.float64) * weights[e]
        strong = [
            (rise, shared, v, value)
            for v, shared, value in _directions(psi, labels, e)
            if (rise := float(np.sort(value[mine])[-PICTURED:].mean())) >= MIN_RISE
        ]
        strong.sort(key=lambda one: -one[0])
        for number, (rise, shared, v, value) in enumerate(strong[:_MOST_PER_CLASS], 1):
            top = _top(np.flatnonzero(mine & (value >= _HALF * rise)), value, who)
            rng = np.random.default_rng([seed, e, number])
            third = np.quantile(value[others], 1 / 3)
            low = np.sort(rng.permutation(np.flatnonzero(others & (value <= third)))[:_SOURCES])
            reference = np.sort(rng.permutation(np.flatnonzero(others if shared else mine))[:_SOURCES])
            reached = (labels >= 0) & (value >= value[list(top)].min())
            purity = proportion(mine[reached], clusters(None if units is None else units[reached], int(reached.sum())))
            direction = np.asarray(weights[e] * v * v.sum(), dtype=np.float32)
            base = float(mine.sum() / (labels >= 0).sum())
            found.append(
                Component(
                    model.name,
                    e,
                    number,
                    shared,
                    rise,
                    direction,
                    top,
                    tuple(low.tolist()),
                    tuple(reference.tolist()),
                    purity,
                    base,
                )
            )
    return tuple(found)


def _directions(psi: FloatArray, labels: IntArray, e: int) -> list[tuple[FloatArray, bool, FloatArray]]:
    """Unit vectors (F,), whether shared by the whole emotion, and each photo's contribution (n,)."""
    mine = labels == e
    means = [psi[labels == k].mean(axis=0) for k in np.unique(labels[labels >= 0]) if k != e]
    own, rest = psi[mine].mean(axis=0), np.mean(means, axis=0)
    found = []
    apart = own - rest
    length = float(np.linalg.norm(apart))
    centred = psi[mine] - own
    if length > 0:
        v = apart / length
        found.append((v, True, (psi - rest) @ v * v.sum()))
        centred = centred - np.outer(centred @ v, v)
    for v in principal_directions(centred, _LOOKED_AT):
        found.append((v, False, (psi - own) @ v * v.sum()))
    return found


def principal_directions(centred: FloatArray, count: int) -> FloatArray:
    """The first right singular vectors (<= count, F) of (m, F), from the smaller of the two Gram matrices."""
    m, f = centred.shape
    few = min(count, m, f)
    if f <= m:
        return np.asarray(eigh(centred.T @ centred, subset_by_index=(f - few, f - 1))[1].T[::-1])
    values, left = eigh(centred @ centred.T, subset_by_index=(m - few, m - 1))
    kept = values > values[-1] * 1e-12  # what is centred has a direction without spread
    return np.asarray((centred.T @ left[:, kept] / np.sqrt(values[kept])).T[::-1])


def _top(rows: IntArray, value: FloatArray, who: ObjectArray) -> tuple[int, ...]:
    """The rows with the largest values, at most two of a unit."""
    ordered = rows[np.argsort(-value[rows], kind="stable")]
    turn = pd.Series(ordered).groupby(who[ordered], sort=False).cumcount().to_numpy()
    return tuple(ordered[turn < _PER_UNIT][:_SOURCES].tolist())


def locate(component: Component, maps: Float32Array, model: ModelRecords, analysis: Analysis,
           properties: Sequence[Property]) -> Component:  # fmt: skip
    """The component with where its heat lies and what its top photos share.

    Parameters
    ----------
    maps
        (t + r, h, w) signed, of the top photos and of the reference photos.
    properties
        Of all photos.
    """
    t = len(component.top)
    maps = maps[:t] - maps[t:].mean(axis=0)
    kind, off, region, place = _where(component, maps, model)
    labels, top = analysis.labels, np.zeros(len(analysis.labels), dtype=bool)
    top[list(component.top)] = True
    rest = (labels >= 0) & (labels != component.emotion) if component.shared else (labels == component.emotion) & ~top
    split = np.where(top, 0, np.where(rest, 1, -1))
    group = clusters(units_of(analysis.images), len(labels))
    links = associations(properties, split, ("top", "rest"), group)
    told = tuple(link for link in links if link.emotion == "top" and link.answer == "yes")
    told = tuple(sorted(told, key=lambda link: -abs(link.auc.value - 0.5)))
    return replace(
        component, kind=kind, off_face=off, region=region, place=place, properties=told, maps=maps
    )  # fmt: skip


def _where(component: Component, maps: Float32Array, model: ModelRecords) -> tuple[Kind, float, str, str]:
    """Kind, share beside the face, region and place."""
    heat = np.maximum(maps, 0.0)
    if maps[0].size < _FEWEST_CELLS or not heat.any():
        return "not located", float("nan"), "", ""
    if model.masks is None or not model.masks[list(component.top)].any():
        return "not located", float("nan"), "", _place(np.stack([_hot(_spread(one)) for one in heat]), model.grid)
    masks = model.masks[list(component.top)]  # (t, R, h, w)
    clear = masks[:, REGIONS.index("face")] <= _ON_FACE
    beside = heat * clear
    total = heat.sum(axis=(1, 2))
    off = float((beside.sum(axis=(1, 2))[total > 0] / total[total > 0]).mean())
    on = (masks[:, 1 : 1 + len(INNER)] * heat[:, None]).sum(axis=(0, 2, 3))
    region = INNER[int(on.argmax())] if on.any() else ""
    if off < _PARTLY:
        return "facial", off, region, ""
    place = _place(np.stack([_hot(_spread(one) * free) for one, free in zip(heat, clear, strict=True)]), model.grid)
    return "beside the face" if off >= _OFF_FACE else "partly beside the face", off, region, place


def _spread(heat: Float32Array) -> Float32Array:
    """(h, w) positive heat spread over its neighbourhood: what a cell of a late layer answers to lies around it."""
    sigma = [_AROUND * side for side in heat.shape]
    return np.asarray(gaussian_filter(np.maximum(heat, 0.0), sigma, mode="nearest"), dtype=np.float32)


def _hot(heat: Float32Array) -> BoolArray:
    """(h, w) the fewest cells that hold most of the heat, a quarter of the picture at most."""
    flat = np.maximum(heat, 0.0).ravel()
    order = np.argsort(-flat, kind="stable")
    filled = np.cumsum(flat[order])
    enough = int(np.searchsorted(filled, _HEAT * filled[-1])) + 1 if filled[-1] > 0 else 0
    chosen = np.zeros(flat.size, dtype=bool)
    chosen[order[: min(enough, max(1, int(_MOST_AREA * flat.size)))]] = True
    return np.asarray((chosen & (flat > 0)).reshape(heat.shape))


def _place(hot: BoolArray, grid: CellGrid) -> str:
    """A corner or an edge of the picture that holds most of the hot cells of the top photos; else ""."""
    rows, columns = (np.clip((axis.centres * 3).astype(int), 0, 2) for axis in (grid.rows, grid.columns))
    thirds = np.zeros((3, 3))
    np.add.at(thirds, (rows[:, None], columns[None]), hot.mean(axis=0))
    if not thirds.any():
        return ""
    thirds /= thirds.sum()
    names = (("top", "", "bottom"), ("left", "", "right"))
    for i, j in ((0, 0), (0, 2), (2, 0), (2, 2)):
        if thirds[i, j] >= _ONE_PLACE:
            return f"{names[0][i]} {names[1][j]} corner"
    for axis in (0, 1):
        for end in (0, 2):
            if thirds.sum(axis=1 - axis)[end] >= _ONE_PLACE:
                return f"{names[axis][end]} edge"
    return ""


@dataclass(frozen=True)
class PatchPlan:
    """What is cut out of which photos, and pasted where.

    Attributes
    ----------
    sources
        (s,) rows of the top photos.
    cut, control
        (s, h, w) cells of each that are cut out, and equally many elsewhere, none where no such place is as far from
        the face.
    receivers
        (r,) rows of photos of other emotions.
    given, low
        (r,) which source each receives from; and the row of the photo with little of the component whose same place is
        pasted for comparison, none where nothing is compared.
    reference
        Rows of photos of other emotions, whose median fills what is cut out.
    """

    emotion: int
    sources: tuple[int, ...]
    cut: BoolArray
    control: BoolArray
    receivers: tuple[int, ...]
    given: tuple[int, ...]
    low: tuple[int, ...]
    reference: tuple[int, ...]


def choose_patches(component: Component, model: ModelRecords, analysis: Analysis, seed: int) -> PatchPlan | None:
    """What to cut out and where to paste it; None for a component without a part beside the face.

    Raises
    ------
    ValueError
        The component was not located.
    """
    if component.kind not in ("beside the face", "partly beside the face"):
        return None
    if component.maps is None:
        raise ValueError("a component must be located first")
    sources, cuts, controls = _cuts(component.top, component.maps, model)
    labels, predicted = analysis.labels, model.predicted
    rng = np.random.default_rng([seed, component.emotion, component.number, 1])
    others = (labels >= 0) & (labels != component.emotion)
    pool = [rng.permutation(np.flatnonzero(others & (labels == k) & (predicted != component.emotion))).tolist()
            for k in range(len(analysis.classes))]  # fmt: skip
    receivers = interleave(pool)[:_RECEIVERS]
    if not sources or not component.low or not receivers:
        return None
    low = _unlike(receivers, component.low)
    reference = rng.permutation(np.flatnonzero(others))[:_RECEIVERS]
    return PatchPlan(
        component.emotion, sources, np.stack(cuts), np.stack(controls), receivers,
        tuple(k % len(sources) for k in range(len(receivers))), low, tuple(sorted(reference.tolist())),
    )  # fmt: skip


def _cuts(
    rows: Sequence[int], maps: Float32Array, model: ModelRecords
) -> tuple[tuple[int, ...], list[BoolArray], list[BoolArray]]:
    """The rows in which something beside the face is hot, the cells (h, w) that are cut out of each, and those to
    compare with.
    """
    if model.masks is None:
        raise ValueError("what lies beside the face is not known")
    face = model.masks[:, REGIONS.index("face")]
    sources, cuts, controls = [], [], []
    for row, heat in zip(rows, maps, strict=True):
        near = _spread(heat)
        cut = _hot(near * (face[row] <= _ON_FACE))
        if cut.any():
            sources.append(row)
            cuts.append(cut)
            controls.append(_control(cut, near, face[row]))
    return tuple(sources), cuts, controls


@dataclass(frozen=True)
class SpreadRows:
    """Photos without and with a component, of any analysis: `own` of its emotion, `others` of the others, and
    `reference` to compare the heat with.
    """

    own: tuple[int, ...]
    others: tuple[int, ...]
    reference: tuple[int, ...]

    @property
    def located(self) -> tuple[int, ...]:
        """Rows in which the component has to be located, as `spread_patches` takes their maps."""
        return (*self.own, *self.reference)


def choose_spread(component: Component, analysis: Analysis, most: tuple[int, int], seed: int) -> SpreadRows:
    """More photos than the test of a component shows: of its emotion, and of the others in turns.

    Parameters
    ----------
    most
        Photos of the emotion, and of all others.
    """
    labels = analysis.labels
    rng = np.random.default_rng([seed, component.emotion, component.number, 2])
    own, others = draw_own_and_others(labels, component.emotion, most, rng)
    mine, rest = labels == component.emotion, (labels >= 0) & (labels != component.emotion)
    reference = rng.permutation(np.flatnonzero(rest if component.shared else mine))[:_SOURCES]
    return SpreadRows(own, others, tuple(reference.tolist()))


def spread_patches(
    component: Component, rows: SpreadRows, maps: Float32Array, model: ModelRecords, analysis: Analysis, seed: int
) -> PatchPlan | None:
    """Cut a component with a cell around it out of all these photos, and paste it into the others, with nothing to
    compare with; None where it is hot beside no face.

    Parameters
    ----------
    maps
        (n, h, w) signed, of `rows.located`.
    model
        Its records of the same analysis, whose component may have been found in another.
    """
    heat = maps[: len(rows.own)] - maps[len(rows.own) :].mean(axis=0)
    sources, cuts, _ = _cuts(rows.own, heat, model)
    if model.masks is None or not sources or not rows.others:
        return None
    clear = model.masks[list(sources), REGIONS.index("face")] <= _ON_FACE
    # What is left of a cue at the edge of its hot cells would still tell the emotion; cells at the border are cooler.
    grown = binary_dilation(np.stack(cuts), np.ones((1, 3, 3), dtype=bool)) & clear
    rng = np.random.default_rng([seed, component.emotion, component.number, 3])
    filling = np.sort(rng.permutation(rows.others)[:_RECEIVERS])
    return PatchPlan(
        component.emotion, sources, grown, np.zeros_like(grown), rows.others,
        tuple(k % len(sources) for k in range(len(rows.others))), (), tuple(filling.tolist()),
    )  # fmt: skip


def _unlike(receivers: Sequence[int], low: Sequence[int]) -> tuple[int, ...]:
    """For each receiver a photo with little of the component, never itself where there is another."""
    found = []
    for k, row in enumerate(receivers):
        choice = low[k % len(low)]
        found.append(low[(k + 1) % len(low)] if choice == row else choice)
    return tuple(found)


def _control(cut: BoolArray, heat: Float32Array, face: Float32Array) -> BoolArray:
    """As many other cells beside the face, those with the least heat around; nothing where there are too few."""
    free = np.flatnonzero((face <= _ON_FACE) & ~cut)
    chosen = np.zeros(cut.size, dtype=bool)
    if len(free) >= cut.sum():
        chosen[free[np.argsort(heat.ravel()[free], kind="stable")][: int(cut.sum())]] = True
    return chosen.reshape(cut.shape)


@dataclass(frozen=True)
class ComponentAnswers:
    """One model's predictions for one plan.

    Attributes
    ----------
    sources, receivers
        Rows; their predictions follow.
    given, low
        (r,) rows of the photos whose areas each receiver gets: the hot area of the one, the same place of the other.
    own, filled, control
        (s,) as they are, with the hot area filled, and with the control area filled (-1 where there is none).
    before, pasted, pasted_low
        (r,) as they are, with the hot area, and with that of a photo with little of the component.
    """

    emotion: int
    sources: IntArray
    own: IntArray
    filled: IntArray
    control: IntArray
    receivers: IntArray
    given: IntArray
    low: IntArray
    before: IntArray
    pasted: IntArray
    pasted_low: IntArray


def judge_component(
    answers: Sequence[ComponentAnswers],
    pure: Sequence[bool],
    classes: int,
    units: ObjectArray | None,
    seed: int,
) -> tuple[ComponentTest, ...]:
    """Judge all tested components of one model: their p-values of one direction are one family.

    Parameters
    ----------
    pure
        Whether photos with as much of each component are shown to be of the emotion more often than any: without, it is
        no cue to the label, and the answer is never "yes".
    units
        (n,) of all images, as `stats.units` gives them; None: every image counts for itself.
    """
    raw = [_measure(part, classes, units, seed) for part in answers]
    falls, gains = holm([test.p_fall for test in raw]), holm([test.p_gain for test in raw])
    judged = [replace(test, p_fall=float(f), p_gain=float(g)) for test, f, g in zip(raw, falls, gains, strict=True)]
    return tuple(replace(test, answer=_answer(test, goes=goes)) for test, goes in zip(judged, pure, strict=True))


def _measure(part: ComponentAnswers, classes: int, units: ObjectArray | None, seed: int) -> ComponentTest:
    """Both directions with their own p-values, NaN where there is too little to test; not yet answered."""
    known = (part.own == part.emotion) & (part.control >= 0)
    lost, spared = part.filled[known] != part.emotion, part.control[known] != part.emotion
    mine = clusters(None if units is None else units[part.sources[known]], int(known.sum()))
    fall, p_fall = paired_proportions(lost, spared, mine, seed)
    other = part.before != part.emotion
    group = clusters(None if units is None else units[part.receivers[other]], int(other.sum()))
    turned, low = part.pasted[other] == part.emotion, part.pasted_low[other] == part.emotion
    # A few areas go into many receivers.
    givers = (part.given[other], part.low[other])
    gain, p_gain = paired_over_givers(turned, low, group, givers, units, seed)
    counts = [group.count, *(giver_clusters(rows, units).count for rows in givers)]
    enough = int(other.sum()) >= FEW and min(counts) >= MIN_PERSONS
    gains = []
    for c in range(classes):
        free = part.before != c
        if c != part.emotion and free.any():
            gains.append(float((part.pasted[free] == c).mean() - (part.pasted_low[free] == c).mean()))
    return ComponentTest(
        known=int(known.sum()),
        lost=int(lost.sum()),
        lost_control=int(spared.sum()),
        fall=fall,
        n=int(other.sum()),
        persons=None if group.single else group.count,
        became=int(turned.sum()),
        became_low=int(low.sum()),
        gain=gain,
        elsewhere=max(gains, default=0.0),
        p_fall=p_fall if mine.count >= MIN_PERSONS else float("nan"),
        p_gain=p_gain if enough else float("nan"),
        answer="not tested",
    )


def _answer(test: ComponentTest, *, goes: bool) -> Answer:
    """Pasting decides: it has controls of its own, the same area of other photos and the rise of other emotions.
    Cutting is only held against another area of the photo, and a small loss may mean that enough of the cue is left.
    """
    fall, gain, most = test.fall, test.gain, max(test.elsewhere, 0.0)
    if np.isnan(test.p_gain):
        return "insufficient evidence"
    meant = gain.value - most >= MIN_GAIN
    added = test.p_gain < ALPHA and gain.low > 0 and meant
    removed = test.p_fall < ALPHA and fall.low > 0 and fall.value >= MIN_GAIN
    if goes and added:
        return "yes"
    return "no" if gain.high < MIN_GAIN and not removed else "undetermined"


def judge_components(
    analysis: Analysis,
    located: Mapping[str, Sequence[Component]],
    plans: Mapping[str, Mapping[int, PatchPlan]],
    shown: Mapping[str, tuple[pd.DataFrame, Float32Array]],
    missing: Sequence[str],
    seed: int,
) -> ComponentFindings:
    """All components with their tests.

    Parameters
    ----------
    located
        By model's slug.
    plans
        By slug, the plan of each component that was tested, by its place in `located`.
    shown
        By slug, the design of the pictures (`component`, `shown`, `place`, `image`) and the logits.
    missing
        Names of models without features.
    """
    units = units_of(analysis.images)
    components: list[Component] = []
    for model in analysis.models:
        mine = list(located.get(model.slug, ()))
        if model.slug in shown and plans.get(model.slug):
            tested = list(plans[model.slug])
            parts = [_answers(plans[model.slug][k], k, *shown[model.slug], model.predicted) for k in tested]
            pure = [mine[k].purity.low > mine[k].base for k in tested]
            for k, test in zip(tested, judge_component(parts, pure, len(analysis.classes), units, seed), strict=True):
                mine[k] = replace(mine[k], test=test)
        components += mine
    ids = analysis.images["image_id"].tolist()
    rows = [_row(component, analysis.classes, ids) for component in components]
    table = pd.DataFrame(rows, columns=list(COMPONENT_COLUMNS["components"]))
    return ComponentFindings(tuple(components), tuple(missing), MappingProxyType({"components": table}))


def _answers(
    plan: PatchPlan, number: int, design: pd.DataFrame, logits: Float32Array, predicted: IntArray
) -> ComponentAnswers:
    now = logits.argmax(axis=1).astype(np.int64)
    of = (design["component"] == number).to_numpy()
    what, place = design["shown"].to_numpy(dtype=object), design["place"].to_numpy(dtype=np.int64)
    start = predicted.copy()
    same = what == "unchanged"
    start[design["image"].to_numpy(dtype=np.int64)[same]] = now[same]

    def put(kind: str, count: int) -> IntArray:
        found = np.full(count, -1, dtype=np.int64)
        chosen = of & (what == kind)
        found[place[chosen]] = now[chosen]
        return found

    sources, receivers = np.array(plan.sources), np.array(plan.receivers)
    s, r = len(sources), len(receivers)
    return ComponentAnswers(
        plan.emotion, sources, start[sources], put("filled", s), put("control", s),
        receivers, sources[list(plan.given)], np.array(plan.low), start[receivers], put("pasted", r),
        put("pasted low", r),
    )  # fmt: skip


def _row(component: Component, classes: Sequence[str], ids: Sequence[str]) -> dict[str, object]:
    test = component.test
    row: dict[str, object] = {
        "model": component.model,
        "emotion": classes[component.emotion],
        "number": component.number,
        "shared": component.shared,
        "rise": component.rise,
        "purity": component.purity.value,
        "base": component.base,
        "kind": component.kind,
        "off_face": component.off_face,
        "region": component.region,
        "place": component.place,
        "properties": ", ".join(f"{'more' if link.sign > 0 else 'less'} {link.name}" for link in component.properties),
        "answer": component.answer,
        "image_ids": [ids[k] for k in component.top],
    }
    if test is not None:
        row |= {name: getattr(test, name) for name in ("known", "lost", "lost_control", "n", "persons", "became",
                                                       "became_low", "elsewhere", "p_fall", "p_gain")}  # fmt: skip
        for name, estimate in (("fall", test.fall), ("gain", test.gain)):
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row


COMPONENT_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "components": {
        "model": "name of the model",
        "emotion": "emotion whose logit the component raises",
        "number": "from 1, the strongest of the emotion first",
        "shared": "whether it is what the emotion's photos have more of than others on average; else what some of them "
        "have more of than the rest",
        "rise": "mean contribution to the emotion's logit in its eight top photos",
        "purity": "share of the emotion among all photos with at least as much of it as the least of its top photos",
        "base": "share of the emotion among all photos",
        "kind": "beside the face, partly beside the face (that part is tested), facial, or not located",
        "off_face": "mean share of its heat beside the face, 0..1",
        "region": "region of the face with the most of its heat",
        "place": "corner or edge of the picture that holds most of its hot cells; empty where none does",
        "properties": "properties of the whole photo that its top photos share",
        "known": "top photos that were predicted as the emotion and have a place to compare with",
        "lost": "how many are not, with the hot area filled in from other photos",
        "lost_control": "how many are not, with an equal area elsewhere filled in",
        "fall": "(lost - lost_control) / known",
        "fall_low": "lower end of the 95 % interval of fall",
        "fall_high": "upper end of the 95 % interval of fall",
        "p_fall": "paired test of lost against lost_control, adjusted (Holm) over the model's tested components",
        "n": "photos of other emotions, not predicted as this one, that the hot area was pasted into",
        "persons": "their persons; empty where not known",
        "became": "how many are then predicted as the emotion",
        "became_low": "how many with the same area of a photo with little of the component",
        "gain": "(became - became_low) / n",
        "gain_low": "lower end of the 95 % interval of gain",
        "gain_high": "upper end of the 95 % interval of gain",
        "p_gain": "paired test of became against became_low, adjusted likewise",
        "elsewhere": "largest such gain of another emotion",
        "answer": "whether the model relies on it as a cue beside the face: yes, no, undetermined, insufficient "
        "evidence, not tested",
        "image_ids": "its top photos, the strongest first",
    },
})  # fmt: skip
