"""The takeaways that guides to heatmaps end with: what each claims, how it was tested, what limits the test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reportgen.evidence.attention.claims import Claim, ClaimAnswer, ClaimKind
from reportgen.site.wording.attention import REGION_NAMES

__all__ = ["ANSWER_WORDS", "CLAIM_WORDS", "ClaimWords", "claim_models", "claim_note", "claim_words"]


@dataclass(frozen=True)
class ClaimWords:
    """One takeaway as guides put it, how it was tested, and what the number is."""

    claim: str
    how: str
    quantity: str


CLAIM_WORDS: Mapping[ClaimKind, ClaimWords] = MappingProxyType({
    "on face": ClaimWords(
        "Good models focus on facial features",
        "enrichment of the face in the maps of the predicted class, over all images",
        "enrichment of the face",
    ),
    "better on face": ClaimWords(
        "The better model focuses more on facial features",
        "paired difference of the face's share, better minus worse model, on a common grid",
        "difference of the face's share",
    ),
    "diffuse errors": ClaimWords(
        "Errors come with diffuse heat",
        "risk of error in the quarter of images with the most diffuse maps, compared with the rest",
        "risk ratio",
    ),
    "errors by peak": ClaimWords(
        "Errors are rarer with the peak on the {}",
        "risk of error where the map's peak lies on the {}, compared with elsewhere",
        "risk ratio",
    ),
    "transfer focus": ClaimWords(
        "Transfer learning has the more focused heat",
        "paired difference of the effective area of the predicted class's maps, on a common grid",
        "difference of effective area",
    ),
    "different regions": ClaimWords(
        "Emotions activate different regions",
        "mean distance between the emotions' region profiles, compared with permuted labels",
        "mean distance between profiles",
    ),
    "uncertain": ClaimWords(
        "Diffuse heat means an uncertain model",
        "rank correlation of effective area and confidence, both of the predicted class",
        "Spearman correlation",
    ),
})  # fmt: skip
"""By kind of claim; "{}" stands for a region."""


ANSWER_WORDS: Mapping[ClaimAnswer, str] = MappingProxyType(
    {"holds": "holds", "does not hold": "does not hold", "undetermined": "inconclusive"}
)


def claim_words(claim: Claim) -> ClaimWords:
    """The words of one claim, with its region."""
    words = CLAIM_WORDS[claim.kind]
    if claim.region == "background":
        words = ClaimWords("Errors come with heat on the background", words.how, words.quantity)
    region = REGION_NAMES.get(claim.region, "")
    return ClaimWords(words.claim.format(region), words.how.format(region), words.quantity)


def claim_models(claim: Claim) -> str:
    """The model, or as in "ResNet18 against Custom CNN"."""
    return f"{claim.model} against {claim.other}" if claim.other else claim.model


def claim_note(claim: Claim) -> str:
    """What limits the test; empty where nothing does."""
    both = f"{claim.model} and {claim.other}"
    note = {
        "": "",
        "not clearly better": "neither model is significantly better on this test set",
        "transfer unknown": f"which of {both} is a transfer-learning model is unknown",
        "both transfer": f"{both} are both transfer-learning models",
        "neither transfer": f"neither of {both} is a transfer-learning model",
    }[claim.limit]
    if claim.kind == "transfer focus" and not claim.limit:
        return f"pretraining: {claim.pretraining or 'unknown'}"
    return note
