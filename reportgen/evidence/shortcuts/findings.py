"""Shortcuts: what besides the face predicts the label, and what interventions showed about the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType

import numpy as np
import pandas as pd
from scipy.special import softmax

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.attention.map_clusters import PLACES, MapCluster, cluster_maps
from reportgen.evidence.shortcuts.added_cues import AddedEffect, AddedPredictions, called_for, judge_added
from reportgen.evidence.shortcuts.causes import Cause, find_cause
from reportgen.evidence.shortcuts.column_descriptions import SHORTCUT_COLUMNS
from reportgen.evidence.shortcuts.interventions import ChangedPredictions, InterventionEffect, judge_interventions
from reportgen.evidence.shortcuts.near_duplicates import NearDuplicates, find_near_duplicates
from reportgen.evidence.shortcuts.properties import (
    Association,
    PredictionSplit,
    Property,
    associations,
    photo_properties,
    split_predictions,
)
from reportgen.evidence.shortcuts.property_score import PERMUTATIONS, PropertyScore, score_properties
from reportgen.evidence.shortcuts.turned_photos import TurnedPhotos, choose_turned
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.intervals import Estimate
from reportgen.evidence.stats.units import units_of
from reportgen.faces.align import face_affines
from reportgen.inputs.images.changes import CHANGES, UNCHANGED, AddedCue, can_change
from reportgen.types import BoolArray, Float32Array, IntArray

__all__ = ["Shortcut", "ShortcutFindings", "judge_shortcuts"]


@dataclass(frozen=True)
class Shortcut:
    """An emotion that a model predicts from a property of the photo, shown by removing and by adding the property.

    Attributes
    ----------
    change
        What was done: one of `CHANGES`.
    before, after, fall
        Recall of the same `n` images, and how far it falls, 0..1.
    strength
        Share of the images known before that are lost, 0..1.
    association
        Association of the first of the properties with the emotion.
    has, binary
        What more of the emotion's photos are, as in "in colour" or "brighter", and whether a photo is so or not at all.
    images, predicted_now, probabilities_now
        Rows of the lost images, the most confident first; the class predicted for each now; and for each (C,) what the
        model now gives every class, 0..1.
    removed
        Whether recall was shown to fall without the property; else too few persons or comparable images show it, and
        the other direction alone was.
    added
        What adding the property to photos of other emotions did; None where it cannot be added.
    turned
        Some of the photos that it turned; None where adding it proved nothing.
    """

    model: str
    emotion: str
    change: str
    properties: tuple[str, ...]
    before: Estimate
    after: Estimate
    fall: Estimate
    n: int
    persons: int | None
    p: float
    strength: float
    association: Association
    has: str
    binary: bool
    images: tuple[int, ...]
    predicted_now: tuple[str, ...]
    removed: bool = True
    added: AddedEffect | None = None
    probabilities_now: tuple[tuple[float, ...], ...] = ()
    turned: TurnedPhotos | None = None


@dataclass(frozen=True)
class ShortcutFindings:
    """What was found about shortcuts.

    Attributes
    ----------
    found
        Those shown by an intervention, the largest effect first.
    effects
        Every change on every emotion of every model; empty without interventions.
    shown
        How many images were changed and classified again; 0 where none.
    properties
        All that were measured; `varies` says whether a property differs between photos of this set.
    links, score
        Association of each property with each emotion, and the score of a classifier that sees only the properties;
        empty and None without labels.
    duplicates
        Nearly the same pictures under different labels.
    clusters
        Groups of heatmaps; empty without regions.
    tables
        Tidy tables, each column explained in SHORTCUT_COLUMNS.
    splits
        Plain counts of predictions for photos with and without the property, one entry per model and property of a
        shortcut.
    causes
        What the property of a shortcut goes with, one entry per property and direction.
    """

    found: tuple[Shortcut, ...]
    effects: tuple[InterventionEffect, ...]
    shown: int
    properties: tuple[Property, ...]
    links: tuple[Association, ...]
    score: PropertyScore | None
    duplicates: NearDuplicates
    clusters: tuple[MapCluster, ...]
    tables: Mapping[str, pd.DataFrame]
    splits: tuple[PredictionSplit, ...] = ()
    causes: tuple[Cause, ...] = ()

    @property
    def idle(self) -> tuple[str, ...]:
        """Changes that were not made: nothing they take away goes with an emotion."""
        called = called_for(self.links)
        return tuple(name for name in CHANGES if name not in called)

    def of(self, model: str, emotion: str | None = None) -> tuple[Shortcut, ...]:
        """The shortcuts of one model, or of one of its emotions."""
        return tuple(s for s in self.found if s.model == model and emotion in (None, s.emotion))

    def cause(self, shortcut: Shortcut) -> Cause | None:
        """What the first property of a shortcut goes with; None where nothing was asked."""
        key = shortcut.properties[0], shortcut.association.sign
        return next((cause for cause in self.causes if (cause.name, cause.sign) == key), None)


def judge_shortcuts(
    analysis: Analysis,
    answers: Mapping[str, tuple[pd.DataFrame, Float32Array]],
    seed: int,
    cues: Sequence[AddedCue] = (),
    cue_answers: Mapping[str, tuple[pd.DataFrame, Float32Array]] = MappingProxyType({}),
    null_maps: Sequence[BoolArray] | None = None,
    permutations: int = PERMUTATIONS,
) -> ShortcutFindings:
    """Find properties that predict the label, and whether the models rely on them.

    Parameters
    ----------
    answers
        Per model's slug the design of the interventions (`image`, the row of the analysis, and `change`) and the
        model's (m, C) logits; empty without interventions.
    cues, cue_answers
        The other direction: what was added to which photos; per slug its design (`image`, `cue`, `shown`) and logits.
    null_maps
        Per model, (n,) maps of the labelled class to leave out of the clusters; None: those without positive evidence.
    permutations
        Of the labels, for the chance level of the classifier.
    """
    images, labels, classes = analysis.images, analysis.labels, analysis.classes
    known = units_of(images)
    group = clusters(known, len(labels))
    properties, duplicates = photo_properties(images, analysis.faces), find_near_duplicates(images, labels)
    links = associations(properties, labels, classes, group)
    score = score_properties(properties, labels, classes, group, seed, permutations)
    effects: list[InterventionEffect] = []
    for model in analysis.models:
        if model.slug in answers:
            shown = _shown(analysis, *answers[model.slug], model)
            who = None if known is None else known[shown.rows]
            added: tuple[AddedEffect, ...] = ()
            if model.slug in cue_answers:
                parts = added_predictions(cues, *cue_answers[model.slug], model.predicted)
                added = judge_added(model.name, parts, classes, known, seed)
            by_cue = {(effect.change, effect.emotion): effect for effect in added}
            effects += judge_interventions(model.name, shown, classes, links, who, seed, by_cue)
    models = {model.name: model for model in analysis.models}

    def turned(effect: InterventionEffect) -> TurnedPhotos | None:
        model, added = models[effect.model], effect.added
        if added is None or added.answer != "yes":
            return None
        key = effect.change, classes.index(effect.emotion)
        number = next(k for k, cue in enumerate(cues) if (cue.change, cue.emotion) == key)
        return choose_turned(cues[number], number, added.images, cue_answers[model.slug], model, labels, known)

    confirmed = [
        replace(_shortcut(effect, links, properties, *answers[models[effect.model].slug]), turned=turned(effect))
        for effect in effects
        if effect.answer == "yes"
    ]
    found = sorted(confirmed, key=lambda shortcut: -_effect(shortcut))
    groups: list[MapCluster] = []
    if analysis.faces is not None:
        affines = face_affines(analysis.faces.points, analysis.faces.source)
        for k, model in enumerate(analysis.models):
            none = np.zeros(len(labels), dtype=bool) if null_maps is None else null_maps[k]
            groups += cluster_maps(model, labels, classes, affines, none, seed, known)
    tables = _tables(analysis, effects, links, score, duplicates, groups)
    by_name = {item.name: item for item in properties}
    asked = dict.fromkeys((s.properties[0], s.association.sign) for s in found)
    return ShortcutFindings(
        tuple(found),
        tuple(effects),
        max((design["image"].nunique() for design, _ in answers.values()), default=0),
        properties,
        links,
        score,
        duplicates,
        tuple(groups),
        MappingProxyType(tables),
        tuple(
            split
            for model in analysis.models
            for split in split_predictions(
                model.name,
                model.predicted,
                labels,
                classes,
                [(s.emotion, s.properties[0]) for s in found if s.model == model.name],
                properties,
                links,
                group,
                [(s.emotion, s.properties[0]) for s in found if s.model != model.name],
            )
        ),
        tuple(find_cause(by_name[name], sign, images, labels, classes) for name, sign in asked),
    )


def added_predictions(
    cues: Sequence[AddedCue], design: pd.DataFrame, logits: Float32Array, predicted: IntArray
) -> tuple[AddedPredictions, ...]:
    """The predictions of each cue from the answers of one model; `predicted` (n,) those of the analysis."""
    now = logits.argmax(axis=1).astype(np.int64)
    image, number = (design[name].to_numpy(dtype=np.int64) for name in ("image", "cue"))
    what = design["shown"].to_numpy(dtype=object)
    start = predicted.copy()
    start[image[what == UNCHANGED]] = now[what == UNCHANGED]
    found = []
    for place, cue in enumerate(cues):
        added, neutral, own, own_neutral = (
            now[(number == place) & (what == kind)] for kind in ("added", "neutral", "own", "own neutral")
        )
        rows, mine = (np.asarray(part, dtype=np.int64) for part in (cue.rows, cue.own))
        found.append(
            AddedPredictions(
                cue.change, cue.emotion, rows, start[rows], added, neutral, mine, start[mine], own, own_neutral
            )
        )
    return tuple(found)


def _shown(analysis: Analysis, design: pd.DataFrame, logits: Float32Array, model: ModelRecords) -> ChangedPredictions:
    sample = np.unique(design["image"].to_numpy(dtype=np.int64))
    predicted = model.predicted
    place = np.full(len(predicted), -1, dtype=np.int64)
    place[sample] = np.arange(len(sample))
    predicted_now = logits.argmax(axis=1).astype(np.int64)
    at, change = place[design["image"].to_numpy(dtype=np.int64)], design["change"].to_numpy(dtype=object)
    start = predicted[sample].copy()
    start[at[change == UNCHANGED]] = predicted_now[change == UNCHANGED]
    sampled, altered, before, after = {}, {}, {}, {}
    for name in [name for name in CHANGES if (change == name).any()]:
        of = change == name
        altered[name] = np.zeros(len(sample), dtype=bool)
        altered[name][at[of]] = True
        # A grey photo made grey counts: it stays what it is.
        alters = can_change(name, analysis.images, analysis.faces)[sample]
        sampled[name] = altered[name] | ~alters if name == "grey" else altered[name]
        before[name], after[name] = start, start.copy()
        after[name][at[of]] = predicted_now[of]
    labels = analysis.labels[sample]
    return ChangedPredictions(sample, labels, sampled, altered, before, after, model.probabilities[sample, labels])


def _effect(shortcut: Shortcut) -> float:
    """The larger of the recall that is lost without the property and the share of other photos that it turns."""
    turned = shortcut.added.gain.value if shortcut.added is not None and shortcut.added.answer == "yes" else 0.0
    return max(shortcut.fall.value if shortcut.removed else 0.0, turned)


def _shortcut(
    effect: InterventionEffect,
    links: Sequence[Association],
    properties: Sequence[Property],
    design: pd.DataFrame,
    logits: Float32Array,
) -> Shortcut:
    name = effect.goes_with[0]
    link = next(link for link in links if link.name == name and link.emotion == effect.emotion)
    item = next(item for item in properties if item.name == name)
    changed = np.flatnonzero((design["change"] == effect.change).to_numpy())
    place = dict(zip(design["image"].to_numpy()[changed].tolist(), changed.tolist(), strict=True))
    now = softmax(logits[[place[row] for row in effect.lost_rows]].astype(np.float64), axis=1)
    return Shortcut(
        model=effect.model,
        emotion=effect.emotion,
        change=effect.change,
        properties=effect.goes_with,
        before=effect.before,
        after=effect.after,
        fall=effect.fall,
        n=effect.n,
        persons=effect.persons,
        p=effect.p,
        strength=effect.lost / effect.known if effect.known else 0.0,
        association=link,
        has=item.more if link.sign > 0 else item.less,
        binary=item.binary,
        images=effect.lost_rows,
        predicted_now=effect.predicted_now,
        removed=effect.falls == "yes",
        added=effect.added,
        probabilities_now=tuple(tuple(row) for row in np.round(now, 4).tolist()),
    )


_NO_ESTIMATE = Estimate(float("nan"), float("nan"), float("nan"), 0)


def _tables(
    analysis: Analysis,
    effects: Sequence[InterventionEffect],
    links: Sequence[Association],
    score: PropertyScore | None,
    duplicates: NearDuplicates,
    groups: Sequence[MapCluster],
) -> dict[str, pd.DataFrame]:
    ids = analysis.images["image_id"].tolist()
    label = [analysis.classes[k] if k >= 0 else None for k in analysis.labels.tolist()]
    rows: dict[str, list[dict[str, object]]] = {
        "interventions": [_effect_row(effect, ids) for effect in effects],
        "properties": [_link_row(link) for link in links],
        "property_score": [] if score is None else _score_rows(score),
        "near_duplicates": [
            {
                "image_id": ids[pair.a],
                "other_id": ids[pair.b],
                "bits": pair.distance,
                "emotion": label[pair.a],
                "other_emotion": label[pair.b],
            }
            for pair in duplicates.pairs
        ],
        "map_clusters": [_cluster_row(cluster, ids) for cluster in groups],
    }
    return {name: pd.DataFrame(rows[name], columns=list(columns)) for name, columns in SHORTCUT_COLUMNS.items()}


def _link_row(link: Association) -> dict[str, object]:
    return {**asdict(link), "property": link.name, **_ends("auc", link.auc), "n": link.auc.n}


def _effect_row(effect: InterventionEffect, ids: Sequence[str]) -> dict[str, object]:
    row = asdict(effect)
    for name in ("before", "after", "fall", "loss", "excess"):
        row |= _ends(name, getattr(effect, name))
    del row["added"]
    added = effect.added
    row |= {
        "added_n": None,
        "became": None,
        "became_neutral": None,
        "added_p": None,
        "added_elsewhere": None,
        "added_answer": "" if added is None else added.answer,
    }
    row |= _ends("gain", _NO_ESTIMATE if added is None else added.gain)
    row |= _ends("beyond", _NO_ESTIMATE if added is None else added.beyond)
    if added is not None:
        row |= {
            "added_n": added.n,
            "became": added.became,
            "became_neutral": added.became_neutral,
            "added_p": added.p,
            "added_elsewhere": added.elsewhere,
        }
    row["goes_with"] = ", ".join(effect.goes_with)
    row["lost_ids"] = [ids[r] for r in effect.lost_rows]
    return row


def _score_rows(score: PropertyScore) -> list[dict[str, object]]:
    """One row for all emotions together, then one per emotion."""
    shared: dict[str, object] = {"properties": ", ".join(score.properties)}
    overall = {"chance": score.chance, "null_high": score.null_high, "p": score.p}
    n = score.balanced_accuracy.n
    first = {**shared, "emotion": None, **_ends("value", score.balanced_accuracy), "n": n, **overall}
    recalls = zip(score.emotions, score.recalls, strict=True)
    return [first] + [{**shared, "emotion": name, **_ends("value", value), "n": value.n} for name, value in recalls]


def _cluster_row(cluster: MapCluster, ids: Sequence[str]) -> dict[str, object]:
    row = asdict(cluster) | _ends("accuracy", cluster.accuracy)
    row |= {f"enrichment_{place}": value for place, value in zip(PLACES, cluster.enrichment, strict=True)}
    row["image_ids"] = [ids[r] for r in cluster.rows]
    return row


def _ends(name: str, estimate: Estimate) -> dict[str, object]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
