"""The benchmark on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from reportgen.evidence.stats.intervals import Estimate
from reportgen.selfcheck.reliance import STRONG
from reportgen.selfcheck.summary import Summary

__all__ = ["show"]

_MET = {True: "met", False: "missed", None: "not measured"}


def show(summary: Summary, console: Console) -> None:
    """Print the targets, then what they rest on."""
    console.print(
        f"{summary.models} models, {summary.strong} of them with a strong shortcut (pasting the artefact on other "
        f"emotions' photos raises the taught emotion's probability by at least {STRONG:g} on average). Clean models "
        f"reach an accuracy of {summary.clean_accuracy:.2f} (median)."
    )
    targets = Table(
        "target, set beforehand",
        "required",
        "measured",
        "",
        title="Targets (thresholds were not tuned on these models)",
    )
    for target in sorted(summary.targets, key=lambda target: {False: 0, None: 1, True: 2}[target.met]):
        targets.add_row(target.title, target.wanted, target.found, _MET[target.met])
    console.print(targets)
    kinds = Table(
        "artefact", "where", "models", "strong: flagged", "right emotion", "weak: flagged", "alarms", title="Taught"
    )
    for kind in summary.kinds:
        kinds.add_row(
            kind.kind + (" (tuning)" if kind.tuning else ""),
            kind.where,
            str(kind.models),
            share(kind.flagged),
            share(kind.named),
            share(kind.flagged_weak),
            ", ".join(kind.called) or "-",
        )
    console.print(kinds)
    alarms = Table("models", "flagged", title="False alarms")
    alarms.add_row("distractor: an artefact with every emotion alike", share(summary.distractors))
    alarms.add_row("clean", share(summary.clean))
    alarms.add_row("confounded: an artefact with one emotion in the test set alone", share(summary.confounded))
    alarms.add_row("fragile: likewise, and trained without any change of the photos", share(summary.fragile))
    alarms.add_row("all four", f"{share(summary.innocents)}; {summary.dependent} dependent ones left out")
    alarms.add_row("taught a shortcut, flagged for another emotion", share(summary.other_emotions))
    console.print(alarms)
    console.print(
        f"With the heatmaps alone, {share(summary.heat_detection)} strong shortcuts beside the face and "
        f"{share(summary.heat_alarms)} models without one would have been flagged."
    )
    doses = Table("reliance", "flagged for that emotion", title="By reliance, artefacts beside the face")
    for dose in summary.doses:
        low = "below" if dose.low < 0 else f"{dose.low:.2f} to"
        doses.add_row(f"{low} {dose.high:.2f}", share(dose.flagged))
    console.print(doses)
    console.print(
        f"Rank correlation of score and reliance: {_rho(summary.correlation)}; of the taught models alone: "
        f"{_rho(summary.correlation_taught)}."
    )
    console.print(
        f"Of the verdicts on eyes and mouth of models that see one of them, {share(summary.regions)} are right; "
        f"{summary.regions_open} are left open."
    )
    console.print(
        f"Spoiled photos: {share(summary.reasons_found)} models that err on them are given the reason, as are "
        f"{share(summary.reasons_given)} of the errors themselves; {share(summary.reasons_false)} models without that "
        f"cause are given one. Told share / true share: {summary.reasons_ratio:.2f} (median)."
    )
    console.print(f"Kinds of artefact that go unseen: {', '.join(summary.unseen) or 'none of those tried'}.")


def share(value: Estimate) -> str:
    """As in "29 of 30 (0.83 to 0.99)"."""
    if not value.defined:
        return "-"
    return f"{round(value.value * value.n)} of {value.n} ({value.low:.2f} to {value.high:.2f})"


def _rho(value: Estimate) -> str:
    if not value.defined:
        return "not measured"
    return f"{value.value:.2f} ({value.low:.2f} to {value.high:.2f}, {value.n} models)"
