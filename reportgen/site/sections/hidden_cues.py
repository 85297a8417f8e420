"""Cues nobody listed: the strong components of each model's last features, with their top photos and their tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.evidence.shortcuts.added_cues import MIN_GAIN
from reportgen.evidence.shortcuts.components import MIN_RISE, MOST_TESTED, PICTURED, Component
from reportgen.site.html.components import Tile, series_of
from reportgen.site.links import Links
from reportgen.site.pictures.components import ComponentPictures
from reportgen.site.pictures.examples import Picture
from reportgen.site.report import Report
from reportgen.site.wording.format import capital, count, number
from reportgen.site.wording.hidden_cues import (
    component_facts,
    component_name,
    component_test,
    component_verdict,
    missing_components,
    no_components,
)

__all__ = ["HiddenCue", "HiddenCues", "HiddenCuesOfModel", "component_steps", "hidden_cues"]


@dataclass(frozen=True)
class HiddenCue:
    """One component. `strong`: the model was shown to rely on it; `tiles`: photo and heat of each top photo, in one
    or in two.
    """

    anchor: str
    title: str
    emotion: str
    href: str
    verdict: str
    strong: bool
    facts: str
    test: str
    tiles: tuple[tuple[Tile, ...], ...]


@dataclass(frozen=True)
class HiddenCuesOfModel:
    """One model's components: those that were tested at once, the others behind a disclosure."""

    series: str
    model: str
    tested: tuple[HiddenCue, ...]
    others: tuple[HiddenCue, ...]
    summary: str


@dataclass(frozen=True)
class HiddenCues:
    """The section. `empty` and `missing` say why nothing is shown, of all models or of some."""

    how: str
    empty: str
    missing: str
    models: tuple[HiddenCuesOfModel, ...]


def hidden_cues(report: Report, links: Links, pictures: ComponentPictures) -> HiddenCues:
    """The section of one report."""
    found = report.components
    models = []
    for k, model in enumerate(report.models):
        mine = [] if found is None else [(i, c) for i, c in enumerate(found.components) if c.model == model.name]
        cues = [(c.test is not None, _cue(report, links, k, c, pictures.get(i, ()))) for i, c in mine]
        if cues:
            tested, others = (tuple(cue for done, cue in cues if done == wanted) for wanted in (True, False))
            facial = sum(c.kind == "facial" for _, c in mine)
            summary = (
                f"{count(len(others), 'component')} not tested{f', {number(facial)} of them facial' if facial else ''}"
            )
            models.append(HiddenCuesOfModel(series_of(k), model.name, tested, others, summary if others else ""))
    return HiddenCues(
        how=(
            "These are directions among the features of each model's last layer that raise an emotion's logit by "
            f"{MIN_RISE:g} or more in their top photos: at most two of an emotion, whatever they mean. What their hot "
            "area shows is for you to name: the names given here are only what was measured."
        ),
        empty=no_components(report),
        missing="" if found is None else missing_components(found),
        models=tuple(models),
    )


def _cue(
    report: Report, links: Links, k: int, component: Component, pictures: Sequence[tuple[Picture, ...]]
) -> HiddenCue:
    emotion, slug = report.classes[component.emotion], report.models[k].slug
    verdict, strong = component_verdict(component)
    tiles = []
    for row, parts in zip(component.top, pictures, strict=False):
        href = links.image_path(row)
        labelled = f"Image {report.ids[row]}, labelled {emotion}"
        alts = (labelled, "with heat") if len(parts) == 2 else (f"{labelled}, and with heat",)
        tiles.append(tuple(Tile(part, alt, href=href) for part, alt in zip(parts, alts, strict=True)))
    return HiddenCue(
        anchor=f"component-{slug}-{links.emotion_slugs[component.emotion]}-{component.number}",
        title=component_name(report, component),
        emotion=emotion,
        href=links.emotion_path(component.emotion),
        verdict=capital(verdict),
        strong=strong,
        facts=component_facts(report, component),
        test=component_test(component, emotion),
        tiles=tuple(tiles),
    )


def component_steps(report: Report) -> tuple[tuple[str, str], ...]:
    """How components are found and tested, step by step; empty where none was looked for."""
    if report.components is None:
        return ()
    return (
        (
            "Features.",
            "The last linear layer makes each emotion's logit a weighted sum of what it takes. The pass keeps these "
            "features of every image.",
        ),
        (
            "Components.",
            "Weighted with one emotion's weights, the features of its photos are split into directions at right angles "
            "that add up to the logit (Neuhaus et al. 2023). The first leads from the mean photo of the other emotions "
            "to this one's, so that a cue on all its photos is found, too; the others are principal components of "
            f"its photos. Strong is what raises the logit by {MIN_RISE:g} or more in the {PICTURED} photos with the "
            "most of it.",
        ),
        (
            "Heat.",
            "The gradient of a photo's features along the direction, times the activations of the layer that is "
            "explained, less the mean of the photos it is compared with. A component with less than a tenth of its "
            "heat beside the face is facial and not tested. Of the others, the "
            f"{MOST_TESTED} of a model that raise the logit most from beside the face (rise times the share of heat "
            "there) are, with that part alone.",
        ),
        (
            "Pasted.",
            "The hottest cells beside the face and their neighbours, from top photos into photos of other emotions at "
            "the same place; for comparison the same cells of photos with little of the component.",
        ),
        (
            "Cut out.",
            "The same cells of the top photos, filled with the median of other emotions' photos; for comparison as "
            "many cells with the least heat.",
        ),
        (
            "Verdict.",
            "Relied on: photos with as much of the component are labelled with the emotion more often than others "
            "(the photos that it was found on, so this alone says little), and "
            f"pasting turns at least {100 * MIN_GAIN:.0f} percentage points more photos into the emotion than the "
            "comparison does, and as many more than into any other emotion. Not found: pasting turns fewer, and "
            "cutting costs no more than elsewhere. Tests count persons, hold both over the photos pasted into and over "
            "those that the areas come from, and are corrected over the model's components. "
            "Cutting alone proves nothing: it is shown beside pasting, as enough of a cue may be left.",
        ),
    )
