"""The verdicts of an ordinary build, read from its tables: the self-check sees only what a user sees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from reportgen.errors import BuildError

__all__ = ["COMPONENT", "HEAT", "MARK", "REGION", "ReportVerdict", "read_table", "read_verdicts"]

HEAT = "heat"
"""Kind of a verdict on the heatmap alone. It raises no alarm; it is kept to measure what it would be worth."""

COMPONENT = "component"
"""Kind of an alarm that a component of the last features raises: a cue beside the face that nobody listed."""

MARK = "mark"
"""Kind of an alarm that a mark raises: something at one place of the face, or a pattern, in an emotion's photos."""

REGION = "region: "
"""Beginning of the kind of a verdict on a facial region's importance, as in "region: mouth"; no alarm either."""


@dataclass(frozen=True)
class ReportVerdict:
    """What a report says of one emotion and one kind of shortcut.

    Attributes
    ----------
    kind
        "background": swapping what lies beside the face changes the prediction; "heat": the heatmap lies on it;
        `COMPONENT`; `MARK`; `REGION` and a region; else the change of the photo that lowers recall, one of `CHANGES`.
    score
        The larger, the stronger; comparable only within a kind. NaN where nothing was measured.
    answer
        "yes" is an alarm; else "possible", "no", "undetermined" or "insufficient evidence".
    """

    emotion: str
    kind: str
    score: float
    answer: str


def read_verdicts(analysis: Path) -> tuple[ReportVerdict, ...]:
    """All verdicts on the only model of a build.

    Raises
    ------
    BuildError
        A table is missing or cannot be read.
    """
    heat = read_table(analysis / "tables" / "verdicts.parquet")
    heat = heat[heat["kind"] == "background"]
    used = read_table(analysis / "tables" / "backgrounds.parquet")
    regions = read_table(analysis / "tables" / "use.parquet")
    changed = read_table(analysis / "tables" / "interventions.parquet")
    components = read_table(analysis / "tables" / "components.parquet")
    marks = read_table(analysis / "tables" / "marks.parquet")
    found = [ReportVerdict(str(r["emotion"]), HEAT, float(r["value"]), str(r["answer"])) for r in _rows(heat)]
    for row in _rows(used):
        answer = "yes" if row["cheating"] else str(row["state"])
        found.append(ReportVerdict(str(row["emotion"]), "background", float(row["score"]), answer))
    found += [
        ReportVerdict(str(r["emotion"]), str(r["change"]), float(r["fall"]), str(r["answer"])) for r in _rows(changed)
    ]
    found += [
        ReportVerdict(str(r["emotion"]), COMPONENT, max(float(r["gain"]), float(r["fall"])), str(r["answer"]))
        for r in _rows(components)
        if r["answer"] != "not tested"
    ]
    found += [
        ReportVerdict(str(r["emotion"]), MARK, max(float(r["gain"]), float(r["fall"])), str(r["answer"]))
        for r in _rows(marks)
    ]
    found += [
        ReportVerdict(str(r["emotion"]), f"{REGION}{r['region']}", float(r["gap"]), str(r["answer"]))
        for r in _rows(regions)
        if r["region"] != "background"
    ]
    return tuple(found)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")]


def read_table(path: Path) -> pd.DataFrame:
    """A table of a build.

    Raises
    ------
    BuildError
        It is missing or cannot be read.
    """
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise BuildError(f"{path}: cannot be read ({error}); delete the folder and run again") from None
