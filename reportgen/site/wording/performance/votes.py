"""What people's votes show, in words."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reportgen.evidence.performance.votes import Agreement, Consensus, ImageVotes, ModelVotes, VoteFindings
from reportgen.site.report import Report
from reportgen.site.wording.format import (
    count,
    decimal,
    decimal_interval,
    fixed,
    number,
    percent,
    percent_estimate,
    plural,
    points,
    points_interval,
)

__all__ = [
    "CONSENSUS_WORDS",
    "agreement_sentence",
    "ceiling_sentence",
    "choice_words",
    "human_choice_sentence",
    "human_choice_short",
    "pairs_sentence",
    "vote_facts",
    "votes_sentence",
]

CONSENSUS_WORDS: dict[Consensus, str] = {
    "all": "all raters agree",
    "most": "at least two thirds agree",
    "split": "less than two thirds agree",
}

_UNDEFINED = {
    "shares": "the test set holds shares of votes, not how many people voted",
    "single": "no image has two votes",
    "one class": "all votes are for one emotion, so that chance would agree, too",
}


def votes_sentence(report: Report, found: VoteFindings) -> str:
    """How many images have votes, and how far they agree."""
    number_of = report.stated.number
    images = number_of(number(found.images), "images with votes")
    each = "" if math.isnan(found.voters) else f", with {fixed(found.voters, 0)} votes each (median)"
    text = (
        f"Several people labelled {images} of {count(report.labelled, 'labelled image')}{each}. "
        f"All of them agree on {number(found.agreed)} ({percent(found.agreed / found.images)}). "
    )
    if found.undecided:
        text += f"{count(found.undecided, 'image')} {plural(found.undecided, 'has', 'have')} no majority. "
    if found.no_class > 0:
        text += f"{percent(found.no_class, 1)} of the votes are for none of the classes and are left out. "
    if found.label_is_majority.defined:
        text += f"The label is the majority in {percent(found.label_is_majority.value, 1)} of the images that have one."
    return text.strip()


def agreement_sentence(agreement: Agreement) -> str:
    """Krippendorff's alpha, or why there is none."""
    if agreement.undefined:
        return f"Krippendorff's alpha is not defined here: {_UNDEFINED[agreement.undefined]}."
    alpha = agreement.alpha
    return (
        f"The raters' agreement beyond chance (Krippendorff's alpha) is {decimal(alpha.value)} "
        f"{decimal_interval(alpha)}, from {count(agreement.images, 'image')} with two votes or more: 1 is full "
        "agreement, 0 is chance."
    )


def ceiling_sentence(found: VoteFindings) -> str:
    """How often two raters agree, and what no prediction can exceed; empty where that cannot be told."""
    pairs = found.agreement.pairs
    if not pairs.defined or not found.models:
        return ""
    return (
        f"Two raters of one image agree in {percent_estimate(pairs)} of the cases. No prediction can agree with raters "
        f"in more than {percent(found.models[0].best)}: that is the share of each image's most frequent vote."
    )


def pairs_sentence(one: ModelVotes) -> str:
    """A model's agreement with one rater, beside that of two raters; empty where that cannot be told."""
    gap = one.below_raters
    if not gap.defined:
        return ""
    agrees = f"{one.model} and a rater agree in {percent_estimate(one.rater)} of the cases"
    if not gap.excludes(0.0):
        return f"{agrees}; a difference from two raters is not shown ({points(gap.value)} {points_interval(gap)})."
    way = "less often" if gap.value < 0 else "more often"
    return f"{agrees}, {way} than two raters do ({points(gap.value)} {points_interval(gap)})."


def human_choice_sentence(report: Report, one: ModelVotes) -> str:
    """How many errors are an emotion that a rater chose, beside what one would expect; empty without errors."""
    if not one.errors:
        return ""
    report.stated.number(percent(one.human_errors.value), "errors that a rater chose", one.model)
    chosen = round(one.human_errors.value * one.human_errors.n)
    text = (
        f"{one.model}: {number(chosen)} of {count(one.errors, 'error')} on images with votes "
        f"({percent_estimate(one.human_errors)}) are wrong, but a human choice: at least one rater chose the predicted "
        "emotion."
    )
    if not one.human_beyond.defined:
        return text
    return (
        f"{text} Of other images with the same label, {percent(one.human_by_chance)} have a vote for that emotion, "
        f"too; the difference is {points(one.human_beyond.value)} {points_interval(one.human_beyond)}."
    )


def human_choice_short(report: Report, k: int) -> Iterator[str]:
    """The same in one sentence, for the first page."""
    if report.rater_votes is None:
        return
    one = report.rater_votes.models[k]
    if one.errors:
        chosen = round(one.human_errors.value * one.human_errors.n)
        share = report.stated.number(percent(one.human_errors.value), "errors that a rater chose", one.model)
        yield (
            f"{number(chosen)} of the {count(one.errors, 'error')} on images with votes ({share}) are wrong, but a "
            "human choice: at least one rater chose the predicted emotion."
        )


def vote_facts(report: Report, votes: ImageVotes, row: int) -> list[tuple[str, str]]:
    """The votes of one image, the most frequent first; empty where it has none."""
    if not votes.total[row] + votes.other[row] > 0:
        return []
    digits = 0 if votes.counted else 2
    ranked = sorted(range(len(report.classes)), key=lambda k: (-votes.counts[row, k], k))
    given = [(report.classes[k], float(votes.counts[row, k])) for k in ranked] + [("no class", float(votes.other[row]))]
    facts = [("Votes", ", ".join(f"{name} {fixed(value, digits)}" for name, value in given if value > 0))]
    if votes.total[row] > 0:
        share, entropy = float(votes.shares[row].max()), float(votes.entropy[row])
        facts.append(("Agreement", f"{percent(share)} of the votes for one emotion; entropy {fixed(entropy)}"))
    return facts


def choice_words(report: Report, row: int, k: int) -> str:
    """How many raters chose model `k`'s prediction of an image: "chosen by 3 of 10 raters"; empty without votes."""
    votes, predicted = report.image_votes, int(report.models[k].predicted[row])
    if votes is None or not votes.total[row] > 0:
        return ""
    if not votes.counted:
        return f"{percent(float(votes.shares[row, predicted]))} of the votes"
    chosen, voters = int(votes.counts[row, predicted]), int(votes.total[row] + votes.other[row])
    return f"chosen by {number(chosen) if chosen else 'none'} of {count(voters, 'rater')}"
