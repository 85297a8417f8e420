"""What a reader can take away as tables: every prediction, every score, with a data dictionary."""

from __future__ import annotations

import gzip
import io
import json
import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from reportgen.analysis import slugify
from reportgen.evidence.judge import DICTIONARY
from reportgen.site.context import Context, base_name

__all__ = ["DESCRIPTIONS", "downloads"]

DESCRIPTIONS = {
    "downloads/predictions.csv": "One row per image: file, label, each model's answer, confidence and probabilities.",
    "downloads/predictions.csv.gz": "One row per image, as CSV packed with gzip, which pandas reads as it is.",
    "downloads/scores.json": "Every score of every model with its interval, and the comparisons of the models.",
    "downloads/columns.csv": "What every column of predictions.csv means.",
    "downloads/emotion_regions.csv": "Heat per area per model, emotion and region, with interval, test and chance.",
    "downloads/verdicts.csv": "Every verdict with the numbers it rests on.",
    "downloads/claims.csv": "What guides say, and its test.",
    "downloads/patterns.csv": "How many images show each pattern, and which.",
    "downloads/actions.csv": "Facial actions that go with each label and with each model's probabilities.",
    "downloads/maps.csv": "One row per heatmap: spread, peak, centre.",
    "downloads/statistics.csv": "One row per heatmap and region: share, area, heat per area.",
    "downloads/attention_columns.csv": "What every column of the tables about heatmaps means.",
}


# Bytes of one table about heatmaps, judged by its first rows.
_LARGEST = 5_000_000
_SAMPLE = 1000
# Predictions of more images than this are packed; rows written at a time.
_PLAIN_ROWS = 50_000
_ROWS_AT_ONCE = 5_000


def downloads(context: Context) -> dict[str, bytes]:
    """The files by path."""
    predictions, columns = _predictions(context)
    scores: dict[str, Any] = {
        "classes": list(context.classes),
        "models": [asdict(score) for score in context.report.scores],
        "comparisons": [asdict(comparison) for comparison in context.report.comparisons],
    }
    text = json.dumps(_plain(scores), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return {
        **predictions,
        "downloads/columns.csv": _csv(pd.DataFrame(columns, columns=["column", "meaning"])),
        "downloads/scores.json": (text + "\n").encode("utf-8"),
        **_attention(context),
    }


def _attention(context: Context) -> dict[str, bytes]:
    """The tables about heatmaps, except those that would make the report large; they stay beside the analysis."""
    findings = context.report.attention
    if findings is None:
        return {}
    files, columns = {}, []
    for name, table in findings.tables.items():
        text = table.assign(
            **{
                column: table[column].map(_flat)
                for column in table.columns
                if not pd.api.types.is_numeric_dtype(table[column])
            }
        )
        sample = text.head(_SAMPLE)
        if len(_csv(sample)) * len(text) > _LARGEST * max(1, len(sample)):
            continue
        files[f"downloads/{name}.csv"] = _csv(text)
        columns += [(name, column, meaning) for column, meaning in DICTIONARY[name].items()]
    files["downloads/attention_columns.csv"] = _csv(pd.DataFrame(columns, columns=["table", "column", "meaning"]))
    return files


def _flat(value: Any) -> Any:
    """Lists as words in one cell, and text that no spreadsheet runs."""
    if isinstance(value, str):
        return _inert(value)
    if isinstance(value, list | tuple):
        return _inert(" ".join(str(entry) for entry in value))
    return value


def _predictions(context: Context) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """All images' answers, whatever is looked at closely: the file, and what its columns mean."""
    columns = [
        ("image_id", "Start of the hash of the image's content; the page of an image is images/<image_id>.html"),
        ("file", "File name, without its folder"),
        ("label", "Labelled emotion; empty where there is none"),
    ]
    for model in context.models:
        columns.append((f"{model.slug}_predicted", f"Answer of {model.name}"))
        columns.append((f"{model.slug}_confidence", "Probability of that answer, 0 to 1"))
        for name in context.classes:
            meaning = f"Probability that {model.name} gives to {name}, 0 to 1"
            columns.append((f"{model.slug}_p_{slugify(name)}", meaning))
    n = len(context.everything.labels)
    blocks = (_block(context, slice(start, start + _ROWS_AT_ONCE)) for start in range(0, max(n, 1), _ROWS_AT_ONCE))
    if n <= _PLAIN_ROWS:
        return {"downloads/predictions.csv": b"".join(blocks)}, columns
    packed = io.BytesIO()
    # Neither time nor name go into the file: the same answers give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        for block in blocks:
            file.write(block)
    return {"downloads/predictions.csv.gz": packed.getvalue()}, columns


def _block(context: Context, rows: slice) -> bytes:
    """Some rows of the table of predictions as CSV; the first ones with the header."""
    everything = context.everything
    names = np.array([*context.classes, ""], dtype=object)
    table: dict[str, Any] = {
        "image_id": everything.images["image_id"].iloc[rows].tolist(),
        "file": [_inert(base_name(path)) for path in everything.images["path"].iloc[rows]],
        "label": names[everything.labels[rows]],
    }
    for model in everything.models:
        table[f"{model.slug}_predicted"] = names[model.predicted[rows]]
        table[f"{model.slug}_confidence"] = np.round(model.confidence[rows], 6)
        for index, name in enumerate(context.classes):
            table[f"{model.slug}_p_{slugify(name)}"] = np.round(model.probabilities[rows, index], 6)
    return _csv(pd.DataFrame(table), header=rows.start == 0)


def _inert(text: str) -> str:
    """Spreadsheets run cells that begin like a formula; an apostrophe keeps a file name a name."""
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") else text


def _csv(table: pd.DataFrame, *, header: bool = True) -> bytes:
    return table.to_csv(index=False, header=header, lineterminator="\n", float_format="%.6g").encode("utf-8")


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
