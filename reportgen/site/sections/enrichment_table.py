"""The forest plot of heat by region as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reportgen.site.plots.enrichment_forest import PANELS, enrichment_rows
from reportgen.site.report import Report
from reportgen.site.wording.attention import REGION_NAMES
from reportgen.site.wording.format import fixed

__all__ = ["HeatRow", "heat_rows"]


@dataclass(frozen=True)
class HeatRow:
    """One emotion and region: enrichment with its interval, the band of a scrambled last layer, and people's."""

    emotion: str
    region: str
    value: str
    interval: str
    images: str
    chance: str
    people: str


def heat_rows(report: Report, k: int) -> tuple[HeatRow, ...]:
    """Every point of the plot of model `k`, line by line."""
    rows = []
    for row in enrichment_rows(report, k):
        for region, value, band, people in zip(PANELS, row.values, row.bands, row.people, strict=True):
            known = band is not None and all(map(math.isfinite, band))
            rows.append(
                HeatRow(
                    row.emotion,
                    REGION_NAMES[region],
                    fixed(value.value) if value.defined else "–",
                    f"[{fixed(value.low)}, {fixed(value.high)}]" if value.defined else "",
                    f"{value.n:,}",
                    f"{fixed(band[0])} to {fixed(band[1])}" if band is not None and known else "–",
                    fixed(people) if math.isfinite(people) else "–",
                )
            )
    return tuple(rows)
