"""`model-card-<model>.md`: what was found about one model, in the form of a model card.

The sections are those of Mitchell et al. 2019 ("Model cards for model reporting", as Google's), the head is the YAML
that Hugging Face reads, with scores as a `model-index`. What was not measured is said to be so; nothing is filled in
that this report does not know.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from reportgen.analysis import slugify
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.links import Links
from reportgen.site.pages.method import LIMITS
from reportgen.site.provenance import citation, version
from reportgen.site.report import Report
from reportgen.site.sections.performance.recalibration import repair_section
from reportgen.site.wording.format import (
    and_list,
    chance_alone,
    count,
    decimal,
    decimal_interval,
    number,
    percent,
    percent_interval,
    persons_too,
    plain,
)
from reportgen.site.wording.input_choice import prepared_text
from reportgen.site.wording.models import (
    accuracy_of,
    leakage_sentence,
    macro_f1_of,
    recall_of,
    trust_sentences,
    trust_words,
)
from reportgen.site.wording.performance.groups import assessed, gap_sentence, note_of, wide
from reportgen.site.wording.performance.robustness import robustness_lines
from reportgen.site.wording.performance.votes import (
    agreement_sentence,
    ceiling_sentence,
    human_choice_sentence,
    pairs_sentence,
)
from reportgen.site.wording.shortcuts import model_proofs

__all__ = ["NOT_MEASURED", "card_path", "model_card"]

NOT_MEASURED = "Not measured."

_BLANKS = re.compile(r"[^\S\u202f]+")
_SPECIAL = re.compile(r"([\\`*_<>#|~]|(?<=\])\()")  # of brackets only what makes a link


def card_path(slug: str) -> str:
    """Where the card of a model lies in the site."""
    return f"downloads/model-card-{slug}.md"


def model_card(report: Report, links: Links, k: int) -> bytes:
    """The card of model `k`, as UTF-8."""
    lines = [*_head(report, k), *_details(report, k), *_use(report), *_factors(report, k), *_scores(report, k)]
    lines += [*_data(report, k), *_analyses(report, links, k), *_closing(report, links, k)]
    return ("\n".join(lines) + "\n").encode("utf-8")


def _safe(text: str) -> str:
    """Text of a user's within Markdown: on one line, its signs without meaning."""
    return _SPECIAL.sub(r"\\\1", _BLANKS.sub(" ", text).strip())


def _yaml(text: str) -> str:
    """Text as YAML holds it, which between double quotes is as JSON does."""
    return json.dumps(_BLANKS.sub(" ", text).strip())


def _source(report: Report) -> str:
    data = report.analysis.manifest.get("data", {})
    return plain(str(data.get("source") or data.get("file") or "test set"))


def _head(report: Report, k: int) -> Iterator[str]:
    """The YAML head; scores only where there are labels."""
    model, score = report.models[k], report.scores[k]
    yield "---"
    yield "library_name: pytorch" if not str(model.info.get("file", "")).endswith(".onnx") else "library_name: onnx"
    yield "pipeline_tag: image-classification"
    yield "tags:"
    yield "- facial-expression-recognition"
    yield "- reportgen"
    if score.n:
        source = _source(report)
        yield "metrics:"
        measured = (
            ("accuracy", "Accuracy", score.accuracy.value),
            ("balanced_accuracy", "Balanced accuracy", score.balanced_accuracy.value),
            ("f1", "Macro-F1, all emotions", score.macro_f1.value),
            ("brier_score", "Brier score", score.brier),
            ("log_loss", "Log loss", score.nll),
            ("expected_calibration_error", "Calibration error", score.ece),
        )
        for kind, _, _ in measured:
            yield f"- {kind}"
        yield "model-index:"
        yield f"- name: {_yaml(model.name)}"
        yield "  results:"
        yield "  - task:"
        yield "      type: image-classification"
        yield "      name: Facial expression recognition"
        yield "    dataset:"
        yield f"      name: {_yaml(source)}"
        yield f"      type: {_yaml(slugify(source))}"
        yield "      split: test"
        yield "    metrics:"
        for kind, name, value in measured:
            yield f"    - type: {kind}"
            yield f"      value: {value:.4f}"
            yield f"      name: {_yaml(name)}"
    yield "---"
    yield ""


def _details(report: Report, k: int) -> Iterator[str]:
    model = report.models[k]
    info = model.info
    height, width = info.get("input", (224, 224))
    spec = info.get("preprocessing")
    facts = [
        ("Architecture", str(info.get("architecture", "unknown"))),
        ("Checkpoint", str(info.get("file", "unknown"))),
        ("SHA-256", str(info.get("sha256", "unknown"))),
        ("Input", prepared_text(spec) if spec is not None else f"{width} × {height} pixels"),
        ("Outputs", ", ".join(report.classes)),
        ("Pretraining", str(info.get("pretraining") or "unknown")),
    ]
    yield f"# {_safe(model.name)}"
    yield ""
    yield (
        f"A classifier of facial expressions. This card was filled by reportgen {version(report)} from measurements on "
        f"a test set; what nobody measured says so. Please add authors, licence and contact."
    )
    yield ""
    yield "## Model details"
    yield ""
    for name, value in facts:
        yield f"- **{name}:** {_safe(plain(value))}"
    yield ""


def _use(report: Report) -> Iterator[str]:
    yield "## Intended use"
    yield ""
    yield (
        f"Intended data: photos of single faces like those of the test set, each with one of the labels "
        f"{_safe(and_list(report.classes))}. Performance on other sources, cameras, ages or cultures was not measured "
        "unless a section below says so."
    )
    yield ""
    yield (
        "Out of scope: conclusions about what a person feels, and decisions about persons. In the EU, inferring "
        "emotions at work or in education is prohibited outside medical and safety use (AI Act, Art. 5(1)(f)). This is "
        "not legal advice."
    )
    yield ""


def _factors(report: Report, k: int) -> Iterator[str]:
    """Groups of photos: where the model fares worse, and what was not looked at."""
    model, groups = report.models[k].name, report.groups
    yield "## Factors"
    yield ""
    yield "### Groups"
    yield ""
    if groups is None or not groups.gaps:
        yield f"{NOT_MEASURED} Whether the model works alike for groups of photos or of people is unknown."
    else:
        yield _safe(assessed(report))
        yield ""
        worse = [one for one in groups.gaps if one.model == model and one.worse]
        for one in worse:
            note = f" ({note_of(one, groups)})" if note_of(one) else ""
            yield f"- {_safe(gap_sentence(report, one) + note)}"
        if not worse:
            yield f"No group was shown to fare worse by more than {wide()}, which does not mean that none does."
    yield ""


def _scores(report: Report, k: int) -> Iterator[str]:
    score, model = report.scores[k], report.models[k].name
    yield "## Metrics"
    yield ""
    if not score.n:
        yield f"{NOT_MEASURED} The images have no labels."
        yield ""
        return
    persons = score.accuracy.persons
    by = "" if persons is None else f", {count(persons, 'person' if score.accuracy.named else 'different photo')}"
    yield f"On {count(score.n, 'labelled image')}{by}, with 95 % intervals."
    yield ""
    rows = [
        ("Accuracy (higher is better)", accuracy_of(report, score, 1), percent_interval(score.accuracy, 1)),
        (
            "Balanced accuracy (higher is better)",
            percent(score.balanced_accuracy.value, 1),
            percent_interval(score.balanced_accuracy, 1),
        ),
        (
            "Macro-F1, all emotions (higher is better)",
            macro_f1_of(report, model, score.macro_f1),
            decimal_interval(score.macro_f1),
        ),
        ("Brier score (lower is better)", decimal(score.brier, 3), ""),
        ("Log loss (lower is better)", decimal(score.nll, 2), ""),
        ("Calibration error (lower is better)", percent(score.ece, 1), chance_alone(score.ece_band)),
    ]
    yield from _table(("Measure", "Value", "95 % interval"), rows)
    yield ""
    yield from _table(
        ("Emotion", "Images", "Recall", "Precision", "F1", "Trust"),
        [
            (
                row.emotion,
                persons_too(row.n, row.persons, named=report.names_persons),
                f"{recall_of(report, model, row)} {percent_interval(row.recall)}",
                _estimate(row.precision),
                f"{decimal(row.f1.value)} {decimal_interval(row.f1)}",
                words,
            )
            for row, words in zip(score.emotions, _trust(report, k), strict=True)
        ],
    )
    yield ""


def _trust(report: Report, k: int) -> list[str]:
    said = {one.emotion: trust_words(one) for one in report.trust[k].emotions}
    return [said.get(row.emotion, "") for row in report.scores[k].emotions]


def _estimate(estimate: Estimate) -> str:
    return f"{percent(estimate.value)} {percent_interval(estimate)}".strip()


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_safe(cell) for cell in row)} |"


def _data(report: Report, k: int) -> Iterator[str]:
    yield "## Evaluation data"
    yield ""
    problems = len(report.analysis.problems)
    left = f" {_were(problems)} left out." if problems else ""
    persons = "known" if report.names_persons else "not known: intervals count photos"
    yield f"{_safe(_source(report))}: {count(len(report.everything.labels), 'image')}.{left} Persons are {persons}."
    yield ""
    counts = [f"{_safe(name)} {number(report.images_of(emotion))}" for emotion, name in enumerate(report.classes)]
    yield f"Labels: {', '.join(counts)}."
    yield ""
    yield "## Training data"
    yield ""
    leakage = next((one for one in report.leakages if one.model == report.models[k].name), None)
    yield _safe(leakage_sentence(leakage)) if leakage is not None else "Not known to this report."
    yield ""


def _were(problems: int) -> str:
    """As in "1 image was" and "12 images were"."""
    return f"{count(problems, 'image')} {'was' if problems == 1 else 'were'}"


def _analyses(report: Report, links: Links, k: int) -> Iterator[str]:
    """Shortcuts, calibration, robustness, agreement with people, heatmaps."""
    model = report.models[k].name
    yield "## Quantitative analyses"
    yield ""
    yield "### Shortcuts"
    yield ""
    yield from _shortcut_lines(report, links, k)
    yield ""
    yield "### Calibration"
    yield ""
    repair = repair_section(report, k)
    yield NOT_MEASURED if repair is None else f"{_safe(repair.lead)} {repair.how}"
    yield ""
    yield "### Robustness"
    yield ""
    lines = robustness_lines(report, model)
    yield from (f"- {_safe(line)}" for line in lines) if lines else (NOT_MEASURED,)
    yield ""
    yield "### Agreement with people"
    yield ""
    votes = None if report.rater_votes is None else next(one for one in report.rater_votes.models if one.model == model)
    if report.rater_votes is None or votes is None:
        yield f"{NOT_MEASURED} The test set holds no votes of several people."
    else:
        sentences = (
            agreement_sentence(report.rater_votes.agreement),
            ceiling_sentence(report.rater_votes),
            pairs_sentence(votes),
            human_choice_sentence(report, votes),
        )
        yield _safe(" ".join(sentence for sentence in sentences if sentence))
    yield ""
    yield "### Trust"
    yield ""
    yield _safe(" ".join(filter(None, trust_sentences([report.trust[k]])[:2]))) if report.scores[k].n else NOT_MEASURED
    yield ""


def _shortcut_lines(report: Report, links: Links, k: int) -> Iterator[str]:
    proofs = model_proofs(report, links, k, "The model")
    for proof in proofs:
        yield f"- **{_safe(proof.claim)}** {_safe(proof.text)}"
    if report.shortcuts is None or not report.experiments:
        yield f"{NOT_MEASURED} No changed photos were shown to the model." if not proofs else ""
    elif not proofs:
        yield "None was found by the tests of this report, which does not mean that there is none."


def _closing(report: Report, links: Links, k: int) -> Iterator[str]:
    yield "## Ethical considerations"
    yield ""
    yield "- The model predicts labels of facial appearance, not felt emotion (Barrett et al. 2019)."
    yield "- This report guesses neither gender nor race nor age from a face; groups are those that the test set names."
    yield ""
    yield "## Caveats and recommendations"
    yield ""
    order = report.class_orders[k]
    if order is not None:
        yield "- **The classes look permuted: do not rely on any score above.**"
    notes = [note for note in report.data_notes if note.serious]
    for note in notes:
        yield f"- {_safe(note.title)}: {_safe(plain(note.text))}"
    for limit in LIMITS[:6]:
        yield f"- {limit}"
    yield ""
    yield f"Source: {_safe(citation(report))}"
