"""The certificate: the results of the full run, its machine and its code, as files that ship with the package."""

from __future__ import annotations

import dataclasses
import math
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reportgen._version import __version__
from reportgen.explain.fingerprints import judging_code, library_versions
from reportgen.files import write_atomically, write_json
from reportgen.selfcheck.artefacts import KINDS
from reportgen.selfcheck.criteria import criteria_sha256
from reportgen.selfcheck.faces import faces_sha256
from reportgen.selfcheck.outcome import COLUMNS, Outcome, outcome_table
from reportgen.selfcheck.plan import SEED, TUNING
from reportgen.selfcheck.reliance import STRONG
from reportgen.selfcheck.summary import Summary

__all__ = ["describe_machine", "write_certificate"]


def write_certificate(folder: Path, summary: Summary, outcomes: Sequence[Outcome], plan: str) -> Path:
    """Write `certificate.json` and `trials.csv` into `folder`; returns the first.

    Parameters
    ----------
    plan
        "full" or "quick": only a full run certifies anything.
    """
    table = outcome_table(outcomes)
    # Enough digits to recompute every figure, few enough to be read.
    text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
    write_atomically(folder / "trials.csv", text.encode())
    path = folder / "certificate.json"
    write_json(
        path,
        {
            "plan": plan,
            "date": datetime.now(UTC).date().isoformat(),
            "version": __version__,
            "judging_code": judging_code(),
            "faces_sha256": faces_sha256(),
            "criteria_sha256": criteria_sha256(),
            "machine": describe_machine(),
            "libraries": library_versions(),
            "strong": STRONG,
            "tuning": ", ".join(kind for kind in KINDS if kind in TUNING),
            "seed": SEED,
            "core_minutes": round(sum(sum(o.seconds.values()) for o in outcomes) / 60, 1),
            "columns": COLUMNS,
            "summary": _plain(dataclasses.asdict(summary)),
        },
    )
    return path


def describe_machine() -> dict[str, str | int]:
    """Cores, processor and system; nothing that identifies the machine."""
    return {
        "cores": os.cpu_count() or 1,
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    """Name and family of the processor, as far as the system reports them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, found, value in (line.partition(":") for line in lines) if found}
    name, family = facts.get("model name", platform.machine()), facts.get("cpu family")
    return f"{name}, family {family}" if family else name


def _plain(value: Any) -> Any:
    """JSON has no NaN: null instead."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
