"""An image as a reader meets it: pictures with their texts, predictions, mined examples, thumbnails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from reportgen.evidence.examples.mining import Pick
from reportgen.site.html.components import Example, Prediction, Thumb, Tile, series_of
from reportgen.site.links import Links
from reportgen.site.pictures.drawing import Drawn, SheetFile, thumb_position
from reportgen.site.pictures.sprites import CELLS, THUMB
from reportgen.site.report import Report
from reportgen.site.wording.format import shorten, sure
from reportgen.site.wording.photos import pick_note

__all__ = ["Tiles"]


class Tiles:
    """The pictures of one report's images.

    Parameters
    ----------
    drawn
        All pictures, with their paths inside the site.
    strips
        Sheets of the images whose regions were changed, by row.
    flips
        Sheets of what would flip a prediction, by model's slug and row.
    """

    def __init__(
        self,
        report: Report,
        links: Links,
        drawn: Drawn,
        strips: Mapping[int, SheetFile] = MappingProxyType({}),
        flips: Mapping[tuple[str, int], SheetFile] = MappingProxyType({}),
    ) -> None:
        self._report, self._links, self.drawn, self.strips, self.flips = report, links, drawn, strips, flips

    def predictions(self, row: int, models: Sequence[int] | None = None) -> tuple[Prediction, ...]:
        """What the models predicted for one image."""
        label, found = int(self._report.labels[row]), []
        for k in range(len(self._report.models)) if models is None else models:
            model = self._report.models[k]
            predicted = int(model.predicted[row])
            verdict = "unknown" if label < 0 else "right" if predicted == label else "wrong"
            name, confidence = self._report.classes[predicted], sure(float(model.confidence[row]))
            found.append(Prediction(series_of(k), model.name, name, confidence, verdict))
        return tuple(found)

    def alt(self, row: int, k: int, emotion: int) -> str:
        """As in "Grad-CAM map of ResNet18 for fear on image 09a5, true surprise, predicted fear 71 %"."""
        what = f"{self._report.methods[k]} map of {self._report.models[k].name} for {self._report.classes[emotion]}"
        return f"{what} on {self.named(row, k)}"

    def named(self, row: int, k: int) -> str:
        """As in "image 09a5, true surprise, predicted fear 71 %", where the map and its model are told around it."""
        model = self._report.models[k]
        predicted, confidence = self._report.classes[model.predicted[row]], sure(float(model.confidence[row]))
        return f"image {self._report.ids[row]}, true {self._report.truth(row)}, predicted {predicted} {confidence}"

    def original(self, row: int) -> Tile:
        """The image as it came."""
        picture, labelled = self.drawn.pictures[row].original, f"labelled {self._report.truth(row)}"
        return Tile(picture, f"Image {self._report.ids[row]}, {labelled}", "The image", labelled)

    def prepared(self, row: int) -> Tile:
        """The image as the models see it."""
        picture = self.drawn.pictures[row].prepared
        size = f"{picture.width} × {picture.height}"
        return Tile(
            picture, f"Image {self._report.ids[row]} resized to {size}", "As the model sees it", f"{size} pixels"
        )

    def heat(self, row: int, k: int) -> Tile:
        """The map alone, for the predicted class."""
        predicted = int(self._report.models[k].predicted[row])
        return Tile(
            self.drawn.pictures[row].models[k].heat,
            self.alt(row, k, predicted),
            f"Heat for {self._report.classes[predicted]}",
            self._report.models[k].name,
        )

    def overlay(self, row: int, k: int) -> Tile:
        """The predicted class's map over the face."""
        model = self._report.models[k]
        predicted = int(model.predicted[row])
        return Tile(
            self.drawn.pictures[row].models[k].overlay,
            self.alt(row, k, predicted),
            f"Evidence for {self._report.classes[predicted]}",
            f"{model.name}, {sure(float(model.confidence[row]))}",
        )

    def error_tiles(self, row: int, k: int) -> tuple[Tile, ...]:
        """Image, predicted class, labelled class on the same scale, and their difference."""
        model, label = self._report.models[k], int(self._report.labels[row])
        pictures, predicted = self.drawn.pictures[row].models[k], int(model.predicted[row])
        if pictures.truth is None or pictures.difference is None:
            return (self.original(row), self.overlay(row, k))
        named, true = self._report.classes[predicted], self._report.classes[label]
        return (
            self.original(row),
            Tile(
                pictures.overlay,
                self.alt(row, k, predicted),
                f"Evidence for {named}",
                f"predicted, {sure(float(model.confidence[row]))}",
            ),
            Tile(
                pictures.truth,
                self.alt(row, k, label),
                f"Evidence for {true}",
                f"label, {sure(float(model.probabilities[row, label]))}",
            ),
            Tile(
                pictures.difference,
                f"Difference of the maps of {model.name} for {named} and {true} on image {self._report.ids[row]}",
                "Difference",
                f"orange {named}, violet {true}",
            ),
        )

    def correct_tiles(self, row: int, k: int) -> tuple[Tile, ...]:
        """Image, model input, map, overlay: the four pictures of one example."""
        return (self.original(row), self.prepared(row), self.heat(row, k), self.overlay(row, k))

    def example(self, pick: Pick, k: int) -> Example:
        """One mined example of one model."""
        row = pick.image
        wrong = self._report.labels[row] >= 0 and self._report.models[k].predicted[row] != self._report.labels[row]
        return Example(
            anchor=f"{self._report.models[k].slug}-{pick.kind}-{self._report.ids[row]}",
            href=self._links.image_path(row),
            name=shorten(self._report.names[row], 34),
            truth=self._report.truth(row),
            tiles=self.error_tiles(row, k) if wrong else self.correct_tiles(row, k),
            predictions=self.predictions(row, (k,)),
            note=pick_note(pick),
            caution=self.caution(row, k),
        )

    def caution(self, row: int, k: int) -> str:
        """What keeps this map from being read, if anything does."""
        model = self._report.models[k]
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
        x, y, width, height = sheet.view.box(emotion, place % CELLS)
        return Thumb(sheet.path, sheet.width, sheet.height, x, y, width, height, alt)
