"""Reasons as tidy tables, and what each of their columns means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis
from reportgen.evidence.errors.label_votes import LabelVote
from reportgen.evidence.errors.reasons import ModelReasons, ReasonFindings
from reportgen.evidence.errors.rules import UNEXPLAINED
from reportgen.faces.regions import REGIONS

__all__ = ["REASON_COLUMNS", "reason_tables"]

_EVIDENCE = {
    "evidence": "sum of the three logarithms; no probability",
    "models": "mean over the models of log p(predicted) / p(label)",
    "landmarks": "log of the likelihood ratio of the two by landmarks alone; above 0: the label is contradicted",
    "twins": "photos of other persons with the most similar face that were asked",
    "twins_predicted": "how many of them have the predicted label",
    "twins_label": "how many have this photo's label",
}


def reason_tables(findings: ReasonFindings, analysis: Analysis) -> dict[str, pd.DataFrame]:
    """The tables by name, columns as in REASON_COLUMNS."""
    models = findings.models
    tables = {
        "reasons": _stack([_reasons(model, analysis) for model in models], "reasons"),
        "reason_rates": _stack([_rates(model) for model in models], "reason_rates"),
        "reason_regions": _stack([_regions(model, analysis) for model in models], "reason_regions"),
    }
    tables["contradicted_labels"] = _contradicted(findings.votes, analysis, "contradicted_labels")
    tables["labels_to_look_at"] = _contradicted(findings.review, analysis, "labels_to_look_at")
    if findings.occlusions is not None:
        tables["occlusions"] = _occlusions(findings, analysis)
    return tables


def _stack(frames: list[pd.DataFrame], name: str) -> pd.DataFrame:
    columns = list(REASON_COLUMNS[name])
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True)[columns] if filled else pd.DataFrame(columns=columns)


def _errors(model: ModelReasons, analysis: Analysis) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], pd.DataFrame]:
    rows = np.flatnonzero(model.primary > -2)
    records = next(record for record in analysis.models if record.slug == model.slug)
    names = np.asarray(analysis.classes, dtype=object)
    frame = pd.DataFrame({
        "image_id": analysis.images["image_id"].to_numpy(dtype=object)[rows],
        "model": model.model,
        "emotion": names[analysis.labels[rows]],
        "predicted": names[records.predicted[rows]],
    })  # fmt: skip
    return rows, frame


def _reasons(model: ModelReasons, analysis: Analysis) -> pd.DataFrame:
    rows, errors = _errors(model, analysis)
    frames = []
    for index, flag in enumerate(model.flags):
        answer = np.where(flag.fires, "yes", np.where(flag.tested, "no", "not tested")).astype(object)[rows]
        base = errors.assign(flag=flag.name, answer=answer, primary=model.primary[rows] == index)
        if not flag.measures:
            frames.append(base.assign(quantity=flag.untested, value=np.nan, limit=np.nan, crossed=False))
        for measure in flag.measures:
            frames.append(
                base.assign(
                    quantity=measure.quantity,
                    value=measure.value[rows],
                    limit=measure.limit[rows],
                    crossed=measure.crossed[rows],
                )
            )
    return pd.concat(frames, ignore_index=True)


def _rates(model: ModelReasons) -> pd.DataFrame:
    rows = []
    for rate in model.rates:
        ratio = rate.ratio
        rows.append({
            **{name: getattr(rate, name) for name in REASON_COLUMNS["reason_rates"] if hasattr(rate, name)},
            "model": model.model,
            "ratio": np.nan if ratio is None else ratio.value,
            "low": np.nan if ratio is None else ratio.low,
            "high": np.nan if ratio is None else ratio.high,
            "p": rate.p,
            "share": np.nan if rate.share is None else rate.share.value,
            "share_low": np.nan if rate.share is None else rate.share.low,
            "share_high": np.nan if rate.share is None else rate.share.high,
        })  # fmt: skip
    count = int((model.primary == -1).sum())
    rest = {"model": model.model, "flag": UNEXPLAINED, "primary": count, "raised": count, "tested": model.errors}
    rows.append(
        dict.fromkeys(REASON_COLUMNS["reason_rates"], 0)
        | dict.fromkeys(("ratio", "low", "high", "p", "share", "share_low", "share_high"), np.nan)
        | rest
    )
    return pd.DataFrame(rows)


def _regions(model: ModelReasons, analysis: Analysis) -> pd.DataFrame:
    if model.regions is None:
        return pd.DataFrame()
    rows, errors = _errors(model, analysis)
    return errors.assign(
        region=np.asarray([*REGIONS, None], dtype=object)[model.regions.region[rows]],
        heat=model.regions.heat[rows],
        share=model.regions.share[rows],
    )


def _contradicted(votes: Sequence[LabelVote], analysis: Analysis, name: str) -> pd.DataFrame:
    columns = list(REASON_COLUMNS[name])
    rows = [
        {
            "rank": rank,
            "image_id": analysis.images["image_id"].iloc[vote.row],
            "emotion": analysis.classes[analysis.labels[vote.row]],
            "predicted": analysis.classes[vote.predicted],
            **{name: getattr(vote, name) for name in columns if hasattr(vote, name) and name != "predicted"},
        }
        for rank, vote in enumerate(votes, start=1)
    ]
    return pd.DataFrame(rows, columns=columns)


def _occlusions(findings: ReasonFindings, analysis: Analysis) -> pd.DataFrame:
    if findings.occlusions is None:
        return pd.DataFrame(columns=list(REASON_COLUMNS["occlusions"]))
    table = findings.occlusions.table
    ids = np.asarray([*analysis.images["image_id"], None], dtype=object)
    names = np.asarray(analysis.classes, dtype=object)
    models = {model.slug: model.model for model in findings.models}
    receiver = table["receiver"].to_numpy(dtype=np.int64)
    return table.assign(
        image_id=ids[receiver],
        model=[models[slug] for slug in table["model"]],
        emotion=names[analysis.labels[receiver]],
        donor=ids[table["donor"].to_numpy(dtype=np.int64)],
    )[list(REASON_COLUMNS["occlusions"])]


REASON_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "reasons": {
        "image_id": "image, as in the table of images",
        "model": "name of the model that is wrong",
        "emotion": "labelled emotion",
        "predicted": "the model's answer",
        "flag": "the rule: shortcut, label-suspect, low-quality, dark-eyes, turned-head, open-mouth, background, "
        "prior, ambiguous",
        "answer": "yes, no, or not tested",
        "primary": "whether it is the error's first reason that counts",
        "quantity": "what value measures; a rule with several numbers has several rows",
        "value": "the number",
        "limit": "what it was held against",
        "crossed": "whether the value lies on the flag's side of the limit",
    },
    "reason_rates": {
        "model": "name of the model",
        "flag": "the rule, or unexplained",
        "primary": "errors whose first reason it is",
        "raised": "errors with the flag",
        "tested": "errors on which the rule could be asked",
        "in_errors": "errors that meet the part of the rule which correct images can meet as well",
        "errors": "errors on which that part could be asked, but for those that a shown shortcut accounts for",
        "in_correct": "correct images that meet it",
        "correct": "correct images on which it could be asked; in the row of shortcuts in_errors and in_correct are "
        "predictions that change without the property, of errors it may account for and of other errors",
        "ratio": "in_errors / errors divided by in_correct / correct; empty: the rule is about errors alone",
        "low": "lower end of the 95 % interval of ratio",
        "high": "upper end of the 95 % interval of ratio",
        "p": "two-sided p that the ratio is 1, adjusted (Holm) over the model's rules; a reason counts below .05",
        "share": "share of all errors that would be gone if images with the property were misclassified no more often "
        "than the others (attributable fraction; below 0: fewer errors with it); of a shortcut those that become right "
        "without its property, net of other errors changed likewise; empty for what is no property of the photo",
        "share_low": "lower end of the 95 % interval of share; infinite with too few persons for an interval",
        "share_high": "upper end of the 95 % interval of share",
    },
    "contradicted_labels": {
        "rank": "by evidence, the strongest first",
        "image_id": "image, as in the table of images",
        "emotion": "labelled emotion",
        "predicted": "emotion that all models predict",
        "stands": "whether landmarks or the most similar faces contradict the label as well, or neither is known",
        **_EVIDENCE,
    },
    "labels_to_look_at": {
        "rank": "by evidence, the strongest first",
        "image_id": "image, as in the table of images",
        "emotion": "labelled emotion",
        "predicted": "emotion that all models predict",
        **_EVIDENCE,
    },
    "reason_regions": {
        "image_id": "image, as in the table of images",
        "model": "name of the model that is wrong",
        "emotion": "labelled emotion",
        "predicted": "the model's answer",
        "region": "region where the predicted class's map outweighs the labelled class's most, per area",
        "heat": "share of that difference in the region / the region's share of the crop; 1 = even",
        "share": "share of that difference in the region, 0..1",
    },
    "occlusions": {
        "image_id": "image, as in the table of images",
        "model": "name of the model",
        "emotion": "labelled emotion",
        "purpose": "strip: every region of one image; background: heat there was high; control: it was not",
        "region": "region that was changed",
        "fill": "around: filled from its surround; donor: exchanged for another image's",
        "donor": "image_id of that other image",
        "change": "change of (label's logit - strongest other logit on the unchanged image)",
    },
})  # fmt: skip
