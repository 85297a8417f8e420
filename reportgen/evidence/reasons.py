"""The reasons of every error of every model, what they are worth, and how many errors none of them explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.attention import Bools, Floats, areas
from reportgen.evidence.estimate import Estimate, wilson
from reportgen.evidence.flags import (
    ORDER,
    UNEXPLAINED,
    ErrorCase,
    Flag,
    Regions,
    contrast_regions,
    raise_flags,
)
from reportgen.evidence.label_suspects import LabelSuspects, find_label_suspects
from reportgen.evidence.measure import ModelMeasures
from reportgen.evidence.occlusions import Occlusions, RegionChange
from reportgen.evidence.reason_rates import FlagRate, SwapCheck, flag_rate, swap_check
from reportgen.faces.regions import REGIONS

__all__ = ["ModelReasons", "ReasonFindings", "background_heat", "find_reasons"]

_BACKGROUND = REGIONS.index("background")
_EYE_CORNERS = ((33, 133), (362, 263))
_RESTATES = "looks-like"


@dataclass(frozen=True)
class ModelReasons:
    """One model's errors.

    Attributes
    ----------
    flags
        In the order of `flags.ORDER`; their `fires[row]` tells which an error raises.
    primary
        (n,) index into `flags.ORDER` of an error's first reason; -1 unexplained; -2 not an error.
    regions
        Where the answer outweighs the label; None without regions.
    groups
        Regions that the grid cannot tell apart.
    rates
        One per flag.
    errors
        How many errors there are.
    unexplained
        Share of errors without any flag, 0..1.
    restated
        Share of errors whose only flag is that their map looks like the predicted class's. That is close to the
        prediction itself, so a reader should know how much rests on it.
    swap
        What other backgrounds do; None where that was not run.
    strips
        By row, what the model said when a region was taken away or exchanged.
    """

    model: str
    slug: str
    flags: tuple[Flag, ...]
    primary: npt.NDArray[np.int64]
    regions: Regions | None
    groups: tuple[tuple[str, ...], ...]
    rates: tuple[FlagRate, ...]
    errors: int
    unexplained: Estimate
    restated: Estimate
    swap: SwapCheck | None
    strips: Mapping[int, tuple[RegionChange, ...]]

    def flag(self, name: str) -> Flag:
        """One flag by its name."""
        return self.flags[ORDER.index(name)]

    def raised(self, row: int) -> tuple[str, ...]:
        """The flags of one image, first reason first; "unexplained" for an error without any, empty if no error."""
        if self.primary[row] == -2:
            return ()
        return tuple(flag.name for flag in self.flags if flag.fires[row]) or (UNEXPLAINED,)


@dataclass(frozen=True)
class ReasonFindings:
    """The reasons of all models.

    Attributes
    ----------
    models
        In the order of the analysis.
    suspects
        Labels that all models doubt.
    occlusions
        What was measured on changed pictures; None where nothing was run.
    """

    models: tuple[ModelReasons, ...]
    suspects: LabelSuspects
    occlusions: Occlusions | None

    @cached_property
    def flags(self) -> Mapping[str, Mapping[int, tuple[str, ...]]]:
        """Per model's slug, the flags of every error by row."""
        return MappingProxyType(
            {
                model.slug: {row: model.raised(row) for row in np.flatnonzero(model.primary > -2).tolist()}
                for model in self.models
            }
        )


def find_reasons(
    analysis: Analysis,
    measures: Sequence[ModelMeasures] | None,
    occlusions: Occlusions | None = None,
    priors: Floats | None = None,
    *,
    unweighted: bool = False,
    seed: int = 0,
) -> ReasonFindings | None:
    """Ask every rule of every error; None where no image is labelled.

    Parameters
    ----------
    measures
        Of each model; None without regions.
    occlusions
        What the models said to changed pictures.
    priors
        (C,) share of each class among the training images; None where not known.
    unweighted
        Whether training is known to have used the classes as they came; only then priors tell anything.
    """
    labels = analysis.labels
    if not (labels >= 0).any():
        return None
    suspects = find_label_suspects([model.probabilities for model in analysis.models], labels)
    quality = photo_quality(analysis)
    names = [model.name for model in analysis.models]
    people = analysis.images["person"]
    persons = people.to_numpy(dtype=object) if people.notna().any() else None
    controls = np.zeros(len(labels), dtype=bool)
    if occlusions is not None:
        controls[sorted(occlusions.controls)] = True
    found = []
    for k, model in enumerate(analysis.models):
        measure = None if measures is None else measures[k]
        case = ErrorCase(
            labels=labels,
            logits=model.logits,
            probabilities=model.probabilities,
            maps=model.maps,
            quality=quality,
            background=None if measure is None else background_heat(measure),
            swapped=None if occlusions is None else occlusions.backgrounds.get(model.slug, {}),
            priors=priors if unweighted else None,
            why_no_prior=_why_no_prior(priors, unweighted=unweighted),
        )
        flags = raise_flags(case, suspects, names)
        found.append(_weigh(analysis, model, case, flags, measure, occlusions, persons, controls, seed))
    return ReasonFindings(tuple(found), suspects, occlusions)


def _weigh(
    analysis: Analysis,
    model: ModelRecords,
    case: ErrorCase,
    flags: tuple[Flag, ...],
    measure: ModelMeasures | None,
    occlusions: Occlusions | None,
    persons: npt.NDArray[np.object_] | None,
    controls: Bools,
    seed: int,
) -> ModelReasons:
    wrong, right = case.wrong, case.right
    fires = np.stack([flag.fires for flag in flags])  # (F, n)
    primary = np.where(fires.any(axis=0), fires.argmax(axis=0), -1)
    primary = np.where(wrong, primary, -2)
    errors = int(wrong.sum())
    regions = None
    if measure is not None and analysis.faces is not None:
        approximate = np.asarray([source == "template" for source in analysis.faces.regions_from])
        regions = contrast_regions(case, measure.masks, approximate)
    alone = fires[ORDER.index(_RESTATES)] & (fires.sum(axis=0) == 1)
    background = flags[ORDER.index("background")]
    return ModelReasons(
        model=model.name,
        slug=model.slug,
        flags=flags,
        primary=primary,
        regions=regions,
        groups=() if measure is None else measure.groups,
        rates=tuple(
            flag_rate(flag, wrong, right, int((primary == index).sum()), persons, seed)
            for index, flag in enumerate(flags)
        ),
        errors=errors,
        unexplained=wilson(int((primary == -1).sum()), errors),
        restated=wilson(int(alone.sum()), errors),
        swap=swap_check(background, case.swapped, controls),
        strips={} if occlusions is None else occlusions.strips.get(model.slug, {}),
    )


def photo_quality(analysis: Analysis) -> dict[str, Floats]:
    """What low quality is judged by: sharpness, luminance, and pixels between the eyes where landmarks were found."""
    images = analysis.images
    quality = {name: images[name].to_numpy(dtype=np.float64) for name in ("sharpness", "luminance") if name in images}
    if analysis.faces is not None:
        points = analysis.faces.points.astype(np.float64)
        right, left = (points[:, list(corners)].mean(axis=1) for corners in _EYE_CORNERS)
        size = images[["width", "height"]].to_numpy(dtype=np.float64)
        apart = np.linalg.norm((left - right) * size, axis=1)
        found = np.asarray([source != "template" for source in analysis.faces.source])
        quality["pixels between the eyes"] = np.where(found, apart, np.nan)
    return quality


def background_heat(measure: ModelMeasures) -> Floats:
    """(n,) heat per area on the background in the map of the predicted class; NaN where blank or not in the crop."""
    area = areas(measure.masks)[:, _BACKGROUND]
    with np.errstate(invalid="ignore", divide="ignore"):
        heat = measure.predicted.share[:, _BACKGROUND] / area
    return np.where(np.isfinite(heat), heat, np.nan)


def _why_no_prior(priors: Floats | None, *, unweighted: bool) -> str:
    if priors is None:
        return "the training data's emotions are not known"
    return "" if unweighted else "nothing says that training was unweighted (setting training_unweighted)"
