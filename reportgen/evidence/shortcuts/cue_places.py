"""Where in the picture a proven property is used: which region loses the predictions when it alone is changed.

That sharpness carries an emotion says how a model knows it, not what it sees there: glasses, a drawing and a beard are
all sharp. Where the change costs the predictions in one region and hardly anywhere else, that region is where to look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.examples.sampling import interleave
from reportgen.evidence.shortcuts.findings import Shortcut
from reportgen.evidence.shortcuts.interventions import MIN_EXCESS, MIN_KNOWN, LostImages, count_losses
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.units import units_of
from reportgen.inputs.images.changes import EVERYWHERE, can_change
from reportgen.types import Float32Array, FloatArray, IntArray, ObjectArray

__all__ = ["LOCAL", "PLACE_COLUMNS", "CuePlace", "PlaceFindings", "RegionLoss", "choose_places", "judge_places"]

LOCAL = ("grey", "equalised", "blurred", "sharpened", "denoised")
"""Changes of single pixels and their neighbours, which can be made in one region alone."""

_PHOTOS = 30  # of the emotion at most, and of others
_MOST = 0.5  # share of the predictions lost everywhere that a place has to lose
_LEVEL = 0.05


@dataclass(frozen=True)
class RegionLoss:
    """One region, changed by itself.

    Attributes
    ----------
    region
        One of `TRANSPLANTED`, or "everywhere".
    lost, known
        Photos of the emotion that are no longer predicted as it, of those that were.
    lost_elsewhere, known_elsewhere
        The same of photos of other emotions.
    excess
        The first share less the second; with an interval that holds for all regions together (95 %, Bonferroni).
    """

    region: str
    lost: int
    known: int
    lost_elsewhere: int
    known_elsewhere: int
    excess: Estimate

    @property
    def share(self) -> float:
        """Share that is lost, 0..1; NaN where none was known."""
        return self.lost / self.known if self.known else float("nan")


@dataclass(frozen=True)
class CuePlace:
    """Where one shortcut is used.

    Attributes
    ----------
    regions
        Every region of the face and the background, in their order.
    everywhere
        The whole photo changed.
    found
        Regions whose change alone loses at least half of what changing everything loses, ten points more than of other
        emotions' photos, and more beyond chance; those that lose most first. Empty where none does: the property is
        then used in several places together, or too few photos tell.
    """

    model: str
    emotion: str
    change: str
    regions: tuple[RegionLoss, ...]
    everywhere: RegionLoss
    found: tuple[str, ...]


@dataclass(frozen=True)
class PlaceFindings:
    """The places of all shortcuts that have any, and their table."""

    places: tuple[CuePlace, ...]
    tables: Mapping[str, pd.DataFrame]

    def of(self, shortcut: Shortcut) -> CuePlace | None:
        """The place of one shortcut; None where it was not looked for."""
        key = (shortcut.model, shortcut.emotion, shortcut.change)
        return next((place for place in self.places if (place.model, place.emotion, place.change) == key), None)


def choose_places(analysis: Analysis, shortcuts: Sequence[Shortcut], seed: int) -> dict[str, list[int]]:
    """By change, the rows to be shown: photos of the emotion and of others that the model knows.

    Only of shortcuts whose recall was shown to fall without the property; where few persons show it, no region would.
    """
    chosen: dict[str, set[int]] = {}
    for shortcut in _local(shortcuts):
        mine, others = _photos(analysis, shortcut, seed)
        chosen.setdefault(shortcut.change, set()).update(mine.tolist(), others.tolist())
    return {name: sorted(rows) for name, rows in chosen.items()}


def _local(shortcuts: Sequence[Shortcut]) -> list[Shortcut]:
    return [shortcut for shortcut in shortcuts if shortcut.removed and shortcut.change in LOCAL]


def _photos(analysis: Analysis, shortcut: Shortcut, seed: int) -> tuple[IntArray, IntArray]:
    """Rows of the emotion that its model predicts as it, and correct ones of other emotions, each emotion in turn.

    Only of photos that the change alters: a grey one made grey could not lose anything.
    """
    if analysis.faces is None:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    model = _model(analysis, shortcut)
    e = analysis.classes.index(shortcut.emotion)
    usable = np.asarray([source != "template" for source in analysis.faces.source], dtype=bool)
    known = usable & (analysis.labels >= 0) & (model.predicted == analysis.labels)
    known &= can_change(shortcut.change, analysis.images, analysis.faces)
    rng = np.random.default_rng([seed, e])
    mine = rng.permutation(np.flatnonzero(known & (analysis.labels == e)))[:_PHOTOS]
    groups = [
        rng.permutation(np.flatnonzero(known & (analysis.labels == k))).tolist()
        for k in range(len(analysis.classes))
        if k != e
    ]
    others = np.asarray(interleave(groups)[:_PHOTOS], dtype=np.int64)
    return np.sort(mine), np.sort(others)


def _model(analysis: Analysis, shortcut: Shortcut) -> ModelRecords:
    return next(model for model in analysis.models if model.name == shortcut.model)


def judge_places(
    analysis: Analysis,
    shortcuts: Sequence[Shortcut],
    answers: Mapping[str, tuple[pd.DataFrame, Float32Array]],
    seed: int,
) -> PlaceFindings:
    """Find the places.

    Parameters
    ----------
    answers
        Per model's slug the design (`image`, `change`, `region`) and the (m, C) logits.
    """
    units = units_of(analysis.images)
    places = []
    for shortcut in _local(shortcuts):
        model = _model(analysis, shortcut)
        if model.slug not in answers:
            continue
        design, logits = answers[model.slug]
        now = logits.argmax(axis=1).astype(np.int64)
        photos = _photos(analysis, shortcut, seed)
        found = _place(shortcut, design, now, model.predicted, analysis.labels, photos, units, seed)
        if found is not None:
            places.append(found)
    rows = [_row(place, region) for place in places for region in (*place.regions, place.everywhere)]
    table = pd.DataFrame(rows, columns=list(PLACE_COLUMNS["cue_places"]))
    return PlaceFindings(tuple(places), MappingProxyType({"cue_places": table}))


def _place(
    shortcut: Shortcut,
    design: pd.DataFrame,
    now: IntArray,
    predicted: IntArray,
    labels: IntArray,
    photos: tuple[IntArray, IntArray],
    units: ObjectArray | None,
    seed: int,
) -> CuePlace | None:
    image, region = design["image"].to_numpy(dtype=np.int64), design["region"].to_numpy(dtype=object)
    start = predicted.copy()
    start[image[region == ""]] = now[region == ""]
    ours = (design["change"] == shortcut.change).to_numpy()
    regions = [name for name in dict.fromkeys(region[ours].tolist()) if name]
    alpha = _LEVEL / max(len(regions) - 1, 1)
    found = []
    if not regions:
        return None  # no photo of this change was shown
    for name in regions:
        answer = np.full(len(labels), -1, dtype=np.int64)
        at = ours & (region == name)
        answer[image[at]] = now[at]
        mine, others = (_losses(rows, start, answer, labels, units) for rows in photos)
        if name == EVERYWHERE and (mine.units < MIN_KNOWN or others.units < MIN_KNOWN):
            return None
        found.append(
            RegionLoss(name, mine.lost, mine.known, others.lost, others.known, _excess(mine, others, alpha, seed))
        )
    everywhere = next(one for one in found if one.region == EVERYWHERE)
    rest = tuple(one for one in found if one.region != EVERYWHERE)
    # Where the whole change loses nothing, a region's loss comes from its seam.
    places = [
        one
        for one in rest
        if everywhere.excess.low > 0
        and one.lost >= _MOST * everywhere.lost
        and one.excess.value >= MIN_EXCESS
        and one.excess.low > 0
    ]
    places.sort(key=lambda one: -one.excess.value)
    names = tuple(one.region for one in places)
    return CuePlace(shortcut.model, shortcut.emotion, shortcut.change, rest, everywhere, names)


def _losses(
    rows: IntArray, start: IntArray, answer: IntArray, labels: IntArray, units: ObjectArray | None
) -> LostImages:
    known = (start[rows] == labels[rows]) & (answer[rows] >= 0)
    return count_losses(known, answer[rows] != labels[rows], None if units is None else units[rows])


def _excess(mine: LostImages, others: LostImages, alpha: float, seed: int) -> Estimate:
    """How much more of the first is lost, with an interval at level 1 - alpha."""
    if not mine.known or not others.known:
        return Estimate(float("nan"), -1.0, 1.0, mine.known)
    rng = np.random.default_rng(seed)
    draws: FloatArray = mine.draws(rng) - others.draws(rng)
    value = mine.share - others.share
    low, high = np.quantile(draws, (alpha / 2, 1 - alpha / 2))
    return Estimate(value, min(float(low), value), max(float(high), value), mine.known)


def _row(place: CuePlace, one: RegionLoss) -> dict[str, object]:
    return {
        "model": place.model,
        "emotion": place.emotion,
        "change": place.change,
        "region": one.region,
        "known": one.known,
        "lost": one.lost,
        "known_elsewhere": one.known_elsewhere,
        "lost_elsewhere": one.lost_elsewhere,
        "excess": one.excess.value,
        "excess_low": one.excess.low,
        "excess_high": one.excess.high,
        "place": one.region in place.found,
    }


PLACE_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "cue_places": {
        "model": "name of the model that relies on a property of the photo",
        "emotion": "emotion that it predicts from it",
        "change": "what was done to take the property away",
        "region": "region in which alone it was done, or everywhere",
        "known": "photos of the emotion that were predicted as it before",
        "lost": "how many are not with the region changed",
        "known_elsewhere": "photos of other emotions that were predicted correctly before",
        "lost_elsewhere": "how many are not with the region changed",
        "excess": "lost / known - lost_elsewhere / known_elsewhere",
        "excess_low": "lower end of an interval of excess that holds for all regions together (95 %)",
        "excess_high": "upper end of it",
        "place": "whether the property is used there: at least half of what is lost everywhere, ten points more than "
        "of other emotions' photos, and excess_low above 0",
    },
})  # fmt: skip
