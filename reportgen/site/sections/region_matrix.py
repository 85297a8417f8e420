"""The matrix of emotions by regions: heat beside region importance where that was tested, else heat alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reportgen.evidence.importance.background import decisive
from reportgen.evidence.importance.findings import ImportanceFindings
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.performance.scores import FEW
from reportgen.faces.transplant import TRANSPLANTED
from reportgen.site.attention import Attention
from reportgen.site.html.components import Link, series_of
from reportgen.site.links import Links
from reportgen.site.plots.importance_forest import importance_rows
from reportgen.site.report import Report
from reportgen.site.sections.region_rows import EVEN, RegionCell, region_cell
from reportgen.site.wording.attention import REGION_NAMES, SHOWN
from reportgen.site.wording.format import capital, count, number
from reportgen.site.wording.importance import (
    IMPORTANCE_WORDS,
    corrected,
    drop_of,
    importance_anchor,
    importance_interval,
    importance_sentence,
    odds_fall,
    odds_interval,
    pictures_of,
)

__all__ = ["MatrixCell", "MatrixKey", "MatrixRow", "RegionMatrix", "matrix_keys", "region_matrices"]

# Where a column is narrower than its name, the name breaks here and nowhere else.
_BREAKS = {"forehead": "fore\u00adhead", "background": "back\u00adground"}
_BARRED = "×"
_HEAT_WORDS = {"strong": "more than for other emotions", "some": "yes", "bad": "yes", "off": "no"}


@dataclass(frozen=True)
class MatrixCell:
    """One emotion and region.

    Attributes
    ----------
    id
        Of what opens when the cell is pressed.
    radius, text, sign, tone
        Of its dot, its number ("" of importance where the region is not shown to be important), what says the verdict
        without colour, and the tint: strong, some, off, open (not decided), untested or bad.
    name, tip
        Emotion and region; the number with its interval and verdict, for a pointer that rests on the cell, between the
        headings of its row and column.
    heat, importance, links
        What is said of either, in words, and where the evidence is; `importance` is empty where none was tested.
    row
        The same as cells of a table, in the order of the matrix's `columns`.
    """

    id: str
    radius: float
    text: str
    sign: str
    tone: str
    answer: str
    name: str
    tip: str
    heat: str
    importance: str
    links: tuple[Link, ...]
    region: str
    row: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class MatrixRow:
    """One emotion; without `cells` there are too few images to say.

    `barred`: of no cell importance can be tested, which is said once. `reason`: why not, where it is the same for all
    of them; they open one text then, with the heat of each.
    """

    emotion: str
    href: str
    n: str
    cells: tuple[MatrixCell, ...]
    barred: bool
    reason: str


@dataclass(frozen=True)
class RegionMatrix:
    """One model; `columns` are those of the same as a table, which stands on the models' page at `anchor`."""

    series: str
    model: str
    href: str
    regions: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    even: float
    columns: tuple[str, ...]
    caption: str
    anchor: str


@dataclass(frozen=True)
class MatrixKey:
    """One entry of the key to the cells."""

    tone: str
    sign: str
    text: str


def region_matrices(report: Report, links: Links, attention: Attention) -> tuple[RegionMatrix, ...]:
    """One matrix per model."""
    importance = report.importance if report.importance is not None and report.importance.tested else None
    shown = SHOWN if importance is None else TRANSPLANTED
    matrices = []
    for k, model in enumerate(report.models):
        cell = _heat if importance is None else _importance_cells(report, importance, k)
        rows = []
        for emotion, name in enumerate(report.classes):
            n = report.close_images_of(emotion)
            cells = tuple(
                cell(_Place(report, links, k, emotion, region), region_cell(attention, model.name, name, region))
                for region in (shown if n >= FEW else ())
                if attention.on(model.name, name, region) is not None
            )
            barred = bool(cells) and all(cell.sign == _BARRED for cell in cells)
            reason = cells[0].importance if barred and len({cell.importance for cell in cells}) == 1 else ""
            if reason:
                cells = tuple(replace(cell, id=cells[0].id) for cell in cells)
            rows.append(MatrixRow(name, links.emotion_path(emotion), number(n), cells, barred, reason))
        matrices.append(
            RegionMatrix(
                series_of(k),
                model.name,
                links.model_path(k),
                tuple(_BREAKS.get(REGION_NAMES[region], REGION_NAMES[region]) for region in shown),
                tuple(rows),
                EVEN,
                ("enrichment", "falls there?", "images") if importance is None else _COLUMNS,
                "Enrichment with 95 % intervals; 1 is average heat"
                if importance is None
                else "Enrichment and fall of the odds, with 95 % intervals",
                f"regions--{model.slug}",
            )
        )
    return tuple(matrices)


def _importance_cells(report: Report, found: ImportanceFindings, k: int) -> Callable[[_Place, RegionCell], MatrixCell]:
    """What makes the cells of model `k` where regions were exchanged."""
    model = report.models[k]
    regions = tuple(one for one in found.regions if one.model == model.name)
    by_place, pictures = {(one.emotion, one.region): one for one in regions}, pictures_of(found, model.slug)
    # The model's page has rows for these emotions only.
    listed = {row.emotion for row in importance_rows(regions, report.classes)}

    def cell(place: _Place, heat: RegionCell) -> MatrixCell:
        name = report.classes[place.emotion]
        made = pictures.get((place.emotion, place.region), 0)
        one = by_place.get((name, place.region))
        return _importance(place, heat, None if one is None else decisive(one), made, listed=name in listed)

    return cell


_COLUMNS = ("enrichment", "fall of the odds", "log-odds drop", "important?", "p (corrected)", "importance rests on")


def matrix_keys(matrices: Sequence[RegionMatrix], *, tested: bool, least: str) -> tuple[MatrixKey, ...]:
    """What the cells mean, those that always occur and those that are there."""
    tones = {cell.tone for matrix in matrices for row in matrix.rows for cell in row.cells}
    if not tested:
        keys = [
            MatrixKey("strong", "●", "above-average heat, and more than for other emotions"),
            MatrixKey("some", "○", "above-average heat"),
            MatrixKey("off", "", "below-average heat"),
            MatrixKey("open", "?", "inconclusive"),
        ]
        return (*keys, MatrixKey("bad", "▲", "above-average heat on the background")) if "bad" in tones else tuple(keys)
    keys = [
        MatrixKey("strong", "●", "important"),
        MatrixKey("off", "", f"not: below {least}"),
        MatrixKey("open", "?", "inconclusive"),
    ]
    if "bad" in tones:
        keys.append(MatrixKey("bad", "▲", "cheating by the background"))
    if "untested" in tones:
        keys.append(MatrixKey("untested", "–", "too few faces"))
    if any(row.barred or any(cell.sign == _BARRED for cell in row.cells) for matrix in matrices for row in matrix.rows):
        keys.append(MatrixKey("untested", _BARRED, "cannot be tested"))
    return tuple(keys)


@dataclass(frozen=True)
class _Place:
    """Where a cell stands, and what follows from it."""

    report: Report
    links: Links
    k: int
    emotion: int
    region: str

    @property
    def id(self) -> str:
        # Short, as the first page, which has to be there at once, holds each of them twice.
        return f"cell-{self.k}-{self.emotion}-{list(REGION_NAMES).index(self.region)}"

    @property
    def where(self) -> str:
        return REGION_NAMES[self.region]

    @property
    def name(self) -> str:
        return f"{self.report.classes[self.emotion]}, {self.where}"

    @property
    def peaks(self) -> Link:
        href = self.links.peaks_in(self.k, self.report.classes[self.emotion], self.region)
        return Link("Images whose heat peaks there", href)

    @property
    def test(self) -> Link:
        anchor = importance_anchor(self.links.emotion_slugs[self.emotion], self.region)
        return Link("The test of its importance", f"{self.links.model_path(self.k)}#{anchor}")


def _heat(place: _Place, heat: RegionCell) -> MatrixCell:
    """Where region importance was not tested."""
    answer = _HEAT_WORDS.get(heat.tone, "undetermined")
    value = " ".join(filter(None, (heat.text, heat.interval)))
    return MatrixCell(
        id=place.id,
        radius=heat.radius,
        text=heat.text,
        sign="?" if heat.tone == "open" else heat.sign,
        tone=heat.tone,
        answer=answer,
        name=place.name,
        tip=f"heat {value}, above average: {answer}",
        heat=_in_words(heat),
        importance="",
        links=(place.peaks,),
        region=place.where,
        row=((heat.text, heat.interval), (answer, ""), (f"{heat.n:,}", "")),
    )


def _importance(
    place: _Place, heat: RegionCell, found: RegionImportance | None, pictures: int, *, listed: bool
) -> MatrixCell:
    """Heat as a dot, importance as number and tint. `listed`: the model's page has a row for it."""
    tested = found is not None and found.tested and math.isfinite(found.drop)
    if found is not None and found.answer == "cannot be tested":
        (sign, answer), gap, interval, tone, p, rests = IMPORTANCE_WORDS[found.answer], "–", "", "untested", "–", "–"
        fall, span = "–", ""
        # Why not, which is the same for all regions of an emotion, is said where the cell opens.
        tip = answer
    elif found is None or not tested:
        gap, interval, sign, tone, answer, p, rests = "–", "", "", "untested", "not tested", "–", "–"
        fall, span = "–", ""
        tip = "effect of swapping not tested, too few faces"
    else:
        gap, interval = drop_of(place.report, found), importance_interval(found)
        fall, span = odds_fall(place.report, found), odds_interval(found)
        sign, answer = IMPORTANCE_WORDS[found.answer]
        tone = {"yes": "strong", "no": "off"}.get(found.answer, "open")
        if tone == "off":
            sign = ""
        if found.cheating:
            tone, sign = "bad", "▲"
        p, faces = corrected(found), count(found.receivers, "face")
        rests = f"{faces}, {count(pictures, 'picture')}" if pictures else faces
        tip = f"odds fall by {' '.join(filter(None, (fall, span)))}, {answer}; {faces}"
    return MatrixCell(
        id=place.id,
        radius=heat.radius,
        text="" if tone in ("off", "open") else fall,
        sign=sign,
        tone=tone,
        answer=answer,
        name=place.name,
        tip=tip,
        heat=_in_words(heat),
        importance=importance_sentence(found, pictures),
        links=(place.test, place.peaks) if tested and listed else (place.peaks,),
        region=place.where,
        row=((heat.text, heat.interval), (fall, span), (gap, interval), (answer, ""), (p, ""), (rests, "")),
    )


def _in_words(heat: RegionCell) -> str:
    """On the heat, with its interval."""
    sentence = capital(heat.sentence)
    if not heat.interval or heat.interval in sentence:
        return sentence
    return f"{sentence} Enrichment: {heat.text} {heat.interval}."
