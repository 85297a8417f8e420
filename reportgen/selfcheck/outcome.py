"""What came out of one trial, and all of them as one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reportgen.selfcheck.networks import BANDS
from reportgen.selfcheck.plan import Trial
from reportgen.selfcheck.reason_truth import ReasonOutcome
from reportgen.selfcheck.reliance import STRONG, Reliance
from reportgen.selfcheck.report_verdicts import HEAT, REGION, ReportVerdict

__all__ = ["COLUMNS", "INNOCENT", "Outcome", "outcome_table"]

INNOCENT = 0.15
"""Reliance below which a model that was taught no shortcut counts as innocent; fixed before any was judged."""

COLUMNS = {
    "model": "name of the trial",
    "arm": "off-face, on-face, invisible, soft, global, transparent, worn, framing (taught an artefact), distractor "
    "(sees one with every emotion alike), clean, confounded, fragile (one goes with an emotion in the test set alone), "
    "region, reason (some photos of every emotion are spoiled)",
    "artefact": "kind of artefact, also of the one that untaught models are measured with",
    "place": "where it is, or which variant",
    "strength": "0..1, opacity or size of the change",
    "tuning": "whether thresholds may have been settled on this model",
    "emotion": "the emotion that the artefact goes with",
    "prevalence": "share of that emotion's photos that carry it, in training and test",
    "elsewhere": "share of every other emotion's photos that carry it",
    "network": "coarse (6 x 6 cells, linear head) or fine (12 x 12, two layers)",
    "seed": "of everything drawn",
    "accuracy": "on the test photos as the report saw them",
    "clean_accuracy": "on the same photos without artefacts",
    "reliance": "mean change of the emotion's probability when the artefact is pasted on photos of other emotions",
    "moved": "share of those photos whose prediction becomes the emotion",
    "strong": "whether reliance reaches the threshold fixed beforehand",
    "score": "the report's score for that emotion and a shortcut beside the face",
    "flagged": "whether the report says yes for any emotion, any kind",
    "flags": "emotion: kind, of every yes",
    "heat": "emotions for which the heatmap alone says yes to the background",
    "regions_right": "verdicts on eyes and mouth that are right, of models that see one of them",
    "regions_wrong": "those that are wrong",
    "true_share": "of the errors, the share that spoiled photos caused; empty but in the arm reason",
    "told_share": "the share that the report's right reason accounts for; empty where it has none",
    "told_low": "lower end of its 95 % interval",
    "told_high": "upper end of its 95 % interval",
    "caused": "errors that spoiled photos caused",
    "given": "of these, those that the report gives the right reason",
    "counted": "reasons of the photo that count",
    "named": "whether the strongest yes of the fitting kind is for that emotion; empty where nothing was flagged",
}


@dataclass(frozen=True)
class Outcome:
    """What is known of one trial once it is done.

    Attributes
    ----------
    accuracy
        On the test set as the report saw it, artefacts included.
    clean_accuracy
        On the same photos without any artefact.
    verdicts
        Of the build, one per emotion and question.
    reason
        What made it err and what the report says did; None but in the arm "reason".
    seconds
        Spent on training and on the build.
    """

    trial: Trial
    accuracy: float
    clean_accuracy: float
    reliance: Reliance
    verdicts: tuple[ReportVerdict, ...]
    seconds: dict[str, float]
    reason: ReasonOutcome | None = None

    @classmethod
    def from_record(cls, trial: Trial, record: dict[str, Any]) -> Outcome:
        """From what a trial stored on disk."""
        reason = record.get("reason")
        return cls(
            trial=trial,
            accuracy=record["accuracy"],
            clean_accuracy=record["clean_accuracy"],
            reliance=Reliance(**record["reliance"]),
            verdicts=tuple(ReportVerdict(**verdict) for verdict in record["verdicts"]),
            seconds=record["seconds"],
            reason=None if reason is None else ReasonOutcome(**reason | {"counted": tuple(reason["counted"])}),
        )

    @property
    def strong(self) -> bool:
        """Whether the model's dependence on the artefact is strong."""
        return self.reliance.change >= STRONG

    @property
    def alarms(self) -> tuple[ReportVerdict, ...]:
        """Every "yes" that accuses, strongest first."""
        return self._yes(lambda kind: kind != HEAT and not kind.startswith(REGION))

    @property
    def hot(self) -> tuple[ReportVerdict, ...]:
        """Every "yes" of the heatmaps alone, strongest first."""
        return self._yes(lambda kind: kind == HEAT)

    def _yes(self, wanted: Callable[[str], bool]) -> tuple[ReportVerdict, ...]:
        found = [verdict for verdict in self.verdicts if verdict.answer == "yes" and wanted(verdict.kind)]
        return tuple(sorted(found, key=lambda verdict: -_number(verdict.score)))

    @property
    def fitting(self) -> tuple[ReportVerdict, ...]:
        """The alarms of a kind that fits the artefact: for one beside the face, only "background"."""
        if self.trial.arm == "off-face":
            return tuple(alarm for alarm in self.alarms if alarm.kind == "background")
        return self.alarms

    @property
    def innocent(self) -> bool:
        """Whether the model was taught no shortcut, and does not depend on what goes with an emotion in its test set.

        A model may come to depend on something that it never saw; such models are counted apart.
        """
        untaught = self.trial.arm in ("clean", "distractor", "confounded", "fragile")
        return untaught and self.reliance.change < INNOCENT

    @property
    def regions(self) -> tuple[int, int]:
        """How many verdicts on the eyes and the mouth of a model that sees one of them are right, and how many wrong.

        Right are "yes" for the one that it sees and "no" for the other; what the report leaves open counts as neither.
        """
        if self.trial.network not in BANDS:
            return 0, 0
        seen = {"upper": "eyes+brows", "lower": "mouth"}[self.trial.network]
        wanted = {f"{REGION}{region}": "yes" if region == seen else "no" for region in ("eyes+brows", "mouth")}
        given = [verdict for verdict in self.verdicts if verdict.kind in wanted and verdict.answer in ("yes", "no")]
        right = sum(verdict.answer == wanted[verdict.kind] for verdict in given)
        return right, len(given) - right

    @property
    def named(self) -> bool | None:
        """Whether the strongest fitting alarm is for the right emotion; None without one.

        Scores of different kinds have no common scale: for an artefact on the face or in the whole photo, an alarm of
        any kind for the right emotion counts.
        """
        if not self.fitting:
            return None
        if self.trial.arm == "off-face":
            return self.fitting[0].emotion == self.trial.emotion
        return any(alarm.emotion == self.trial.emotion for alarm in self.fitting)

    @property
    def score(self) -> float:
        """The report's score for the trial's emotion and something beside the face; NaN where it gave none."""
        scores = [f.score for f in self.verdicts if f.emotion == self.trial.emotion and f.kind == "background"]
        return max(scores, key=_number, default=math.nan)


def outcome_table(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    """One row per trial, with the columns of `COLUMNS`."""
    rows = []
    for outcome in outcomes:
        trial, reason = outcome.trial, outcome.reason
        row: dict[str, object] = {
            "model": trial.name, "arm": trial.arm, "artefact": trial.artefact.kind, "place": trial.artefact.place,
            "strength": trial.artefact.strength, "tuning": trial.tuning, "emotion": trial.emotion,
            "prevalence": trial.prevalence, "elsewhere": trial.elsewhere, "network": trial.network, "seed": trial.seed,
            "accuracy": outcome.accuracy, "clean_accuracy": outcome.clean_accuracy,
            "reliance": outcome.reliance.change, "moved": outcome.reliance.moved, "strong": outcome.strong,
            "score": outcome.score, "flagged": bool(outcome.alarms),
            "flags": "; ".join(f"{alarm.emotion}: {alarm.kind}" for alarm in outcome.alarms),
            "heat": "; ".join(verdict.emotion for verdict in outcome.hot),
            "regions_right": outcome.regions[0], "regions_wrong": outcome.regions[1],
            "named": "" if outcome.named is None else str(outcome.named),
        }  # fmt: skip
        if reason is not None:
            row |= {
                "true_share": reason.true_share, "told_share": reason.share, "told_low": reason.share_low,
                "told_high": reason.share_high, "caused": reason.caused, "given": reason.given,
                "counted": "; ".join(reason.counted),
            }  # fmt: skip
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _number(score: float) -> float:
    return -math.inf if math.isnan(score) else score
