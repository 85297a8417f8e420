"""What made a model err, known for certain, beside the reasons that its report gives."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from reportgen.evidence.errors.rules import OF_PHOTOS
from reportgen.evidence.stats.multiple_testing import ALPHA
from reportgen.selfcheck.report_verdicts import read_table

__all__ = ["BORNE", "CAUSE", "ReasonOutcome", "read_reasons"]

CAUSE = 0.15
"""Share of the errors that spoiled photos must have caused to be a cause that the report should name."""
BORNE = 0.05
"""Share below which they are none; both were fixed before any model was judged."""

_ID_DIGITS = 12


@dataclass(frozen=True)
class ReasonOutcome:
    """One model's errors on a test set of which some photos are spoiled.

    Attributes
    ----------
    errors
        As the report saw the photos.
    caused, mended
        Photos that are wrong spoiled and right as they were, and the other way round.
    given
        Of the errors caused, those that the report gives the reason for which they were spoiled, where it counts.
    counted
        Reasons of the photo that count.
    share, share_low, share_high
        Share of the errors that the report says the right reason accounts for, and its 95 % interval; NaN where it has
        no such reason or gives no share.
    """

    errors: int
    caused: int
    mended: int
    given: int
    counted: tuple[str, ...]
    share: float
    share_low: float
    share_high: float

    @property
    def true_share(self) -> float:
        """Share of the errors that would be gone if no photo had been spoiled; below 0 where spoiling helped."""
        return (self.caused - self.mended) / self.errors if self.errors else 0.0


def read_reasons(
    analysis: Path,
    reason: str,
    files: Sequence[Path],
    right: npt.NDArray[np.bool_],
    right_unspoiled: npt.NDArray[np.bool_],
) -> ReasonOutcome:
    """Hold the reasons of a build against the truth.

    Parameters
    ----------
    reason
        What the report should name, one of `OF_PHOTOS`, or "" where it has no reason for what was done.
    files
        (n,) the photos that the report saw.
    right, right_unspoiled
        (n,) whether the model is right on them, and on the same photos before they were spoiled.

    Raises
    ------
    BuildError
        A table is missing or cannot be read.
    """
    rates = read_table(analysis / "tables" / "reason_rates.parquet")
    telling = rates[(rates["low"] > 1) & (rates["p"] < ALPHA) & rates["flag"].isin(OF_PHOTOS)]
    counted = tuple(str(flag) for flag in telling["flag"])
    caused = right_unspoiled & ~right
    given = 0
    if reason in counted:
        reasons = read_table(analysis / "tables" / "reasons.parquet")
        raised = set(reasons["image_id"][(reasons["flag"] == reason) & (reasons["answer"] == "yes")])
        given = sum(_image_id(file) in raised for file, was in zip(files, caused, strict=True) if was)
    told = rates[rates["flag"] == reason]
    share, low, high = (
        float(told[name].iloc[0]) if len(told) else np.nan for name in ("share", "share_low", "share_high")
    )
    return ReasonOutcome(
        errors=int((~right).sum()),
        caused=int(caused.sum()),
        mended=int((right & ~right_unspoiled).sum()),
        given=given,
        counted=counted,
        share=share,
        share_low=low,
        share_high=high,
    )


def _image_id(file: Path) -> str:
    """As the analysis names an image: the beginning of the hash of its bytes."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:_ID_DIGITS]
