"""What every column of the attention tables means, with its unit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["ATTENTION_COLUMNS"]

_MAP = {
    "image_id": "image, as in the table of images",
    "model": "name of the model",
    "kind": "which map: of the labelled class, of the predicted class, or of the labelled class minus the mean of the "
    "other classes (contrastive)",
    "emotion": "labelled emotion; empty where unlabelled",
    "class": "emotion that the map explains",
}
_INTERVAL = {"low": "lower end of the 95 % interval", "high": "upper end of the 95 % interval"}

ATTENTION_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "statistics": {
        **_MAP,
        "region": "facial region; face is the sum of the five inner regions, background is the rest",
        "share": "share of the map's positive mass inside the region, 0..1; empty for a blank map",
        "area": "share of the map's cells inside the region, 0..1: what a uniform map would have",
        "enrichment": "share / area of this one image; over images use sum(share) / sum(area)",
        "share_others": "mean share of the other classes' maps on the same image, 0..1 (label maps only)",
        "resolvability": "share that a map lying perfectly inside the region would recover on this grid, 0..1",
        "used": "whether the row counts in aggregates: map not blank, and not eyes+brows with template regions",
    },
    "maps": {
        **_MAP,
        "correct": "whether the prediction is the label",
        "confidence": "probability of the predicted class, 0..1",
        "blank": "nothing to measure: no positive mass, or no more than the random head gives",
        "mass": "sum of the positive part of the map, logit units",
        "effective_area": "exp(entropy) / cells: 1 = uniform, 1 / cells = one cell",
        "peak_row": "row of the largest cell, from 0; -1 for a blank map",
        "peak_column": "column of the largest cell, from 0; -1 for a blank map",
        "peak_region": "region that covers most of the largest cell",
        "centroid_x": "centre of mass, fraction of the crop's width",
        "centroid_y": "centre of mass, fraction of the crop's height",
        "dispersion": "root mean square distance from the centre of mass, in distances between the eyes",
        "regions_from": "where the image's regions come from (detector, whole, template, given)",
        "grid": "rows x columns of the map",
    },
    "emotion_regions": {
        "model": _MAP["model"],
        "kind": _MAP["kind"],
        "emotion": "labelled emotion; the maps are those of its class on its images",
        "region": "facial region",
        "n": "images",
        "persons": "persons; -1 where not known",
        "share": "mean share of the map's mass in the region, 0..1",
        "enrichment": "sum(share) / sum(area); 1 = uniform attention",
        **_INTERVAL,
        "p": "two-sided p that enrichment is 1, adjusted (Holm) over emotions x regions of the model",
        "enrichment_correct": "enrichment over the correctly classified images alone",
        "share_above_others": "mean of share - share_others",
        "share_above_others_low": "lower end of its 95 % interval",
        "share_above_others_high": "upper end of its 95 % interval",
        "share_above_elsewhere": "mean share minus the mean share of the same class's maps on other emotions' images",
        "p_specific": "p that both differences are 0, adjusted (Holm) over emotions x regions of the model",
        "random_head_low": "2.5th percentile of enrichment under permuted channel weights",
        "random_head_high": "97.5th percentile of enrichment under permuted channel weights",
    },
    "verdicts": {
        "model": _MAP["model"],
        "emotion": "labelled emotion",
        "kind": "what is judged",
        "answer": "yes, no, undetermined or insufficient evidence",
        "quantity": "what value measures",
        "value": "the number behind the verdict",
        **_INTERVAL,
        "p": "p-value, adjusted (Holm)",
        "n": "images",
        "persons": "persons; empty where not known",
        "plain": "answer of the plain maps alone",
        "contrastive": "answer of the contrastive maps alone",
        "depends": "whether the plain maps' answer does not hold for the contrastive maps",
        "place": "where a hot cell lies",
    },
    "claims": {
        "kind": "takeaway of guides to heatmaps",
        "model": "name of the model, of the first where two are compared",
        "other": "the second of two models that are compared",
        "region": "region of the map's peak, where that is what the takeaway is about",
        "value": "the number that decides",
        **_INTERVAL,
        "n": "persons where known, else images",
        "null": "value that says no effect",
        "answer": "holds, does not hold or undetermined",
        "limit": "why two models cannot be compared",
        "pretraining": "what the first of two models was pretrained on, where known",
    },
    "patterns": {
        "table": "interpretation or common issues",
        "kind": "what is seen on the map of the predicted class",
        "model": _MAP["model"],
        "count": "images that show it",
        "total": "images that could show it",
        "emotions": "emotions whose verdict over all images is yes",
        "image_ids": "the images that show it",
    },
    "actions": {
        "model": "model whose probability is meant; empty for the label",
        "emotion": "labelled emotion",
        "action": "facial action (coefficient of the landmark model)",
        "measure": "standardised mean difference, or Spearman correlation with the emotion's probability",
        "value": "the effect",
        **_INTERVAL,
        "n": "persons where known, else images",
        "p": "p-value, adjusted (Holm) over emotions x actions",
        "clear": "p below .05, interval without 0, and at least ten persons or images",
    },
})  # fmt: skip
