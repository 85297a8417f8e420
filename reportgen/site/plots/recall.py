"""Charts as numbers: positions in per cent that a template writes into SVG attributes."""

from __future__ import annotations

import numpy as np

from reportgen.evidence.performance.scores import ModelScores
from reportgen.site.html.components import Cell, MarkRow, PlotMark, series_of
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.format import count, percent, percent_interval, rate

__all__ = ["confusion_table", "recall_rows"]

_IN_ONE_LINE = 2


def recall_rows(report: Report, links: Links) -> tuple[MarkRow, ...]:
    """Recall of every emotion, one mark with its interval per model."""
    rows = []
    scores = report.scores
    for emotion, name in enumerate(report.classes):
        parts = [score.emotions[emotion] for score in scores]
        marks = tuple(
            PlotMark(
                series_of(k),
                round(100 * part.recall.value, 2),
                round(100 * part.recall.low, 2),
                round(100 * part.recall.high, 2),
                round(100 * (k + 1) / (len(parts) + 1), 2),
                f"{scores[k].name}: {rate(part)} {percent_interval(part.recall)}",
            )
            for k, part in enumerate(parts)
            if part.n
        )
        # Two stand in one line; more are stacked beside their marks.
        between = " / " if len(parts) <= _IN_ONE_LINE else "\n"
        text = between.join(rate(part) for part in parts) if parts[0].n else "no image"
        rows.append(
            MarkRow(
                name,
                links.emotion_path(emotion),
                count(parts[0].n, "image"),
                marks,
                text,
                parts[0].few,
                20 + 14 * len(marks),
            )
        )
    return tuple(rows)


def confusion_table(report: Report, links: Links, k: int, score: ModelScores) -> tuple[tuple[Cell, ...], ...]:
    """The confusion matrix: counts, tinted by their share of the row, each linked to its images."""
    table = []
    names = report.classes
    for truth, row in enumerate(score.confusion):
        total = int(row.sum())
        cells = []
        for predicted, value in enumerate(row.tolist()):
            share = value / total if total else 0.0
            view = (links.token("true", names[truth]), links.token("pred", names[predicted]))
            href = links.explorer(*view, f"model:{report.models[k].slug}") if value else None
            title = f"{count(value, 'image')} of {names[truth]} predicted as {names[predicted]}"
            if total:
                title += f", {percent(share)} of {total:,}"
            cells.append(
                Cell(f"{value:,}" if value else "·", int(np.ceil(10 * share)), title, href, truth == predicted)
            )
        table.append(tuple(cells))
    return tuple(table)
