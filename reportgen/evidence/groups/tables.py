"""Scores by groups as tidy tables, and what each of their columns means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from reportgen.evidence.groups.gaps import Gap
from reportgen.evidence.groups.judging import GroupFindings, GroupGap

__all__ = ["GROUP_COLUMNS", "group_tables"]


def group_tables(found: GroupFindings) -> dict[str, pd.DataFrame]:
    """The tables by name."""
    rows: dict[str, list[dict[str, object]]] = {
        "groups": [_row(one) for one in found.gaps],
        "group_odds": [
            {
                "model": one.model,
                "grouping": one.grouping,
                "difference": one.difference,
                "of": one.of,
                "emotion": one.emotion,
                "highest": one.high,
                "lowest": one.low,
                "chance": one.chance,
            }
            for one in found.odds
        ],
        "group_intersections": [
            {
                "model": one.model,
                "first": ": ".join(one.first),
                "second": ": ".join(one.second),
                "beside": beside,
                **_gap(gap),
                "p": one.p,
                "worse": one.worse,
            }
            for one in found.intersections
            for beside, gap in (("first", one.beside_first), ("second", one.beside_second))
        ],
        "group_importance": [
            {
                "model": one.model,
                "grouping": one.grouping,
                "group": one.level,
                "region": one.region,
                **_gap(one.gap),
                "p": one.p,
                "differs": one.differs,
            }
            for one in found.importance
        ],
    }
    return {name: pd.DataFrame(table, columns=list(GROUP_COLUMNS[name])) for name, table in rows.items()}


def _gap(gap: Gap) -> dict[str, object]:
    estimate = gap.estimate
    return {
        "own": gap.own,
        "others": gap.others,
        "gap": gap.value,
        "low": estimate.low,
        "high": estimate.high,
        "photos": gap.photos,
        "other_photos": gap.others_photos,
        "persons": gap.persons,
        "paired": gap.paired,
    }


def _row(one: GroupGap) -> dict[str, object]:
    return {
        "model": one.model,
        "grouping": one.grouping,
        "group": one.level,
        "emotion": one.emotion,
        "score": one.score,
        "labelled_photos": one.photos,
        "plain_gap": one.plain.value,
        **_gap(one.gap),
        "p": one.p,
        "p_narrower": one.p_narrower,
        "answer": one.answer,
        "explained_by_mix": one.by_mix,
        "goes_with": "" if one.through is None else ": ".join(one.through),
    }


_GAP = {
    "own": "score of the group's photos that are compared, 0..1",
    "others": "score of the other photos with the same labels, weighted to the group's mix of labels",
    "gap": "own less others, -1..1",
    "low": "lower end of the 95 % interval",
    "high": "upper end of the 95 % interval",
    "photos": "photos of the group that are compared",
    "other_photos": "other photos that they are compared with",
    "persons": "persons on the side with fewer of them, else different photos",
    "paired": "whether persons are compared with themselves",
}

GROUP_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "groups": {
        "model": "name of the model",
        "grouping": "column, or what was measured",
        "group": "the group in it",
        "emotion": "labelled emotion of a recall, predicted emotion of a precision; empty: all",
        "score": "accuracy, recall or precision",
        "labelled_photos": "labelled photos of the group, for precision those predicted as the emotion",
        "plain_gap": "score of the group less that of all others, whatever their labels",
        **_GAP,
        "p": "that the gap is 5 points at most; adjusted (Holm) over all that is tested, with half of the error for "
        "accuracy and three tenths for recall and precision",
        "p_narrower": "that the gap is 5 points at least; adjusted likewise",
        "answer": "whether the gap is wider than 5 points: yes, no, undetermined or insufficient evidence",
        "explained_by_mix": "whether the plain gap vanishes, or halves at least, between photos of the same labels",
        "goes_with": "group with a wider gap without whose photos this one is not shown any more",
    },
    "group_odds": {
        "model": "name of the model",
        "grouping": "column, or what was measured",
        "difference": "widest difference between two groups, over emotions, in recall or false alarms, 0..1",
        "of": "recall or false alarms",
        "emotion": "of which emotion",
        "highest": "group where it is highest",
        "lowest": "group where it is lowest",
        "chance": "95th percentile of that difference if groups did not differ",
    },
    "group_intersections": {
        "model": "name of the model",
        "first": "first group",
        "second": "second group",
        "beside": "whether photos of both are compared with the other photos of the first, or of the second",
        **_GAP,
        "p": "the larger one of both tests, adjusted (Holm) with a tenth of the error; on persons that had no part in "
        "the search",
        "worse": "whether photos of both fare worse than the rest of either",
    },
    "group_importance": {
        "model": "name of the model",
        "grouping": "column, or what was measured",
        "group": "the group in it",
        "region": "region that was swapped",
        **_GAP,
        "p": "that the drops differ by .2 log-odds at most; adjusted (Holm) with a tenth of the error",
        "differs": "whether they differ by more",
        "own": "log-odds drop of the group's faces",
        "others": "log-odds drop of the other faces, weighted to the group's mix of labels",
        "gap": "own less others, log-odds",
    },
})  # fmt: skip
