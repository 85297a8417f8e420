"""Verdicts, takeaways and backgrounds in words: hand-worked sentences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reportgen.evidence.attention.claims import Claim
from reportgen.evidence.attention.verdicts import Verdict
from reportgen.evidence.importance.background import BackgroundFinding, BackgroundState
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.wording.attention import verdict_note, verdict_sentence
from reportgen.site.wording.claims import claim_models, claim_note, claim_words
from reportgen.site.wording.importance import background_sentence

VERDICT = Verdict(
    "m", "joy", "on eyes+brows", "yes", "enrichment", 1.5, 1.2, math.inf, 0.012, 1040, 5, "yes", "yes", False
)  # fmt: skip


def test_a_verdict_gives_its_numbers() -> None:
    assert verdict_sentence(VERDICT) == (
        "Above-average heat on the eyes and brows: enrichment 1.50 [1.20, ∞], p = .01, 1,040 images of 5 persons."
    )
    assert verdict_sentence(VERDICT, "swapping confirms it").endswith("5 persons (swapping confirms it).")
    assert verdict_sentence(replace(VERDICT, answer="no")).startswith("Below-average heat on the eyes and brows: ")
    few = replace(VERDICT, answer="insufficient evidence", n=1, persons=None)
    assert verdict_sentence(few) == (
        "Whether heat on the eyes and brows is above average: too few images to evaluate (1 image)."
    )


def test_a_verdict_says_what_limits_it() -> None:
    open_one = replace(VERDICT, answer="undetermined", depends=True, together=("nose", "mouth"), grid=(7, 8))
    note = (
        "depends on the definition of the map; judged together with nose and mouth: a grid of 7 × 8 cells cannot tell "
        "them apart"
    )
    assert verdict_note(open_one) == note
    assert f"is above average is inconclusive ({note}): enrichment" in verdict_sentence(open_one)
    assert "(" not in verdict_sentence(replace(open_one, answer="no"))
    assert "rerun" in verdict_note(replace(VERDICT, kind="too localized", rerun=False))
    hot = replace(VERDICT, kind="background", quantity="times uniform attention", low=math.nan, high=math.nan,
                  place="top left corner")  # fmt: skip
    assert verdict_sentence(hot).startswith("Above-average heat on the background (top left corner): times uniform")


def test_a_takeaway_names_its_region_and_models() -> None:
    result = Estimate(1.2, 1.1, 1.3, 40)
    claim = Claim("errors by peak", "A", result, 1.0, "holds", region="cheeks+jaw")
    assert claim_words(claim).claim == "Errors are rarer with the peak on the cheeks and jaw"
    assert claim_words(replace(claim, region="background")).claim == "Errors come with heat on the background"
    pair = Claim("transfer focus", "A", result, 0.0, "undetermined", other="B", limit="neither transfer")
    assert (claim_models(pair), claim_note(pair)) == ("A against B", "neither of A and B is a transfer-learning model")
    assert claim_note(replace(pair, limit="")) == "pretraining: unknown"
    assert claim_note(replace(pair, limit="", pretraining="ImageNet")) == "pretraining: ImageNet"


USE = RegionImportance(
    "m", "joy", "background", "yes", 0.9, 0.6, 1.2, 0.12, 0.001, 40, 40, 40, math.nan, "insufficient evidence",
    (math.nan,) * 6,
)  # fmt: skip


@pytest.mark.parametrize(
    ("state", "looks", "said"),
    [
        ("uses it", True, "m has above-average heat on the background for joy (left edge) and relies on it: with"),
        ("uses it", False, "m relies on the background for joy, although the heatmap does not show it: with"),
        ("uses a little", True, "and relies weakly on it: with another emotion's background the log-odds of "
         "joy fall by 0.90 [0.60, 1.20], p = .001, and its recall by 12 points."),
        ("looks only", True, "(left edge) but does not rely on it: swapping it lowers the log-odds by at most 1.20."),
        ("clear", False, "m does not rely on the background for joy: swapping it lowers the log-odds by at most 1.20."),
        ("undetermined", False, "Whether m relies on the background for joy is inconclusive: with"),
    ],
)  # fmt: skip
def test_heat_on_the_background_is_told_with_the_effect_of_swapping_it(
    state: BackgroundState, looks: bool, said: str
) -> None:
    found = BackgroundFinding("m", "joy", state, looks, "left edge" if looks else "", 0.9, USE)
    assert said in background_sentence(found)
    assert "not tested" in background_sentence(replace(found, state="not tested", importance=None))
