"""How often the verdicts are right: detection, naming, false alarms, flags by reliance, and what goes unseen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import spearmanr

from reportgen.evidence.stats.intervals import Estimate, exact, percentile_interval
from reportgen.selfcheck.artefacts import KINDS, Artefact
from reportgen.selfcheck.criteria import Criteria, read_criteria
from reportgen.selfcheck.faces import EMOTIONS
from reportgen.selfcheck.outcome import Outcome
from reportgen.selfcheck.plan import REASONS, SECOND, TUNING, Arm
from reportgen.selfcheck.reason_truth import BORNE, CAUSE, ReasonOutcome

__all__ = ["DOSES", "Dose", "KindResult", "Summary", "Target", "summarise"]

DOSES = (-1.0, 0.05, 0.15, 0.3, 0.5, 1.0)
"""Bounds of the classes of reliance (mean change of the emotion's probability, -1..1)."""

_DRAWS = 2000


@dataclass(frozen=True)
class KindResult:
    """All models that were taught one kind of artefact.

    Attributes
    ----------
    where
        As in `reportgen.selfcheck.artefacts.KINDS`.
    tuning
        Whether thresholds may have been tuned on it.
    models
        How many were trained.
    flagged
        Of the models that strongly depend on it: those with an alarm of a fitting kind.
    named
        Of these: those whose alarm is for the right emotion.
    flagged_weak
        Of the models that depend on it less: those with an alarm.
    called
        Kinds of the alarms of the flagged strong models, most frequent first.
    """

    kind: str
    where: str
    tuning: bool
    models: int
    flagged: Estimate
    named: Estimate
    flagged_weak: Estimate
    called: tuple[str, ...]


@dataclass(frozen=True)
class Dose:
    """Models whose reliance lies between two bounds: how many are flagged."""

    low: float
    high: float
    flagged: Estimate


@dataclass(frozen=True)
class Target:
    """One target that was set beforehand, and what was reached; `met` is None where nothing was measured."""

    title: str
    wanted: str
    found: str
    met: bool | None


@dataclass(frozen=True)
class Summary:
    """The benchmark in numbers.

    Attributes
    ----------
    kinds
        One per kind of artefact that was taught.
    detection, naming
        Of strong shortcuts beside the face, without the tuning kind: flagged; and of these, right emotion.
    distractors, clean, false_alarms
        Flagged models that were taught no shortcut; the last is both together.
    confounded, fragile
        Flagged models that were taught none, but in whose test set an artefact goes with an emotion; those that came to
        depend on it all the same (see `Outcome.innocent`) are left out.
    innocents
        Flagged models of all four arms.
    dependent
        Models of the four arms that are left out of it, as they depend on what they were not taught.
    regions
        Of the verdicts "yes" and "no" on eyes and mouth, of models that see one of the two: those that are right.
    regions_open
        Verdicts on them that the reports leave open.
    reasons_found
        Of the models whose errors spoiled photos cause: those for which the report's reason for it counts.
    reasons_given
        Of all errors that spoiled photos caused in these models: those that are given that reason.
    reasons_false
        Of the models whose errors spoiled photos do not cause, and of those spoiled in a way for which the report has
        no reason: those for which poor quality or dark eyes count.
    reasons_too_large
        Of the intervals for the share of the errors that the right reason accounts for: those above the true share.
    reasons_ratio
        Median of told share / true share in models whose errors spoiled photos cause; NaN where none was told.
    heat_detection, heat_alarms
        The same shares as `detection` and `false_alarms`, by the heatmaps alone.
    other_emotions
        Models taught a shortcut that are flagged for an emotion that it does not go with.
    doses
        Share flagged for the artefact's emotion, by reliance, over models taught an artefact beside the face and
        untaught ones measured with one, without the tuning kind.
    correlation
        Spearman's, of score with reliance, over the same models; interval by bootstrap over models.
    correlation_taught
        Of the taught ones alone.
    unseen
        Kinds of artefact of which less than half of the strong models are flagged.
    clean_accuracy
        Median accuracy of the clean models.
    targets
        In the order in which they were set.
    """

    models: int
    strong: int
    kinds: tuple[KindResult, ...]
    detection: Estimate
    naming: Estimate
    distractors: Estimate
    clean: Estimate
    false_alarms: Estimate
    confounded: Estimate
    fragile: Estimate
    innocents: Estimate
    dependent: int
    regions: Estimate
    regions_open: int
    reasons_found: Estimate
    reasons_given: Estimate
    reasons_false: Estimate
    reasons_too_large: Estimate
    reasons_ratio: float
    heat_detection: Estimate
    heat_alarms: Estimate
    other_emotions: Estimate
    doses: tuple[Dose, ...]
    correlation: Estimate
    correlation_taught: Estimate
    unseen: tuple[str, ...]
    clean_accuracy: float
    targets: tuple[Target, ...]


def summarise(outcomes: Sequence[Outcome], seed: int = 0) -> Summary:
    """Score the verdicts of all trials; `seed` is that of the bootstrap."""
    taught = _of_arms(outcomes, "off-face", "on-face", "invisible", *SECOND)
    beside = [o for o in _of_arms(outcomes, "off-face") if not o.trial.tuning]
    strong = [o for o in beside if o.strong]
    distractors, clean = _of_arms(outcomes, "distractor"), _of_arms(outcomes, "clean")
    innocent = [*distractors, *clean]
    measured = [*beside, *(o for o in innocent if _is_beside(o.trial.artefact))]
    kinds = _kinds(taught)
    detection, naming = _share(strong, _fits), _share(filter(_fits, strong), _names)
    false_alarms = _share(innocent, _alarms)
    correlation = _spearman(measured, seed)
    confounded, fragile = ([o for o in _of_arms(outcomes, arm) if o.innocent] for arm in ("confounded", "fragile"))
    suspects = _of_arms(outcomes, "clean", "distractor", "confounded", "fragile")
    innocents = _share([o for o in suspects if o.innocent], _alarms)
    right, wrong = (sum(o.regions[k] for o in outcomes) for k in (0, 1))
    found, given, false, too_large, ratio = _judge_reasons(
        [(o.trial.artefact.kind, o.reason) for o in outcomes if o.reason is not None and not o.trial.tuning]
    )
    criteria = read_criteria()
    targets = (
        *_targets(detection, naming, false_alarms, correlation),
        *_second_targets(criteria, taught, detection, innocents, exact(right, right + wrong)),
        *_reason_targets(criteria, found, false, too_large),
    )
    return Summary(
        models=len(outcomes),
        strong=sum(o.strong for o in taught),
        kinds=kinds,
        detection=detection,
        naming=naming,
        distractors=_share(distractors, _alarms),
        clean=_share(clean, _alarms),
        false_alarms=false_alarms,
        confounded=_share(confounded, _alarms),
        fragile=_share(fragile, _alarms),
        innocents=innocents,
        dependent=sum(not o.innocent for o in suspects),
        regions=exact(right, right + wrong),
        reasons_found=found,
        reasons_given=given,
        reasons_false=false,
        reasons_too_large=too_large,
        reasons_ratio=ratio,
        regions_open=sum(2 * len(EMOTIONS) - sum(o.regions) for o in _of_arms(outcomes, "region")),
        heat_detection=_share(strong, _is_hot),
        heat_alarms=_share(innocent, _is_hot),
        other_emotions=_share(taught, lambda o: any(alarm.emotion != o.trial.emotion for alarm in o.alarms)),
        doses=_doses(measured),
        correlation=correlation,
        correlation_taught=_spearman(beside, seed),
        unseen=tuple(k.kind for k in kinds if k.flagged.n and k.flagged.value < 0.5),
        clean_accuracy=float(np.median([o.clean_accuracy for o in clean])) if clean else math.nan,
        targets=targets,
    )


def _of_arms(outcomes: Sequence[Outcome], *arms: Arm) -> list[Outcome]:
    return [o for o in outcomes if o.trial.arm in arms]


def _is_beside(artefact: Artefact) -> bool:
    return artefact.where == "off-face" and artefact.kind not in TUNING


def _alarms(outcome: Outcome) -> bool:
    return bool(outcome.alarms)


def _fits(outcome: Outcome) -> bool:
    return bool(outcome.fitting)


def _names(outcome: Outcome) -> bool:
    return bool(outcome.named)


def _is_hot(outcome: Outcome) -> bool:
    return bool(outcome.hot)


def _share(outcomes: Iterable[Outcome], holds: Callable[[Outcome], bool]) -> Estimate:
    """Share of the outcomes of which something holds, with the exact interval."""
    found = [holds(outcome) for outcome in outcomes]
    return exact(sum(found), len(found))


def _judge_reasons(
    outcomes: Sequence[tuple[str, ReasonOutcome]],
) -> tuple[Estimate, Estimate, Estimate, Estimate, float]:
    """Found, given, false, too large and ratio, as in `Summary`; each outcome with the kind of its spoiled photos."""
    caused = [(REASONS[kind], o) for kind, o in outcomes if REASONS[kind] and o.true_share >= CAUSE]
    innocent = [o for kind, o in outcomes if not REASONS[kind] or o.true_share < BORNE]
    told = [o for kind, o in outcomes if REASONS[kind] and math.isfinite(o.share_low)]
    ratios = [o.share / o.true_share for _, o in caused if math.isfinite(o.share)]
    return (
        exact(sum(reason in o.counted for reason, o in caused), len(caused)),
        exact(sum(o.given for _, o in caused), sum(o.caused for _, o in caused)),
        exact(sum(bool({*REASONS.values()} & {*o.counted}) for o in innocent), len(innocent)),
        exact(sum(o.share_low > o.true_share for o in told), len(told)),
        float(np.median(ratios)) if ratios else math.nan,
    )


def _reason_targets(criteria: Criteria, found: Estimate, false: Estimate, too_large: Estimate) -> tuple[Target, ...]:
    def target(title: str, share: Estimate, limit: float, least: bool) -> Target:
        met = None if not share.defined else share.value >= limit if least else share.value <= limit
        return Target(title, f"at {'least' if least else 'most'} {_per_cent(limit)}", _counted(share), met)

    return (
        target("models that err on spoiled photos: given that reason", found, criteria.reasons_found, True),
        target("models that err for something else: given such a reason", false, criteria.reasons_false, False),
        target("shares of the errors told too large", too_large, criteria.reasons_too_large, False),
    )


def _kinds(taught: Sequence[Outcome]) -> tuple[KindResult, ...]:
    """One result per kind of artefact that a model was taught, in the order of `KINDS`."""
    results = []
    for kind, where in KINDS.items():
        outcomes = [o for o in taught if o.trial.artefact.kind == kind]
        if not outcomes:
            continue
        strong, weak = [o for o in outcomes if o.strong], [o for o in outcomes if not o.strong]
        called = [a.kind for o in strong for a in o.fitting if a.emotion == o.trial.emotion]
        results.append(
            KindResult(
                kind=kind,
                where=where,
                tuning=outcomes[0].trial.tuning,
                models=len(outcomes),
                flagged=_share(strong, _fits),
                named=_share(filter(_fits, strong), _names),
                flagged_weak=_share(weak, _fits),
                called=tuple(sorted(set(called), key=lambda name: (-called.count(name), name))),
            )
        )
    return tuple(results)


def _doses(outcomes: Sequence[Outcome]) -> tuple[Dose, ...]:
    """One row per class of reliance; a model on a bound belongs to the class above, at the top to the last."""

    def flagged(outcome: Outcome) -> bool:
        return any(a.kind == "background" and a.emotion == outcome.trial.emotion for a in outcome.alarms)

    rows = []
    for low, high in pairwise(DOSES):
        last = high == DOSES[-1]
        inside = [o for o in outcomes if low <= o.reliance.change and (o.reliance.change < high or last)]
        rows.append(Dose(low, high, _share(inside, flagged)))
    return tuple(rows)


def _spearman(outcomes: Sequence[Outcome], seed: int) -> Estimate:
    """Rank correlation of score and reliance, with a bootstrap interval over models; no score counts as 0."""
    reliance = np.array([o.reliance.change for o in outcomes])
    score = np.nan_to_num(np.array([o.score for o in outcomes]), nan=0.0)
    if len(outcomes) < 3 or np.ptp(reliance) == 0 or np.ptp(score) == 0:
        return Estimate(math.nan, -1.0, 1.0, len(outcomes))
    rng = np.random.default_rng(seed)
    draws = []
    for rows in rng.integers(0, len(outcomes), (_DRAWS, len(outcomes))):
        if np.ptp(reliance[rows]) and np.ptp(score[rows]):
            draws.append(float(spearmanr(reliance[rows], score[rows]).statistic))
    return percentile_interval(float(spearmanr(reliance, score).statistic), np.array(draws), len(outcomes))


def _targets(detection: Estimate, naming: Estimate, alarms: Estimate, correlation: Estimate) -> tuple[Target, ...]:
    def reached(value: Estimate, enough: bool) -> bool | None:
        return enough if value.defined else None

    return (
        Target(
            "strong shortcuts beside the face that are flagged",
            "at least 29 of 30",
            _counted(detection),
            reached(detection, detection.value * 30 >= 29),
        ),
        Target(
            "flagged with the right emotion", "at least 90 %", _counted(naming), reached(naming, naming.value >= 0.9)
        ),
        Target(
            "models without a shortcut that are flagged",
            "at most 1 of 40",
            _counted(alarms),
            reached(alarms, alarms.value * 40 <= 1),
        ),
        Target(
            "rank correlation of score and reliance",
            "at least .8",
            f"{correlation.value:.2f}".replace("0.", ".") if correlation.defined else "not measured",
            reached(correlation, correlation.value >= 0.8),
        ),
    )


_ARMS = {
    "soft": "soft light and shade",
    "global": "over the whole picture",
    "transparent": "shining through",
    "worn": "worn on the face",
    "framing": "a matter of framing",
}


def _second_targets(
    criteria: Criteria, taught: Sequence[Outcome], detection: Estimate, innocents: Estimate, regions: Estimate
) -> tuple[Target, ...]:
    """What was written down before the second certificate's models were judged."""
    found, of = criteria.off_face_found
    targets = [
        Target(
            "strong crisp shortcuts beside the face that are flagged",
            f"at least {found} of {of}",
            _counted(detection),
            detection.value * of >= found if detection.defined else None,
        )
    ]
    for arm in SECOND:
        strong = [o for o in taught if o.trial.arm == arm and o.strong and not o.trial.tuning]
        flagged, named = _share(strong, _alarms), _share(strong, lambda o: bool(o.named))
        kinds = [kind for kind, where in KINDS.items() if where == arm and kind not in TUNING]
        enough = all(
            sum(o.trial.artefact.kind == kind for o in strong) >= criteria.strong_models_a_kind for kind in kinds
        )
        for what, share, wanted in (
            ("flagged", flagged, criteria.second_found),
            ("flagged with the right emotion", named, criteria.second_named),
        ):
            targets.append(
                Target(
                    f"strong shortcuts, {_ARMS[arm]}: {what}",
                    f"at least {_per_cent(wanted)}",
                    _counted(share),
                    share.value >= wanted if enough and share.defined else None,
                )
            )
    most, least = criteria.innocent_flagged
    targets.append(
        Target(
            "innocent models that are flagged",
            f"at most {most}, of {least} or more",
            _counted(innocents),
            innocents.value * innocents.n <= most + 1e-9 if innocents.n >= least else None,
        )
    )
    targets.append(
        Target(
            "verdicts on eyes and mouth that are right, of models that see one of them",
            f"at least {_per_cent(criteria.regions_right)}",
            _counted(regions),
            regions.value >= criteria.regions_right if regions.defined else None,
        )
    )
    return tuple(targets)


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _counted(share: Estimate) -> str:
    return f"{round(share.value * share.n)} of {share.n}" if share.defined else "none measured"
