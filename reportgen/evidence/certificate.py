"""The certificate of the verdicts: what the full self-check found, read from the package.

The self-check itself (`reportgen.selfcheck`) needs torch and takes long; this only reads what its last full run left.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reportgen.evidence.stats.intervals import Estimate

__all__ = ["Certificate", "CertifiedKind", "read_certificate"]

_NOTHING = {"value": None, "low": 0.0, "high": 1.0, "n": 0}
_DATA = Path(__file__).resolve().parents[1] / "selfcheck" / "data"


@dataclass(frozen=True)
class CertifiedKind:
    """One kind of planted artefact.

    Attributes
    ----------
    where
        "off-face", "on-face", "invisible", "soft", "global", "transparent", "worn" or "framing".
    tuning
        Whether thresholds were settled on it.
    flagged, named, flagged_weak
        Models that strongly depend on it and are flagged; of these, with the right emotion; models that depend on it
        less and are flagged.
    """

    kind: str
    where: str
    tuning: bool
    models: int
    flagged: Estimate
    named: Estimate
    flagged_weak: Estimate


@dataclass(frozen=True)
class Certificate:
    """What the last full run found.

    Attributes
    ----------
    date, cores, machine
        When it ran, on how many cores, of which processor, under which system.
    version, judging_code
        Of the program that was judged; see `is_of`.
    models
        All that were trained.
    strong
        Reliance from which a shortcut counts as strong.
    targets
        What was asked for beforehand: title, wanted, found, whether it was met (None where it was not measured).
    detection
        See `reportgen.selfcheck.summary.Summary`, and for the others. Certificates before the second one lack
        `confounded`, `fragile`, `innocents`, `regions` and what is said of reasons: nothing was measured there.
    doses
        Lower and upper bound of reliance, and the share that was flagged.
    unseen
        Kinds of artefact that are mostly missed.
    table
        Every model, as CSV.
    """

    date: str
    cores: int
    machine: tuple[str, str]
    version: str
    judging_code: str
    models: int
    strong: float
    tuning: str
    clean_accuracy: float
    targets: tuple[tuple[str, str, str, bool | None], ...]
    kinds: tuple[CertifiedKind, ...]
    detection: Estimate
    distractors: Estimate
    clean: Estimate
    confounded: Estimate
    fragile: Estimate
    innocents: Estimate
    dependent: int
    regions: Estimate
    regions_open: int
    reasons_found: Estimate
    reasons_given: Estimate
    reasons_false: Estimate
    reasons_ratio: float
    heat_detection: Estimate
    heat_alarms: Estimate
    correlation: Estimate
    doses: tuple[tuple[float, float, Estimate], ...]
    unseen: tuple[str, ...]
    table: bytes

    def is_of(self, judging_code: str) -> bool:
        """Whether the verdicts that it certifies are made by this very code."""
        return self.judging_code == judging_code


def read_certificate(folder: Path = _DATA) -> Certificate | None:
    """The certificate that ships with the package; None where there is none, or none of a full run."""
    try:
        record = json.loads((folder / "certificate.json").read_text(encoding="utf-8"))
        table = (folder / "trials.csv").read_bytes()
        return _certificate(record, table) if record["plan"] == "full" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _certificate(record: dict[str, Any], table: bytes) -> Certificate:
    summary, machine = record["summary"], record["machine"]
    return Certificate(
        date=str(record["date"]),
        cores=int(machine["cores"]),
        machine=(str(machine["processor"]), str(machine["system"])),
        version=str(record["version"]),
        judging_code=str(record["judging_code"]),
        models=int(summary["models"]),
        strong=float(record["strong"]),
        tuning=str(record["tuning"]),
        clean_accuracy=_number(summary["clean_accuracy"]),
        targets=tuple((t["title"], t["wanted"], t["found"], t["met"]) for t in summary["targets"]),
        kinds=tuple(_kind(kind) for kind in summary["kinds"]),
        detection=_estimate(summary["detection"]),
        distractors=_estimate(summary["distractors"]),
        clean=_estimate(summary["clean"]),
        confounded=_estimate(summary.get("confounded", _NOTHING)),
        fragile=_estimate(summary.get("fragile", _NOTHING)),
        innocents=_estimate(summary.get("innocents", _NOTHING)),
        dependent=int(summary.get("dependent", 0)),
        regions=_estimate(summary.get("regions", _NOTHING)),
        regions_open=int(summary.get("regions_open", 0)),
        reasons_found=_estimate(summary.get("reasons_found", _NOTHING)),
        reasons_given=_estimate(summary.get("reasons_given", _NOTHING)),
        reasons_false=_estimate(summary.get("reasons_false", _NOTHING)),
        reasons_ratio=_number(summary.get("reasons_ratio")),
        heat_detection=_estimate(summary["heat_detection"]),
        heat_alarms=_estimate(summary["heat_alarms"]),
        correlation=_estimate(summary["correlation"]),
        doses=tuple((float(d["low"]), float(d["high"]), _estimate(d["flagged"])) for d in summary["doses"]),
        unseen=tuple(summary["unseen"]),
        table=table,
    )


def _kind(kind: dict[str, Any]) -> CertifiedKind:
    return CertifiedKind(
        kind=str(kind["kind"]),
        where=str(kind["where"]),
        tuning=bool(kind["tuning"]),
        models=int(kind["models"]),
        flagged=_estimate(kind["flagged"]),
        named=_estimate(kind["named"]),
        flagged_weak=_estimate(kind["flagged_weak"]),
    )


def _estimate(value: dict[str, Any]) -> Estimate:
    return Estimate(_number(value["value"]), _number(value["low"]), _number(value["high"]), int(value["n"]))


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
