"""The reasons of every error, from the records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from reportgen.analysis import Analysis
from reportgen.evidence.attention.measure import ModelMeasures
from reportgen.evidence.errors.label_suspects import find_label_suspects
from reportgen.evidence.errors.label_votes import label_votes
from reportgen.evidence.errors.occlusions import Occlusions
from reportgen.evidence.errors.photo_measures import face_states, photo_quality
from reportgen.evidence.errors.reasons import ReasonFindings, contrast_regions, weigh_reasons
from reportgen.evidence.errors.rules import ErrorCase, Untested, background_heat, raise_flags
from reportgen.evidence.errors.shortcut_errors import ShortcutErrors
from reportgen.evidence.errors.tables import reason_tables
from reportgen.evidence.performance.corrected_labels import judged_by_hand
from reportgen.evidence.stats.clustered import clusters
from reportgen.evidence.stats.units import units_of
from reportgen.types import FloatArray

__all__ = ["find_reasons"]


def find_reasons(
    analysis: Analysis,
    measures: Sequence[ModelMeasures] | None,
    occlusions: Occlusions | None = None,
    priors: FloatArray | None = None,
    *,
    shortcuts: Mapping[str, ShortcutErrors] = MappingProxyType({}),
    unweighted: bool = False,
) -> ReasonFindings | None:
    """Apply every rule to every error; None where no image is labelled.

    Parameters
    ----------
    measures
        Of each model; None without regions.
    occlusions
        Changes of the margin on occluded pictures.
    priors
        (C,) share of each class among the training images; None where not known.
    shortcuts
        By model's slug, what became of errors without the property that a shortcut rests on.
    unweighted
        Whether training is known to have used the classes as they came; only then priors tell anything.
    """
    labels = analysis.labels
    if not (labels >= 0).any():
        return None
    persons = units_of(analysis.images)
    probabilities = [model.probabilities for model in analysis.models]
    suspects = find_label_suspects(probabilities, labels)
    # What a person has judged is doubted no more.
    judged = judged_by_hand(analysis)
    suspects = replace(suspects, suspect=suspects.suspect & ~judged, contradicted=suspects.contradicted & ~judged)
    opinions = label_votes(suspects, probabilities, labels, analysis.faces, clusters(persons, len(labels)))
    votes = tuple(vote for vote in opinions if suspects.suspect[vote.row])
    standing = [vote.row for vote in votes if vote.stands]
    suspects = replace(suspects, suspect=np.isin(np.arange(len(labels)), standing))
    quality, states = photo_quality(analysis), face_states(analysis)
    names = [model.name for model in analysis.models]
    controls = None if occlusions is None else np.isin(np.arange(len(labels)), sorted(occlusions.controls))
    found = []
    for k, model in enumerate(analysis.models):
        measure = None if measures is None else measures[k]
        case = ErrorCase(
            labels=labels,
            logits=model.logits,
            probabilities=model.probabilities,
            maps=model.maps,
            quality=quality,
            states=states,
            background=None if measure is None else background_heat(measure),
            swapped=None if occlusions is None else occlusions.backgrounds.get(model.slug, {}),
            priors=priors if unweighted else None,
            why_no_prior=_why_no_prior(priors, unweighted=unweighted),
            shortcut=shortcuts.get(model.slug),
        )
        regions = None
        if measure is not None and analysis.faces is not None:
            approximate = np.asarray([source == "template" for source in analysis.faces.regions_from])
            regions = contrast_regions(case, measure.masks, approximate)
        found.append(
            weigh_reasons(
                model.name,
                model.slug,
                case,
                raise_flags(case, suspects, names),
                regions=regions,
                groups=() if measure is None else measure.groups,
                strips={} if occlusions is None else occlusions.strips.get(model.slug, {}),
                controls=controls,
                persons=persons,
            )
        )
    review = tuple(vote for vote in opinions if vote.compelling or suspects.suspect[vote.row])
    findings = ReasonFindings(tuple(found), suspects, occlusions, votes, review)
    return replace(findings, tables=MappingProxyType(reason_tables(findings, analysis)))


def _why_no_prior(priors: FloatArray | None, *, unweighted: bool) -> Untested:
    if priors is None:
        return "priors unknown"
    return "" if unweighted else "perhaps weighted"
