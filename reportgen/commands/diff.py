"""`reportgen diff`: compares two analyses of the same images, before and after retraining, on a small site."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_numeric_dtype

from reportgen.analysis import (
    Analysis,
    AnalysisPredictions,
    ModelRecords,
    read_predictions,
    read_records,
    rows_with_maps,
)
from reportgen.commands.merge import analysis_folder, refuse_own_input
from reportgen.config import Config
from reportgen.errors import DataError
from reportgen.evidence.comparison.change import PredictionChange, heat_change, prediction_change
from reportgen.evidence.comparison.gates import Compared, ComparedModel, GateResult, judge_gates
from reportgen.evidence.comparison.matching import Matched, match_images, match_models
from reportgen.evidence.examples.sampling import draw_sample
from reportgen.evidence.performance.permuted_classes import PermutedOrder, likely_order
from reportgen.evidence.proofs import PROOF_COLUMNS
from reportgen.evidence.stats.units import units_of
from reportgen.evidence.tables import inert
from reportgen.files import write_atomically
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.relocate import locate
from reportgen.lock import build_lock
from reportgen.output_guard import JUNIT_NAME, SUMMARY, SUMMARY_MARK, check_output, check_written, claim
from reportgen.progress import Progress, SilentProgress
from reportgen.settings import Gate
from reportgen.site.bundle.zip import archive_date
from reportgen.site.compose_diff import DiffReport, ModelChange, compose_diff
from reportgen.site.publish import Published, publish_site
from reportgen.site.report import base_name
from reportgen.site.summaries.changes import changes_summary
from reportgen.site.summaries.gates import gate_lines
from reportgen.site.summaries.junit import junit_xml
from reportgen.site.wording.diff import cautions, facts
from reportgen.types import IntArray

__all__ = ["Difference", "diff"]

# Lists of images: this many times the setting `examples`.
_LISTS = 2


@dataclass(frozen=True)
class Difference(Published):
    """What was written, and what the gates found.

    Attributes
    ----------
    gates
        All of them, watched or not.
    summary
        The page of Markdown.
    """

    gates: tuple[GateResult, ...] = ()
    summary: Path = Path(SUMMARY)

    @property
    def alarms(self) -> frozenset[str]:
        """The watched gates that failed."""
        return frozenset(gate.gate for gate in self.gates if gate.watched and gate.outcome == "failed")


def diff(
    config: Config,
    before: Path,
    after: Path,
    pairs: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    *,
    watched: Sequence[Gate] = (),
    summary: Path | None = None,
    junit: Path | None = None,
) -> Difference:
    """Build the page that compares two analyses, and say whether the second may take the place of the first.

    Parameters
    ----------
    config
        `output` receives the site; `image_root` is where photos are looked for first; `tolerances` is what gates let
        pass.
    before, after
        What `reportgen build` wrote: its output, or the analysis inside.
    pairs
        Name after by name before, for models that were renamed; None: models of one name belong together.
    watched
        The gates whose failure is one of the result's `alarms`.
    summary, junit
        Where to write the summary as well, and the gates as JUnit XML; None for nowhere.

    Raises
    ------
    ReportError
        A folder holds no analysis, the two have no image or model in common, or the output cannot be written.
    """
    progress = progress or SilentProgress()
    archive_date()
    refuse_own_input(config.output, (before, after))
    for path, mark in ((summary, SUMMARY_MARK), (junit, f'name="{JUNIT_NAME}"')):
        if path is not None:
            check_written(path, mark, "move it away or choose another file")
    with build_lock(config.output, progress.note):
        check_output(config.output, "diff", zipped=config.zip)
        claim(config.output, "diff")
        with progress.stage("Reading both analyses"):
            folders = [analysis_folder(folder) for folder in (before, after)]
            one, two = (read_predictions(folder) for folder in folders)
            matched = match_images(one, two)
            models = match_models(one, two, pairs)
        with progress.stage("Weighing the change"):
            report = _report(config, one, two, matched, models, [before, after])
            changed = [
                ComparedModel(
                    change.name, one.models[a].name, two.models[b].name, change.answers,
                    (_order(one, a), _order(two, b)),
                )
                for change, (a, b) in zip(report.changes, models, strict=True)
            ]  # fmt: skip
            proofs, groups, robustness = (
                (_table_of(folders[0], name, columns), _table_of(folders[1], name, columns))
                for name, columns in (("proofs", _PROOFS), ("groups", _GROUPS), ("robustness", _DROPS))
            )
            compared = Compared(tuple(changed), matched, proofs, config.tolerances, groups, robustness)
            gates = judge_gates(compared, watched)
            report = replace(report, gates=gates)
        text = changes_summary([(c.name, c.answers) for c in report.changes], gates, report.cautions)
        published = publish_site(
            lambda known, save, advance: compose_diff(report, config, known, save, advance),
            len(report.images), config.output, config, progress,
        )  # fmt: skip
        for path in (config.output / SUMMARY, summary):
            if path is not None:
                write_atomically(path, text)
        if junit is not None:
            write_atomically(junit, junit_xml(gates))
    for gate in gates:
        for line in gate_lines(gate) if gate.watched else ():
            progress.note(line)
    own = {field.name: getattr(published, field.name) for field in fields(published)}
    return Difference(**own, gates=gates, summary=config.output / SUMMARY)


def _order(side: AnalysisPredictions, model: int) -> PermutedOrder | None:
    return likely_order(side.labels, side.models[model].predicted, side.classes)


_PROOFS = {*PROOF_COLUMNS["proofs"], "words"}
_GROUPS = {"model", "grouping", "group", "emotion", "score", "gap", "low", "high", "photos", "answer"}
_DROPS = {"model", "change", "severity", "emotion", "drop", "drop_low", "drop_high", "images", "answer"}
"""Columns of tables that a build wrote down, as far as gates ask for them."""
_NUMBERS = {*("lost", "lost_low", "lost_high", "n"), *("gap", "low", "high", "photos"),
            *("drop", "drop_low", "drop_high", "images")}  # fmt: skip


def _table_of(folder: Path, name: str, columns: Set[str]) -> pd.DataFrame | None:
    """A table of what a build found; None where its version did not write it, or it is damaged."""
    try:
        found = pd.read_parquet(folder / "tables" / f"{name}.parquet")
    except (OSError, ValueError):
        return None
    whole = columns <= set(found.columns) and all(is_numeric_dtype(found[name]) for name in columns & _NUMBERS)
    return found if whole else None


def _report(
    config: Config,
    before: AnalysisPredictions,
    after: AnalysisPredictions,
    matched: Matched,
    models: Sequence[tuple[int, int]],
    folders: Sequence[Path],
) -> DiffReport:
    labels = np.where(matched.relabelled, -1, after.labels[matched.after])
    names = [_name(before.models[a].name, after.models[b].name) for a, b in models]
    units = units_of(after.images.iloc[matched.after])
    predictions = [
        prediction_change(
            name,
            replace(before.models[a], logits=before.models[a].logits[matched.before]),
            replace(after.models[b], logits=after.models[b].logits[matched.after]),
            labels, after.classes, config.seed, units,
        )
        for name, (a, b) in zip(names, models, strict=True)
    ]  # fmt: skip
    sides = ((before, matched.before), (after, matched.after))
    mapped = np.logical_and.reduce([np.isin(rows, rows_with_maps(side)) for side, rows in sides])
    sample = draw_sample(labels, config.max_explained_images, config.seed, among=np.flatnonzero(mapped))
    rows = np.arange(len(labels)) if sample is None else sample
    known = None if units is None else units[rows]
    old, new = _records(before, matched.before[rows]), _records(after, matched.after[rows])
    heats = [
        heat_change(old.models[a], new.models[b], labels[rows], after.classes, known, config.seed) for a, b in models
    ]
    picks = [_picks(change, labels, _LISTS * config.examples) for change in predictions]
    shown = np.unique(np.concatenate([np.array(r, dtype=np.int64) for lists in picks for r in lists.values()]))
    old, new = _records(before, matched.before[shown]), _records(after, matched.after[shown])
    images = after.images.iloc[matched.after[shown]].reset_index(drop=True).assign(label=labels[shown])
    place = {int(row): position for position, row in enumerate(shown)}
    changes = tuple(
        ModelChange(
            name, _marked(old.models[a], "before"), _marked(new.models[b], "after"), change, heat,
            {kind: [place[row] for row in lists] for kind, lists in pick.items()},
        )
        for name, (a, b), change, heat, pick in zip(names, models, predictions, heats, picks, strict=True)
    )  # fmt: skip
    hidden = config.privacy != "none"
    near = [place for folder in reversed(folders) for place in (folder, folder.parent)]
    roots = [root for root in (config.image_root, Path.cwd(), *near) if root is not None]
    files = locate(images, roots, check=True)

    def load_image(row: int) -> npt.NDArray[np.uint8] | None:
        file = None if hidden else files[row]
        try:
            return None if file is None else decode(file.read_bytes()).pixels
        except (OSError, DataError):
            return None

    if hidden:
        images = _unnamed(images)
        changes = tuple(_unnamed_model(change) for change in changes)
    return DiffReport(
        after.classes, images, changes, load_image,
        _table(before, after, matched, models, names, hidden=hidden).encode("utf-8"),
        cautions(before, after, matched, models, len(rows), hidden=hidden),
        facts(before, after, matched, hidden=hidden), hidden=hidden,
    )  # fmt: skip


def _name(before: str, after: str) -> str:
    return after if before == after else f"{before} → {after}"


def _marked(model: ModelRecords, which: str) -> ModelRecords:
    return replace(model, slug=f"{model.slug}-{which}")


def _records(predictions: AnalysisPredictions, rows: IntArray) -> Analysis:
    """Records of rows in any order, without landmarks."""
    order = np.argsort(rows, kind="stable")
    found = read_records(predictions, rows[order])
    back = np.argsort(order, kind="stable")
    return replace(
        found,
        images=found.images.iloc[back].reset_index(drop=True),
        models=tuple(_taken(model, back) for model in found.models),
        faces=None,
    )


def _taken(model: ModelRecords, rows: IntArray) -> ModelRecords:
    """Some rows of a model's records."""
    values = {field.name: getattr(model, field.name) for field in fields(model)}
    taken: dict[str, Any] = {name: value[rows] for name, value in values.items() if isinstance(value, np.ndarray)}
    return replace(model, **taken)


def _unnamed(images: pd.DataFrame) -> pd.DataFrame:
    """The images under numbers: ids and hashes identify a photo as well as its name does."""
    numbers = [f"{place + 1:05d}" for place in range(len(images))]
    return images.assign(image_id=numbers, sha256=numbers, path=[f"image {number}" for number in numbers], person=None)


def _unnamed_model(change: ModelChange) -> ModelChange:
    def without_file(model: ModelRecords) -> ModelRecords:
        return replace(model, info={**model.info, "file": "a checkpoint (name withheld)"})

    return replace(change, before=without_file(change.before), after=without_file(change.after))


def _picks(change: PredictionChange, labels: IntArray, most: int) -> dict[str, list[int]]:
    """The images to show, one emotion after the other so that a frequent one does not fill the list."""
    picks = {}
    for kind in ("fixed", "broken", "moved"):
        queues: dict[int, list[int]] = {}
        for row in getattr(change, kind).tolist():
            queues.setdefault(int(labels[row]), []).append(row)
        chosen: list[int] = []
        while queues and len(chosen) < most:
            for emotion in sorted(queues):
                chosen.append(queues[emotion].pop(0))
            queues = {emotion: queue for emotion, queue in queues.items() if queue}
        picks[kind] = chosen[:most]
    return picks


def _table(
    before: AnalysisPredictions,
    after: AnalysisPredictions,
    matched: Matched,
    models: Sequence[tuple[int, int]],
    names: Sequence[str],
    *,
    hidden: bool,
) -> str:
    words = np.array([*(inert(name) for name in after.classes), ""], dtype=object)
    images = after.images.iloc[matched.after]
    table: dict[str, Any] = {
        **(
            {"image": range(1, len(images) + 1)}
            if hidden
            else {"image_id": images["image_id"].tolist(), "file": [inert(base_name(p)) for p in images["path"]]}
        ),
        "label_before": words[before.labels[matched.before]],
        "label_after": words[after.labels[matched.after]],
    }
    for name, (a, b) in zip(names, models, strict=True):
        for which, model, rows in (
            ("before", before.models[a], matched.before),
            ("after", after.models[b], matched.after),
        ):
            table[inert(f"{name} {which}")] = words[model.predicted[rows]]
            table[inert(f"{name} {which}, confidence")] = np.round(model.confidence[rows], 6)
    return pd.DataFrame(table).to_csv(index=False, lineterminator="\n", float_format="%.6g")
