"""What an ordinary build found, read from the tables it wrote: the self-check sees nothing that a user does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reportgen.errors import BuildError

__all__ = ["HEAT", "Finding", "read_findings"]

HEAT = "heat"
"""Kind of a finding that says only where the heatmap lies. It accuses nobody; kept to see what it would be worth."""


@dataclass(frozen=True)
class Finding:
    """One emotion's answer to one question about cheating.

    Attributes
    ----------
    kind
        "background": use of something beside the face; "heat": heat on it; else the change of the whole picture that
        takes recall away ("grey", "equalised", "blurred", "re-encoded").
    score
        The larger, the stronger; comparable within a kind. NaN where nothing was measured.
    answer
        "yes" is an alarm; else "possible", "no", "undetermined" or "insufficient evidence".
    """

    emotion: str
    kind: str
    score: float
    answer: str


def read_findings(analysis: Path) -> tuple[Finding, ...]:
    """The final answers of a build's only model.

    Raises
    ------
    BuildError
        The tables are not there.
    """
    heat = _read(analysis / "tables" / "verdicts.parquet")
    heat = heat[heat["kind"] == "background"]
    used = _read(analysis / "tables" / "backgrounds.parquet")
    changed = _read(analysis / "tables" / "interventions.parquet")
    found = [Finding(str(r["emotion"]), HEAT, float(r["value"]), str(r["answer"])) for r in _rows(heat)]
    for row in _rows(used):
        answer = "yes" if row["cheating"] else str(row["state"])
        found.append(Finding(str(row["emotion"]), "background", float(row["score"]), answer))
    found += [Finding(str(r["emotion"]), str(r["change"]), float(r["fall"]), str(r["answer"])) for r in _rows(changed)]
    return tuple(found)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")]


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise BuildError(f"{path}: cannot be read ({error}); delete the folder and run again") from None
