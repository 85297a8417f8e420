"""Every technical term that a page uses is explained in the glossary."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import html5lib

from reportgen.site.glossary import GLOSSARY
from reportgen.site.publish import Published

# Words of the field that a newcomer may not know, as pages write them, and what the glossary calls them.
TECHNICAL = {
    r"accuracy": "accuracy", r"attributable": "attributable fraction", r"balanced accuracy": "balanced accuracy",
    r"blank maps?": "blank map", r"Brier": "Brier score", r"calibrat": "calibration",
    r"calibration error": "calibration error", r"components?": "component", r"confidence": "confidence",
    r"confusion matrix": "confusion matrix", r"corrected p|\(corrected\)|Holm": "corrected p", r"cues?": "cue",
    r"enrichment": "enrichment", r"F1": "F1", r"macro-F1": "macro-F1", r"facial action": "facial actions",
    r"first reason": "first reason", r"flip set|fewest regions": "flip set", r"preview": "repair preview",
    r"Grad-CAM": "Grad-CAM", r"heatmaps?": "heatmap", r"interval": "interval",
    r"kappa": "kappa", r"landmarks?": "landmarks", r"log loss": "log loss", r"log-odds": "log-odds",
    r"log-odds drop": "log-odds drop", r"logits?": "logit", r"LRP": "LRP", r"marks": "mark", r"McNemar": "McNemar",
    r"margins?": "margin", r"most similar faces": "most similar faces", r"near duplicates": "near duplicates",
    r"neutral change": "neutral change", r"odds": "odds", r"overlap": "overlap", r"peaks?": "peak",
    r"percentage points?": "percentage point", r"precision": "precision", r"rank correlation": "rank correlation",
    r"recall": "recall", r"recall drop|drop in recall": "recall drop", r"region importance": "region importance",
    r"risk ratio": "risk ratio", r"robustness": "robustness", r"scrambled": "scrambled weights",
    r"shortcuts?": "shortcut",
    r"sign-flip test": "sign-flip test", r"specific": "specific", r"transplant test": "transplant test",
    r"true labels?": "true label", r"trust grade": "trust grade", r"majority of the votes": "majority",
    r"human choice": "human choice", r"raters?": "rater agreement", r"entropy": "entropy",
    r"cross-entropy": "cross-entropy", r"soft Brier": "soft Brier score", r"temperature scaling": "temperature scaling",
    r"labels? to look at": "label to look at", r"corrected labels?": "corrected label",
    r"vector scaling": "vector scaling", r"plain gap": "plain gap", r"false alarms": "false alarms",
    r"equalised odds": "equalised odds", r"same mix": "gap at the same mix",
}  # fmt: skip


def words_of(path: Path) -> str:
    page = html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))
    return " ".join("".join(part) for part in page.itertext())


def test_every_technical_term_of_the_pages_is_in_the_glossary(published: Published) -> None:
    text = " ".join(words_of(path) for path in published.site.rglob("*.html"))
    used = {name for pattern, name in TECHNICAL.items() if re.search(rf"\b(?:{pattern})", text, re.IGNORECASE)}
    assert used <= set(GLOSSARY)
    assert len(used) > 30  # the pages do use such words


def test_the_glossary_explains_no_term_that_no_page_uses() -> None:
    assert {"ablation", *TECHNICAL.values()} == set(GLOSSARY)


def test_every_marked_term_opens_its_explanation(published: Published) -> None:
    for path in published.site.rglob("*.html"):
        page: ElementTree.Element = html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))
        ids = {one.get("id") for one in page.iter()}
        marked = {one.get("popovertarget") for one in page.iter() if one.get("class") == "term"}
        assert marked <= ids, path
