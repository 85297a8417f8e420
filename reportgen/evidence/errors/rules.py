"""Why an image was misclassified: every flag that an error raises, with the numbers behind it.

A flag is a rule that was fixed before looking. Several can fire on one error. It counts as a reason only where it goes
with errors: where it is raised more often for errors than for correct images, beyond chance, or, for a shortcut, where
more predictions change than among other errors. Of those that count, the first in the order of `ORDER` is the primary
one. An error without any is unexplained; the share of these is always reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from reportgen.evidence.attention.map_statistics import areas
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.errors.label_suspects import LabelSuspects
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors
from reportgen.evidence.performance.margins import rivals
from reportgen.faces.regions import REGIONS
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray

__all__ = [
    "ORDER",
    "UNEXPLAINED",
    "ErrorCase",
    "Flag",
    "FlagMeasure",
    "Untested",
    "background_heat",
    "background_limit",
    "raise_flags",
]

ORDER = (
    "shortcut", "label-suspect", "low-quality", "dark-eyes", "turned-head", "open-mouth", "background", "prior",
    "ambiguous",
)  # fmt: skip
"""Flags that can be primary, first comes first."""
OF_PHOTOS = ("low-quality", "dark-eyes", "turned-head", "open-mouth")
"""Those that are properties of the photo: only of these it can be asked which share of the errors they account for."""
UNEXPLAINED = "unexplained"

_BACKGROUND = REGIONS.index("background")

MIN_CORRECT = 20
"""A 5th percentile of fewer correct predictions is only their smallest."""
LOW, HIGH, CLOSE = 0.05, 0.95, 0.10
"""Percentiles among the model's correct predictions: poor quality, much heat on the background, a close call."""
DARK_EYES, TURNED, OPEN = 0.4, 20.0, 0.1
"""What a face must show besides: light on the eyes below this (opaque dark glasses drawn on 250 photos gave less than
.24 in 99 %, without them 3 % of the photos had less than .4; of the 48 darkest of 2,000 photos half wore dark glasses),
a head turned by at least so many degrees (half of 2,000 photos of faces in the news are turned by less than 9, 90 % by
less than 24), lips apart by at least this share of the mouth's width (photos labelled neutral: median .07). Without it
the last 5 % of a frontal set with closed mouths would be called turned and open."""


Untested = Literal[
    "", "no changed photo", "one model", "few correct", "no regions", "not measured", "background not swapped",
    "priors unknown", "perhaps weighted",
]  # fmt: skip
"""Why a rule could not be tested: no photo was changed, there is no second model to agree, there are fewer than
`MIN_CORRECT` correct predictions to compare with, there are no regions, an older version
did not measure it, the background was not swapped, the training
data's emotions are not known, or nothing says that training used them unweighted."""


@dataclass(frozen=True)
class FlagMeasure:
    """A number behind a flag, for every image.

    Attributes
    ----------
    quantity
        What `value` measures.
    value, limit
        (n,); NaN where unknown.
    crossed
        (n,) whether the value lies on the flag's side of the limit.
    """

    quantity: str
    value: FloatArray
    limit: FloatArray
    crossed: BoolArray


@dataclass(frozen=True)
class Flag:
    """One rule, applied to one model's images.

    Attributes
    ----------
    name
        One of `ORDER`.
    fires
        (n,) the flag is raised; only on errors.
    tested
        (n,) errors to which the rule could be applied.
    measures
        The numbers behind it.
    common, comparable
        (n,) the part of the rule that applies to correct images as well, and where it could be applied; None
        for a rule about errors alone. Of a shortcut: predictions that change, and all errors that were changed.
    untested
        Why it could not be applied, where one cause holds for all errors; else empty.
    """

    name: str
    fires: BoolArray
    tested: BoolArray
    measures: tuple[FlagMeasure, ...]
    common: BoolArray | None = None
    comparable: BoolArray | None = None
    untested: Untested = ""


@dataclass(frozen=True)
class ErrorCase:
    """What the rules need of one model.

    Attributes
    ----------
    labels
        (n,) index of the labelled class, -1 where unlabelled.
    logits, probabilities
        (n, C).
    maps
        (n, C, h, w) raw signed maps.
    quality
        Measures of the photo by name, each (n,), NaN where unknown; low is poor.
    states
        States of the face, as `photo_measures.face_states` gives them.
    background
        (n,) heat per area on the background in the map of the predicted class, NaN where blank; None without regions.
    swapped
        By row, the change of the true-against-predicted margin on each of several other backgrounds; None where the
        experiment was not run.
    priors
        (C,) shares of the training images; None where not known, or where training was weighted.
    why_no_prior
        Why there are none.
    shortcut
        Its predictions for errors without the property of a shown shortcut; None where no photo was changed.
    """

    labels: IntArray
    logits: AnyFloatArray
    probabilities: FloatArray
    maps: AnyFloatArray
    quality: Mapping[str, FloatArray]
    states: Mapping[str, FloatArray] = field(default_factory=dict)
    background: FloatArray | None = None
    swapped: Mapping[int, Sequence[float]] | None = None
    priors: FloatArray | None = None
    why_no_prior: Untested = ""
    shortcut: ShortcutErrors | None = None

    @property
    def predicted(self) -> IntArray:
        """(n,) the predicted class."""
        return np.asarray(self.logits.argmax(axis=1), dtype=np.int64)

    @property
    def wrong(self) -> BoolArray:
        """(n,) labelled and wrong."""
        return np.asarray((self.labels >= 0) & (self.predicted != self.labels))

    @property
    def right(self) -> BoolArray:
        """(n,) labelled and right."""
        return np.asarray((self.labels >= 0) & (self.predicted == self.labels))


def raise_flags(case: ErrorCase, suspects: LabelSuspects, names: Sequence[str]) -> tuple[Flag, ...]:
    """All rules in the order of `ORDER`.

    Parameters
    ----------
    suspects
        Found over all models.
    names
        Of all models.
    """
    return (
        _shortcut(case),
        _label_suspect(case, suspects, names),
        _low_quality(case),
        _dark_eyes(case),
        _turned_head(case),
        _open_mouth(case),
        _on_background(case),
        _prior(case),
        _ambiguous(case),
    )


def _shortcut(case: ErrorCase) -> Flag:
    wrong, found = case.wrong, case.shortcut
    if found is None:
        nothing = np.zeros_like(wrong)
        return Flag("shortcut", nothing, nothing, (), untested="no changed photo")
    lead = FlagMeasure("lead of the answer without the property", found.margin, np.zeros(len(wrong)), found.gone)
    # A prediction that no shortcut concerns needs no experiment.
    tested = wrong & (found.shown | ~found.suspected)
    return Flag(
        "shortcut", found.gone & wrong, tested, (lead,), found.gone | found.compared_gone, found.shown | found.compared
    )


def _label_suspect(case: ErrorCase, suspects: LabelSuspects, names: Sequence[str]) -> Flag:
    wrong = case.wrong
    if not suspects.tested:
        nothing = np.zeros_like(wrong)
        return Flag("label-suspect", nothing, nothing, (), untested="one model")
    known = suspects.predicted >= 0
    measures = []
    for name, p, threshold in zip(names, suspects.probability, suspects.thresholds, strict=True):
        limit = np.where(known, threshold[suspects.predicted], np.nan)
        value = np.where(known, p, np.nan)
        measures.append(
            FlagMeasure(", ".join(("probability of the answer", name)), value, limit, _at_least(value, limit))
        )
    return Flag("label-suspect", suspects.suspect & wrong, wrong, tuple(measures))


def _low_quality(case: ErrorCase) -> Flag:
    right, wrong = case.right, case.wrong
    measures = []
    for quantity, value in case.quality.items():
        known = np.isfinite(value)
        if (known & right).sum() < MIN_CORRECT:
            continue
        limit = np.full(len(value), np.quantile(value[known & right], LOW))
        measures.append(FlagMeasure(quantity, value, limit, known & (value < limit)))
    if not measures:
        nothing = np.zeros_like(wrong)
        return Flag("low-quality", nothing, nothing, (), untested="few correct")
    known = np.any([np.isfinite(m.value) for m in measures], axis=0)
    poor = np.any([m.crossed for m in measures], axis=0)
    return Flag("low-quality", poor & wrong, known & wrong, tuple(measures), poor, known)


def _dark_eyes(case: ErrorCase) -> Flag:
    """Dark glasses, or deep shade as that of a cap.

    The limit does not follow the correct predictions: where many photos show dark glasses, and half of them are
    predicted correctly, a percentile of these would lie among the glasses.
    """
    value = _state(case, "light on the eyes")
    if isinstance(value, str):
        return _untested(case, "dark-eyes", value)
    limit = np.full(len(value), DARK_EYES)
    return _of_face(case, "dark-eyes", FlagMeasure("light on the eyes", value, limit, value < limit))


def _turned_head(case: ErrorCase) -> Flag:
    value = _state(case, "turn of the head")
    usual = None if isinstance(value, str) else _quantile(value, case.right, HIGH)
    if isinstance(value, str) or usual is None:
        return _untested(case, "turned-head", value if isinstance(value, str) else "few correct")
    limit = np.full(len(value), max(usual, TURNED))
    return _of_face(case, "turned-head", FlagMeasure("turn of the head", value, limit, value > limit))


def _open_mouth(case: ErrorCase) -> Flag:
    """Wider open than in 95 % of the correct predictions of the same label: an open mouth belongs to some emotions."""
    value = _state(case, "opening of the mouth")
    if isinstance(value, str):
        return _untested(case, "open-mouth", value)
    limit = np.full(len(value), np.nan)
    for label in np.unique(case.labels[case.labels >= 0]):
        usual = _quantile(value, case.right & (case.labels == label), HIGH)
        if usual is not None:
            limit[case.labels == label] = max(usual, OPEN)
    if not np.isfinite(limit).any():
        return _untested(case, "open-mouth", "few correct")
    return _of_face(case, "open-mouth", FlagMeasure("opening of the mouth", value, limit, value > limit))


def _state(case: ErrorCase, name: str) -> FloatArray | Untested:
    """A state of the face, or why it is not known."""
    return case.states.get(name, "not measured" if case.states else "no regions")


def _quantile(value: FloatArray, among: BoolArray, level: float) -> float | None:
    """A percentile of the known values; None of fewer than `MIN_CORRECT`."""
    known = value[among & np.isfinite(value)]
    return float(np.quantile(known, level)) if len(known) >= MIN_CORRECT else None


def _untested(case: ErrorCase, name: str, why: Untested) -> Flag:
    nothing = np.zeros_like(case.wrong)
    return Flag(name, nothing, nothing, (), untested=why)


def _of_face(case: ErrorCase, name: str, measure: FlagMeasure) -> Flag:
    known = np.isfinite(measure.value) & np.isfinite(measure.limit)
    return Flag(name, case.wrong & known & measure.crossed, case.wrong & known, (measure,), measure.crossed, known)


def _on_background(case: ErrorCase) -> Flag:
    right, wrong = case.right, case.wrong
    nothing = np.zeros_like(wrong)
    if case.background is None:
        return Flag("background", nothing, nothing, (), untested="no regions")
    highest = background_limit(case.background, right)
    if highest is None:
        return Flag("background", nothing, nothing, (), untested="few correct")
    known, limit = np.isfinite(case.background), np.full(len(wrong), highest)
    hot = known & (case.background > limit)
    heat = FlagMeasure("heat per area on the background", case.background, limit, hot)
    if case.swapped is None:
        why: Untested = "background not swapped"
        return Flag("background", nothing, wrong & known & ~hot, (heat,), hot, known, why)
    # The least favourable of several other backgrounds: on an error any disturbance helps the label about as often as
    # not, so one rise alone would be a coin's.
    least = np.full(len(wrong), np.nan)
    for row, changes in case.swapped.items():
        if len(changes):
            least[row] = min(changes)
    rises = np.isfinite(least) & (least > 0)
    swap = FlagMeasure("least rise of the label's margin on other backgrounds", least, np.zeros(len(wrong)), rises)
    # Little heat settles it without the experiment.
    tested = wrong & known & (~hot | np.isfinite(least))
    return Flag("background", wrong & hot & rises, tested, (heat, swap), hot, known)


def background_limit(heat: FloatArray, right: BoolArray) -> float | None:
    """Heat per area above which an image has much of it on the background; None with too few correct predictions."""
    usual = heat[np.isfinite(heat) & right]
    return float(np.quantile(usual, HIGH)) if len(usual) >= MIN_CORRECT else None


def _prior(case: ErrorCase) -> Flag:
    wrong = case.wrong
    if case.priors is None:
        nothing = np.zeros_like(wrong)
        return Flag("prior", nothing, nothing, (), untested=case.why_no_prior)
    seen = case.priors > 0
    adjusted = np.where(seen, case.logits - np.log(np.where(seen, case.priors, 1.0)), -np.inf)
    rows, label = np.arange(len(wrong)), np.maximum(case.labels, 0)
    ahead = adjusted[rows, label] - adjusted[rows, rivals(adjusted, case.labels)]
    ahead = np.where(np.isfinite(ahead), ahead, np.nan)
    mends = np.nan_to_num(ahead, nan=-1.0) > 0
    measure = FlagMeasure("the label's margin without the class frequencies", ahead, np.zeros(len(wrong)), mends)
    return Flag("prior", wrong & mends, wrong, (measure,))


def _ambiguous(case: ErrorCase) -> Flag:
    right, wrong = case.right, case.wrong
    ordered = np.sort(case.probabilities, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    if right.sum() < MIN_CORRECT:
        nothing = np.zeros_like(wrong)
        return Flag("ambiguous", nothing, nothing, (), untested="few correct")
    limit = np.full(len(margin), np.quantile(margin[right], CLOSE))
    close = margin < limit
    rows, label = np.arange(len(margin)), np.maximum(case.labels, 0)
    # Ties for second count as second.
    rank = 1 + (case.probabilities > case.probabilities[rows, label][:, None]).sum(axis=1).astype(np.float64)
    second = FlagMeasure("rank of the label", rank, np.full(len(margin), 2.0), rank <= 2)
    lead = FlagMeasure("lead of the first answer over the second", margin, limit, close)
    return Flag("ambiguous", wrong & close & (rank <= 2), wrong, (lead, second), close, case.labels >= 0)


def _at_least(value: FloatArray, limit: FloatArray) -> BoolArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(value >= limit)


def background_heat(measure: ModelMeasures) -> FloatArray:
    """(n,) heat per area on the background in the map of the predicted class; NaN where blank or not in the crop."""
    area = areas(measure.masks)[:, _BACKGROUND]
    with np.errstate(invalid="ignore", divide="ignore"):
        heat = measure.predicted.share[:, _BACKGROUND] / area
    return np.where(np.isfinite(heat), heat, np.nan)
