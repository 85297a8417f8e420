"""What a reader can take away as tables: every prediction, every score, with a data dictionary."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from reportgen.analysis import slugify
from reportgen.site.context import Context

__all__ = ["DESCRIPTIONS", "downloads"]

DESCRIPTIONS = {
    "downloads/predictions.csv": "One row per image: file, label, each model's answer, confidence and probabilities.",
    "downloads/scores.json": "Every score of every model with its interval, and the comparisons of the models.",
    "downloads/columns.csv": "What every column of predictions.csv means.",
}


def downloads(context: Context) -> dict[str, bytes]:
    """The files by path."""
    table, columns = _predictions(context)
    scores: dict[str, Any] = {
        "classes": list(context.classes),
        "models": [asdict(score) for score in context.report.scores],
        "comparisons": [asdict(comparison) for comparison in context.report.comparisons],
    }
    text = json.dumps(_plain(scores), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return {
        "downloads/columns.csv": _csv(pd.DataFrame(columns, columns=["column", "meaning"])),
        "downloads/predictions.csv": _csv(table),
        "downloads/scores.json": (text + "\n").encode("utf-8"),
    }


def _predictions(context: Context) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    names = np.array([*context.classes, ""], dtype=object)
    table: dict[str, Any] = {
        "image_id": context.ids,
        "file": [_inert(name) for name in context.names],
        "label": names[context.labels],
    }
    columns = [
        ("image_id", "Start of the hash of the image's content; the page of an image is images/<image_id>.html"),
        ("file", "File name, without its folder"),
        ("label", "Labelled emotion; empty where there is none"),
    ]
    for model in context.models:
        prefix = model.slug
        table[f"{prefix}_predicted"] = names[model.predicted]
        table[f"{prefix}_confidence"] = np.round(model.confidence, 6)
        columns.append((f"{prefix}_predicted", f"Answer of {model.name}"))
        columns.append((f"{prefix}_confidence", "Probability of that answer, 0 to 1"))
        for index, name in enumerate(context.classes):
            column = f"{prefix}_p_{slugify(name)}"
            table[column] = np.round(model.probabilities[:, index], 6)
            columns.append((column, f"Probability that {model.name} gives to {name}, 0 to 1"))
    return pd.DataFrame(table), columns


def _inert(text: str) -> str:
    """Spreadsheets run cells that begin like a formula; an apostrophe keeps a file name a name."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode("utf-8")


def _plain(value: Any) -> Any:
    """JSON knows neither arrays nor NaN nor infinity: lists and null instead."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
