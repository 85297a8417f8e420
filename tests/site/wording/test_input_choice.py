"""What is said where a sample was asked for a model's preprocessing or class order: hand-worked sentences."""

from __future__ import annotations

from dataclasses import replace

from reportgen.config import Preprocessing
from reportgen.evidence.performance.input_choice import InputChoice, Tried, TriedInput
from reportgen.evidence.performance.stated_accuracy import stated_accuracies
from reportgen.evidence.stats.intervals import wilson
from reportgen.site.wording.input_choice import (
    choice_texts,
    default_text,
    numbers_refusal,
    order_refusal,
    tried_lines,
)
from reportgen.site.wording.models import stated_accuracy_text, stated_accuracy_warning

IMAGENET = TriedInput(Preprocessing().model_dump(mode="json"), 31)
HALF = TriedInput(Preprocessing(width=112, height=112, mean=(0.5,) * 3, std=(0.5,) * 3).model_dump(mode="json"), 80)
CHOSEN = InputChoice(
    100, inputs=(IMAGENET, HALF), used=1, outcome="chosen", input_p=0.0004, chance=1 / 7, skilled=True
)  # fmt: skip
ORDERS = (Tried("FER2013", ("anger", "fear"), 71), Tried("RAF-DB", ("fear", "anger"), 18))


def said(choice: InputChoice) -> str:
    texts = choice_texts("A", choice)
    return " | ".join(f"{text.title}. {text.text} {text.advice}".strip() for text in texts).replace("\u202f", " ")


def test_another_preprocessing_was_chosen() -> None:
    assert said(CHOSEN) == (
        "Preprocessing of A. Neither the settings nor the checkpoint state it. Of 100 images drawn evenly over the "
        "emotions, 80 % are classified correctly at 112 × 112 pixels, mean and standard deviation 0.5; with the "
        "default, 224 × 224 pixels, ImageNet's mean and standard deviation, 31 % are (exact McNemar test, p < .001). "
        "The former is used. These 100 images are left out of everything else."
    )


def test_an_order_was_chosen_and_the_sample_is_named_once() -> None:
    both = replace(CHOSEN, orders=ORDERS, order_clear=True, order_p=0.0001)
    text = said(both)
    assert text.startswith(
        "Class order of A. FER2013 order fits: 71 % of 100 images drawn evenly over the emotions are classified "
        "correctly by A, next 18 % (RAF-DB; exact McNemar test, p < .001). Used: anger, fear. | Preprocessing of A."
    )
    assert text.count("left out") == 1
    alone = said(replace(both, inputs=(), outcome="given", question="numbers"))
    assert alone.startswith("Labels. FER2013 numbering fits: 71 %") and alone.endswith("left out of everything else.")


def test_what_is_uncertain_is_a_warning_with_what_to_do() -> None:
    close = replace(CHOSEN, outcome="undecided", used=0, input_p=0.2, inputs=(IMAGENET, replace(HALF, correct=36)))
    assert "at 112 × 112 pixels, mean and standard deviation 0.5, 36 % are, which is not significantly more" in said(
        close
    )
    assert "set the model's 'preprocessing' in the settings." in said(close)
    lost = replace(close, skilled=False)
    assert "Neither is clearly more than chance (14 %): the preprocessing, the class order or the weights" in said(lost)
    best = replace(lost, inputs=(IMAGENET, replace(HALF, correct=3)))
    assert "emotions are classified correctly, not clearly more than by chance (14 %)" in said(best)
    few = said(InputChoice(0, outcome="too few"))
    assert "too few labelled images to find out, so the default is used." in few


def test_a_default_that_fits_is_no_remark_on_the_first_page() -> None:
    fits = replace(CHOSEN, outcome="default", used=0, inputs=(replace(IMAGENET, correct=82), HALF))
    assert choice_texts("A", fits) == ()
    assert default_text(fits).replace("\u202f", " ") == (
        "Neither the settings nor the checkpoint state the preprocessing. With the default, 224 × 224 pixels, "
        "ImageNet's mean and standard deviation, 82 % of 100 images drawn evenly over the emotions are classified "
        "correctly; with the best of 1 other, 112 × 112 pixels, mean and standard deviation 0.5, 80 %. These images "
        "changed nothing and stay in the scores."
    )
    grey = {**HALF.spec, "width": 48, "height": 48, "grey": True, "mean": [0.4], "std": [0.2]}
    (line,) = tried_lines(replace(fits, inputs=(TriedInput(grey, 50),)))
    assert line.startswith("48 × 48 grey pixels, mean 0.4 and standard deviation 0.2: 50")


def test_refusals_have_the_figures_and_the_setting_to_copy() -> None:
    unclear = InputChoice(100, "outputs", ORDERS, order_p=0.3, chance=0.5, skilled=True)
    text = order_refusal("A", unclear).replace("\u202f", " ")
    assert "on 100 images no known order fits clearly best (p = .30)" in text
    assert 'FER2013 71 %: classes = ["anger", "fear"]; RAF-DB 18 %: classes = ["fear", "anger"]' in text
    assert "no known order fits better than chance (50 %)" in order_refusal(
        "A", replace(unclear, skilled=False)
    ).replace("\u202f", " ")
    assert "none of the known ones fits still better" in order_refusal("A", replace(unclear, order_p=0.001))
    assert "no second order" in order_refusal("A", replace(unclear, orders=ORDERS[:1]))
    assert numbers_refusal("what?", {}) == "what?"
    numbers = replace(unclear, question="numbers", order_clear=True)
    assert numbers_refusal("what?", {"A": numbers}).replace("\u202f", " ") == (
        "what?; correct predictions under each meaning (A, on 100 images: FER2013 71 %, RAF-DB 18 %); classes = 'auto' "
        "uses the best"
    )


def test_a_stated_accuracy_far_from_the_one_found() -> None:
    (high,) = stated_accuracies({"val_acc": 0.92}, wilson(440, 1000))
    assert stated_accuracy_text(high).replace("\u202f", " ") == "val_acc 92.0 %; found here: 44.0 % [41.0, 47.1]"
    assert stated_accuracy_warning("A", high).replace("\u202f", " ") == (
        "The checkpoint of A states val_acc 92.0 %; on these 1,000 images its accuracy is 44.0 % [41.0, 47.1]. Check "
        "the order of its classes, the preprocessing, and whether these images are like those it was validated on."
    )
    (low,) = stated_accuracies({"val_acc": 0.3}, wilson(440, 1000))
    assert stated_accuracy_warning("A", low).endswith("Check whether these images were used in training.")
