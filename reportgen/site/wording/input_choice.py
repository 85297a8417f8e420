"""What is said of a class order or a preprocessing that a sample of the test set was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reportgen.evidence.performance.input_choice import CHOICE_ALPHA, InputChoice, TriedInput
from reportgen.site.wording.format import count, format_p, number, percent

__all__ = [
    "ChoiceText",
    "choice_texts",
    "default_text",
    "numbers_refusal",
    "order_refusal",
    "prepared_text",
    "tried_lines",
]

_VGGFACE2 = (91.4953 / 255, 103.8827 / 255, 131.0912 / 255)
_STATISTICS = {
    ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)): "ImageNet's mean and standard deviation",
    ((0.449,), (0.226,)): "ImageNet's mean and standard deviation for grey",
    ((0.0,) * 3, (1 / 255,) * 3): "pixels from 0 to 255",
    (_VGGFACE2, (1 / 255,) * 3): "pixels from 0 to 255 less VGGFace2's mean",
    (_VGGFACE2[::-1], (1 / 255,) * 3): "pixels from 0 to 255 less VGGFace2's mean",
    ((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255,) * 3): "pixels from 0 to 255 less ImageNet's mean",
    **{((0.5,) * n, (0.5,) * n): "mean and standard deviation 0.5" for n in (1, 3)},
    **{((0.0,) * n, (1.0,) * n): "values from 0 to 1" for n in (1, 3)},
}
_SHOWN = 3
_STATE_IT = "Look up how images were prepared in training and set the model's 'preprocessing' in the settings."


@dataclass(frozen=True)
class ChoiceText:
    """What one sample said, as a title and sentences.

    Attributes
    ----------
    serious
        Whether it changes how the results are to be read.
    advice
        What the user should do; empty where nothing follows.
    """

    title: str
    text: str
    serious: bool
    advice: str = ""


def choice_texts(model: str, choice: InputChoice) -> tuple[ChoiceText, ...]:
    """What is said of a model on the first page, in the terminal and by `check`."""
    texts = [*_order_texts(model, choice), *_input_texts(model, choice)]
    if choice.decided:
        left_out = f"These {number(choice.images)} images are left out of everything else."
        last = len(texts) - 1 if choice.outcome == "chosen" else 0  # what the sample did not choose comes behind
        texts[last] = replace(texts[last], text=f"{texts[last].text} {left_out}")
    return tuple(texts)


def _order_texts(model: str, choice: InputChoice) -> Iterator[ChoiceText]:
    if not choice.order_clear:
        return
    first, others = choice.orders[0], choice.orders[1:]
    what, title = ("order", f"Class order of {model}") if choice.question == "outputs" else ("numbering", "Labels")
    text = (
        f"{first.name} {what} fits: {percent(first.correct / choice.images)} of {_sample(choice)} are classified "
        f"correctly by {model}, next "
        f"{percent(others[0].correct / choice.images)} ({others[0].name}; exact McNemar test, "
        f"{format_p(choice.order_p)}). Used: {', '.join(first.order)}."
    )
    yield ChoiceText(title, text, serious=True)


def order_refusal(model: str, choice: InputChoice) -> str:
    """One line: why `classes = "auto"` chose nothing, with all figures and the settings to copy."""
    n = choice.images
    figures = "; ".join(
        f"{tried.name} {percent(tried.correct / n)}: classes = {json.dumps(list(tried.order))}"
        for tried in choice.orders[:_SHOWN]
    )
    more = f" and {len(choice.orders) - _SHOWN} more" if len(choice.orders) > _SHOWN else ""
    if not choice.skilled:
        why = f"no known order fits better than chance ({percent(choice.chance)})"
    elif len(choice.orders) == 1:
        why = "there is no second order to compare with"
    elif choice.order_p < CHOICE_ALPHA:
        why = "an order that is none of the known ones fits still better"
    else:
        why = f"no known order fits clearly best ({format_p(choice.order_p)})"
    return (
        f"model '{model}': classes = 'auto' found no order of its outputs: on {count(n, 'image')} {why}; correct with "
        f"each: {figures}{more}; name the right one in the settings"
    )


def numbers_refusal(refusal: str, choices: Mapping[str, InputChoice]) -> str:
    """The refusal of labels that are numbers, with how well each meaning fits the models."""
    if not choices:
        return refusal
    figures = "; ".join(
        f"{model}, on {count(choice.images, 'image')}: "
        + ", ".join(f"{tried.name} {percent(tried.correct / choice.images)}" for tried in choice.orders)
        for model, choice in choices.items()
    )
    clear = all(choice.order_clear for choice in choices.values())
    best = {choice.orders[0].order for choice in choices.values()}
    offer = "; classes = 'auto' uses the best" if clear and len(best) == 1 else ""
    return f"{refusal}; correct predictions under each meaning ({figures}){offer}"


def _input_texts(model: str, choice: InputChoice) -> Iterator[ChoiceText]:
    title, n = f"Preprocessing of {model}", choice.images
    text = "Neither the settings nor the checkpoint state it. "
    if choice.outcome == "too few":
        text += "There are too few labelled images to find out, so the default is used."
        yield ChoiceText(f"{title} assumed", text, serious=True, advice=_STATE_IT)
    if choice.outcome not in ("chosen", "undecided"):
        return
    default, best = choice.inputs[0], choice.inputs[choice.best_input]
    if choice.outcome == "chosen":
        text += (
            f"Of {_sample(choice)}, {percent(best.correct / n)} are classified correctly at "
            f"{_spelled(best)}; with the default, {_spelled(default)}, {percent(default.correct / n)} are (exact "
            f"McNemar test, {format_p(choice.input_p)}). The former is used."
        )
        alike = [tried for tried in choice.inputs[1:] if tried is not best and tried.correct == best.correct]
        if alike:
            others = " and ".join(_spelled(tried) for tried in alike[:_SHOWN])
            text += f" As many are at {others}: the sample does not tell them apart."
        yield ChoiceText(title, text, serious=True, advice=_STATE_IT if alike else "")
        return
    text += (
        f"The default is used: {_spelled(default)}. With it, {percent(default.correct / n)} of {_sample(choice)} are "
        "classified correctly"
    )
    if choice.best_input:
        text += f"; at {_spelled(best)}, {percent(best.correct / n)} are"
    if not choice.skilled:
        text += (
            f". Neither is clearly more than chance ({percent(choice.chance)})"
            if choice.best_input
            else (f", not clearly more than by chance ({percent(choice.chance)})")
        )
        text += ": the preprocessing, the class order or the weights may be wrong."
    else:
        text += f", which is not significantly more (exact McNemar test, {format_p(choice.input_p)})."
    yield ChoiceText(f"{title} uncertain", text, serious=True, advice=_STATE_IT)


def tried_lines(choice: InputChoice) -> tuple[str, ...]:
    """One line for each candidate, best first: what it is and how many images it classifies correctly."""
    inputs = sorted(choice.inputs, key=lambda tried: -tried.correct)
    return (
        *(f"{tried.name}: {percent(tried.correct / choice.images)}" for tried in choice.orders),
        *(f"{_spelled(tried)}: {percent(tried.correct / choice.images)}" for tried in inputs),
    )


def prepared_text(spec: Mapping[str, Any]) -> str:
    """A preprocessing by its settings, as in "224 × 224 pixels, ImageNet's mean and standard deviation"."""
    mean, std = tuple(spec["mean"]), tuple(spec["std"])
    channels = "grey " if spec["grey"] else "BGR " if spec.get("bgr") else ""
    values = [" / ".join(f"{value:g}" for value in listed) for listed in (mean, std)]
    statistics = _STATISTICS.get((mean, std)) or f"mean {values[0]} and standard deviation {values[1]}"
    return f"{spec['width']} × {spec['height']} {channels}pixels, {statistics}"


def default_text(choice: InputChoice) -> str:
    """That no other preprocessing does better than the default, where nothing stated one."""
    n, default = choice.images, choice.inputs[0]
    text = (
        f"Neither the settings nor the checkpoint state the preprocessing. With the default, {_spelled(default)}, "
        f"{percent(default.correct / n)} of {_sample(choice)} are classified correctly"
    )
    others = choice.inputs[1:]
    if others:
        next_best = max(others, key=lambda tried: tried.correct)
        text += f"; with the best of {count(len(others), 'other')}, {_spelled(next_best)}, "
        text += percent(next_best.correct / n)
    return f"{text}. These images changed nothing and stay in the scores."


def _sample(choice: InputChoice) -> str:
    return f"{count(choice.images, 'image')} drawn evenly over the emotions"


def _spelled(tried: TriedInput) -> str:
    return prepared_text(tried.spec)
