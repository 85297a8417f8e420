"""Which errors are looked at region by region, and whose background is exchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.analysis import Analysis
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.errors.reason_case import background_heat
from reportgen.evidence.errors.rules import background_limit
from reportgen.evidence.examples.mining import Mined
from reportgen.evidence.examples.sampling import in_turn

__all__ = ["OcclusionChoice", "choose_occlusions"]


@dataclass(frozen=True)
class OcclusionChoice:
    """Rows of the analysis, the most wanted first.

    Attributes
    ----------
    strips
        Errors that are shown: the surest of every confused pair, frequent pairs first and the models in turn, then
        the second of every pair, and so on; then the other mined errors.
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
    return OcclusionChoice(in_turn(shown), in_turn(hot), in_turn(controls))
