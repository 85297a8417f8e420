"""What is drawn over all images: mean maps, strongest patches, diagrams, photos before and after a change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reportgen.analysis import content_hash
from reportgen.site.pages.emotion import Patches
from reportgen.site.pictures.background_swaps import BackgroundPictures, draw_background_swaps
from reportgen.site.pictures.components import ComponentPictures, draw_components
from reportgen.site.pictures.drawing import Drawn
from reportgen.site.pictures.examples import Picture, PictureStyle, Save
from reportgen.site.pictures.marks import MarkPictures, draw_marks
from reportgen.site.pictures.mean_maps import MeanMaps, draw_mean_maps
from reportgen.site.pictures.patches import draw_patches
from reportgen.site.pictures.robustness import DisturbedPictures, draw_disturbed
from reportgen.site.pictures.shortcuts import ShortcutPictures, draw_shortcuts
from reportgen.site.pictures.swap_player import draw_swap_player
from reportgen.site.pictures.transplants import draw_worked_examples
from reportgen.site.plots.enrichment_forest import enrichment_plot, enrichment_rows
from reportgen.site.plots.group_forest import group_plot, group_rows
from reportgen.site.plots.importance_forest import importance_plot, importance_rows
from reportgen.site.plots.reliability import reliability_diagram
from reportgen.site.plots.style import LIGHT, Palette, in_dark
from reportgen.site.report import Report
from reportgen.site.sections.region_importance import ImportancePictures

__all__ = ["Figures", "draw_figures", "draw_means"]

Pair = tuple[Picture, Picture]
"""One diagram for light and for dark pages."""


@dataclass(frozen=True)
class Figures:
    """Diagrams, with an entry per model; and the photos before and after a change."""

    patches: Patches
    reliability: tuple[Pair | None, ...]
    forests: tuple[Pair | None, ...]
    importance: tuple[ImportancePictures, ...]
    shortcuts: ShortcutPictures | None
    components: ComponentPictures
    marks: tuple[MarkPictures, ...]
    groups: tuple[Pair | None, ...]
    disturbed: DisturbedPictures | None
    backgrounds: BackgroundPictures


def draw_means(report: Report, drawn: Drawn, style: PictureStyle, save: Save) -> MeanMaps:
    """Draw every model's mean maps over the emotions' mean faces; `save` is called with path and content of each."""
    return tuple(
        draw_mean_maps(model, report.labels, drawn.mean_faces, style, save, report.null_maps(k), drawn.frames)
        for k, model in enumerate(report.models)
    )


def draw_figures(report: Report, style: PictureStyle, save: Save) -> Figures:
    """Draw all that needs no mean faces; `save` is called with path and content of each."""
    persons = [person if isinstance(person, str) else None for person in report.analysis.images["person"]]
    patches, reliability, forests, importance, groups = [], [], [], [], []
    for k, model in enumerate(report.models):
        null = report.null_maps(k)
        measures = None if report.attention is None else report.attention.measures[k]
        patches.append(draw_patches(model, report.labels, null, measures, persons, report.ids, report.load_image, save))
        reliability.append(_reliability(report, k, save))
        forests.append(_enrichment(report, k, save))
        importance.append(_importance(report, k, save))
        groups.append(_groups(report, k, save))
    shortcuts, components = draw_shortcuts(report, save), draw_components(report, style, save)
    drawn = shortcuts, components, draw_marks(report, save)
    diagrams = tuple(patches), tuple(reliability), tuple(forests), tuple(importance)
    return Figures(*diagrams, *drawn, tuple(groups), draw_disturbed(report, save), draw_background_swaps(report, save))


def _reliability(report: Report, k: int, save: Save) -> Pair | None:
    score = report.scores[k]
    if not score.bins:
        return None
    return _both(f"reliability-{report.models[k].slug}", lambda palette: reliability_diagram(score, k, palette), save)


def _enrichment(report: Report, k: int, save: Save) -> Pair | None:
    rows = enrichment_rows(report, k)
    if not rows:
        return None
    return _both(f"regions-{report.models[k].slug}", lambda palette: enrichment_plot(rows, k, palette), save)


def _groups(report: Report, k: int, save: Save) -> Pair | None:
    found = report.groups
    rows = () if found is None else group_rows(found, report.models[k].name)
    if found is None or not rows:
        return None
    return _both(f"groups-{report.models[k].slug}", lambda palette: group_plot(rows, k, palette, found), save)


def _importance(report: Report, k: int, save: Save) -> ImportancePictures:
    found, model = report.importance, report.models[k]
    if found is None or not found.tested:
        return ImportancePictures()
    rows = importance_rows([one for one in found.regions if one.model == model.name], report.classes)
    forest = _both(f"use-{model.slug}", lambda palette: importance_plot(rows, k, palette), save) if rows else None
    return ImportancePictures(forest, draw_worked_examples(report, k, save), draw_swap_player(report, k, save))


def _both(name: str, draw: Callable[[Palette], tuple[bytes, int, int]], save: Save) -> Pair:
    """The diagram in the colours of light and of dark pages."""
    content, width, height = draw(LIGHT)
    pictures = []
    for scheme, svg in (("light", content), ("dark", in_dark(content))):
        path = f"figures/{name}-{scheme}-{content_hash(svg)[:10]}.svg"
        save(path, svg)
        pictures.append(Picture(path, width, height))
    return pictures[0], pictures[1]
