"""Verdicts, takeaways and backgrounds in words: hand-worked sentences."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from reportgen.evidence.attention.claims import Claim
from reportgen.evidence.attention.verdicts import Verdict
from reportgen.evidence.importance.background import BackgroundCue, BackgroundFinding, BackgroundState
from reportgen.evidence.importance.regions import RegionImportance
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.wording.attention import verdict_note, verdict_sentence
from reportgen.site.wording.claims import claim_models, claim_note, claim_words
from reportgen.site.wording.importance import background_cue, background_sentence, barrier_words

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
    "m", "joy", "background", "yes", 0.9, 0.6, 1.2, 0.12, 0.001, 40, 40, 40, (math.nan,) * 6,
)  # fmt: skip


@pytest.mark.parametrize(
    ("state", "looks", "said"),
    [
        ("uses it", True, "m has above-average heat on the background for joy (left edge) and relies on the "
         "background. With another emotion's background the odds of joy fall by 59\u202f% [45, 70] and recall by "),
        ("uses it", False, "m relies on the background for joy, although the heatmap does not show it. With"),
        ("uses a little", True, "(left edge) and relies, less than counts as cheating, on the background. With"),
        ("looks only", True, "(left edge), but swaps find no reliance on it: heat and swaps disagree, an open "),
        ("clear", False, "Swaps find no reliance of m on the background for joy. With"),
        ("undetermined", False, "Whether m relies on the background for joy is inconclusive. With"),
        ("cannot be tested", False, "m relies on the background for joy cannot be tested: m's recall of "),
    ],
)  # fmt: skip
def test_heat_on_the_background_is_told_with_the_effect_of_swapping_it(
    state: BackgroundState, looks: bool, said: str
) -> None:
    use = replace(USE, barrier="low recall") if state == "cannot be tested" else USE
    found = BackgroundFinding("m", "joy", state, looks, "left edge" if looks else "", 0.9, use)
    assert said in background_sentence(found)
    assert "not tested" in background_sentence(replace(found, state="not tested", importance=None))


def test_emotions_that_cannot_be_tested_for_one_reason_share_a_clause() -> None:
    barred = replace(USE, answer="cannot be tested", barrier="low recall")
    assert barrier_words(barred).startswith("m's recall of joy is below ")
    assert barrier_words(barred, ["anger", "joy"]).startswith("m's recall of anger and joy is below ")
    assert barrier_words(replace(barred, barrier="shortcut"), ["anger", "joy"]) == (
        "m relies on a shortcut for anger and joy, and too few of the images are known to be without it"
    )


@pytest.mark.parametrize(
    ("cues", "typical", "said"),
    [
        (("brightness", "contrast"), (0.9, 0.7), "the bright background"),
        (("brightness",), (0.2,), "the dark background"),
        (("brightness",), (0.55,), "the brightness of the background"),
        (("colour",), (0.9,), "the colour of the background"),
        (("light and colour",), (math.nan,), "the light and colour of the background"),
        (("content",), (math.nan,), "the background"),
    ],
)
def test_a_background_is_named_by_what_it_is(
    cues: tuple[BackgroundCue, ...], typical: tuple[float, ...], said: str
) -> None:
    alone = replace(USE, drop=0.7, low=0.5, high=0.9, recall_drop=0.2)
    matched = replace(USE, answer="no", drop=-0.1, low=-0.2, high=0.0, unmatched=USE, tones=(("brightness", alone),))
    found = BackgroundFinding("m", "joy", "uses it", False, "", 0.9, matched, cues, typical)
    sentence = background_sentence(found)
    assert background_cue(found) == said and f"m relies on {said} for joy" in sentence
    assert (
        "background as it is, the odds of joy fall by 59\u202f% [45, 70] and recall by 12 percentage points" in sentence
    )
    assert "in the face's own light and colour, they rise by 11\u202f% [0, 22]" in sentence
    tones = "With its own background given the other's brightness, they fall by 50\u202f% [39, 59] and recall"
    assert (tones in sentence) == ("content" not in cues)
