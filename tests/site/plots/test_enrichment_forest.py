"""The forest plot of enrichment, with intervals that are undefined or go on for ever among the others."""

from __future__ import annotations

import re

from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.plots.enrichment_forest import EnrichmentRow, enrichment_plot
from reportgen.site.plots.style import DARK, LIGHT, in_dark


def test_figures_come_out_the_same_in_both_schemes_and_every_time() -> None:
    nothing = Estimate(float("nan"), 0.0, float("inf"), 0)
    row = EnrichmentRow(
        "joy",
        (
            Estimate(1.2, 1.1, 1.3, 9),
            nothing,
            Estimate(4, 3, float("inf"), 9),
            Estimate(2, 1, 3, 9),
            nothing,
            nothing,
            nothing,
        ),
        ((0.5, 1.5), None, (0.1, 40.0), None, (float("nan"), 1.0), None, (0.2, 1.2)),
        (float("nan"), 1.57, float("nan"), 1.12, *[float("nan")] * 3),
    )
    first, again, dark = (enrichment_plot((row,), 0, palette) for palette in (LIGHT, LIGHT, DARK))
    assert first == again
    inner = re.compile(rb"[mp][0-9a-f]{10}\b")
    assert first[1:] == dark[1:] and first[0] != dark[0]
    assert inner.sub(b"", in_dark(first[0])) == inner.sub(b"", dark[0])
    assert b"nan" not in first[0].lower().replace(b"finance", b"")
