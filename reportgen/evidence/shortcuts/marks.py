"""Marks: what is at one place of the face, or a fine pattern over the photo, in the photos of one emotion and no other.

An expression moves eyes, brows and mouth. Photos of one emotion that differ from all others on plain skin, where
expressions change little, show something else: a headband, a plaster, paint, a mark of whoever made the photos. It
is seen in the mean of the emotion's photos, aligned by the face, beside the mean of the others. Likewise scan lines
and printed dots are seen in the mean spectrum. Whether a model relies on a mark is tested by laying the same place of
photos that carry it, or do not, over photos: the emotion's without the mark, and other emotions' with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation, gaussian_filter, label

from reportgen.analysis import Analysis, FaceRecords
from reportgen.evidence.examples.sampling import interleave, persons_in_turn
from reportgen.evidence.performance.scores import FEW
from reportgen.evidence.shortcuts.added_cues import MIN_GAIN
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.intervals import MIN_PERSONS, Estimate
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.evidence.stats.paired import paired_over_givers
from reportgen.evidence.stats.units import units_of
from reportgen.faces.align import apply_affine, face_affines
from reportgen.faces.looks import FRAME, LUMA, Looks, frequencies, into_frame, tone
from reportgen.faces.regions import REGIONS, region_map
from reportgen.types import BoolArray, Float32Array, FloatArray, IntArray, ObjectArray

__all__ = [
    "MARK_COLUMNS",
    "MOST_MARKS",
    "Mark",
    "MarkFindings",
    "MarkTest",
    "choose_looks",
    "find_marks",
    "judge_marks",
]

MOST_MARKS = 6
"""Marks that are tested, those that stand out most first."""

_LOOKED_AT = {"quick": 60, "default": 80, "full": 160}  # photos of an emotion whose mean is taken
_OWN = {"quick": 20, "default": 40, "full": 80}  # photos of the emotion that are shown without the mark
_OTHERS = {"quick": 30, "default": 60, "full": 120}  # photos of other emotions that are shown with it
_STANDS_OUT = 20.0  # difference of red, green and blue, 0..255, from which skin shows a mark: expressions stay below
_COLOURED = 12.0  # the same where light is left out: expressions shade the skin and hardly colour it
_SURE = 5.0  # standard errors
_EDGE = 0.5  # share of these that the mark's surroundings have to reach
_SMALLEST = 3  # pixels of the frame: a stroke of paint is thin
_AROUND_FEATURES, _BEYOND_FACE = 2, 8  # pixels of the frame
_IN_MOST = 0.7  # share of the photos that show a place of the frame, for it to be compared
_STRONGER = 1.6  # logarithm of the power, from which a pattern stands out among others of its fineness
_COARSEST = 0.08  # cycles per pixel, below which a spectrum shows faces and light
_RING = 1 / 16  # cycles per pixel: frequencies that are compared with each other
_ALONG, _ALONG_FINE = 0.7, 0.04  # of a pattern's photos: what else of their spectrum differs goes with it
_CARRIES = 0.5  # share of the mean's mark from which a photo carries it
_RARER = 0.4  # of the emotion's share that carries it, below which the others' share has to be

Where = Literal["face", "pattern"]
Answer = Literal["yes", "no", "undetermined", "insufficient evidence"]


@dataclass(frozen=True)
class Mark:
    """What most photos of one emotion have at one place, or as a pattern, and those of the others have not.

    Attributes
    ----------
    emotion
        Index of the class.
    where
        "face": in the frame of `reportgen.faces.looks`; "pattern": in the photo's spectrum.
    weight
        (h, w) 0..1, where it is: pixels of the frame, or frequencies.
    own, other
        (h, w, 3) mean difference from the tone of the skin, or (h, w) mean logarithm of the power: of the emotion's
        photos that carry it, and of other emotions' photos.
    skin
        (h, w) plain skin, which gives a face its tone; all False for a pattern.
    size
        How far it stands out where it does so most: difference of colour, 0..255, or of the logarithm of the power.
    region
        The part of the face that most of it covers; "" for a pattern.
    shift
        (3,) mean difference of red, green and blue in it, -255..255; 0 for a pattern.
    period
        Pixels from line to line of a pattern, downwards and sideways, infinite along its lines; empty for the face.
    carriers, n
        Of so many photos of the emotion that were looked at, those that carry it.
    elsewhere, n_elsewhere
        The same of other emotions' photos.
    rows, others
        Rows to be shown: the emotion's photos that carry it, and other emotions' photos that do not.
    without
        Rows of the emotion that were looked at and do not carry it.
    givers
        For each of `rows` and then of `others`, a row that carries it and one of another emotion that does not, each of
        another person where there is one: their place is laid over the photo. Empty for a pattern, which is given the
        mean's strength.
    """

    emotion: int
    where: Where
    weight: Float32Array
    own: Float32Array
    other: Float32Array
    skin: BoolArray
    size: float
    region: str
    shift: tuple[float, ...]
    period: tuple[float, ...]
    carriers: int
    n: int
    elsewhere: int
    n_elsewhere: int
    rows: tuple[int, ...]
    others: tuple[int, ...]
    without: tuple[int, ...]
    givers: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class MarkTest:
    """One mark and one model.

    Attributes
    ----------
    known, lost, lost_control
        Photos that carry it and were predicted as the emotion; how many are not with the place of another emotion's
        photo without it laid over theirs, and with that of another photo that carries it.
    fall
        (lost - lost_control) / known with a 95 % interval.
    fall_elsewhere
        The same of other emotions' photos that were predicted correctly.
    n, persons
        Photos of other emotions without it that were not predicted as this one; their persons, None where not known.
    became, became_control
        How many are predicted as the emotion with the place of a photo that carries it, and of one that does not.
    gain
        Their difference as a share, with a 95 % interval.
    elsewhere
        The largest such difference of another emotion.
    p_fall, p_gain
        Two-sided, each adjusted (Holm) over the model's marks; NaN where there is too little to test.
    lost_rows, turned_rows
        Rows that are lost with the mark taken away and not in the comparison, and that become the emotion likewise.
    """

    model: str
    mark: Mark
    known: int
    lost: int
    lost_control: int
    fall: Estimate
    fall_elsewhere: float
    n: int
    persons: int | None
    became: int
    became_control: int
    gain: Estimate
    elsewhere: float
    p_fall: float
    p_gain: float
    answer: Answer
    lost_rows: tuple[int, ...]
    turned_rows: tuple[int, ...]

    @property
    def effect_size(self) -> float:
        """The larger of the share that is lost without the mark and of the share that turns with it."""
        return float(np.nanmax([self.fall.value, self.gain.value, 0.0]))


@dataclass(frozen=True)
class MarkFindings:
    """All marks, and what each model does with them.

    Attributes
    ----------
    marks
        Those that stand out most first.
    tests
        Model by model, mark by mark.
    looked_at
        How many photos were compared.
    """

    marks: tuple[Mark, ...]
    tests: tuple[MarkTest, ...]
    looked_at: int
    tables: Mapping[str, pd.DataFrame]

    def of(self, number: int) -> tuple[MarkTest, ...]:
        """The tests of one mark, by its place in `marks`, model by model."""
        return self.tests[number :: len(self.marks)]

    def proved(self, *, model: str | None = None, emotion: int | None = None) -> tuple[MarkTest, ...]:
        """Those on which a model was shown to rely, the largest effect first."""
        found = [
            test
            for test in self.tests
            if test.answer == "yes" and model in (None, test.model) and emotion in (None, test.mark.emotion)
        ]
        return tuple(sorted(found, key=lambda test: -test.effect_size))


def choose_looks(analysis: Analysis, budget: str, seed: int) -> IntArray:
    """Rows whose looks are compared, ascending: of every emotion some, of as many persons as there are.

    Parameters
    ----------
    budget
        "quick", "default" or "full".
    """
    units = units_of(analysis.images)
    rng = np.random.default_rng([seed, 0x3A])
    found: list[int] = []
    for e in range(len(analysis.classes)):
        rows = persons_in_turn(rng.permutation(np.flatnonzero(analysis.labels == e)), units)
        found += rows[: _LOOKED_AT[budget]].tolist()
    return np.sort(np.asarray(found, dtype=np.int64))


def find_marks(looks: Looks, analysis: Analysis, budget: str, seed: int) -> tuple[Mark, ...]:
    """The marks of all emotions, those that stand out most first.

    Of each emotion with at least ten photos, of five persons where these are known, the mean of its photos is compared
    with the median of the other emotions' means. On the face a mark is where they differ by 20 of 255, or by 12 where
    light is left out, and five standard errors (persons count) on plain skin: not around eyes, brows and mouth, nor
    below the mouth. In the spectrum it is where the emotion's power is five times that of other frequencies as fine,
    and five standard errors higher. At least ten of the emotion's photos carry it, and less than .4 of that share of
    the others.
    """
    labels, classes = analysis.labels[looks.rows], len(analysis.classes)
    units = units_of(analysis.images)
    who = np.arange(len(labels)) if units is None else pd.factorize(units[looks.rows])[0]
    found: list[Mark] = []
    if analysis.faces is not None:
        affines = face_affines(analysis.faces.points[looks.rows], [analysis.faces.source[row] for row in looks.rows])
        skin, wide, regions = _face_places(analysis.faces, looks.rows, affines)
        faces = _faces(looks, labels, skin)
        coloured = replace(faces, looks=faces.looks - (faces.looks @ LUMA)[..., None])
        means, colours = _means(faces, who, classes), _means(coloured, who, classes)
        for e in means:
            place = _face_mark(e, means, colours, skin, wide, regions)
            if place is not None:
                found.append(_carried(place, faces, skin, looks.rows, budget, seed))
    spectra = _Photos(looks.patterns[:, :, :, None], np.ones(looks.patterns.shape, dtype=bool), labels)
    means = _means(spectra, who, classes)
    for e in means:
        place = _pattern_mark(e, means, looks.side)
        if place is not None:
            nowhere = np.zeros(place.weight.shape, dtype=bool)
            found.append(_carried(place, spectra, nowhere, looks.rows, budget, seed))
    strength = {"face": _STANDS_OUT, "pattern": _STRONGER}
    # Where few emotions are compared, one lacks what another has: that is no mark of its own.
    found = [
        mark
        for mark in found
        if len(mark.rows) >= FEW and mark.others and mark.elsewhere / mark.n_elsewhere < _RARER * mark.carriers / mark.n
    ]
    found.sort(key=lambda mark: -mark.size / strength[mark.where])
    return tuple(
        replace(mark, givers=_givers(mark, units, seed)) if mark.where == "face" else mark
        for mark in found[:MOST_MARKS]
    )


@dataclass(frozen=True)
class _Photos:
    """(m, h, w, c) looks of photos in the common frame, (m, h, w) where each is seen, and (m,) labels, -1 for none."""

    looks: Float32Array
    seen: BoolArray
    labels: IntArray


def _faces(looks: Looks, labels: IntArray, skin: BoolArray) -> _Photos:
    """Faces less the tone of their skin; those whose tone is not known are seen nowhere and have no label."""
    tones = np.stack([tone(face, skin) for face in looks.faces]) if len(looks.rows) else np.zeros((0, 3))
    usable = np.asarray(np.isfinite(tones).all(axis=1))
    values = looks.faces[:, :, :, :3].astype(np.float32) - np.where(usable[:, None], tones, 0.0)[:, None, None]
    seen = (looks.faces[:, :, :, 3] == 255) & usable[:, None, None]
    return _Photos(values, seen, np.where(usable, labels, -1))


@dataclass(frozen=True)
class _Place:
    """Where an emotion's mean (h, w, c) stands out from the others'; the rest as in `Mark`."""

    emotion: int
    where: Where
    weight: Float32Array
    own: FloatArray
    other: FloatArray
    size: float
    region: str = ""
    shift: tuple[float, ...] = (0.0, 0.0, 0.0)
    period: tuple[float, ...] = ()


@dataclass(frozen=True)
class _Mean:
    """(h, w, c) mean and variance of the mean over persons, and (h, w) whether enough photos show the place."""

    value: FloatArray
    variance: FloatArray
    seen: BoolArray


def _means(photos: _Photos, who: IntArray, classes: int) -> dict[int, _Mean]:
    """By emotion with enough photos of enough persons; a person with many photos counts once. Empty where there is but
    one such emotion, which has nothing to be compared with.
    """
    values, seen = photos.looks, photos.seen
    found = {}
    for e in range(classes):
        rows = np.flatnonzero(photos.labels == e)
        names, code = np.unique(who[rows], return_inverse=True)
        if len(rows) < FEW or len(names) < MIN_PERSONS:
            continue
        total = np.zeros((len(names), *values.shape[1:]))
        count = np.zeros((len(names), *seen.shape[1:]))
        for row, k in zip(rows, code, strict=True):
            total[k] += values[row] * seen[row][..., None]
            count[k] += seen[row]
        has = count > 0
        each = total / np.maximum(count, 1)[..., None]
        persons = np.maximum(has.sum(axis=0), 1)[..., None]
        mean = (each * has[..., None]).sum(axis=0) / persons
        spread = (((each - mean) ** 2) * has[..., None]).sum(axis=0)
        enough = has.sum(axis=0) >= max(_IN_MOST * len(names), MIN_PERSONS)
        found[e] = _Mean(mean, spread / np.maximum(persons - 1, 1) / persons, np.asarray(enough))
    return found if len(found) > 1 else {}


def _difference(e: int, means: Mapping[int, _Mean]) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """The median of the others' means, the emotion's mean less that, its standard error, and where all are seen.

    The median, because what one of the others has alone must not show as what all the rest lack.
    """
    others = [mean for k, mean in means.items() if k != e]
    rest = np.median([mean.value for mean in others], axis=0)
    # The median of normal values varies up to pi / 2 times as much as their mean.
    variance = means[e].variance + np.pi / 2 * np.sum([mean.variance for mean in others], axis=0) / len(others) ** 2
    seen = means[e].seen & np.all([mean.seen for mean in others], axis=0)
    return rest, means[e].value - rest, np.sqrt(variance), np.asarray(seen)


def _face_places(faces: FaceRecords, rows: IntArray, affines: FloatArray) -> tuple[BoolArray, BoolArray, IntArray]:
    """Of the frame: plain skin; the same with what surrounds the face; and the region of every pixel."""
    known = np.flatnonzero(np.isfinite(affines[:, 0, 0]))
    nowhere = np.zeros((FRAME, FRAME), dtype=bool)
    if not len(known):
        return nowhere, nowhere, np.full((FRAME, FRAME), REGIONS.index("background"))
    shapes = np.stack([into_frame(apply_affine(affines[k], faces.points[rows[k]])) for k in known])
    regions = region_map(np.median(shapes, axis=0).astype(np.float32), FRAME, FRAME)
    face = regions != REGIONS.index("background")
    moving = nowhere.copy()
    # Mouths open and brows rise: where they are in any tenth of the faces counts as theirs.
    for share in (0.1, 0.5, 0.9):
        shape = region_map(np.quantile(shapes, share, axis=0).astype(np.float32), FRAME, FRAME)
        moving |= (shape == REGIONS.index("eyes+brows")) | (shape == REGIONS.index("mouth"))
    moving = np.array(binary_dilation(moving, iterations=_AROUND_FEATURES), dtype=bool)
    mouth = moving & (np.arange(FRAME)[:, None] > np.flatnonzero(moving.any(axis=1)).mean())
    below = np.flatnonzero(mouth.any(axis=1))
    if len(below):
        moving[below[0] :, mouth.any(axis=0)] = True  # the chin goes with the mouth
    around = np.asarray(binary_dilation(face, iterations=_BEYOND_FACE))
    return np.asarray(face & ~moving), np.asarray(around & ~moving), regions.astype(np.int64)


def _face_mark(
    e: int,
    means: Mapping[int, _Mean],
    colours: Mapping[int, _Mean],
    skin: BoolArray,
    wide: BoolArray,
    regions: IntArray,
) -> _Place | None:
    rest, apart, error, seen = _difference(e, means)
    _, coloured, colour_error, _ = _difference(e, colours)
    stands_out = np.maximum(_beyond(apart, error, _STANDS_OUT), _beyond(coloured, colour_error, _COLOURED))
    place = _grown(skin & seen, wide & seen, stands_out)
    if place is None:
        return None
    size = np.sqrt((apart**2).mean(axis=2))
    covered = regions[place & skin]
    weight = np.clip(gaussian_filter(binary_dilation(place).astype(np.float32), 1.0), 0.0, 1.0)
    return _Place(
        e, "face", weight, means[e].value, rest, float(size[place].max()),
        region=REGIONS[int(np.bincount(covered).argmax())],
        shift=tuple(float(value) for value in apart[place].mean(axis=0)),
    )  # fmt: skip


def _beyond(apart: FloatArray, error: FloatArray, limit: float) -> FloatArray:
    """(h, w) how far a difference (h, w, 3) is beyond a limit and beyond chance: 1 where it reaches both."""
    size, noise = (np.sqrt((part**2).mean(axis=2)) for part in (apart, error))
    return np.asarray(np.minimum(size / limit, size / np.maximum(noise, 0.5) / _SURE))


def _grown(core: BoolArray, around: BoolArray, stands_out: FloatArray) -> BoolArray | None:
    """Where the measure reaches 1 within `core`, with all within `around` that touches it and reaches half; or None."""
    parts, count = label(core & (stands_out >= 1))
    large = [k for k in range(1, count + 1) if (parts == k).sum() >= _SMALLEST]
    if not large:
        return None
    seeds = np.isin(parts, large)
    near, _ = label(seeds | (around & (stands_out >= _EDGE)))
    return np.asarray(np.isin(near, np.unique(near[seeds])))


def _pattern_mark(e: int, means: Mapping[int, _Mean], side: int) -> _Place | None:
    rest, apart, error, _ = _difference(e, means)
    apart, error = apart[..., 0], error[..., 0]
    down, along = frequencies(side)
    fine = np.hypot(down[:, None], along[None, :])
    ring = (fine / _RING).astype(np.int64)
    usual = pd.Series(apart.ravel()).groupby(ring.ravel()).transform("median").to_numpy().reshape(apart.shape)
    above = np.where(fine >= _COARSEST, apart - usual, 0.0)
    place = (above >= _STRONGER) & (above >= _SURE * np.maximum(error, 1e-6))
    if not place.any():
        return None
    # Lines do more to a photo than to show at their own frequency: what is moved between them doubles its edges.
    goes_along = (np.abs(apart) >= np.maximum(_ALONG, _SURE * error)) & (fine >= _ALONG_FINE)
    weight = np.clip(gaussian_filter((binary_dilation(place) | goes_along).astype(np.float32), 0.5), 0.0, 1.0)
    top = np.unravel_index(int(above.argmax()), above.shape)
    period = tuple(float(1 / abs(f)) if abs(f) > 1 / side else float("inf") for f in (down[top[0]], along[top[1]]))
    return _Place(e, "pattern", weight, means[e].value, rest, float(above.max()), period=period)


def _carried(place: _Place, photos: _Photos, skin: BoolArray, rows: IntArray, budget: str, seed: int) -> Mark:
    """The mark with the photos that carry it, whose mean becomes its own, and those to be shown."""
    values, seen, labels = photos.looks, photos.seen, photos.labels
    own, other = place.own.astype(np.float32), place.other.astype(np.float32)
    apart = own - other
    weighed = place.weight[..., None] * apart
    strength = np.zeros(len(rows))
    for k in range(len(rows)):
        scale = float((weighed * apart * seen[k][..., None]).sum())
        strength[k] = float((weighed * (values[k] - other) * seen[k][..., None]).sum()) / scale if scale > 0 else 0.0
    has = (strength >= _CARRIES) & (labels >= 0)
    mine, rest = labels == place.emotion, (labels >= 0) & (labels != place.emotion)
    bearing = mine & has
    if bearing.any():
        counts = np.maximum(seen[bearing].sum(axis=0), 1)[..., None]
        own = (values[bearing] * seen[bearing][..., None]).sum(axis=0) / counts
    rng = np.random.default_rng([seed, place.emotion, 0x3B])
    lacking = [rng.permutation(rows[(labels == k) & ~has]).tolist() for k in np.unique(labels[rest]).tolist()]
    if place.where == "pattern":
        own, other = own[..., 0], other[..., 0]
    return Mark(
        emotion=place.emotion,
        where=place.where,
        weight=place.weight,
        own=own.astype(np.float32),
        other=other,
        skin=skin,
        size=place.size,
        region=place.region,
        shift=place.shift,
        period=place.period,
        carriers=int(bearing.sum()),
        n=int(mine.sum()),
        elsewhere=int((rest & has).sum()),
        n_elsewhere=int(rest.sum()),
        rows=tuple(sorted(rng.permutation(rows[bearing])[: _OWN[budget]].tolist())),
        others=tuple(sorted(interleave(lacking)[: _OTHERS[budget]])),
        without=tuple(rows[mine & ~has].tolist()),
    )


def _givers(mark: Mark, units: ObjectArray | None, seed: int) -> tuple[tuple[int, int], ...]:
    """For every photo that is shown, one that carries the mark and one that does not, all of them used alike."""
    rng = np.random.default_rng([seed, mark.emotion, 0x3C])
    pools = [rng.permutation(np.asarray(part, dtype=np.int64)).tolist() for part in (mark.rows, mark.others)]
    found = []
    for row in (*mark.rows, *mark.others):
        pair = []
        for pool in pools:
            place = next(
                (k for k, giver in enumerate(pool) if giver != row and (units is None or units[giver] != units[row])),
                0,
            )
            pair.append(pool[place])
            pool.append(pool.pop(place))  # the one used last comes last
        found.append((pair[0], pair[1]))
    return tuple(found)


def judge_marks(
    analysis: Analysis,
    marks: Sequence[Mark],
    answers: Mapping[str, tuple[pd.DataFrame, Float32Array]],
    looked_at: int,
    seed: int,
) -> MarkFindings:
    """What every model does with every mark.

    Parameters
    ----------
    answers
        Per model's slug the design (`mark`, `shown`, `image`) and the (m, C) logits.
    looked_at
        How many photos were compared.
    """
    units = units_of(analysis.images)
    tests: list[MarkTest] = []
    for model in analysis.models:
        if model.slug not in answers:
            continue
        design, logits = answers[model.slug]
        now = logits.argmax(axis=1).astype(np.int64)
        raw = [_measure(model.name, k, mark, design, now, model.predicted, analysis.labels, len(analysis.classes),
                        units, seed) for k, mark in enumerate(marks)]  # fmt: skip
        falls, gains = holm([test.p_fall for test in raw]), holm([test.p_gain for test in raw])
        judged = [replace(test, p_fall=float(f), p_gain=float(g)) for test, f, g in zip(raw, falls, gains, strict=True)]
        tests += [replace(test, answer=_answer(test)) for test in judged]
    rows = [_row(test, analysis.classes) for test in tests]
    table = pd.DataFrame(rows, columns=list(MARK_COLUMNS["marks"]))
    return MarkFindings(tuple(marks), tuple(tests), looked_at, MappingProxyType({"marks": table}))


def _measure(
    model: str,
    number: int,
    mark: Mark,
    design: pd.DataFrame,
    now: IntArray,
    predicted: IntArray,
    labels: IntArray,
    classes: int,
    units: ObjectArray | None,
    seed: int,
) -> MarkTest:
    """Both directions with their own p-values, NaN where there is too little to test; not yet answered."""
    image, shown = design["image"].to_numpy(dtype=np.int64), design["shown"].to_numpy(dtype=object)
    start = predicted.copy()
    start[image[shown == "unchanged"]] = now[shown == "unchanged"]
    ours = (design["mark"] == number).to_numpy()
    with_it, without = (np.full(len(predicted), -1, dtype=np.int64) for _ in range(2))
    for put, kind in ((with_it, "with"), (without, "without")):
        at = ours & (shown == kind)
        put[image[at]] = now[at]
    e = mark.emotion
    rows, others = np.asarray(mark.rows, dtype=np.int64), np.asarray(mark.others, dtype=np.int64)
    rows = rows[start[rows] == e]
    lost, spared = without[rows] != e, with_it[rows] != e
    mine = clusters(None if units is None else units[rows], len(rows))
    fall, p_fall = paired_over_givers(lost, spared, mine, _givers_of(mark, rows), units, seed)
    right = others[start[others] == labels[others]]
    costs = (without[right] != labels[right]).mean() - (with_it[right] != labels[right]).mean() if len(right) else 0.0
    free = others[start[others] != e]
    turned, control = with_it[free] == e, without[free] == e
    group = clusters(None if units is None else units[free], len(free))
    gain, p_gain = paired_over_givers(turned, control, group, _givers_of(mark, free), units, seed)
    gains = []
    for c in range(classes):
        rest = others[start[others] != c]
        if c != e and len(rest):
            gains.append(float((with_it[rest] == c).mean() - (without[rest] == c).mean()))
    return MarkTest(
        model=model,
        mark=mark,
        known=len(rows),
        lost=int(lost.sum()),
        lost_control=int(spared.sum()),
        fall=fall,
        fall_elsewhere=float(costs),
        n=len(free),
        persons=None if group.single else group.count,
        became=int(turned.sum()),
        became_control=int(control.sum()),
        gain=gain,
        elsewhere=max(gains, default=0.0),
        p_fall=p_fall if len(rows) >= FEW and mine.count >= MIN_PERSONS else float("nan"),
        p_gain=p_gain if len(free) >= FEW and group.count >= MIN_PERSONS else float("nan"),
        answer="undetermined",
        lost_rows=tuple(rows[lost & ~spared].tolist()),
        turned_rows=tuple(free[turned & ~control].tolist()),
    )


def _givers_of(mark: Mark, rows: IntArray) -> list[IntArray]:
    """For some of the rows that are shown, the rows that give: with the mark, and without; none of a pattern."""
    if not mark.givers:
        return []
    of = dict(zip((*mark.rows, *mark.others), mark.givers, strict=True))
    return [np.asarray([of[row][side] for row in rows.tolist()], dtype=np.int64) for side in (0, 1)]


def _answer(test: MarkTest) -> Answer:
    """Each direction has a control of the same place and seam, and either may decide. Photos may be recognised without
    the mark, too, so that none is lost: then adding it must turn twice as many others as it must where some are lost.
    """
    if np.isnan(test.p_fall) and np.isnan(test.p_gain):
        return "insufficient evidence"
    fall, gain = test.fall, test.gain
    beyond, most = fall.value - max(test.fall_elsewhere, 0.0), max(test.elsewhere, 0.0)
    leans = bool(fall.value >= MIN_GAIN and beyond >= MIN_GAIN)
    removed = test.p_fall < ALPHA and fall.low > 0 and leans
    enough = MIN_GAIN if leans else 2 * MIN_GAIN
    added = test.p_gain < ALPHA and gain.low > 0 and gain.value >= 2 * most and gain.value - most >= enough
    if removed or added:
        return "yes"
    return "no" if fall.high < MIN_GAIN and gain.high < MIN_GAIN else "undetermined"


def _row(test: MarkTest, classes: Sequence[str]) -> dict[str, object]:
    mark = test.mark
    row: dict[str, object] = {
        "model": test.model,
        "emotion": classes[mark.emotion],
        "where": mark.where,
        "region": mark.region,
        "size": mark.size,
        "carriers": mark.carriers,
        "carriers_of": mark.n,
        "carriers_elsewhere": mark.elsewhere,
        "elsewhere_of": mark.n_elsewhere,
        "answer": test.answer,
    }
    row |= dict(zip(("red", "green", "blue"), mark.shift, strict=True))
    row |= dict(zip(("period_down", "period_across"), mark.period or (None, None), strict=True))
    names = ("known", "lost", "lost_control", "fall_elsewhere", "n", "persons", "became", "became_control", "elsewhere",
             "p_fall", "p_gain")  # fmt: skip
    row |= {name: getattr(test, name) for name in names}
    for name, estimate in (("fall", test.fall), ("gain", test.gain)):
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return row


MARK_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "marks": {
        "model": "name of the model",
        "emotion": "emotion whose photos show the mark",
        "where": "face: at one place of it; pattern: over the whole photo",
        "region": "part of the face that most of it covers; empty for a pattern",
        "size": "how far it stands out: difference of colour (0 to 255), or of the logarithm of the power",
        "red": "mean difference of red in it, -255..255",
        "green": "mean difference of green",
        "blue": "mean difference of blue",
        "period_down": "pixels from line to line of a pattern, downwards; infinite where its lines run down",
        "period_across": "the same sideways",
        "carriers": "photos of the emotion that carry it, of those looked at",
        "carriers_of": "photos of the emotion that were looked at",
        "carriers_elsewhere": "photos of other emotions that carry it",
        "elsewhere_of": "photos of other emotions that were looked at",
        "known": "photos that carry it and were predicted as the emotion",
        "lost": "how many are not, with that place of another emotion's photo laid over theirs",
        "lost_control": "how many are not, with that place of another photo that carries it",
        "fall": "(lost - lost_control) / known",
        "fall_low": "lower end of the 95 % interval of fall",
        "fall_high": "upper end of the 95 % interval of fall",
        "fall_elsewhere": "the same difference of other emotions' correct photos",
        "p_fall": "paired test of lost against lost_control, adjusted (Holm) over the model's marks",
        "n": "photos of other emotions without it, not predicted as this one",
        "persons": "their persons; empty where not known",
        "became": "how many are predicted as the emotion with that place of a photo that carries it",
        "became_control": "how many with that place of another emotion's photo",
        "gain": "(became - became_control) / n",
        "gain_low": "lower end of the 95 % interval of gain",
        "gain_high": "upper end of the 95 % interval of gain",
        "p_gain": "paired test of became against became_control, adjusted likewise",
        "elsewhere": "largest such gain of another emotion",
        "answer": "whether the model relies on it: yes, no, undetermined, insufficient evidence",
    },
})  # fmt: skip
