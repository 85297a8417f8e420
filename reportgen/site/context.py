"""What all pages are built from: names, links, pictures and examples, each worded in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import PurePosixPath, PureWindowsPath
from types import MappingProxyType

import numpy as np

from reportgen.analysis import ModelRecords, slugify, unique_slugs
from reportgen.config import Config
from reportgen.evidence.examples.mining import Pick
from reportgen.evidence.shortcuts.properties import Property, photo_properties
from reportgen.site.html.components import Answer, Example, Legend, Link, Thumb, Tile
from reportgen.site.pictures.drawing import Drawn, SheetFile, thumb_position
from reportgen.site.pictures.examples import ModelPictures
from reportgen.site.pictures.sprites import BORDER, CELLS, THUMB
from reportgen.site.report import DataNote, Report
from reportgen.site.wording.attention import Attention
from reportgen.site.wording.format import count, number, percents, plain, shorten, sure

__all__ = ["SERIES", "UNLABELLED", "Context"]

SERIES = "abcdef"
UNLABELLED = "no label"

_METHODS = {
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "xgradcam": "XGrad-CAM",
}
_RAMPS = {"inferno": "inferno", "viridis": "viridis", "magma": "magma", "jet": "jet"}


class Context:
    """One report, ready to be put into words.

    Parameters
    ----------
    drawn
        Its pictures, with their paths inside the site.
    strips
        Sheets of the images whose regions were changed, by row.
    """

    def __init__(
        self, report: Report, config: Config, drawn: Drawn, strips: Mapping[int, SheetFile] = MappingProxyType({})
    ) -> None:
        self.report, self.config, self.drawn, self.strips = report, config, drawn, strips
        self.analysis = report.analysis
        self.models = report.analysis.models
        self.classes = report.analysis.classes
        self.labels = report.analysis.labels
        self.everything = report.everything
        self.emotion_slugs = unique_slugs(self.classes)
        self.ids: list[str] = report.analysis.images["image_id"].tolist()
        self.names = [base_name(path) for path in report.analysis.images["path"].tolist()]

    @cached_property
    def attention(self) -> Attention | None:
        """What was measured about regions, if anything was."""
        return Attention(self.report.attention) if self.report.attention is not None else None

    @cached_property
    def properties(self) -> tuple[Property, ...]:
        """The properties of all photos, in the order of the analysis."""
        return photo_properties(self.analysis.images)

    @cached_property
    def data_notes(self) -> tuple[DataNote, ...]:
        """Remarks on the data without anyone's folders."""
        notes = tuple(
            replace(note, text=percents(plain(note.text)), items=tuple(plain(item) for item in note.items))
            for note in self.report.data_notes
        )
        return (DataNote("A sample is looked at closely", self.sampling), *notes) if self.sampling else notes

    def blank(self, model: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """(n,) maps of the labelled class that say nothing: no more than the random head gives, where that was run."""
        if self.report.attention is not None:
            return np.asarray(self.report.attention.measures[model].own.blank)
        maps = self.models[model].maps[np.arange(len(self.labels)), np.maximum(self.labels, 0)]
        return np.asarray(~(maps.max(axis=(1, 2)) > 0))

    @cached_property
    def labelled(self) -> int:
        """How many images have a label."""
        return int((self.everything.labels >= 0).sum())

    @cached_property
    def method(self) -> str:
        """The name of the heatmap method as papers write it."""
        name = str(self.models[0].info.get("method", self.config.method)) if self.models else self.config.method
        return _METHODS.get(name, name)

    def series(self, model: int) -> str:
        """The letter that stands for the model's colour and mark."""
        return SERIES[model % len(SERIES)]

    def model_path(self, model: int) -> str:
        """The model's page."""
        return f"models/{self.models[model].slug}.html"

    def errors_path(self, model: int) -> str:
        """The model's errors."""
        return f"errors/{self.models[model].slug}.html"

    def emotion_path(self, emotion: int) -> str:
        """The emotion's page."""
        return f"emotions/{self.emotion_slugs[emotion]}.html"

    def image_path(self, row: int) -> str:
        """The image's page where it has one, else its place in the explorer."""
        if row in self.drawn.pictures:
            return f"images/{self.ids[row]}.html"
        return f"explorer.html#id:{self.ids[row]}"

    def truth(self, row: int) -> str:
        """The labelled emotion in words."""
        return self.classes[self.labels[row]] if self.labels[row] >= 0 else UNLABELLED

    def compare_path(self, index: int) -> str:
        """Where pair `index` of the models is compared."""
        if len(self.report.comparisons) == 1:
            return "compare.html"
        a, b = (self.models[k].slug for k in self.pair_models(index))
        return f"compare/{a}--{b}.html"

    def pair_models(self, index: int) -> tuple[int, int]:
        """The two models of pair `index`."""
        comparison, names = self.report.comparisons[index], [model.name for model in self.models]
        return names.index(comparison.a), names.index(comparison.b)

    def images_of(self, emotion: int) -> int:
        """How many images are labelled so."""
        return int((self.everything.labels == emotion).sum())

    def close_images_of(self, emotion: int) -> int:
        """How many of them are looked at closely."""
        return int((self.labels == emotion).sum())

    @cached_property
    def sampling(self) -> str:
        """What is said of all images and what of a sample; empty where all are looked at closely."""
        if not self.report.sampled:
            return ""
        few, many = number(len(self.labels)), number(len(self.everything.labels))
        return (
            f"Scores, answers and counts are those of all {many} images. Heatmaps, their statistics, the examples and "
            f"the explorer use {few} of them, drawn at random and evenly over the emotions (seed {self.config.seed}). "
            "All answers are in the table of predictions; all maps are beside the report, in analysis/."
        )

    def pair_anchor(self, truth: int, predicted: int) -> str:
        """Where a confused pair stands on a model's page of errors."""
        return f"{self.emotion_slugs[truth]}-as-{self.emotion_slugs[predicted]}"

    def explorer(self, *tokens: str) -> str:
        """A filtered view of the explorer."""
        return "explorer.html#" + "%20".join(tokens)

    def token(self, key: str, value: str) -> str:
        """One token of the explorer's filter; emotions go by the names of their pages there, the rest by slugs."""
        return f"{key}:{self.emotion_slugs[self.classes.index(value)] if value in self.classes else slugify(value)}"

    def peaks_in(self, k: int, emotion: str, region: str) -> str:
        """A view of the explorer: the emotion's images whose map, by model `k`, peaks in a region."""
        where = "-region:background" if region == "face" else f"region:{region}"
        return self.explorer(self.token("true", emotion), f"model:{self.models[k].slug}", where)

    def answers(self, row: int, models: Sequence[int] | None = None) -> tuple[Answer, ...]:
        """What the models said about one image."""
        return tuple(self._answer(row, k) for k in (range(len(self.models)) if models is None else models))

    def _answer(self, row: int, k: int) -> Answer:
        model, label = self.models[k], int(self.labels[row])
        predicted = int(model.predicted[row])
        verdict = "unknown" if label < 0 else "right" if predicted == label else "wrong"
        return Answer(self.series(k), model.name, self.classes[predicted], sure(float(model.confidence[row])), verdict)

    def alt(self, row: int, k: int, emotion: int, what: str) -> str:
        """As in "Grad-CAM of ResNet18 for fear on image 09a5, true surprise, predicted fear 71 %"."""
        model = self.models[k]
        predicted = self.classes[model.predicted[row]]
        return (
            f"{what} of {model.name} for {self.classes[emotion]} on image {self.ids[row]}, true {self.truth(row)}, "
            f"predicted {predicted} {sure(float(model.confidence[row]))}"
        )

    def original(self, row: int) -> Tile:
        """The image as it came."""
        picture = self.drawn.pictures[row].original
        return Tile(
            picture, f"Image {self.ids[row]}, labelled {self.truth(row)}", "The image", f"labelled {self.truth(row)}"
        )

    def prepared(self, row: int) -> Tile:
        """The image as the models see it."""
        picture = self.drawn.pictures[row].prepared
        size = f"{picture.width} × {picture.height}"
        return Tile(picture, f"Image {self.ids[row]} resized to {size}", "As the model sees it", f"{size} pixels")

    def _pictures(self, row: int, k: int) -> ModelPictures:
        return self.drawn.pictures[row].models[k]

    def heat(self, row: int, k: int) -> Tile:
        """The map alone, for the predicted class."""
        predicted = int(self.models[k].predicted[row])
        return Tile(
            self._pictures(row, k).heat,
            self.alt(row, k, predicted, f"{self.method} map"),
            f"Heat for {self.classes[predicted]}",
            self.models[k].name,
        )

    def overlay(self, row: int, k: int) -> Tile:
        """The predicted class's map over the face."""
        model = self.models[k]
        predicted = int(model.predicted[row])
        return Tile(
            self._pictures(row, k).overlay,
            self.alt(row, k, predicted, self.method),
            f"Evidence for {self.classes[predicted]}",
            f"{model.name}, {sure(float(model.confidence[row]))}",
        )

    def error_tiles(self, row: int, k: int) -> tuple[Tile, ...]:
        """Image, predicted class, labelled class on the same scale, and their difference."""
        model, label = self.models[k], int(self.labels[row])
        pictures, predicted = self._pictures(row, k), int(model.predicted[row])
        if pictures.truth is None or pictures.difference is None:
            return (self.original(row), self.overlay(row, k))
        said, true = self.classes[predicted], self.classes[label]
        return (
            self.original(row),
            Tile(
                pictures.overlay,
                self.alt(row, k, predicted, self.method),
                f"Evidence for {said}",
                f"predicted, {sure(float(model.confidence[row]))}",
            ),
            Tile(
                pictures.truth,
                self.alt(row, k, label, self.method),
                f"Evidence for {true}",
                f"label, {sure(float(model.probabilities[row, label]))}",
            ),
            Tile(
                pictures.difference,
                f"Difference of the maps of {model.name} for {said} and {true} on image {self.ids[row]}",
                "Who wins where",
                f"orange {said}, violet {true}",
            ),
        )

    def correct_tiles(self, row: int, k: int) -> tuple[Tile, ...]:
        """Image, model input, map, overlay: the four pictures of one example."""
        return (self.original(row), self.prepared(row), self.heat(row, k), self.overlay(row, k))

    def example(self, pick: Pick, k: int) -> Example:
        """One mined example of one model."""
        row = pick.image
        wrong = self.labels[row] >= 0 and self.models[k].predicted[row] != self.labels[row]
        return Example(
            anchor=f"{self.models[k].slug}-{pick.kind}-{self.ids[row]}",
            href=self.image_path(row),
            name=shorten(self.names[row], 34),
            truth=self.truth(row),
            tiles=self.error_tiles(row, k) if wrong else self.correct_tiles(row, k),
            answers=self.answers(row, (k,)),
            note=pick.note,
            caution=self.caution(row, k),
        )

    def caution(self, row: int, k: int) -> str:
        """What keeps this map from being read, if anything does."""
        model = self.models[k]
        raw = model.maps[row, model.predicted[row]]
        return "" if float(raw.max()) > 0 else "blank map: no positive evidence for this class"

    def thumb(self, row: int, alt: str) -> Thumb:
        """The image's thumbnail, as the models see it."""
        place = int(self.drawn.place[row])
        sheet = self.drawn.thumbs[place // CELLS]
        x, y = thumb_position(place, sheet)
        return Thumb(sheet.path, sheet.width, sheet.height, x, y, THUMB, THUMB, alt)

    def map_thumb(self, row: int, k: int, emotion: int, alt: str) -> Thumb:
        """One class's map of one model, at the layer's resolution."""
        place = int(self.drawn.place[row])
        sheet = self.drawn.maps[k][place // CELLS]
        width, height = sheet.cell
        x = emotion * (width + 2 * BORDER) + BORDER
        y = place % CELLS * (height + 2 * BORDER) + BORDER
        return Thumb(sheet.path, sheet.width, sheet.height, x, y, width, height, alt)

    def grid_text(self, model: ModelRecords) -> str:
        """As in "7 × 7 cells of 32 px, enlarged"."""
        height, width = model.maps.shape[-2:]
        size = model.info.get("input", (224, 224))
        return f"{height} × {width} cells of {round(size[0] / height)} px, enlarged"

    def legend(self, models: Sequence[int] | None = None) -> Legend:
        """The legend of every heatmap of the site."""
        chosen = [self.models[k] for k in (range(len(self.models)) if models is None else models)]
        grids = "; ".join(
            dict.fromkeys(
                f"{model.name}: {self.grid_text(model)}" if len(chosen) > 1 else self.grid_text(model)
                for model in chosen
            )
        )
        ramp = "jet" if self.config.overlay == "classic" else _RAMPS[self.config.colormap]
        return Legend(
            ramp,
            "none",
            "most on this image",
            f"Evidence for one class, scaled image by image; the maps of one error share one scale. {grids}. "
            "Not a cause: it shows where the evidence sits, not what the answer depends on.",
        )

    def mean_legend(self, *, rows: bool) -> Legend:
        """The legend of mean maps; `rows`: several models are shown, each on its own scale."""
        ramp = "jet" if self.config.overlay == "classic" else _RAMPS[self.config.colormap]
        scale = "One scale per model" if rows else "One scale for all of them"
        return Legend(
            ramp,
            "none",
            "most of these means",
            f"Share of the evidence that falls on a place, averaged over the images, each counting alike. {scale}, "
            "set by the means of ten images or more. "
            f"Blank maps are left out. {self._below}",
        )

    @cached_property
    def _below(self) -> str:
        frames = self.drawn.frames
        if frames is None:
            return "The face below is the plain mean of the emotion's images."
        text = "Faces and maps are aligned by landmarks before averaging; the face below is the emotion's mean face."
        if frames.left_out:
            images = count(frames.left_out, "image")
            own = "its" if frames.left_out == 1 else "their"
            text += f" Left out: {images} without landmarks of {own} own."
        return text

    @cached_property
    def facts(self) -> str:
        """As in "2,051 test images · 7 emotions · Custom CNN, ResNet18"."""
        names = ", ".join(model.name for model in self.models)
        kind = "test image" if self.labelled else "image"
        images = count(len(self.everything.labels), kind)
        if self.report.sampled:
            images += f", {number(len(self.labels))} of them looked at closely"
        return f"{images} · {count(len(self.classes), 'emotion')} · {names}"

    def emotion_links(self, active: int | None) -> tuple[Link, ...]:
        """Tabs over the emotions' pages."""
        return tuple(Link(name, self.emotion_path(index), index == active) for index, name in enumerate(self.classes))

    def model_links(self, active: int | None, path: str = "models") -> tuple[Link, ...]:
        """Tabs over the models' pages (`path` "models" or "errors")."""
        return tuple(
            Link(model.name, f"{path}/{model.slug}.html", index == active) for index, model in enumerate(self.models)
        )

    def n_text(self, emotion: int) -> str:
        """As in "38 images"."""
        return count(self.images_of(emotion), "image")


def base_name(path: str) -> str:
    """The file's own name: where it lay on someone's disk is nobody's business."""
    return PureWindowsPath(PurePosixPath(path).name).name
