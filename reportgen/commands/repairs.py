"""What repairs would bring: the experiments have shown photos with and without each proven cue, features and all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from reportgen.commands.experiments import Experiments
from reportgen.evidence.importance.contamination import Contamination
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
from reportgen.explain.experiments.components import last_weights
from reportgen.explain.experiments.perform import ExperimentAnswers
from reportgen.inputs.images.changes import AddedCue
from reportgen.site.report import Report

__all__ = ["cue_photos", "preview_repairs"]


def preview_repairs(report: Report, experiments: Experiments, cues: Sequence[AddedCue]) -> RepairFindings | None:
    """A preview for each model and emotion with a proven cue; None where none is proven, or with "quick" experiments.

    Parameters
    ----------
    cues
        Properties that were put into photos of other emotions.

    Raises
    ------
    CheckpointError, ConfigError
        A model can no longer be used.
    """
    analysis, proofs, config = report.analysis, report.contaminated, experiments.config
    if config.experiments not in ("default", "full") or not proofs:
        return None
    weights = last_weights(config, analysis, experiments.progress)
    group = clusters(units_of(analysis.images), len(analysis.labels))
    previews: list[RepairPreview] = []
    left_out: list[tuple[str, str, str]] = []
    for (name, emotion), proof in proofs.items():
        model = next(model for model in analysis.models if model.name == name)
        if model.features is None or model.slug not in weights:
            left_out.append((name, emotion, "no last layer"))
            continue
        e, kept = analysis.classes.index(emotion), experiments.featured.get(model.slug, {})
        with experiments.progress.stage(f"Previewing a repair of {name} for {emotion}"):
            kind, cue, parts = cue_photos(report, name, e, proof, kept, cues)
            photos = model.features, model.logits, analysis.labels
            layer, named = weights[model.slug], (name, model.slug)
            preview = preview_repair(
                named, kind, cue, e, analysis.classes, photos, ChangedPhotos.joined(parts), layer, group, config.seed
            )
        if preview is None:
            left_out.append((name, emotion, "few photos"))
        else:
            previews.append(preview)
    return RepairFindings(tuple(previews), tuple(left_out), {"repairs": repair_table(previews)})


def cue_photos(
    report: Report,
    model: str,
    emotion: int,
    proof: Contamination,
    kept: Mapping[str, ExperimentAnswers],
    cues: Sequence[AddedCue],
) -> tuple[CueKind, str, list[ChangedPhotos]]:
    """The first proven cue: its kind and name, and the pictures that experiments have shown without and with it.

    The same photo may be among them several times.
    """
    parts: list[ChangedPhotos] = []

    def add(
        experiment: str, select: Callable[[pd.DataFrame], tuple[pd.Series, pd.Series]], *, counted: bool = True
    ) -> None:
        answers = kept.get(experiment)
        if answers is None or answers.features is None:
            return
        design = answers.design.rename(columns={"receiver": "image"})
        away, put = (np.asarray(which, dtype=bool) for which in select(design))
        used, rows = away | put, design["image"].to_numpy(dtype=np.int64)
        predicted, measured = answers.logits.argmax(axis=1)[used], np.full(used.sum(), counted)
        parts.append(ChangedPhotos(rows[used], away[used], predicted, answers.features[used], measured))

    def nowhere(d: pd.DataFrame) -> pd.Series:
        return pd.Series(False, d.index)

    def swapped(d: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
        of, own, given = d["region"] == "background", d["emotion"] == emotion, d["donor_emotion"] == emotion
        return of & own & ~given, of & ~own & given

    if proof.shortcuts:
        change = proof.shortcuts[0].change
        numbers = [k for k, cue in enumerate(cues) if (cue.change, cue.emotion) == (change, emotion)]
        add("interventions", lambda d: (d["change"] == change, nowhere(d)))
        add("cues", lambda d: (nowhere(d), d["cue"].isin(numbers) & (d["shown"] == "added")))
        return "property", change, parts
    if proof.components and report.components is not None:
        component = proof.components[0]
        own = [(one.emotion, one.number) for one in report.components.components if one.model == model]
        number = own.index((component.emotion, component.number))

        def patched(d: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
            of = d["component"] == number
            return of & (d["shown"] == "filled"), of & (d["shown"] == "pasted")

        add("components", patched)
        if proof.backgrounds:
            # An exchanged background takes the same cue away from more photos, but other things with it.
            add("transplants", swapped, counted=False)
        return "component", component.place, parts
    if proof.marks and report.marks is not None:
        mark = proof.marks[0].mark
        place = next(k for k, one in enumerate(report.marks.marks) if one is mark)

        def laid(d: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
            of, carries = d["mark"] == place, d["image"].isin(mark.rows)
            return of & (d["shown"] == "without") & carries, of & (d["shown"] == "with") & ~carries

        add("marks", laid)
        return "mark", mark.region, parts

    add("transplants", swapped)
    return "background", "", parts
