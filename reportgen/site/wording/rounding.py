"""What running a model in bfloat16 changed, in a sentence for the method page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reportgen.analysis import ModelRecords
from reportgen.evidence.stats.intervals import wilson
from reportgen.site.wording.format import count, percent, percent_estimate

__all__ = ["rounding"]

_TOLERATED = 0.005


def rounding(models: Sequence[ModelRecords]) -> tuple[str, ...]:
    """A sentence or two for every model that did not run in float32."""
    found = [(model.name, model.info.get("precision_change")) for model in models]
    return tuple(_sentence(name, change) for name, change in found if change is not None)


def _sentence(name: str, change: Mapping[str, Any]) -> str:
    share = wilson(change["predictions"], change["images"])
    warning = f" That is more than {percent(_TOLERATED, 1)}: compare with float32." if share.value > _TOLERATED else ""
    changed = f"{change['predictions']} predictions changed, {percent_estimate(share, 1)}"
    maps = f"{percent(change['map_median'], 1)} in the median image, {percent(change['map_high'], 1)} in one of twenty"
    again = percent(change["again"], 1)
    return (
        f"{name} ran in bfloat16, numbers of half the length. Against float32, measured on "
        f"{count(change['images'], 'image')}: {changed}; the predicted class\u2019s map differs by {maps}. "
        f"The {again} of images whose two best classes were nearly level ran again in float32.{warning}"
    )
