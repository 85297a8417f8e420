"""What a reader can take away as tables: every prediction, every score, with a data dictionary."""

from __future__ import annotations

import gzip
import io
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from reportgen.evidence.tables import Dictionary, Tables, inert
from reportgen.site.links import Links
from reportgen.site.pages.model_card import card_path, model_card
from reportgen.site.report import Report, base_name
from reportgen.site.report_tables import report_tables
from reportgen.site.sections.certificate import TABLE as CERTIFICATE_TABLE
from reportgen.site.wording.headline import answer_questions, headline
from reportgen.site.wording.models import comparison_sentence

__all__ = ["DESCRIPTIONS", "STATEMENTS", "described", "downloads", "statements_table"]

STATEMENTS = "downloads/statements.csv"
"""Made after all pages, which it is of."""

DESCRIPTIONS = {
    "downloads/answers.json": "The headline and the answers, as on the first page.",
    "downloads/predictions.csv": "One row per image: file, label, each model's prediction, confidence and "
    "probabilities.",
    "downloads/predictions.csv.gz": "One row per image, as CSV packed with gzip, which pandas reads as it is.",
    "downloads/scores.json": "Every score of every model with its interval, and the comparisons of the models.",
    "downloads/columns.csv": "What every column of predictions.csv means.",
    "downloads/votes.csv": "People's votes: majority, disagreement and each model's prediction, image by image.",
    "downloads/vote_counts.csv": "How many people chose each emotion, image by image.",
    "downloads/emotion_regions.csv": "Enrichment per model, emotion and region, with interval, test and chance.",
    "downloads/verdicts.csv": "Every verdict with the numbers it rests on.",
    "downloads/claims.csv": "What guides to heatmaps claim, and what testing it showed.",
    "downloads/patterns.csv": "How many images show each pattern, and which.",
    "downloads/actions.csv": "Facial actions that go with each label and with each model's probabilities.",
    "downloads/maps.csv": "One row per heatmap: spread, peak, centre.",
    "downloads/statistics.csv": "One row per heatmap and region: share, area, enrichment.",
    "downloads/interventions.csv": "What taking a property of the photo away, or adding it, does to predictions, "
    "beside other changes of the same size, with tests.",
    "downloads/properties.csv": "How each property of the photos goes with each emotion.",
    "downloads/components.csv": "Components of each model's last features: what raises an emotion's logit, where it "
    "lies, and what cutting it out and pasting it does.",
    "downloads/marks.csv": "What the photos of one emotion show at one place of the face or as a pattern, and what "
    "taking it away or adding it does to predictions.",
    "downloads/cue_places.csv": "What taking a shortcut's property away in one region at a time does to predictions.",
    "downloads/robustness.csv": "Recall of the same photos as they are and changed, by change, severity, emotion and "
    "model, with tests.",
    "downloads/robustness_heat.csv": "Enrichment of every region as photos are and with each change.",
    "downloads/robustness_importance.csv": "Region importance as photos are and with a change (--experiments full).",
    "downloads/property_score.csv": "How well the photos' properties alone tell the label.",
    "downloads/near_duplicates.csv": "Nearly the same pictures under different labels.",
    "downloads/map_clusters.csv": "Groups of heatmaps with heat in the same place, and their images.",
    "downloads/use.csv": "Region importance: the transplant test's log-odds drop per model, emotion and region.",
    "downloads/use_by_donor.csv": "The same drop by the emotion of the faces that gave the region.",
    "downloads/backgrounds.csv": "Heat on the background compared with its importance, per model and emotion.",
    "downloads/proofs.csv": "What was proven against each model, and what was not tested; a later build is held to it.",
    "downloads/trust.csv": "The trust grade of every model's heatmaps, and the checks it rests on.",
    "downloads/reasons.csv": "Every rule that was checked on every error, with its numbers.",
    "downloads/reason_rates.csv": "How often each reason is given, among errors and among correct images.",
    "downloads/contradicted_labels.csv": "Labels that all models contradict, ranked by evidence, with what landmarks "
    "and the most similar faces say.",
    "downloads/labels_to_look_at.csv": "Labels for a person to judge, ranked by evidence, as on the page of labels.",
    "downloads/reason_regions.csv": "The region with more evidence for the prediction than for the label, error by "
    "error.",
    "downloads/occlusions.csv": "What the models predicted when a region of an error was swapped or filled in.",
    "downloads/repairs.csv": "What fitting the last layer again would bring against proven cues, and cost.",
    "downloads/flips.csv": "The fewest regions of another face that change a prediction to that face's emotion.",
    "downloads/flip_pairs.csv": "How often each region alone does so for the most frequent confusions, with controls.",
    "downloads/groups.csv": "Scores by groups of photos: gap to other photos of the same emotions, interval, test.",
    "downloads/group_odds.csv": "Equalised odds: the widest difference between groups, beside chance.",
    "downloads/group_intersections.csv": "Pairs of groups that the search brought up, and their tests.",
    "downloads/group_importance.csv": "Region importance by groups, from the faces that were swapped.",
    "downloads/map_agreement.csv": "Whether two models' predictions of an image rest on the same places.",
    "downloads/table_columns.csv": "What every column of the other tables means.",
    STATEMENTS: "What the pages state: numbers and claims of the main sentences, by page.",
    CERTIFICATE_TABLE: "Every model with which this program's own verdicts were checked.",
}


# Bytes of one table about heatmaps, judged by its first rows.
_LARGEST = 5_000_000
_SAMPLE = 1000
# Predictions of more images than this are packed; rows written at a time.
_PLAIN_ROWS = 50_000
_ROWS_AT_ONCE = 5_000


def described(report: Report, path: str) -> str:
    """What the file at this path is."""
    for model in report.models:
        if path == card_path(model.slug):
            return f"What was found about {model.name}, as a model card for Hugging Face and others."
    return DESCRIPTIONS[path]


def downloads(report: Report, links: Links, *, everything: bool = True) -> dict[str, bytes]:
    """The files by path; without `everything`, those that other tables cannot be made from."""
    predictions, columns = _predictions(report, links)
    certificate = report.certificate
    scores: dict[str, Any] = {
        "classes": list(report.classes),
        "models": [asdict(score) for score in report.scores],
        "comparisons": [asdict(c) | {"sentence": comparison_sentence(c)} for c in report.comparisons],
    }
    return {
        "downloads/answers.json": _answers(report, links),
        **predictions,
        "downloads/columns.csv": _csv(pd.DataFrame(columns, columns=["column", "meaning"])),
        "downloads/scores.json": _json(scores),
        **{card_path(model.slug): model_card(report, links, k) for k, model in enumerate(report.models)},
        **(_tables(report_tables(report)) if everything else {}),
        **({CERTIFICATE_TABLE: certificate.table} if certificate is not None else {}),
    }


def statements_table(report: Report) -> bytes:
    """What the pages state, as CSV."""
    rows = [(one.page, one.what, " / ".join(one.of), one.value) for one in report.stated if one.page]
    table = pd.DataFrame(rows, columns=["page", "what", "of", "value"])
    return _csv(table.map(inert))


def _answers(report: Report, links: Links) -> bytes:
    said = headline(report)
    answers = [
        {
            "question": answer.question,
            "tone": answer.tone,
            "lead": answer.lead,
            "text": answer.whole,
            "evidence": answer.link.href,
        }
        for answer in answer_questions(report, links)
    ]
    return _json({"headline": said.text, "lede": said.lede, "answers": answers})


def _tables(found: Sequence[tuple[Tables, Dictionary]]) -> dict[str, bytes]:
    """The tables of all findings, except those that would make the report large; they stay beside the analysis."""
    files, columns = {}, []
    for name, table, meanings in ((name, table, d[name]) for tables, d in found for name, table in tables.items()):
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
        columns += [(name, column, meaning) for column, meaning in meanings.items()]
    if columns:
        files["downloads/table_columns.csv"] = _csv(pd.DataFrame(columns, columns=["table", "column", "meaning"]))
    return files


def _flat(value: Any) -> Any:
    """Lists as words in one cell, and text that no spreadsheet runs."""
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, list | tuple):
        return inert(" ".join(str(entry) for entry in value))
    return value


def _predictions(report: Report, links: Links) -> tuple[dict[str, bytes], list[tuple[str, str]]]:
    """All images' answers, whatever is explained: the file, and what its columns mean."""
    columns = [
        ("image_id", "Start of the hash of the image's content; the page of an image is images/<image_id>.html"),
        ("file", "File name, without its folder"),
        ("label", "Labelled emotion; empty where there is none"),
    ]
    for model in report.models:
        columns.append((f"{model.slug}_predicted", f"Answer of {model.name}"))
        columns.append((f"{model.slug}_confidence", "Probability of that prediction, 0 to 1"))
        for name, slug in zip(report.classes, links.emotion_slugs, strict=True):
            meaning = f"Probability that {model.name} gives to {name}, 0 to 1"
            columns.append((f"{model.slug}_p_{slug}", meaning))
    n = len(report.everything.labels)
    blocks = (
        _block(report, links, slice(start, start + _ROWS_AT_ONCE)) for start in range(0, max(n, 1), _ROWS_AT_ONCE)
    )
    if n <= _PLAIN_ROWS:
        return {"downloads/predictions.csv": b"".join(blocks)}, columns
    packed = io.BytesIO()
    # Neither time nor name go into the file: the same answers give the same bytes.
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        for block in blocks:
            file.write(block)
    return {"downloads/predictions.csv.gz": packed.getvalue()}, columns


def _block(report: Report, links: Links, rows: slice) -> bytes:
    """Some rows of the table of predictions as CSV; the first ones with the header."""
    everything = report.everything
    names = np.array([*(inert(name) for name in report.classes), ""], dtype=object)
    table: dict[str, Any] = {
        "image_id": everything.images["image_id"].iloc[rows].tolist(),
        "file": [inert(base_name(path)) for path in everything.images["path"].iloc[rows]],
        "label": names[everything.labels[rows]],
    }
    for model in everything.models:
        table[f"{model.slug}_predicted"] = names[model.predicted[rows]]
        table[f"{model.slug}_confidence"] = np.round(model.confidence[rows], 6)
        for index, slug in enumerate(links.emotion_slugs):
            table[f"{model.slug}_p_{slug}"] = np.round(model.probabilities[rows, index], 6)
    return _csv(pd.DataFrame(table), header=rows.start == 0)


def _json(value: Any) -> bytes:
    text = json.dumps(_plain(value), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8")


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
