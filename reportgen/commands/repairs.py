"""What repairs would bring: photos with and without each proven cue, and the last layer fitted to their features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.config import Config
from reportgen.evidence.importance.contamination import Contamination
from reportgen.evidence.shortcuts.added_cues import choose_cues
from reportgen.evidence.shortcuts.components import choose_patches
from reportgen.evidence.shortcuts.properties import associations, photo_properties
from reportgen.evidence.shortcuts.repair import (
    ChangedPhotos,
    CueKind,
    RepairFindings,
    RepairPreview,
    preview_repair,
    repair_table,
)
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.units import units_of
from reportgen.explain.experiments.added_cues import cue_experiment
from reportgen.explain.experiments.components import last_weights, patch_experiment
from reportgen.explain.experiments.experiment import Experiment
from reportgen.explain.experiments.features import perform_with_features
from reportgen.explain.experiments.interventions import intervention_experiment
from reportgen.explain.experiments.marks import mark_experiment
from reportgen.inputs.testset import TestSet
from reportgen.progress import Progress
from reportgen.site.report import Report

__all__ = ["preview_repairs"]

_PUT = 60  # photos of other emotions that a property is put into
Bools = npt.NDArray[np.bool_]


def preview_repairs(report: Report, test_set: TestSet, config: Config, progress: Progress) -> RepairFindings | None:
    """A preview for each model and emotion with a proven cue; None where none is proven, or experiments are not full.

    Raises
    ------
    CheckpointError, ConfigError
        A model can no longer be used.
    """
    analysis, proofs = report.analysis, report.contaminated
    if config.experiments != "full" or not proofs:
        return None
    weights = last_weights(config, analysis, progress)
    group = clusters(units_of(analysis.images), len(analysis.labels))
    previews: list[RepairPreview] = []
    left_out: list[tuple[str, str, str]] = []
    for (name, emotion), proof in proofs.items():
        model = next(model for model in analysis.models if model.name == name)
        if model.features is None or model.slug not in weights:
            left_out.append((name, emotion, "no last layer"))
            continue
        e = analysis.classes.index(emotion)
        alone = replace(analysis, models=(model,))
        shown = _pictures(alone, model, e, proof, config)
        if shown is None:
            left_out.append((name, emotion, "no photo without it"))
            continue
        kind, cue, parts = shown
        rows, taken, features = [], [], []
        for number, (experiment, away, put) in enumerate(parts):
            folder = f"repair-{kind}-{e}-{number}"
            title = f"Previewing a repair of {name} for {emotion}"
            design, found = perform_with_features(experiment, folder, config, test_set, alone, progress, title)
            used = away | put
            rows.append(design["image"].to_numpy(dtype=np.int64)[used])
            taken.append(away[used])
            features.append(found[used])
        changed = ChangedPhotos(np.concatenate(rows), np.concatenate(taken), np.concatenate(features))
        photos = model.features, model.logits, analysis.labels
        layer = weights[model.slug]
        preview = preview_repair(
            (name, model.slug), kind, cue, e, analysis.classes, photos, changed, layer, group, config.seed
        )
        if preview is None:
            left_out.append((name, emotion, "few photos"))
        else:
            previews.append(preview)
    return RepairFindings(tuple(previews), tuple(left_out), {"repairs": repair_table(previews)})


_Part = tuple[Experiment, Bools, Bools]


def _pictures(
    analysis: Analysis, model: ModelRecords, emotion: int, proof: Contamination, config: Config
) -> tuple[CueKind, str, Sequence[_Part]] | None:
    """The first cue that photos can be shown without: its kind and name, and its pictures, each with the rows of its
    design where the cue was taken away, and where it was put in.
    """
    if proof.shortcuts:
        change = proof.shortcuts[0].change
        return "property", change, _property(analysis, change, emotion, config)
    if proof.components:
        component = proof.components[0]
        plan = choose_patches(component, model, analysis, config.seed)
        patches = patch_experiment(analysis, model, {0: plan}) if plan is not None else None
        if patches is not None:
            return "component", component.place, [(patches, *_which(patches.design, "filled", "pasted"))]
    if proof.marks:
        mark = proof.marks[0].mark
        laid = mark_experiment(analysis, [mark])
        if laid is not None:
            away, put = _which(laid.design, "without", "with")
            own = laid.design["image"].isin(mark.rows).to_numpy()
            return "mark", mark.region, [(laid, away & own, put & ~own)]
    return None


def _property(analysis: Analysis, change: str, emotion: int, config: Config) -> list[_Part]:
    properties = photo_properties(analysis.images, analysis.faces)
    group = clusters(units_of(analysis.images), len(analysis.labels))
    links = associations(properties, analysis.labels, analysis.classes, group)
    name = analysis.classes[emotion]
    removed = intervention_experiment(analysis, config.experiments, config.seed, {change: (name,)})
    chosen = choose_cues(properties, links, analysis.labels, analysis.classes, config.experiments, config.seed)
    chosen = tuple(cue for cue in chosen if (cue.change, cue.emotion) == (change, emotion))[:1]
    added = cue_experiment(analysis, [replace(cue, rows=cue.rows[:_PUT], own=()) for cue in chosen], config.seed)
    parts = []
    if removed is not None:
        away = (removed.design["change"] == change).to_numpy()
        parts.append((removed, away, np.zeros_like(away)))
    if added is not None:
        put = (added.design["shown"] == "added").to_numpy()
        parts.append((added, np.zeros_like(put), put))
    return parts


def _which(design: pd.DataFrame, away: str, put: str) -> tuple[Bools, Bools]:
    shown = design["shown"].to_numpy()
    return shown == away, shown == put
