"""Where everything of a report stands in the site: paths of pages, anchors on them, filtered views of the explorer."""

from __future__ import annotations

from collections.abc import Collection

from reportgen.analysis import slugify, unique_slugs
from reportgen.site.html.components import Link
from reportgen.site.report import Report

__all__ = ["Links"]


class Links:
    """The paths of one report's site, all from its root.

    Parameters
    ----------
    with_page
        Rows that have a page of their own.

    Attributes
    ----------
    emotion_slugs
        The emotions' names in paths and in the explorer's filter.
    """

    def __init__(self, report: Report, with_page: Collection[int]) -> None:
        self._report, self._with_page = report, with_page
        self.emotion_slugs = unique_slugs(report.classes)

    def model_path(self, model: int) -> str:
        """The model's page."""
        return f"models/{self._report.models[model].slug}.html"

    def errors_path(self, model: int) -> str:
        """The model's confused pairs on the page of errors."""
        return f"errors.html#{self._report.models[model].slug}"

    def emotion_path(self, emotion: int) -> str:
        """The emotion's page."""
        return f"emotions/{self.emotion_slugs[emotion]}.html"

    def image_path(self, row: int) -> str:
        """The image's page where it has one, else the explorer with the image opened."""
        image = self._report.ids[row]
        return f"images/{image}.html" if row in self._with_page else f"explorer.html#open={image}"

    def compare_path(self, index: int) -> str:
        """Where pair `index` of the models is compared."""
        if len(self._report.comparisons) == 1:
            return "models.html"
        a, b = (self._report.models[k].slug for k in self._report.pair_models(index))
        return f"compare/{a}--{b}.html"

    def pair_anchor(self, model: int, truth: int, predicted: int) -> str:
        """Where a model's confused pair stands on the page of errors."""
        slug = self._report.models[model].slug
        return f"{slug}-{self.emotion_slugs[truth]}-as-{self.emotion_slugs[predicted]}"

    def shortcut_anchor(self, model: str, emotion: str, change: str) -> str:
        """Where a proved shortcut stands on the page of shortcuts; model and emotion by their names."""
        slug = next(found.slug for found in self._report.models if found.name == model)
        return f"{slug}-{self.emotion_slugs[self._report.classes.index(emotion)]}-{change}"

    def cause_path(self, having: str) -> str:
        """Where the photos with a property, called `having`, are told on the page of shortcuts, and what they share."""
        return f"shortcuts.html#{self.cause_anchor(having)}"

    def cause_anchor(self, having: str) -> str:
        """The same as an anchor on that page."""
        return f"photos-{slugify(having)}"

    def persons_anchor(self, having: str) -> str:
        """Where the persons in these photos are listed."""
        return f"{self.cause_anchor(having)}-persons"

    def explorer(self, *tokens: str) -> str:
        """A filtered view of the explorer."""
        return "explorer.html#" + "%20".join(tokens)

    def token(self, key: str, value: str) -> str:
        """One token of the explorer's filter; emotions go by the names of their pages there, the rest by slugs."""
        classes = self._report.classes
        return f"{key}:{self.emotion_slugs[classes.index(value)] if value in classes else slugify(value)}"

    def peaks_in(self, k: int, emotion: str, region: str) -> str:
        """A view of the explorer: the emotion's images whose map, by model `k`, peaks in a region."""
        where = "-region:background" if region == "face" else f"region:{region}"
        return self.explorer(self.token("true", emotion), f"model:{self._report.models[k].slug}", where)

    def emotion_links(self, active: int | None) -> tuple[Link, ...]:
        """Tabs over the emotions' pages."""
        names = enumerate(self._report.classes)
        return tuple(Link(name, self.emotion_path(index), index == active) for index, name in names)

    def model_links(self, active: int | None) -> tuple[Link, ...]:
        """Tabs over the models' pages."""
        models = enumerate(self._report.models)
        return tuple(Link(model.name, self.model_path(index), index == active) for index, model in models)
