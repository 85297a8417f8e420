"""What an ordinary build found, read from the tables it wrote: the self-check sees nothing that a user does not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reportgen.errors import BuildError

__all__ = ["Finding", "read_findings"]


@dataclass(frozen=True)
class Finding:
    """One emotion's answer to one question about cheating.

    Attributes
    ----------
    kind
        "background" for something beside the face; others are what the whole picture gives away ("colour").
    score
        The larger, the stronger; NaN where nothing was measured.
    answer
        "yes", "possible", "no", "undetermined" or "insufficient evidence".
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
    path = analysis / "tables" / "verdicts.parquet"
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise BuildError(f"{path}: cannot be read ({error}); delete the folder and run again") from None
    rows = table[table["kind"] == "background"].to_dict(orient="records")
    return tuple(Finding(str(r["emotion"]), "background", float(r["value"]), str(r["answer"])) for r in rows)
