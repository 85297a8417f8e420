"""Everything that is found about attention, as records and as tidy tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, ModelRecords
from reportgen.errors import BuildError
from reportgen.evidence.attention.cases import Cases, ModelMaps
from reportgen.evidence.attention.claims import Claim, check_claims
from reportgen.evidence.attention.column_descriptions import ATTENTION_COLUMNS
from reportgen.evidence.attention.facial_actions import ActionLink, actions_of_confidence, actions_of_labels
from reportgen.evidence.attention.map_statistics import MapStatistics, areas, resolvability
from reportgen.evidence.attention.measure import ModelMeasures, measure_model
from reportgen.evidence.attention.nulls import NullShares, band
from reportgen.evidence.attention.patterns import Pattern, find_patterns
from reportgen.evidence.attention.profiles import EmotionProfile, emotion_profiles, profile_distance
from reportgen.evidence.attention.verdicts import Verdict, judge_model
from reportgen.evidence.stats.clustered import DRAWS
from reportgen.evidence.stats.units import units_of
from reportgen.faces.landmarks import ACTIONS
from reportgen.faces.regions import REGIONS
from reportgen.types import AnyFloatArray, FloatArray

__all__ = ["AttentionFindings", "judge_attention", "judge_maps"]

_OUTER_EYE_CORNERS = (33, 263)
# What the two known architectures are; of any other nothing is assumed.
_TRANSFER = {"TransferLearningModel": True, "CustomCNN": False}


def judge_attention(analysis: Analysis, seed: int) -> AttentionFindings | None:
    """Measure and judge where every model's heatmaps lie; None without regions or without a label."""
    faces, labels = analysis.faces, analysis.labels
    if faces is None or not (labels >= 0).any():
        return None
    left, right = (faces.points[:, corner].astype(np.float64) for corner in _OUTER_EYE_CORNERS)
    cases = Cases(
        classes=analysis.classes,
        labels=labels,
        image_ids=tuple(analysis.images["image_id"]),
        persons=units_of(analysis.images),
        sources=faces.regions_from,
        unit=np.linalg.norm(left - right, axis=1),
    )
    models = [_model(model) for model in analysis.models]
    return judge_maps(models, cases, faces.actions, ACTIONS, seed)


def _model(model: ModelRecords) -> ModelMaps:
    known = model.peak_changed is not None and bool(np.isfinite(model.peak_changed).all())
    null = None
    if model.null_mass is not None and model.null_share is not None:
        null = NullShares(model.null_mass, model.null_share)
    if model.masks is None:
        raise BuildError(f"{model.name}: no region masks beside the landmarks; delete analysis/ and build again")
    return ModelMaps(
        name=model.name,
        slug=model.slug,
        maps=model.maps,
        masks=model.masks,
        probabilities=model.probabilities,
        null=null,
        peak_changed=model.peak_changed if known else None,
        control_changed=model.control_changed if known else None,
        transfer=_TRANSFER.get(model.info["architecture"]),
        pretraining=model.info.get("pretraining"),
        cells=model.grid,
    )


@dataclass(frozen=True)
class AttentionFindings:
    """What was found about attention.

    Attributes
    ----------
    measures
        One per model, in the models' order.
    verdicts, profiles, claims, patterns, actions
        Records for the site.
    bands
        Per model (low, high), each (C, R): the 95 % band of enrichment under the random head; None where not computed.
    tables
        "statistics", "maps", "emotion_regions", "verdicts", "claims", "patterns", "actions": tidy tables, each column
        explained in ATTENTION_COLUMNS.
    """

    measures: tuple[ModelMeasures, ...]
    verdicts: tuple[Verdict, ...]
    profiles: tuple[EmotionProfile, ...]
    claims: tuple[Claim, ...]
    patterns: tuple[Pattern, ...]
    actions: tuple[ActionLink, ...]
    bands: tuple[tuple[FloatArray, FloatArray] | None, ...]
    tables: Mapping[str, pd.DataFrame]


def judge_maps(
    models: Sequence[ModelMaps],
    cases: Cases,
    actions: AnyFloatArray | None = None,
    action_names: Sequence[str] = (),
    seed: int = 0,
    draws: int = DRAWS,
) -> AttentionFindings:
    """Measure and judge all models on one test set.

    Parameters
    ----------
    models
        Maps, masks and probabilities of each model.
    cases
        Labels, persons and where the regions come from.
    actions
        (n, 52) facial-action coefficients, NaN where unknown; None to leave them out.
    action_names
        Their names.
    seed
        Of every resampling; the same seed gives the same numbers.
    draws
        Bootstrap draws and permutations of the tests.
    """
    classes = len(cases.classes)
    # Models do not share random numbers, and most of the time goes into array operations, which run side by side.
    with ThreadPoolExecutor() as pool:
        measures = tuple(pool.map(lambda model: measure_model(model, cases, seed, draws), models))
    pairs = list(zip(models, measures, strict=True))
    verdicts = tuple(v for model, m in pairs for v in judge_model(model, m, cases, seed))
    profiles = tuple(p for model, m in pairs for p in emotion_profiles(model, m, cases, verdicts, seed))
    distances = tuple(
        profile_distance(m.own.share, areas(m.masks), cases.labels, classes, cases.persons, seed) for _, m in pairs
    )
    claims = check_claims(models, measures, distances, cases, seed)
    patterns = tuple(p for model, m in pairs for p in find_patterns(model, m, cases, verdicts, profiles))
    links: tuple[ActionLink, ...] = ()
    if actions is not None:
        links = actions_of_labels(actions, action_names, cases.labels, cases.classes, cases.persons, seed)
        for model in models:
            links += actions_of_confidence(
                model.name, model.probabilities, actions, action_names, cases.labels, cases.classes, cases.persons
            )
    bands = tuple(_bands(model, m, cases) for model, m in pairs)
    tables = {
        "statistics": pd.concat([_statistics(model, m, cases) for model, m in pairs], ignore_index=True),
        "maps": pd.concat([_maps(model, m, cases) for model, m in pairs], ignore_index=True),
        "emotion_regions": pd.concat(
            [_emotion_regions(model, m, cases, b) for (model, m), b in zip(pairs, bands, strict=True)],
            ignore_index=True,
        ),
        "verdicts": pd.DataFrame([asdict(v) for v in verdicts], columns=list(ATTENTION_COLUMNS["verdicts"])),
        "claims": pd.DataFrame([_flat(c, "result") for c in claims], columns=list(ATTENTION_COLUMNS["claims"])),
        "patterns": pd.DataFrame([_pattern(p, cases) for p in patterns], columns=list(ATTENTION_COLUMNS["patterns"])),
        "actions": pd.DataFrame([_flat(a, "effect") for a in links], columns=list(ATTENTION_COLUMNS["actions"])),
    }
    return AttentionFindings(measures, verdicts, profiles, claims, patterns, links, bands, MappingProxyType(tables))


def _flat(record: Claim | ActionLink, estimate: str) -> dict[str, object]:
    row = asdict(record)
    inner = row.pop(estimate)
    return {**row, **inner}


def _pattern(pattern: Pattern, cases: Cases) -> dict[str, object]:
    row = asdict(pattern)
    images = row.pop("images")
    row["count"] = len(images)
    row["emotions"] = ", ".join(pattern.emotions)
    row["image_ids"] = [cases.image_ids[i] for i in images]
    return row


def _bands(model: ModelMaps, measures: ModelMeasures, cases: Cases) -> tuple[FloatArray, FloatArray] | None:
    if model.null is None:
        return None
    area = areas(measures.masks)
    found = [band(model.null, area, cases.labels == e) for e in range(len(cases.classes))]
    return np.stack([low for low, _ in found]), np.stack([high for _, high in found])


def _kinds(
    model: ModelMaps, measures: ModelMeasures, cases: Cases
) -> list[tuple[str, MapStatistics, list[str | None]]]:
    names = np.asarray([*cases.classes, None], dtype=object)  # index -1: unlabelled
    label, predicted = list(names[cases.labels]), list(names[model.predicted])
    # An unlabelled image has no map of its label; the predicted class's stands in for it in the measures only.
    return [
        ("label", measures.own, label),
        ("predicted", measures.predicted, predicted),
        ("contrastive", measures.contrast, label),
    ]


def _statistics(model: ModelMaps, measures: ModelMeasures, cases: Cases) -> pd.DataFrame:
    n, regions = len(cases.labels), len(REGIONS)
    area, rho = areas(measures.masks), resolvability(measures.masks)
    labelled = cases.labels >= 0
    used_region = np.ones((n, regions), dtype=bool)
    used_region[cases.template, REGIONS.index("eyes+brows")] = False
    frames = []
    for kind, stats, names in _kinds(model, measures, cases):
        other = measures.share_others if kind == "label" else np.full((n, regions), np.nan)
        frame = pd.DataFrame({
            "image_id": np.repeat(np.asarray(cases.image_ids, dtype=object), regions),
            "model": model.name,
            "kind": kind,
            "emotion": np.repeat(np.asarray([_name(cases, k) for k in cases.labels], dtype=object), regions),
            "class": np.repeat(np.asarray(names, dtype=object), regions),
            "region": np.tile(np.asarray(REGIONS, dtype=object), n),
            "share": stats.share.ravel(),
            "area": area.ravel(),
            "enrichment": _divide(stats.share, area).ravel(),
            "share_others": other.ravel(),
            "resolvability": rho.ravel(),
            "used": (np.isfinite(stats.share) & used_region).ravel(),
        })  # fmt: skip
        frames.append(frame if kind == "predicted" else frame[np.repeat(labelled, regions)])
    return pd.concat(frames, ignore_index=True)


def _maps(model: ModelMaps, measures: ModelMeasures, cases: Cases) -> pd.DataFrame:
    height, width = model.maps.shape[-2:]
    frames = []
    for kind, stats, names in _kinds(model, measures, cases):
        frame = pd.DataFrame({
            "image_id": list(cases.image_ids),
            "model": model.name,
            "kind": kind,
            "emotion": [_name(cases, k) for k in cases.labels],
            "class": names,
            "correct": model.predicted == cases.labels,
            "confidence": model.confidence,
            "blank": stats.null_map,
            "mass": stats.mass,
            "effective_area": stats.effective_area,
            "peak_row": np.where(stats.peak < 0, -1, stats.peak // width),
            "peak_column": np.where(stats.peak < 0, -1, stats.peak % width),
            "peak_region": [REGIONS[k] if k >= 0 else None for k in stats.peak_region],
            "centroid_x": stats.centroid[:, 0],
            "centroid_y": stats.centroid[:, 1],
            "dispersion": stats.dispersion,
            "regions_from": list(cases.sources) if cases.sources is not None else "given",
            "grid": f"{height}x{width}",
        })  # fmt: skip
        frames.append(frame if kind == "predicted" else frame[cases.labels >= 0])
    return pd.concat(frames, ignore_index=True)


def _emotion_regions(
    model: ModelMaps, measures: ModelMeasures, cases: Cases, bands: tuple[FloatArray, FloatArray] | None
) -> pd.DataFrame:
    shape = (len(cases.classes), len(REGIONS))
    nothing = np.full(shape, np.nan)
    low, high = bands if bands is not None else (nothing, nothing)
    frames = []
    for kind, ev in (("label", measures.plain), ("contrastive", measures.contrastive)):
        frames.append(
            pd.DataFrame({
                "model": model.name,
                "kind": kind,
                "emotion": np.repeat(np.asarray(cases.classes, dtype=object), shape[1]),
                "region": np.tile(np.asarray(REGIONS, dtype=object), shape[0]),
                "n": ev.n.ravel(),
                "persons": ev.persons.ravel() if cases.persons is not None else -1,
                "share": ev.share.ravel(),
                "enrichment": ev.enrichment.ravel(),
                "low": ev.low.ravel(),
                "high": ev.high.ravel(),
                "p": ev.p_on.ravel(),
                "enrichment_correct": ev.correct.ravel(),
                "share_above_others": ev.swap.ravel(),
                "share_above_others_low": ev.swap_low.ravel(),
                "share_above_others_high": ev.swap_high.ravel(),
                "share_above_elsewhere": ev.elsewhere.ravel(),
                "p_specific": ev.p_specific.ravel(),
                "random_head_low": (low if kind == "label" else nothing).ravel(),
                "random_head_high": (high if kind == "label" else nothing).ravel(),
            })
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def _divide(share: FloatArray, area: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio: FloatArray = share / area
    return ratio


def _name(cases: Cases, label: int) -> str | None:
    return cases.classes[label] if label >= 0 else None
