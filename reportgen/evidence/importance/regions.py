"""Region importance: the log-odds drop when a region comes from a face with another emotion.

    m_e(x)      = z_e - logsumexp(z_others)                      log-odds of emotion e: they do not saturate
    drop_r(e, d) = mean over receivers of [ m_e with donors of e  -  m_e with a donor of emotion d ]
    drop_r(e)    = mean over d of drop_r(e, d), without the largest and the smallest

Leaving out the extremes keeps one emotion's artefact from accusing all the others: donors that bring it change every
receiver. The median does so too, but wastes data: on a ResNet18 and photos its standard error was a third larger.

Every test asks on which side of `MIN_DROP` a drop lies, so that "yes" and "no" answer the same question, pay the same
correction and leave the rest undetermined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from reportgen.evidence.performance.margins import log_odds
from reportgen.evidence.stats.multiple_testing import ALPHA, holm
from reportgen.faces.transplant import BACKGROUND_TONES, TRANSPLANTED
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray, ObjectArray

__all__ = [
    "CHEATING_ALPHA",
    "CHEATING_DROP",
    "CHEATING_RECALL_DROP",
    "MIN_DROP",
    "MIN_PERSONS",
    "Barrier",
    "DropTest",
    "ImportanceAnswer",
    "RegionImportance",
    "measure_importance",
    "measure_rivals",
]

ImportanceAnswer = Literal["yes", "no", "undetermined", "insufficient evidence", "cannot be tested"]
Barrier = Literal["", "low recall", "shortcut"]
"""Why an importance cannot be tested: the model hardly ever predicts the emotion, so there is nothing to lose; or it
relies on a proven shortcut, and too few images of the emotion are without it."""

MIN_DROP = 0.2
"""The log-odds drop that every test is about: a region counts as important where its drop is shown to be larger, and as
unimportant where it is shown to be smaller."""
CHEATING_DROP, CHEATING_RECALL_DROP, CHEATING_ALPHA = 0.5, 0.05, 0.01
"""What reliance on the background must reach, all three, before it is called cheating: log-odds, recall, and p of the
emotion by itself; after Holm it must be significant as well. Settled on the self-check's corner patches, the family
for tuning."""
MIN_PERSONS = 6
"""With fewer persons nothing is decided, as everywhere in the report: six is the least that a sign test can decide."""
_DRAWS = 1000  # of a standard error, not of an interval's end: a thousand give it to about two per cent
# With fewer emotions among the donors nothing can be left out; their median is taken.
_TRIMMED = 4
_NONE: Mapping[int, Barrier] = MappingProxyType({})


@dataclass(frozen=True)
class RegionImportance:
    """Importance of one region for one emotion to one model.

    Attributes
    ----------
    drop, low, high
        Log-odds that the emotion loses when the region comes from another emotion's face, with a 95 % interval. NaN
        where it was not measured, or cannot be tested for a part of the face.
    recall_drop
        Recall drop: by how much fewer predictions stay with the emotion, over all pictures alike, -1..1.
    recall_low, recall_high
        Its 95 % interval, -1..1; NaN where it was not measured.
    p
        Two-sided, that the drop is `MIN_DROP`; adjusted (Holm) over emotions x facial regions of the model. For the
        background over the emotions, with matched and unmatched donors: it answers a question of its own. NaN where
        nothing was tested.
    receivers, persons, donors
        Faces that received, distinct persons among them (images where persons are unknown), faces that gave.
    by_donor
        (C,) the log-odds drop for donors of each emotion; NaN for the emotion itself and where there were none.
    p_unadjusted
        p before adjustment.
    barrier
        Why it cannot be tested; "" where it can.
    kind
        What the donor's region brings along: "matched" (its content, in the receiver's light and colour), "unmatched"
        (the pixels as they are), or of a background alone a tone.
    without_cue
        Whether it was measured on images without the shortcut that the model relies on for this emotion.
    against
        The one emotion whose donors count; "" for all.
    unmatched
        The same with the donors' own colour and light; None where that was not run.
    tones
        Of a background: the same where only its brightness, contrast or colour is exchanged, by name; empty where that
        was not run.
    """

    model: str
    emotion: str
    region: str
    answer: ImportanceAnswer
    drop: float
    low: float
    high: float
    recall_drop: float
    p: float
    receivers: int
    persons: int
    donors: int
    by_donor: tuple[float, ...]
    p_unadjusted: float = float("nan")
    barrier: Barrier = ""
    kind: str = "matched"
    without_cue: bool = False
    against: str = ""
    unmatched: RegionImportance | None = None
    tones: tuple[tuple[str, RegionImportance], ...] = ()
    recall_low: float = float("nan")
    recall_high: float = float("nan")

    @property
    def tested(self) -> bool:
        """Whether the swaps could decide anything: enough faces, and something to lose."""
        return self.answer not in ("insufficient evidence", "cannot be tested")

    @property
    def cheating(self) -> bool:
        """Whether reliance on the background is strong and certain enough to be called cheating."""
        return (
            self.region == "background"
            and self.answer == "yes"
            and self.p_unadjusted < CHEATING_ALPHA
            and self.drop >= CHEATING_DROP
            and self.recall_drop >= CHEATING_RECALL_DROP
        )


def measure_importance(
    model: str,
    design: pd.DataFrame,
    logits: AnyFloatArray,
    classes: tuple[str, ...],
    persons: ObjectArray,
    seed: int,
    regions: Sequence[str] = TRANSPLANTED,
    barred: Mapping[int, Barrier] = _NONE,
) -> tuple[RegionImportance, ...]:
    """Importance of every region for every emotion, in the order of `classes` and `regions`.

    Parameters
    ----------
    design
        One row per picture, as `reportgen.explain.experiments.transplants.design_transplants` gives it.
    logits
        (n, C) the model's logits for them.
    persons
        Per row of the analysis, a person; an image of its own name where unknown.
    barred
        Emotions that cannot be tested, and why. They leave the family of tests, except for the background: what a
        model that hardly ever predicts an emotion loses is small by necessity, so that only a large loss tells.
    """
    emotion = design["emotion"].to_numpy(dtype=np.int64)
    region, kind = design["region"].to_numpy(dtype=object), design["kind"].to_numpy(dtype=object)
    margin = log_odds(logits, emotion)
    stays = (logits.argmax(axis=1) == emotion).astype(np.float64)
    places: dict[tuple[int, str, str], list[int]] = {}
    for row, key in enumerate(zip(emotion.tolist(), region, kind, strict=True)):
        places.setdefault(key, []).append(row)
    tests: dict[tuple[int, str, str], DropTest] = {}
    for (e, where, what), at in places.items():
        if what != "rival" and where in regions and (where == "background" or e not in barred):
            tests[e, where, what] = DropTest(design.iloc[at], margin[at], stays[at], len(classes), persons, seed)
    families: dict[object, list[DropTest]] = {}
    for (_, where, what), test in tests.items():
        families.setdefault(_family(where, what), []).append(test)
    for family in families.values():
        for test, adjusted in zip(family, holm([test.p for test in family]), strict=True):
            test.adjusted = float(adjusted)

    def found(e: int, where: str, what: str) -> RegionImportance | None:
        test = tests.get((e, where, what))
        if test is None:
            return None
        return replace(_region(model, classes[e], where, test, barred.get(e, "")), kind=what)

    results = []
    for e, name in enumerate(classes):
        for where in regions:
            main = found(e, where, "matched") or _missing(model, name, where, len(classes), barred.get(e, ""))
            tones = ((tone, found(e, where, tone)) for tone in BACKGROUND_TONES)
            known = tuple((tone, one) for tone, one in tones if one is not None)
            results.append(replace(main, unmatched=found(e, where, "unmatched"), tones=known))
    return tuple(results)


def measure_rivals(
    model: str,
    design: pd.DataFrame,
    logits: AnyFloatArray,
    classes: tuple[str, ...],
    persons: ObjectArray,
    seed: int,
    barred: Mapping[int, Barrier] = _NONE,
) -> tuple[RegionImportance, ...]:
    """Importance of every facial region for telling an emotion from the one with which it is confused most.

    A family of its own, corrected over emotions x regions: which pair is tested follows from the confusions, never from
    the drops. Parameters as for `measure_importance`; emotions that are barred or have no rival are left out.
    """
    emotion, donor = (design[name].to_numpy(dtype=np.int64) for name in ("emotion", "donor_emotion"))
    kind, region = design["kind"].to_numpy(dtype=object), design["region"].to_numpy(dtype=object)
    margin = log_odds(logits, emotion)
    stays = (logits.argmax(axis=1) == emotion).astype(np.float64)
    tests: list[tuple[int, int, str, DropTest]] = []
    for e in range(len(classes)):
        rivals = np.unique(donor[(emotion == e) & (kind == "rival")])
        for d in (int(rival) for rival in rivals if e not in barred):
            taking = (emotion == e) & (((kind == "matched") & np.isin(donor, (e, d))) | (kind == "rival"))
            for where in TRANSPLANTED:
                at = np.flatnonzero(taking & (region == where))
                if where != "background" and len(at):
                    test = DropTest(design.iloc[at], margin[at], stays[at], len(classes), persons, seed)
                    tests.append((e, d, where, test))
    adjusted = holm([test.p for *_, test in tests])
    found = []
    for (e, d, where, test), p in zip(tests, adjusted, strict=True):
        test.adjusted = float(p)
        found.append(replace(_region(model, classes[e], where, test, ""), against=classes[d]))
    return tuple(found)


def _family(region: str, kind: str) -> tuple[bool, str]:
    """Tests that are corrected together: what is asked of the face, of the background, and by what of it."""
    if region != "background":
        return False, kind
    return True, "tones" if kind in BACKGROUND_TONES else "swaps"


class DropTest:
    """One emotion and region: the estimate, its interval and its p.

    Parameters
    ----------
    rows
        (n) of the design, all of one emotion and region.
    margin, stays
        (n,) log-odds of the emotion, and whether it is predicted (0 or 1).
    classes
        How many there are.
    persons
        Per row of the analysis.
    unchanged
        (n,) log-odds of the same pictures without a change of the photos: then drop, error and interval are those of
        the drop with the change less that without it, which is `start`.
    """

    def __init__(
        self,
        rows: pd.DataFrame,
        margin: FloatArray,
        stays: FloatArray,
        classes: int,
        persons: ObjectArray,
        seed: int,
        unchanged: FloatArray | None = None,
    ) -> None:
        self.receivers, r = np.unique(rows["receiver"], return_inverse=True)
        givers, g = np.unique(rows["donor"], return_inverse=True)
        self.donors = len(givers)
        receiver_person = np.unique(persons[self.receivers].astype(str), return_inverse=True)[1]
        donor_person = np.unique(persons[givers].astype(str), return_inverse=True)[1]
        self.persons = int(receiver_person.max()) + 1
        d = rows["donor_emotion"].to_numpy(dtype=np.int64)
        same = d == int(rows["emotion"].iloc[0])
        entries = _Entries(r, d, same, len(self.receivers), classes)
        every = np.ones((1, len(rows)))
        drops = entries.drops(margin, every)
        self.by_donor = drops[0]

        def centred(weights: FloatArray) -> FloatArray:
            found = _centre(entries.drops(margin, weights))
            return found if unchanged is None else found - _centre(entries.drops(unchanged, weights))

        self.drop = float(centred(every)[0])
        self.start = 0.0 if unchanged is None else float(_centre(entries.drops(unchanged, every))[0])
        # A plain share: of a few answers an emotion, leaving out the extremes leaves out most of what was lost.
        self.recall_drop = float(stays[same].mean() - stays[~same].mean()) if same.any() and not same.all() else np.nan
        rng = np.random.default_rng([seed, int(rows["emotion"].iloc[0]), TRANSPLANTED.index(rows["region"].iloc[0])])
        by_receiver = _weights(receiver_person, rng)[:, receiver_person[r]]
        by_donor = _weights(donor_person, rng)[:, donor_person[g]]
        by_pair = _weights(np.arange(len(rows)), rng)
        drawings = by_receiver, by_donor, by_pair
        self.error = self._error([_variance(centred(w)) for w in drawings])
        self.recall_error = self._error([_variance(_fewer_stay(stays, same, w)) for w in drawings])
        # What is left out of a trimmed mean tells nothing of its variance (Yuen 1974): with all receivers' degrees of
        # freedom the smallest p-values came out too small, and 12 families in a hundred erred.
        independent = min(self.persons, int(donor_person.max()) + 1)
        self.freedom = independent * _kept_share(int(np.isfinite(drops).sum())) - 1
        self.adjusted = np.nan

    def _error(self, spread: Sequence[float]) -> float:
        """Standard error from the variances by receivers, by donors and by pairs."""
        # Cameron, Gelbach and Miller 2011: what receivers share, plus what donors share, less what is counted twice.
        # Donors and pairs by themselves say little: drawing them again also breaks receivers' comparisons up.
        shared = max(spread[1] - spread[2], 0.0)
        # Persons drawn again from n are n / (n - 1) times too alike.
        return float(np.sqrt((spread[0] + shared) * self.persons / max(self.persons - 1, 1)))

    @property
    def p(self) -> float:
        """Two-sided, that the drop is `MIN_DROP`, before adjustment; NaN where a single person gave or received."""
        return self.p_of(self.drop - MIN_DROP)

    def p_of(self, apart: float) -> float:
        """The same of a drop that lies so far from what is asked about."""
        if self.freedom < 1:
            return np.nan
        if self.error == 0:
            return 1.0 if apart == 0 else 0.0
        return float(2 * student.sf(abs(apart) / self.error, self.freedom))

    @property
    def interval(self) -> tuple[float, float]:
        """95 %."""
        return self._interval(self.drop, self.error)

    @property
    def recall_interval(self) -> tuple[float, float]:
        """95 % of the recall drop."""
        low, high = self._interval(self.recall_drop, self.recall_error)
        return max(low, -1.0), min(high, 1.0)

    def _interval(self, value: float, error: float) -> tuple[float, float]:
        if self.freedom < 1:
            return -np.inf, np.inf
        reach = float(student.ppf(0.975, self.freedom)) * error
        return value - reach, value + reach

    @property
    def answer(self) -> ImportanceAnswer:
        """On which side of the minimum the drop is shown to lie."""
        if self.persons < MIN_PERSONS:
            return "insufficient evidence"
        if self.adjusted < ALPHA:
            return "yes" if self.drop > MIN_DROP else "no"
        return "undetermined"


class _Entries:
    """Where every picture's margin goes: its receiver, and the emotion of its donor."""

    def __init__(
        self, receiver: npt.NDArray[np.intp], donor_emotion: IntArray, same: BoolArray,
        receivers: int, classes: int,
    ) -> None:  # fmt: skip
        self._same, self._other = np.flatnonzero(same), np.flatnonzero(~same)
        self._receiver, self._emotion = receiver, donor_emotion
        self._own = np.eye(receivers)[receiver[self._same]]  # (s, R)
        self._classes = classes

    def drops(self, value: FloatArray, weights: FloatArray) -> FloatArray:
        """(draws, C) log-odds drop for donors of every emotion under (draws, n) weights; NaN where none is left."""
        own = weights[:, self._same]
        total = own @ self._own  # (draws, R)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = ((own * value[self._same]) @ self._own) / total  # (draws, R) of the same emotion's donors
        receiver = self._receiver[self._other]
        weight = np.where(total[:, receiver] > 0, weights[:, self._other], 0.0)  # (draws, o)
        lost = np.where(weight > 0, mean[:, receiver] - value[self._other], 0.0) * weight
        to_emotion = np.eye(self._classes)[self._emotion[self._other]]  # (o, C)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray((lost @ to_emotion) / (weight @ to_emotion))


def _variance(drawn: FloatArray) -> float:
    with np.errstate(invalid="ignore"):
        return float(np.nanvar(drawn, ddof=1)) if np.isfinite(drawn).any() else np.nan


def _fewer_stay(stays: FloatArray, same: BoolArray, weights: FloatArray) -> FloatArray:
    """(draws,) by how much fewer pictures stay with the emotion with another's region, under (draws, n) weights."""
    with np.errstate(invalid="ignore", divide="ignore"):
        own, other = (weights[:, part] @ stays[part] / weights[:, part].sum(axis=1) for part in (same, ~same))
    return np.asarray(own - other)


def _centre(drops: FloatArray) -> FloatArray:
    """(draws,) mean of each row of (draws, C) without its largest and smallest; NaN entries do not count."""
    ordered = np.sort(drops, axis=1)  # NaN comes last
    count = np.isfinite(ordered).sum(axis=1)
    place = np.arange(ordered.shape[1])
    inner = (place >= 1) & (place < count[:, None] - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        trimmed = np.where(inner, ordered, 0.0).sum(axis=1) / inner.sum(axis=1)
        low, high = (np.take_along_axis(ordered, np.maximum(k, 0)[:, None], axis=1)[:, 0] for k in
                     ((count - 1) // 2, count // 2))  # fmt: skip
    middle = np.where(count > 0, (low + high) / 2, np.nan)
    return np.asarray(np.where(count >= _TRIMMED, trimmed, middle))


def _kept_share(emotions: int) -> float:
    """Share of the donors' emotions that `_centre` keeps."""
    if emotions >= _TRIMMED:
        return (emotions - 2) / emotions
    return 1 / 3 if emotions == 3 else 1.0


def _weights(cluster: npt.NDArray[np.integer], rng: np.random.Generator) -> FloatArray:
    """(draws, clusters) how often each cluster is drawn."""
    count = int(cluster.max()) + 1
    return np.asarray(rng.multinomial(count, np.full(count, 1 / count), _DRAWS), dtype=np.float64)


def _region(model: str, emotion: str, region: str, test: DropTest, barrier: Barrier) -> RegionImportance:
    (low, high), (recall_low, recall_high) = test.interval, test.recall_interval
    found = RegionImportance(
        model=model,
        emotion=emotion,
        region=region,
        answer=test.answer,
        drop=test.drop,
        low=low,
        high=high,
        recall_drop=test.recall_drop,
        p=test.adjusted,
        receivers=len(test.receivers),
        persons=test.persons,
        donors=test.donors,
        by_donor=tuple(float(v) for v in test.by_donor),
        p_unadjusted=test.p,
        recall_low=recall_low,
        recall_high=recall_high,
    )
    if barrier and test.answer != "insufficient evidence" and not found.cheating:
        return replace(found, answer="cannot be tested", barrier=barrier)
    return found


def _missing(model: str, emotion: str, region: str, classes: int, barrier: Barrier) -> RegionImportance:
    """Where no picture was made, or none may count."""
    nan = float("nan")
    answer: ImportanceAnswer = "cannot be tested" if barrier else "insufficient evidence"
    return RegionImportance(
        model, emotion, region, answer, nan, nan, nan, nan, nan, 0, 0, 0, (nan,) * classes, barrier=barrier
    )
