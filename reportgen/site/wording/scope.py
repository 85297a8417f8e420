"""What a report covers, in words: how many images, models and emotions, and what is said of a sample only."""

from __future__ import annotations

from collections.abc import Iterator

from reportgen.analysis import ModelPredictions, ModelRecords
from reportgen.evidence.performance.input_choice import InputChoice
from reportgen.site.report import DataNote, Report
from reportgen.site.wording.errors.labels import corrected_note
from reportgen.site.wording.format import count, fixed, number
from reportgen.site.wording.input_choice import choice_texts
from reportgen.site.wording.models import stated_accuracy_warning

__all__ = [
    "doubts_about_models",
    "facts",
    "grid_text",
    "layer_text",
    "map_origin",
    "model_choices",
    "places_text",
    "remarks",
    "sampling",
]

_WAYS = (("up", "down"), ("left", "right"))
_LEAST_OFFSET = 0.005  # of a cell


def facts(report: Report) -> str:
    """As in "2,051 test images · 7 emotions · Custom CNN, ResNet18"."""
    names = ", ".join(model.name for model in report.models)
    images = count(len(report.everything.labels), "test image" if report.labelled else "image")
    if report.sampled:
        images += f", {number(len(report.labels))} of them explained"
    return f"{images} · {count(len(report.classes), 'emotion')} · {names}"


def sampling(report: Report) -> str:
    """What is said of all images and what of a sample; empty where all are explained."""
    if not report.sampled:
        return ""
    few, many = number(len(report.labels)), number(len(report.everything.labels))
    why = ""
    if any(report.ablated(k) for k in range(len(report.models))):
        why = " A map by ablation costs many forward passes; the setting max_ablated_images says how many are made."
    return (
        f"Scores, answers and counts are those of all {many} images. Heatmaps, their statistics, the examples and "
        f"the explorer use {few} of them, drawn at random and evenly over the emotions (seed {report.seed}).{why} "
        "All answers are in the table of predictions; all maps are beside the report, in analysis/."
    )


def remarks(report: Report) -> tuple[DataNote, ...]:
    """Remarks on the data; before them what was decided on a sample, and that only a sample was explained."""
    sample = sampling(report)
    notes = [
        *_choices(report),
        *_stated_accuracies(report),
        *corrected_note(report),
        *([DataNote("Heatmaps of a sample", sample, serious=True)] if sample else []),
    ]
    return (*notes, *report.data_notes)


def doubts_about_models(report: Report) -> tuple[str, ...]:
    """One line each: preprocessing that is assumed, and accuracies that contradict the checkpoints."""
    assumed = [
        f"{said.title}: {said.text} {said.advice}"
        for model in report.models
        for choice in model_choices(model)
        for said in choice_texts(model.name, choice)
        if said.advice
    ]
    return (*assumed, *(note.text for note in _stated_accuracies(report)))


def model_choices(model: ModelPredictions) -> tuple[InputChoice, ...]:
    """What samples said of a model's input and outputs."""
    return tuple(InputChoice.from_json(entry) for entry in model.info.get("input_choices", ()))


def _choices(report: Report) -> Iterator[DataNote]:
    for model in report.models:
        for choice in model_choices(model):
            for said in choice_texts(model.name, choice):
                yield DataNote(said.title, " ".join(filter(None, (said.text, said.advice))), serious=said.serious)


def _stated_accuracies(report: Report) -> Iterator[DataNote]:
    for model, statements in zip(report.models, report.stated_accuracies, strict=False):
        for statement in statements:
            if statement.far:
                text = stated_accuracy_warning(model.name, statement)
                yield DataNote(f"Another accuracy than {model.name}'s checkpoint states", text, serious=True)


def map_origin(report: Report, k: int) -> str:
    """How a model's maps were made, as in "Grad-CAM of every class, at the layer's own resolution"."""
    if report.ablated(k):
        return "Ablation: what the log-odds of every class lose where a place is hidden"
    if report.follows_patches(k):
        return "LRP of every class: what each patch of the picture contributed to its score"
    return f"{report.methods[k]} of every class, at the layer's own resolution"


def layer_text(report: Report, k: int) -> str:
    """As in "layer layer4, "; empty for a model whose layers are not known."""
    if report.follows_patches(k):
        return "patches of the picture, "
    return "" if report.ablated(k) else f"layer {report.models[k].info.get('target_layer', '?')}, "


def grid_text(model: ModelRecords) -> str:
    """As in "7 × 7 cells of 32 px, enlarged"."""
    height, width = model.maps.shape[-2:]
    size = model.info.get("input", (224, 224))
    return f"{height} × {width} cells of {round(size[0] * model.grid.rows.step)} px, enlarged"


def places_text(model: ModelRecords) -> str:
    """As in "each drawn at the middle of what it sees, half a cell up and left of the usual place"; else empty."""
    grid = model.grid
    if grid.rows.is_even and grid.columns.is_even:
        return ""
    moved = [
        (_part_of_cell(abs(offset)), ways[offset > 0])
        for offset, ways in zip(grid.offset, _WAYS, strict=True)
        if abs(offset) >= _LEAST_OFFSET
    ]
    if not moved:
        size = model.info.get("input", (224, 224))
        return f"each drawn at the middle of what it sees, {size[0] * grid.rows.step:g} px apart"
    if len(moved) == 2 and moved[0][0] == moved[1][0]:
        moved = [(moved[0][0], f"{moved[0][1]} and {moved[1][1]}")]
    where = " and ".join(f"{part} {way}" for part, way in moved)
    return f"each drawn at the middle of what it sees, {where} of the usual place"


def _part_of_cell(offset: float) -> str:
    return "half a cell" if abs(offset - 0.5) < 0.05 else f"{fixed(offset)} of a cell"
