"""The first reason of every error, how often each also holds for correct images, and the share left unexplained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.evidence.attention.map_statistics import PARTS, areas, contrast_error, describe
from reportgen.evidence.errors.label_suspects import LabelSuspects
from reportgen.evidence.errors.label_votes import LabelVote
from reportgen.evidence.errors.occlusions import Occlusions, RegionChange
from reportgen.evidence.errors.rates import FlagRate, SwapCheck, flag_rate, share_of_errors, swap_check
from reportgen.evidence.errors.rules import ORDER, UNEXPLAINED, ErrorCase, Flag
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors
from reportgen.evidence.stats.clustered import clusters, proportion
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.multiple_testing import holm
from reportgen.faces.regions import REGIONS
from reportgen.types import AnyFloatArray, BoolArray, FloatArray, IntArray, ObjectArray

__all__ = ["ContrastRegions", "ModelReasons", "ReasonFindings", "contrast_regions", "weigh_reasons"]

_SMALLEST = 0.02
"""Share of the crop that a region must fill before heat per area is compared: less is a sliver at the border."""
_EYES = REGIONS.index("eyes+brows")


@dataclass(frozen=True)
class ContrastRegions:
    """Where the predicted class outweighs the label most, for every error.

    Attributes
    ----------
    region
        (n,) index into REGIONS, -1 where there is none.
    heat
        (n,) heat per area there; 1 is even.
    share
        (n,) share of the evidence for the predicted class rather than the label, 0..1.
    """

    region: IntArray
    heat: FloatArray
    share: FloatArray


def contrast_regions(case: ErrorCase, masks: AnyFloatArray, approximate: BoolArray) -> ContrastRegions:
    """The region with the most heat per area in `relu(raw_predicted - raw_label)` on every error.

    Parameters
    ----------
    masks
        (n, R, h, w), merged where the grid cannot tell regions apart.
    approximate
        (n,) images whose eyes and brows are only roughly placed: that region is not named for them.
    """
    n = len(case.labels)
    region, heat, share = np.full(n, -1), np.full(n, np.nan), np.full(n, np.nan)
    rows = np.flatnonzero(case.wrong)
    if not len(rows):
        return ContrastRegions(region, heat, share)
    against = contrast_error(case.maps[rows], case.predicted[rows], case.labels[rows])
    shares, area = describe(against, masks[rows]).share, areas(masks[rows])
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(area >= _SMALLEST, shares / area, -np.inf)
    ratio[approximate[rows], _EYES] = -np.inf
    best = PARTS[ratio[:, PARTS].argmax(axis=1)]
    index = np.arange(len(rows))
    known = np.isfinite(ratio[index, best])
    region[rows] = np.where(known, best, -1)
    heat[rows] = np.where(known, ratio[index, best], np.nan)
    share[rows] = np.where(known, shares[index, best], np.nan)
    return ContrastRegions(region, heat, share)


@dataclass(frozen=True)
class ModelReasons:
    """One model's errors.

    Attributes
    ----------
    flags
        In the order of `flags.ORDER`; their `fires[row]` tells which an error raises.
    primary
        (n,) index into `flags.ORDER` of an error's first reason that counts; -1 unexplained; -2 not an error.
    regions
        Where the predicted class outweighs the label; None without regions.
    groups
        Regions that the grid cannot tell apart.
    rates
        One per flag.
    errors
        How many errors there are.
    unexplained
        Share of errors without a reason that counts, 0..1.
    swap
        What other backgrounds do; None where that was not run.
    strips
        By row, how the margin changes when a region is filled in or exchanged.
    shortcut
        Its predictions for errors without the property of a shown shortcut; None where no photo was changed.
    """

    model: str
    slug: str
    flags: tuple[Flag, ...]
    primary: IntArray
    regions: ContrastRegions | None
    groups: tuple[tuple[str, ...], ...]
    rates: tuple[FlagRate, ...]
    errors: int
    unexplained: Estimate
    swap: SwapCheck | None
    strips: Mapping[int, tuple[RegionChange, ...]]
    shortcut: ShortcutErrors | None = None

    def flag(self, name: str) -> Flag:
        """One flag by its name."""
        return self.flags[ORDER.index(name)]

    def counts(self, name: str) -> bool:
        """Whether one flag counts as a reason: whether it goes with errors."""
        return self.rates[ORDER.index(name)].telling

    def raised(self, row: int) -> tuple[str, ...]:
        """The flags of one image: those that count, or "unexplained", then the others; empty if no error."""
        if self.primary[row] == -2:
            return ()
        fires = [
            (flag.name, rate.telling) for flag, rate in zip(self.flags, self.rates, strict=True) if flag.fires[row]
        ]
        counting = tuple(name for name, telling in fires if telling)
        return (counting or (UNEXPLAINED,)) + tuple(name for name, telling in fires if not telling)


@dataclass(frozen=True)
class ReasonFindings:
    """The reasons of all models.

    Attributes
    ----------
    models
        In the order of the analysis.
    suspects
        Labels that all models contradict, and a second opinion as well where there is one.
    occlusions
        What was measured on changed pictures; None where nothing was run.
    votes
        Second opinions on every label that all models contradict with confidence, the strongest evidence first.
    review
        Labels to look at one by one, the strongest evidence first: the suspects, and others with enough evidence; with
        one model only the latter.
    tables
        Tidy; each column is explained in `errors.tables.REASON_COLUMNS`.
    """

    models: tuple[ModelReasons, ...]
    suspects: LabelSuspects
    occlusions: Occlusions | None
    votes: tuple[LabelVote, ...] = ()
    review: tuple[LabelVote, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    @cached_property
    def flags(self) -> Mapping[str, Mapping[int, tuple[str, ...]]]:
        """Per model's slug, the flags of every error by row."""
        return MappingProxyType(
            {
                model.slug: {row: model.raised(row) for row in np.flatnonzero(model.primary > -2).tolist()}
                for model in self.models
            }
        )


def weigh_reasons(
    model: str,
    slug: str,
    case: ErrorCase,
    flags: tuple[Flag, ...],
    *,
    regions: ContrastRegions | None = None,
    groups: tuple[tuple[str, ...], ...] = (),
    strips: Mapping[int, tuple[RegionChange, ...]] = MappingProxyType({}),
    controls: BoolArray | None = None,
    persons: ObjectArray | None = None,
) -> ModelReasons:
    """Choose every error's first reason and count.

    Parameters
    ----------
    flags
        Of this model, as `flags.raise_flags` gives them.
    regions, groups, strips
        Handed on; see `ModelReasons`.
    controls
        (n,) images whose background was exchanged for comparison; None for none.
    persons
        (n,) names or None, where any is known.
    """
    wrong, right = case.wrong, case.right
    fires = np.stack([flag.fires for flag in flags])  # (F, n)
    errors = int(wrong.sum())
    group = clusters(persons, len(wrong))
    among = group.subset(np.flatnonzero(wrong))
    background = flags[ORDER.index("background")]
    # Coloured photos may be small, too: what a shortcut accounts for says nothing about any other rule.
    others = wrong & ~fires[ORDER.index("shortcut")]
    found, nothing = case.shortcut, np.zeros_like(wrong)
    changed = (nothing, nothing) if found is None else (found.shown, found.compared)
    parts = [changed if flag.name == "shortcut" else (others, right) for flag in flags]
    rates = [flag_rate(flag, first, second, group) for flag, (first, second) in zip(flags, parts, strict=True)]
    adjusted = holm([rate.p for rate in rates])
    rates = [replace(rate, p=float(p)) for rate, p in zip(rates, adjusted, strict=True)]
    shares = [
        share_of_errors(flag, wrong, first, second, group, found)
        for flag, (first, second) in zip(flags, parts, strict=True)
    ]
    counts = fires & np.asarray([rate.telling for rate in rates])[:, None]
    primary = np.where(counts.any(axis=0), counts.argmax(axis=0), -1)
    primary = np.where(wrong, primary, -2)
    return ModelReasons(
        model=model,
        slug=slug,
        flags=flags,
        primary=primary,
        regions=regions,
        groups=groups,
        rates=tuple(
            replace(rate, primary=int((primary == index).sum()), share=share)
            for index, (rate, share) in enumerate(zip(rates, shares, strict=True))
        ),
        errors=errors,
        unexplained=proportion(primary[wrong] == -1, among),
        swap=None if controls is None else swap_check(background, case.swapped, controls, group),
        strips=strips,
        shortcut=case.shortcut,
    )
