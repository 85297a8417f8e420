"""Occlusion: how a margin changes when a region of an image is filled in or exchanged.

The margin is the label's logit minus that of its rival: the strongest other class on the unchanged image, which on an
error is the predicted one. A rise means that the region was evidence against the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.errors.rules import background_heat, background_limit
from reportgen.evidence.examples.mining import Mined
from reportgen.evidence.examples.sampling import interleave
from reportgen.evidence.performance.margins import rivals
from reportgen.types import AnyFloatArray

__all__ = ["OcclusionChoice", "Occlusions", "RegionChange", "choose_occlusions", "measure_occlusions"]


@dataclass(frozen=True)
class OcclusionChoice:
    """Rows of the analysis to occlude, by priority.

    Attributes
    ----------
    strips
        Errors that are shown: the most confident of every confused pair, frequent pairs first and the models in turn,
        then the second of every pair, and so on; then the other mined errors.
    hot, controls
        Errors with more heat on the background than 95 % of the model's correct predictions have, and errors with
        less; each drawn at random, the models in turn.
    """

    strips: tuple[int, ...]
    hot: tuple[int, ...]
    controls: tuple[int, ...]


def choose_occlusions(
    analysis: Analysis, measures: Sequence[ModelMeasures], mined: Mined, seed: int
) -> OcclusionChoice:
    """Choose by rule; the same seed gives the same choice."""
    labels = analysis.labels
    hot, controls, shown = [], [], []
    for k, (model, measure) in enumerate(zip(analysis.models, measures, strict=True)):
        wrong = (labels >= 0) & (model.predicted != labels)
        heat = background_heat(measure)
        limit = background_limit(heat, (labels >= 0) & ~wrong)
        rng = np.random.default_rng([seed, k])
        if limit is not None:
            hot.append(rng.permutation(np.flatnonzero(wrong & (heat > limit))).tolist())
            controls.append(rng.permutation(np.flatnonzero(wrong & (heat <= limit))).tolist())
        picks = [pick for pick in mined.picks if pick.model == model.slug and not pick.other and wrong[pick.image]]
        confused = sorted((pick for pick in picks if pick.kind == "confusion"), key=lambda pick: pick.rank)
        shown.append([pick.image for pick in [*confused, *picks]])
    return OcclusionChoice(interleave(shown), interleave(hot), interleave(controls))


@dataclass(frozen=True)
class RegionChange:
    """One region of one image for one model.

    Attributes
    ----------
    filled
        Change of the margin with the region filled from around it, in logits.
    exchanged
        The same with the region of each donor.
    donors
        Rows of those donors.
    """

    region: str
    filled: float
    exchanged: tuple[float, ...]
    donors: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Mean over the donors; NaN without any."""
        return float(np.mean(self.exchanged)) if self.exchanged else float("nan")


@dataclass(frozen=True)
class Occlusions:
    """Everything that was measured; all by model's slug and row.

    Attributes
    ----------
    strips
        Every region of the images that were chosen for it.
    backgrounds
        Change of the margin on each of several other backgrounds.
    controls
        Rows whose backgrounds were exchanged for comparison only.
    table
        Tidy, with `receiver` and `donor` as rows of the analysis.
    """

    strips: Mapping[str, Mapping[int, tuple[RegionChange, ...]]]
    backgrounds: Mapping[str, Mapping[int, tuple[float, ...]]]
    controls: frozenset[int]
    table: pd.DataFrame


def measure_occlusions(design: pd.DataFrame, answers: Mapping[str, AnyFloatArray], analysis: Analysis) -> Occlusions:
    """Changes of the margin from the logits of the changed pictures.

    Parameters
    ----------
    design
        One row per picture: `receiver` (row of the analysis), `purpose` ("unchanged", "strip", "background" or
        "control"), `region`, `fill` ("", "around" or "donor"), `donor` (row, -1 without).
    answers
        Per slug (m, C) logits of the pictures.
    analysis
        Of the unchanged images: its labels, and its logits, which only name the rival.
    """
    labels = analysis.labels
    logits = {model.slug: model.logits for model in analysis.models}
    receiver = design["receiver"].to_numpy(dtype=np.int64)
    frames = []
    for slug, changed in answers.items():
        rival = rivals(logits[slug], labels)
        rows = np.arange(len(design))
        margin = changed[rows, labels[receiver]].astype(np.float64) - changed[rows, rival[receiver]]
        unchanged = design["purpose"].to_numpy() == "unchanged"
        before = dict(zip(receiver[unchanged].tolist(), margin[unchanged].tolist(), strict=True))
        change = margin - np.array([before[row] for row in receiver.tolist()])
        frames.append(design.assign(model=slug, change=change)[~unchanged])
    table = pd.concat(frames, ignore_index=True) if frames else design.assign(model="", change=0.0).iloc[:0]
    strips: dict[str, dict[int, tuple[RegionChange, ...]]] = {slug: {} for slug in answers}
    backgrounds: dict[str, dict[int, tuple[float, ...]]] = {slug: {} for slug in answers}
    for slug in answers:
        own = table[table["model"] == slug]
        strip, swapped = own[own["purpose"] == "strip"], own[own["purpose"].isin(["background", "control"])]
        for row in dict.fromkeys(strip["receiver"].tolist()):
            part = strip[strip["receiver"] == row]
            strips[slug][row] = tuple(_region(name, part) for name in dict.fromkeys(part["region"].tolist()))
        for row, change in zip(swapped["receiver"].tolist(), swapped["change"].tolist(), strict=True):
            backgrounds[slug][row] = (*backgrounds[slug].get(row, ()), change)
    controls = frozenset(int(row) for row in receiver[design["purpose"].to_numpy() == "control"])
    return Occlusions(MappingProxyType(strips), MappingProxyType(backgrounds), controls, table)


def _region(name: str, part: pd.DataFrame) -> RegionChange:
    of = part["region"] == name
    filled = part.loc[of & (part["fill"] == "around"), "change"]
    donors = part[of & (part["fill"] == "donor")]
    return RegionChange(
        name,
        float(filled.iloc[0]) if len(filled) else float("nan"),
        tuple(donors["change"].tolist()),
        tuple(donors["donor"].astype(int).tolist()),
    )
