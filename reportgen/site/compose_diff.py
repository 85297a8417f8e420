"""Composes the site that compares two analyses: a page per model, its pictures, and a table of all answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen._version import __version__
from reportgen.analysis import ModelRecords, unique_slugs
from reportgen.config import Config
from reportgen.evidence.comparison.change import HeatChange, PredictionChange
from reportgen.evidence.comparison.gates import GateResult
from reportgen.settings import GATES, Gate
from reportgen.site.compose import Composed
from reportgen.site.glossary import GLOSSARY
from reportgen.site.html.components import Crumb, Example, Gallery, Legend, Page, Prediction, Tile
from reportgen.site.html.render import Renderer, load_assets
from reportgen.site.html.template_files import find_templates
from reportgen.site.pages.diff import GateRow, change_links, change_view, overview_view
from reportgen.site.pages.emotion import split
from reportgen.site.pictures.examples import ImagePictures, PictureStyle, Save, draw_image
from reportgen.site.report import base_name
from reportgen.site.summaries.gates import gate_lines, gate_text, gate_verdict
from reportgen.site.wording.format import count, shorten, sure

__all__ = ["DiffReport", "ModelChange", "compose_diff"]

_SHOWN = 6
_KINDS = (
    ("fixed", "Became correct", "Wrong before, correct now; most confident first, one emotion after the other."),
    ("broken", "Became wrong", "Correct before, wrong now; most confident first, one emotion after the other."),
    ("moved", "Wrong in another way", "Wrong before and after, with another answer."),
)
_TABLE = "downloads/changes.csv"
_GREY = 128


@dataclass(frozen=True)
class ModelChange:
    """One model before and after.

    Attributes
    ----------
    before, after
        Records of the images that are shown.
    picks
        For "fixed", "broken" and "moved": positions among these images.
    """

    name: str
    before: ModelRecords
    after: ModelRecords
    answers: PredictionChange
    heat: HeatChange
    picks: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class DiffReport:
    """The input of `compose_diff`.

    Attributes
    ----------
    images
        The images that are shown: `image_id`, `path`, `sha256`, `width`, `height` and `label` (-1 where the two
        analyses do not agree on one).
    load_image
        (H, W, 3) pixels of one of them, or None where the file is not at hand.
    table
        Every image's predictions before and after, as CSV.
    cautions
        What keeps the two from being alike but for the models, one sentence each.
    facts
        What was compared: a name, and its value before and after.
    gates
        Whether the second may take the place of the first.
    hidden
        Whether photos are left out on purpose.
    """

    classes: tuple[str, ...]
    images: pd.DataFrame
    changes: tuple[ModelChange, ...]
    load_image: Callable[[int], npt.NDArray[np.uint8] | None]
    table: bytes
    cautions: tuple[str, ...]
    facts: tuple[tuple[str, str, str], ...]
    gates: tuple[GateResult, ...] = ()
    hidden: bool = False


def compose_diff(
    report: DiffReport, config: Config, known: Mapping[str, bytes], save: Save, advance: Callable[[int], None]
) -> Composed:
    """Draw all pictures and prepare the pages; parameters as for `reportgen.site.compose.compose`."""
    style = PictureStyle(colormap=config.colormap, classic=config.overlay == "classic")
    drawn: list[dict[int, ImagePictures]] = [{} for _ in report.changes]
    missing = 0
    for row in range(len(report.images)):
        pixels, record = report.load_image(row), report.images.iloc[row]
        content = str(record["sha256"])
        if pixels is None:
            missing += 1
            content = f"grey instead of {content}"
            pixels = np.full((int(record["height"]), int(record["width"]), 3), _GREY, dtype=np.uint8)
        for k, change in enumerate(report.changes):
            if any(row in rows for rows in change.picks.values()):
                # The predicted class's map alone: whether it was right changes between the two.
                drawn[k][row] = draw_image(
                    row, str(record["image_id"]), content, -1, pixels, (change.before, change.after), style, known, save
                )
        advance(1)
    cautions = report.cautions
    if missing and not report.hidden:
        cautions += (
            f"{count(missing, 'photo')} shown here {'was' if missing == 1 else 'were'} not at hand: the heat is drawn "
            "on grey. Give the images' folder with --image-root.",
        )
    pages = len(report.changes) + (len(report.changes) > 1)
    return Composed(pages, lambda: _render(report, style.map_name, drawn, cautions))


def _render(
    report: DiffReport, ramp: str, drawn: Sequence[dict[int, ImagePictures]], cautions: tuple[str, ...]
) -> Iterator[tuple[str, bytes]]:
    templates = find_templates()
    assets = load_assets(templates)
    several = len(report.changes) > 1
    names = [change.name for change in report.changes]
    paths = [f"models/{slug}.html" if several else "index.html" for slug in unique_slugs(names)]
    n = len(report.table.splitlines()) - 1
    shared = {
        "assets": assets,
        "facts": f"{count(n, 'image')} in both analyses · {', '.join(names)}",
        "nav": (("What changed", "index.html"),),
        "guide": "",
        "version": __version__,
    }
    renderer = Renderer(templates, shared, GLOSSARY)
    checks = [_check(gate) for gate in report.gates if gate.watched or gate.gate != Gate.UNMEASURED]
    if several:
        page = Page("What changed", "Every model before and after", "What changed")
        view = overview_view([(c.name, c.answers) for c in report.changes], paths, page, cautions, checks)
        yield "index.html", renderer.page("changes.html", "index.html", view).encode("utf-8")
    for k, change in enumerate(report.changes):
        crumbs = (Crumb("What changed", "index.html"), Crumb(change.name)) if several else ()
        page = Page(
            change.name, f"{change.name} before and after", "What changed", crumbs, *change_links(names, paths, k)
        )
        view_one = change_view(
            change.name,
            paths[k],
            change.answers,
            change.heat,
            [g for kind in _KINDS if (g := _gallery(report, change, drawn[k], *kind)) is not None],
            page,
            _legend(change, ramp),
            cautions,
            report.facts + _model_facts(change),
            ((_TABLE, "changes.csv", "Every image in both analyses, with the predictions before and after."),),
            () if several else checks,
        )
        yield paths[k], renderer.page("change.html", paths[k], view_one).encode("utf-8")
    yield from assets.files.items()
    yield _TABLE, report.table


def _check(gate: GateResult) -> GateRow:
    tone = {"failed": "bad", "unmeasured": "open", "passed": "good"}[gate.outcome]
    findings = tuple(line.strip() for line in gate_lines(gate)[1:])
    return GateRow(gate.gate, GATES[gate.gate], tone, gate_verdict(gate), gate_text(gate), findings, gate.watched)


def _model_facts(change: ModelChange) -> tuple[tuple[str, str, str], ...]:
    one, two = change.before.info, change.after.info
    return (
        ("Checkpoint", str(one.get("file", "unknown")), str(two.get("file", "unknown"))),
        ("SHA-256", f"{str(one.get('sha256', ''))[:16]}…", f"{str(two.get('sha256', ''))[:16]}…"),
        ("Architecture", str(one.get("architecture", "unknown")), str(two.get("architecture", "unknown"))),
        ("Layer", _layer(change.before), _layer(change.after)),
    )


def _layer(model: ModelRecords) -> str:
    height, width = model.maps.shape[-2:]
    layer = model.info.get("target_layer", "unknown") or "none, maps by ablation"
    return f"{'patches, by LRP' if model.info.get('method') == 'lrp' else layer}, {height} × {width} cells"


def _legend(change: ModelChange, ramp: str) -> Legend:
    return Legend(
        ramp,
        "none",
        "most on this map",
        f"Evidence for the class that {change.name} answered, each map on its own scale. Not a cause: it shows where "
        "the evidence sits, not what the prediction depends on.",
    )


def _gallery(
    report: DiffReport, change: ModelChange, drawn: Mapping[int, ImagePictures], kind: str, title: str, explain: str
) -> Gallery | None:
    rows = change.picks.get(kind, ())
    if not rows:
        return None
    total = len(getattr(change.answers, kind))
    shown, more = split([_example(report, change, drawn[row], kind, row) for row in rows], _SHOWN)
    text = explain if len(rows) == total else f"{explain} {len(rows)} of {total:,}."
    return Gallery(kind, title, text, ("image", "before", "after"), shown, more)


def _example(report: DiffReport, change: ModelChange, pictures: ImagePictures, kind: str, row: int) -> Example:
    record = report.images.iloc[row]
    label = int(record["label"])
    truth = report.classes[label]
    said = [(which, model) for which, model in (("before", change.before), ("after", change.after))]
    predictions = tuple(
        Prediction(
            series,
            which,
            report.classes[model.predicted[row]],
            sure(float(model.confidence[row])),
            "right" if int(model.predicted[row]) == label else "wrong",
        )
        for series, (which, model) in zip("ab", said, strict=True)
    )
    tiles = [Tile(pictures.original, f"Image {record['image_id']}, labelled {truth}")]
    tiles += [
        Tile(
            drawn.overlay,
            f"Heatmap of {change.name} {answer.model} for {answer.predicted} on image {record['image_id']}, labelled "
            f"{truth}",
        )
        for drawn, answer in zip(pictures.models, predictions, strict=True)
    ]
    return Example(
        anchor=f"{kind}-{record['image_id']}",
        href=pictures.original.path,
        name=shorten(base_name(str(record["path"])), 34),
        truth=truth,
        tiles=tuple(tiles),
        predictions=predictions,
    )
