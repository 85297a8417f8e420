"""The section on people's votes: how far raters agree, and each model held against them."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.evidence.performance.votes import ModelVotes, VoteFindings
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.html.components import Link, Number
from reportgen.site.links import Links
from reportgen.site.report import Report
from reportgen.site.wording.format import (
    capital,
    chance_alone,
    count,
    decimal,
    decimal_interval,
    number,
    percent,
    percent_interval,
)
from reportgen.site.wording.performance.votes import (
    CONSENSUS_WORDS,
    agreement_sentence,
    ceiling_sentence,
    human_choice_sentence,
    pairs_sentence,
    votes_sentence,
)

__all__ = ["HumanChoices", "VoteRow", "VoteSection", "human_choices", "vote_section", "vote_steps"]


@dataclass(frozen=True)
class VoteRow:
    """One measure: its name and term, what the raters have, every model's value, and how to read it."""

    name: str
    term: str
    raters: Number
    values: tuple[Number, ...]
    note: str


@dataclass(frozen=True)
class VoteSection:
    """All that votes show.

    Attributes
    ----------
    sentences
        How many votes there are, how far they agree, and how the models compare.
    measures
        Each model against the votes.
    consensus
        Per level of agreement: its name, its images (a link where the explorer shows them), accuracy of every model.
    emotions
        Per emotion: name, images, share of votes for it, images on which all agree, agreement on it.
    """

    models: tuple[str, ...]
    sentences: tuple[str, ...]
    measures: tuple[VoteRow, ...]
    consensus: tuple[tuple[str, str, str, tuple[Number, ...]], ...]
    emotions: tuple[tuple[str, str, Number, str, Number], ...]


@dataclass(frozen=True)
class HumanChoices:
    """Errors that are a human choice: a sentence per model, and where they are."""

    sentences: tuple[str, ...]
    images: tuple[Link, ...]


def vote_section(report: Report, links: Links) -> VoteSection | None:
    """The section of the models' page; None without votes."""
    found = report.rater_votes
    if found is None:
        return None
    agreement = agreement_sentence(found.agreement), ceiling_sentence(found)
    sentences = votes_sentence(report, found), *agreement, *(pairs_sentence(one) for one in found.models)
    return VoteSection(
        models=tuple(one.model for one in found.models),
        sentences=tuple(sentence for sentence in sentences if sentence),
        measures=_measures(found),
        consensus=tuple(_consensus(links, found, index) for index in range(len(CONSENSUS_WORDS))),
        emotions=tuple(
            (
                one.emotion,
                number(one.images),
                _percent(one.share),
                number(one.agreed),
                Number("", decimal(one.alpha.value), decimal_interval(one.alpha)),
            )
            for one in found.emotions
            if one.images
        ),
    )


def human_choices(report: Report, links: Links) -> HumanChoices | None:
    """What the errors' page says; None without votes, or without an error on an image that has some."""
    models = () if report.rater_votes is None else tuple(one for one in report.rater_votes.models if one.errors)
    if not models:
        return None
    slugs = {model.name: model.slug for model in report.models}
    places = [links.explorer("wrong", "votes:human-choice", f"model:{slugs[one.model]}") for one in models]
    return HumanChoices(
        tuple(human_choice_sentence(report, one) for one in models),
        tuple(
            Link(f"These errors of {one.model} in the explorer", place)
            for one, place in zip(models, places, strict=True)
        ),
    )


def _percent(estimate: Estimate) -> Number:
    return Number("", percent(estimate.value), percent_interval(estimate))


def _measures(found: VoteFindings) -> tuple[VoteRow, ...]:
    models, agreement = found.models, found.agreement
    nothing = Number("", "")

    def each(value: str) -> tuple[Estimate, ...]:
        return tuple(getattr(one, value) for one in models)

    decided = found.images - found.undecided
    return (
        VoteRow(
            "Prediction is the majority of the votes",
            "majority",
            nothing,
            tuple(map(_percent, each("majority"))),
            f"higher is better; {count(decided, 'image')} with a majority",
        ),
        VoteRow(
            "Prediction was chosen by at least one rater",
            "human choice",
            nothing,
            tuple(map(_percent, each("human"))),
            "higher is better; one rater is enough, so this is lenient",
        ),
        VoteRow(
            "Prediction agrees with one rater",
            "rater agreement",
            _percent(agreement.pairs) if agreement.pairs.defined else nothing,
            tuple(map(_percent, each("rater"))),
            f"higher is better; raters: two of them; at most {percent(models[0].best)} with these votes",
        ),
        VoteRow(
            "Cross-entropy with the votes",
            "cross-entropy",
            Number("", decimal(found.entropy.value), decimal_interval(found.entropy)),
            tuple(Number("", decimal(e.value), decimal_interval(e)) for e in each("cross_entropy")),
            "lower is better; raters: the least possible, the votes' own entropy",
        ),
        VoteRow(
            "Soft Brier score",
            "soft Brier score",
            nothing,
            tuple(Number("", decimal(e.value, 3), decimal_interval(e, 3)) for e in each("soft_brier")),
            "lower is better; 0 where the probabilities are the shares of the votes",
        ),
        VoteRow(
            "Calibration error against the votes",
            "calibration error",
            nothing,
            tuple(_calibration(one) for one in models),
            "lower is better; confidence held against the share of votes for the prediction",
        ),
        VoteRow(
            "Errors that are a human choice",
            "human choice",
            nothing,
            tuple(_percent(one.human_errors) for one in models),
            "of the errors on images with votes",
        ),
    )


def _calibration(one: ModelVotes) -> Number:
    return Number("", percent(one.calibration.ece, 1), chance_alone(one.calibration.band))


def _consensus(links: Links, found: VoteFindings, index: int) -> tuple[str, str, str, tuple[Number, ...]]:
    estimates = [one.by_consensus[index] for one in found.models]
    word = estimates[0][0]
    images = estimates[0][1].n
    name = capital(CONSENSUS_WORDS[word])
    explorer = links.explorer(f"votes:{word}") if images else ""
    return name, count(images, "image"), explorer, tuple(_percent(estimate) for _, estimate in estimates)


def vote_steps(report: Report) -> tuple[tuple[str, str], ...]:
    """How votes are used, step by step; empty without votes."""
    if report.rater_votes is None:
        return ()
    return (
        (
            "Votes are counted,",
            "image by image. The emotion with most votes is the majority; there is none where two have as many, or "
            "where more votes are for none of the classes. Votes for none of them are left out of everything else.",
        ),
        (
            "Raters are compared with each other.",
            "Krippendorff's alpha for nominal data (Krippendorff 2011) takes any number of raters an image; beside it "
            "stands how often two raters of one image agree, and the entropy of the votes. By emotion, alpha is that "
            "of the emotion against all others.",
        ),
        (
            "The model is held against them:",
            "against the majority, against any rater's choice, against one rater drawn at random, and with its "
            "probabilities against the shares of the votes (cross-entropy, and the Brier score with shares in place of "
            "the label). Its confidence is held against the share of votes for its prediction (Peterson et al. 2019 on "
            "why people's uncertainty is worth keeping).",
        ),
        (
            "Errors are looked at again.",
            "A prediction that differs from the label is a human choice where one rater or more chose it. Ten raters "
            "choose much, so the share stands beside that of other images with the same label.",
        ),
        (
            "Intervals",
            "count persons where these are known. A vote is never taken for a label, and no label is changed.",
        ),
    )
