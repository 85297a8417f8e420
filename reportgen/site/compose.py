"""Composes the site: draws every picture once, then renders page after page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from reportgen.config import Config
from reportgen.site.figures import Figures, draw_figures, draw_means
from reportgen.site.glossary import GLOSSARY
from reportgen.site.html.render import Renderer, load_assets, to_script
from reportgen.site.html.template_files import find_templates
from reportgen.site.interactive.before_after import ProofPictures
from reportgen.site.legends import Legends
from reportgen.site.links import Links
from reportgen.site.pages.compare import pair_view
from reportgen.site.pages.downloads import STATEMENTS, described, downloads, statements_table
from reportgen.site.pages.emotion import emotion_view
from reportgen.site.pages.errors import errors_view
from reportgen.site.pages.explorer import explorer_data, explorer_details, explorer_view, page_path
from reportgen.site.pages.groups import groups_view
from reportgen.site.pages.image import image_view
from reportgen.site.pages.index import emotions_view, index_view
from reportgen.site.pages.labels import MOST_JUDGED, labels_view
from reportgen.site.pages.method import method_view
from reportgen.site.pages.model import model_view
from reportgen.site.pages.models import models_view
from reportgen.site.pages.robustness import robustness_view
from reportgen.site.pages.shortcuts import shortcuts_view
from reportgen.site.pictures.drawing import draw_everything
from reportgen.site.pictures.examples import PictureStyle, Save
from reportgen.site.pictures.flip_strips import draw_flips
from reportgen.site.pictures.mean_maps import MeanMaps
from reportgen.site.pictures.occlusion_strips import draw_strips
from reportgen.site.provenance import version
from reportgen.site.recipe import Recipe
from reportgen.site.report import Report
from reportgen.site.sections.map_comparison import ramp_data
from reportgen.site.tiles import Tiles
from reportgen.site.wording.scope import facts

__all__ = ["Composed", "Detail", "compose"]

_NAV = (
    ("Answers", "index.html"),
    ("Models", "models.html"),
    ("Emotions", "emotions.html"),
    ("Errors", "errors.html"),
    ("Shortcuts", "shortcuts.html"),
    ("Groups", "groups.html"),
    ("Robustness", "robustness.html"),
    ("Explorer", "explorer.html"),
    ("Method", "method.html"),
)
# Unlabelled images are on no list; so many of them get pictures and a page anyway.
_UNLABELLED_PAGES = 500


@dataclass(frozen=True)
class Detail:
    """How much of a report is kept.

    Attributes
    ----------
    tables
        All tables for download; else predictions, scores and answers alone.
    longest, quality
        Longer side in pixels and WebP quality (0..100) of pictures.
    thumb_quality
        The same for the explorer's thumbnails.
    finest
        Cells along a map's longer side in the explorer; finer layers are pooled.
    examples
        At most so many on each list of examples; None for as many as the settings say.
    """

    tables: bool = True
    longest: int = 288
    quality: int = 78
    thumb_quality: int = 68
    finest: int = 28
    examples: int | None = None


@dataclass(frozen=True)
class Composed:
    """A site whose pictures are drawn; `render` yields path and content of every other file."""

    pages: int
    render: Callable[[], Iterator[tuple[str, bytes]]]


def compose(
    report: Report,
    config: Config,
    known: Mapping[str, bytes],
    save: Save,
    advance: Callable[[int], None],
    detail: Detail = Detail(),
) -> Composed:
    """Draw all pictures of a report and prepare its pages.

    Parameters
    ----------
    known
        Files of the last site by path; unchanged pictures are taken from there.
    save
        Called from several threads with path and content of each picture.
    advance
        Called with the number of images drawn since the last call.
    detail
        How much of the report is kept.
    """
    report.stated.clear()  # the same report may be published again
    style = PictureStyle(
        colormap=config.colormap, classic=config.overlay == "classic", longest=detail.longest, quality=detail.quality
    )
    unlabelled = np.flatnonzero(report.analysis.labels < 0)[:_UNLABELLED_PAGES].tolist()
    review = report.reasons.review if report.reasons is not None and report.privacy == "none" else ()
    # Judged in full size; where examples are few, thumbnails have to do.
    doubted = [vote.row for vote in review[:MOST_JUDGED]] if detail.examples is None else []
    occlusions = report.reasons.occlusions if report.reasons is not None else None
    with ThreadPoolExecutor(1) as beside:  # matplotlib keeps one core busy
        strips = beside.submit(draw_strips, report.analysis, occlusions, report.load_image, known, save)
        with_page = frozenset([*report.mined.images, *unlabelled, *doubted])
        flips = beside.submit(draw_flips, report.analysis, report.flips, with_page, report.load_image, known, save)
        figures = beside.submit(draw_figures, report, style, save)
        drawn = draw_everything(
            report.analysis,
            report.load_image,
            sorted(with_page),
            style,
            known,
            save,
            advance,
            config.workers,
            faces_as_lines=report.privacy != "none",
            thumb_quality=detail.thumb_quality,
            finest=detail.finest,
        )
        means = draw_means(report, drawn, style, save)
    links = Links(report, drawn.pictures)
    site = _Site(
        report,
        links,
        Tiles(report, links, drawn, strips.result(), flips.result()),
        Legends(report, style.map_name, drawn.frames),
        style,
        Recipe.of(config),
        detail,
        means,
        figures.result(),
    )
    return Composed(sum(1 for _ in site.plan(("", ""), ())), site.render)


Plan = Iterator[tuple[str, str, Callable[[], Any]]]


@dataclass(frozen=True)
class _Site:
    """All that the pages are made from."""

    report: Report
    links: Links
    tiles: Tiles
    legends: Legends
    style: PictureStyle
    recipe: Recipe
    detail: Detail
    means: MeanMaps
    figures: Figures

    def plan(self, scripts: tuple[str, str], listed: tuple[tuple[str, str, str], ...]) -> Plan:
        """Every page: its path, its template, and what makes its view; `scripts` hold the explorer's data."""
        report, links, tiles, legends, figures = self.report, self.links, self.tiles, self.legends, self.figures
        proofs = ProofPictures(figures.shortcuts, figures.marks, figures.components, figures.backgrounds)
        yield "index.html", "index.html", lambda: index_view(report, links, tiles, legends, self.means, proofs)
        yield "models.html", "models.html", lambda: models_view(report, links, tiles, legends)
        yield "emotions.html", "emotions.html", lambda: emotions_view(report, links, legends, self.means)
        yield "errors.html", "errors.html", lambda: errors_view(report, links, tiles, legends)
        if report.reasons is not None:
            yield "labels.html", "labels.html", lambda: labels_view(report, links, tiles)
        for index in range(len(report.comparisons)) if len(report.comparisons) > 1 else ():
            yield links.compare_path(index), "pair.html", partial(pair_view, report, links, tiles, legends, index)
        if report.shortcuts is not None:
            shortcuts = partial(shortcuts_view, report, links, tiles, legends, report.shortcuts, proofs)
            yield "shortcuts.html", "shortcuts.html", shortcuts
        if report.groups is not None and report.groups.gaps:
            groups = partial(groups_view, report, links, report.groups, figures.groups)
            yield "groups.html", "groups.html", groups
        if report.robustness is not None:
            robustness = partial(robustness_view, report, links, report.robustness, figures.disturbed)
            yield "robustness.html", "robustness.html", robustness
        yield "method.html", "method.html", lambda: method_view(report, links, tiles, legends, self.recipe, listed)
        for k in range(len(report.models)):
            drawn = self.means, figures.reliability[k], figures.forests[k], figures.importance[k]
            yield links.model_path(k), "model.html", partial(model_view, report, links, tiles, legends, k, *drawn)
        for k in range(len(report.classes)):
            emotion = partial(emotion_view, report, links, tiles, legends, k, self.means, figures.patches)
            yield links.emotion_path(k), "emotion.html", emotion
        for index in range(len(tiles.drawn.thumbs)):
            explorer = partial(explorer_view, report, links, tiles, legends, index, scripts)
            yield page_path(index), "explorer.html", explorer
        ordered = [row for row in tiles.drawn.order.tolist() if row in tiles.drawn.pictures]
        for place, row in enumerate(ordered):
            image = partial(image_view, report, links, tiles, legends, row, ordered, place)
            yield links.image_path(row), "image.html", image

    def render(self) -> Iterator[tuple[str, bytes]]:
        """Path and content of every file but the pictures."""
        templates = find_templates()
        assets = load_assets(templates)
        assets.add("data.js", to_script("reportgenData", explorer_data(self.report, self.links, self.tiles)))
        assets.add("details.js", to_script("reportgenDetails", explorer_details(self.report, self.tiles)))
        assets.add("ramp.js", to_script("reportgenRamp", ramp_data(self.style)))
        files = downloads(self.report, self.links, everything=self.detail.tables)
        stated = (STATEMENTS,) if self.detail.tables else ()
        listed = tuple((path, path.rpartition("/")[2], described(self.report, path)) for path in (*files, *stated))
        there = {
            "Shortcuts": self.report.shortcuts is not None,
            "Groups": self.report.groups is not None and bool(self.report.groups.gaps),
            "Robustness": self.report.robustness is not None,
        }
        left_out = {name for name, found in there.items() if not found}
        shared = {
            "assets": assets,
            "facts": facts(self.report),
            "nav": tuple(entry for entry in _NAV if entry[0] not in left_out),
            "guide": "method.html",
            "version": version(self.report),
        }
        renderer = Renderer(templates, shared, GLOSSARY)
        for path, template, view in self.plan((assets.path("data.js"), assets.path("details.js")), listed):
            self.report.stated.page = path
            yield path, renderer.page(template, path, view()).encode("utf-8")
        yield from assets.files.items()
        yield from files.items()
        for path in stated:
            yield path, statements_table(self.report)
