"""What repairs would bring: pictures with and without each proven cue, of the test set and of the training splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from reportgen.analysis import ModelRecords, read_predictions, read_records, rows_with_maps
from reportgen.commands.experiments import Experiments
from reportgen.errors import DataError
from reportgen.evidence.examples.sampling import draw_own_and_others, draw_sample
from reportgen.evidence.importance.contamination import Contamination
from reportgen.evidence.shortcuts.components import Component
from reportgen.evidence.shortcuts.marks import Mark
from reportgen.evidence.shortcuts.repair import (
    ChangedPhotos,
    CueKind,
    RepairFindings,
    RepairPreview,
    TaughtPhotos,
    preview_repair,
    repair_table,
)
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.units import units_of
from reportgen.explain.analyse import analyse
from reportgen.explain.experiments.added_cues import cue_experiment
from reportgen.explain.experiments.components import last_weights
from reportgen.explain.experiments.experiment import Experiment
from reportgen.explain.experiments.interventions import intervention_experiment
from reportgen.explain.experiments.marks import mark_experiment
from reportgen.explain.experiments.perform import ExperimentAnswers
from reportgen.explain.experiments.transplants import exchange_experiment
from reportgen.inputs.held_out import HELD_OUT, held_out_photos
from reportgen.inputs.images.changes import AddedCue
from reportgen.site.report import Report
from reportgen.types import IntArray

__all__ = ["SPREAD", "ProvenCue", "cue_photos", "first_cue", "preview_repairs", "taught_photos"]

SPREAD = {"default": (120, 360), "full": (400, 1200)}
"""By budget, most photos that are shown for a preview alone: with the cue of their emotion taken away, and of others
with it put in."""


@dataclass(frozen=True)
class ProvenCue:
    """The first cue that was proved of one model and emotion.

    Attributes
    ----------
    emotion
        Index of the class.
    name
        The change that takes a property away, the place of a component, the region of a mark; "" of a background.
    number
        By which the design of an experiment calls it: place among the added cues, or among the marks; 0 of others.
    thing
        What is put into photos: None of a property that cannot be, and of a background.
    """

    kind: CueKind
    emotion: int
    name: str = ""
    number: int = 0
    thing: AddedCue | Component | Mark | None = None


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
    if config.experiments not in SPREAD or not proofs:
        return None
    weights = last_weights(config, analysis, experiments.progress)
    able = {model.name: model for model in analysis.models if model.features is not None and model.slug in weights}
    training = _training_photos(experiments) if any(name in able for name, _ in proofs) else None
    group = clusters(units_of(analysis.images), len(analysis.labels))
    previews: list[RepairPreview] = []
    left_out: list[tuple[str, str, str]] = []
    for (name, emotion), proof in proofs.items():
        model = able.get(name)
        if model is None or model.features is None:
            left_out.append((name, emotion, "no last layer"))
            continue
        cue = first_cue(report, analysis.classes.index(emotion), proof, cues)
        kept = dict(experiments.featured.get(model.slug, {}))
        if isinstance(cue.thing, Component):
            # Its test shows a few of its strongest photos, which teach little of the emotion.
            kept |= _named("repair", experiments.spread_component(model, cue.thing, SPREAD[config.experiments]))
        taught = None if training is None else taught_photos(training, model.slug, cue, analysis.labels)
        with experiments.progress.stage(f"Previewing a repair of {name} for {emotion}"):
            preview = preview_repair(
                (name, model.slug),
                cue.kind,
                cue.name,
                cue.emotion,
                analysis.classes,
                (model.features, model.logits, analysis.labels),
                ChangedPhotos.joined(cue_photos(cue, kept)),
                weights[model.slug],
                group,
                config.seed,
                taught,
            )
        if preview is None:
            left_out.append((name, emotion, "few photos"))
        else:
            previews.append(preview)
    tables = {"repairs": repair_table(previews)}
    return RepairFindings(tuple(previews), tuple(left_out), tables, training is not None)


def first_cue(report: Report, emotion: int, proof: Contamination, cues: Sequence[AddedCue]) -> ProvenCue:
    """The cue that a preview is of: a property, else a component, a mark or the background."""
    if proof.shortcuts:
        change = proof.shortcuts[0].change
        which = next((k for k, cue in enumerate(cues) if (cue.change, cue.emotion) == (change, emotion)), None)
        if which is None:
            return ProvenCue("property", emotion, change)
        return ProvenCue("property", emotion, change, which, cues[which])
    if proof.components:
        return ProvenCue("component", emotion, proof.components[0].place, 0, proof.components[0])
    if proof.marks and report.marks is not None:
        mark = proof.marks[0].mark
        number = next(k for k, one in enumerate(report.marks.marks) if one is mark)
        return ProvenCue("mark", emotion, mark.region, number, mark)
    return ProvenCue("background", emotion)


def cue_photos(cue: ProvenCue, kept: Mapping[str, ExperimentAnswers]) -> list[ChangedPhotos]:
    """The pictures that experiments have shown without the cue and with it; the same photo may be among them several
    times.

    Parameters
    ----------
    kept
        By name of the experiment, one model's answers.
    """
    parts: list[ChangedPhotos] = []

    def add(experiment: str, select: Callable[[pd.DataFrame], tuple[pd.Series, pd.Series]]) -> None:
        answers = kept.get(experiment)
        if answers is None or answers.features is None:
            return
        design = answers.design.rename(columns={"receiver": "image"})
        away, put = (np.asarray(which, dtype=bool) for which in select(design))
        used, rows = away | put, design["image"].to_numpy(dtype=np.int64)
        predicted = answers.logits.argmax(axis=1)[used]
        parts.append(ChangedPhotos(rows[used], away[used], predicted, answers.features[used]))

    def nowhere(d: pd.DataFrame) -> pd.Series:
        return pd.Series(False, d.index)

    def laid(d: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
        of, carriers = d["mark"] == cue.number, cue.thing.rows if isinstance(cue.thing, Mark) else ()
        carries = d["image"].isin(carriers)
        return of & (d["shown"] == "without") & carries, of & (d["shown"] == "with") & ~carries

    def swapped(d: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
        own, given = d["emotion"] == cue.emotion, d["donor_emotion"] == cue.emotion
        of = d["region"] == "background"
        return of & own & ~given, of & ~own & given

    if cue.kind == "property":
        add("interventions", lambda d: (d["change"] == cue.name, nowhere(d)))
        if cue.thing is not None:
            add("cues", lambda d: (nowhere(d), (d["cue"] == cue.number) & (d["shown"] == "added")))
    elif cue.kind == "component":
        add("repair", lambda d: (d["shown"] == "filled", d["shown"] == "pasted"))
    elif cue.kind == "mark":
        add("marks", laid)
    else:
        add("transplants", swapped)
    return parts


def _named(name: str, answers: ExperimentAnswers | None) -> dict[str, ExperimentAnswers]:
    return {} if answers is None else {name: answers}


def _training_photos(experiments: Experiments) -> Experiments | None:
    """The photos of the training splits that are at hand, analysed like the test set; None where none are."""
    config, folder = experiments.config, experiments.analysis.folder / "training"
    photos = held_out_photos(experiments.test_set, HELD_OUT[config.experiments], config.seed)
    if photos is None:
        return None
    try:
        analyse(config, photos, folder, experiments.progress)
    except DataError:  # none can be read, which is no reason to end a build of other photos
        return None
    everything = read_predictions(folder)
    sample = draw_sample(everything.labels, config.max_explained_images, config.seed, rows_with_maps(everything))
    return Experiments(read_records(everything, sample), photos, config, experiments.progress, experiments.loaded)


def taught_photos(training: Experiments, slug: str, cue: ProvenCue, labels: IntArray) -> TaughtPhotos | None:
    """Photos of the training splits as one model sees them, with a cue taken away and put in; None where they are too
    few to fit a layer to that is to predict photos with these `labels`.
    """
    model = next(model for model in training.analysis.models if model.slug == slug)
    if model.features is None:
        return None
    shown = ChangedPhotos.joined(cue_photos(*_shown(training, model, cue)))
    if shown is None:
        return None
    taught = TaughtPhotos(model.features, training.analysis.labels, shown)
    return taught if taught.can_teach(cue.emotion, labels) else None


def _shown(
    training: Experiments, model: ModelRecords, cue: ProvenCue
) -> tuple[ProvenCue, dict[str, ExperimentAnswers]]:
    """The cue as the designs of its experiments call it, and the model's answers to them."""
    analysis, config, thing = training.analysis, training.config, cue.thing
    emotion, most = analysis.classes[cue.emotion], SPREAD[config.experiments]
    if isinstance(thing, Component):
        return cue, _named("repair", training.spread_component(model, thing, most))
    rng = np.random.default_rng([config.seed, cue.emotion, 0x4F])
    own, others = draw_own_and_others(analysis.labels, cue.emotion, most, rng)
    made: dict[str, Experiment | None] = {}
    if cue.kind == "background":
        made["transplants"] = exchange_experiment(analysis, own, others)
    elif isinstance(thing, Mark):
        thing = replace(thing, rows=own, others=others, givers=())
        made["marks"] = mark_experiment(analysis, [thing])
    else:
        wanted = {cue.name: (emotion,)}
        made["interventions"] = intervention_experiment(analysis, config.experiments, config.seed, wanted)
        if thing is not None:
            thing = replace(thing, rows=others, own=())
            made["cues"] = cue_experiment(analysis, [thing], config.seed)
    title, answers = f"Changing training photos for {model.name}", dict[str, ExperimentAnswers]()
    for name, experiment in made.items():
        if experiment is not None:
            # A folder holds the answers to one experiment, and each cue of a model has experiments of its own.
            answers |= _named(name, training.shown_to(model, replace(experiment, name=f"{name}-{emotion}"), title))
    return replace(cue, number=0, thing=thing), answers
