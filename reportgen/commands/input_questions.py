"""Which class order and which preprocessing of a model fit a sample of the test set.

The sample is drawn evenly over the emotions. Each known class order (with `classes = "auto"`) and each usual
preprocessing (where nothing states it) is tried on it, and one is used where an exact test is clear.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from reportgen.analysis import content_hash
from reportgen.config import Config, ModelConfig, Preprocessing
from reportgen.errors import DataError, InputError
from reportgen.evidence.examples.sampling import draw_sample
from reportgen.evidence.performance.input_choice import (
    InputChoice,
    Tried,
    TriedInput,
    chance_agreement,
    judge_candidates,
    permuted_fit,
)
from reportgen.explain.fingerprints import code_hash, model_hashes
from reportgen.files import write_json
from reportgen.inputs.checksums import content_digest
from reportgen.inputs.class_order import OpenNumbers, known_orders, parse_classes
from reportgen.inputs.discover import Discovery
from reportgen.inputs.emotions import match_class, name_classes
from reportgen.inputs.images.decoding import decode
from reportgen.inputs.testset import TestSet, load_test_set
from reportgen.progress import Progress
from reportgen.site.wording.input_choice import numbers_refusal, order_refusal

__all__ = ["ask_models", "meaning_of_numbers"]

_FILE = "input_choices.json"
_MOST, _LEAST = 100, 8
# Of the labelled images: one in four for the preprocessing alone, one in three where an order is open. A swap of two
# classes shows only where each has several images.
_SHARE, _ORDER_SHARE, _PER_CLASS = 4, 3, 8


@dataclass(frozen=True)
class _Meaning:
    """One candidate: what the outputs stand for, and the true labels (n,) of the sample, by name."""

    source: str
    order: tuple[str, ...]
    truth: npt.NDArray[np.object_]

    def correct(self, predicted: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """(n,) whether each predicted output stands for the true label."""
        return np.asarray(np.array(self.order, dtype=object)[predicted] == self.truth)

    def chance(self, predicted: npt.NDArray[np.int64]) -> float:
        """Share that would agree by chance."""
        names = [*dict.fromkeys((*self.order, *self.truth))]
        place = {name: index for index, name in enumerate(names)}
        return chance_agreement(
            np.array([place[name] for name in self.truth]), np.array([place[self.order[k]] for k in predicted])
        )

    def doubtful(self, predicted: npt.NDArray[np.int64]) -> bool:
        """Whether another order of the outputs fits still better."""
        known = np.array([name in self.order for name in self.truth])
        labels = np.array([self.order.index(name) for name in self.truth[known]], dtype=np.int64)
        return not known.any() or permuted_fit(labels, predicted[known], len(self.order))


@dataclass(frozen=True)
class _Question:
    """What is open about one model.

    Attributes
    ----------
    parts
        Of its preprocessing: "size", "statistics".
    about
        What the candidates order; None where the order of the outputs is known.
    meanings
        The candidates for a model with so many outputs.
    """

    name: str
    entry: ModelConfig
    parts: frozenset[str]
    about: Literal["outputs", "numbers"] | None
    meanings: Callable[[int], Sequence[_Meaning]]


def meaning_of_numbers(
    refusal: OpenNumbers, found: Discovery, progress: Progress
) -> tuple[Config, dict[str, InputChoice], npt.NDArray[np.int64]]:
    """The settings with the meaning of numbers that fits the models, their answers, and the rows that were tried.

    Raises
    ------
    DataError
        None fits clearly.
    """
    choices, rows = _ask_for_numbers(refusal, found, progress)
    best = {choice.orders[0].name for choice in choices.values() if choice.order_clear}
    if found.config.classes != "auto" or len(best) != 1 or not all(choice.order_clear for choice in choices.values()):
        raise DataError(numbers_refusal(str(refusal), choices))
    return _numbered(found.config, refusal.candidates[best.pop()]), choices, rows


def ask_models(
    found: Discovery,
    open_orders: frozenset[str],
    config: Config,
    test_set: TestSet,
    folder: Path | None,
    progress: Progress,
) -> tuple[dict[str, InputChoice], dict[str, ModelConfig], npt.NDArray[np.int64] | None]:
    """Answer what is open about the models.

    Parameters
    ----------
    open_orders
        Names of the models whose class order is open; `found` knows of which the preprocessing is.
    config
        With what is settled already.
    folder
        Where earlier answers are kept; None to keep nothing.

    Returns
    -------
    tuple
        The answers by model, the models' settings with what was chosen, and the rows (n,) that chose anything.

    Raises
    ------
    DataError
        `classes = "auto"`, and no order is clear.
    CheckpointError, ConfigError
        A model cannot be used.
    """
    questions = _questions(found, open_orders, test_set)
    models = dict(config.models)
    labels = test_set.frame["label"].to_numpy()
    labelled = np.flatnonzero(labels >= 0)
    asked = any(question.about for question in questions)
    size = min(_MOST, len(labelled) // (_ORDER_SHARE if asked else _SHARE))
    least = _PER_CLASS * len(test_set.classes) if asked else _LEAST
    if size < least:
        if asked:
            raise DataError(
                f"{test_set.source}: classes = 'auto' needs {least * _ORDER_SHARE:,} labelled images to score class "
                f"orders, and {len(labelled):,} are there; name the order in the settings with 'classes = [...]'"
            )
        return {q.name: InputChoice(0, outcome="too few") for q in questions}, models, None
    drawn = draw_sample(labels[labelled], size, found.config.seed)
    rows = labelled if drawn is None else labelled[drawn]
    choices = _answers(questions, test_set, rows, config, folder, progress)
    for name, choice in choices.items():
        models[name] = _as_chosen(models[name], choice)
        if choice.question == "outputs" and choice.orders and not choice.order_clear:
            raise DataError(order_refusal(name, choice))
    return choices, models, rows if any(choice.decided for choice in choices.values()) else None


def _questions(found: Discovery, open_orders: frozenset[str], test_set: TestSet) -> list[_Question]:
    """What is open, model by model."""
    truth = test_set.frame["emotion"].to_numpy(dtype=object)
    questions = []
    for name, entry in found.config.models.items():
        parts, open_order = found.open_inputs.get(name, frozenset()), name in open_orders
        if parts or open_order:
            meanings = partial(_orders if open_order else _known_order, name, entry, test_set.classes, truth)
            questions.append(_Question(name, entry, parts, "outputs" if open_order else None, meanings))
    return questions


def _orders(
    name: str, entry: ModelConfig, classes: tuple[str, ...], truth: npt.NDArray[np.object_], outputs: int
) -> list[_Meaning]:
    """The known orders."""
    orders = known_orders(outputs, classes)
    if not orders:
        raise DataError(
            f"model '{name}': classes = 'auto' knows no order of {outputs} outputs with the classes "
            f"{', '.join(classes)}; name the order in the settings with 'classes = [...]'"
        )
    return [_Meaning(source, order, truth) for source, order in orders.items()]


def _known_order(
    name: str, entry: ModelConfig, classes: tuple[str, ...], truth: npt.NDArray[np.object_], outputs: int
) -> list[_Meaning]:
    """The order that counts without a question."""
    from reportgen.explain.loading import output_classes  # torch takes seconds to load

    return [_Meaning("", output_classes(name, outputs, entry, classes), truth)]


def _answers(
    questions: Sequence[_Question],
    test_set: TestSet,
    rows: npt.NDArray[np.int64],
    config: Config,
    folder: Path | None,
    progress: Progress,
) -> dict[str, InputChoice]:
    """What a sample says to each question, by model: as found before for the same files, else found now."""
    digests = [content_digest(partial(test_set.read_bytes, row)) for row in rows.tolist()]
    truth = [str(name) for name in test_set.frame["emotion"].iloc[rows]]
    hashes, code = (
        model_hashes(config, config.device),
        code_hash("commands/input_questions.py", "evidence/performance", "inputs"),
    )
    keys = {
        q.name: content_hash(hashes[q.name], code, str(q.about), *sorted(q.parts), *test_set.classes, *digests, *truth)
        for q in questions
    }
    before = _read(folder)
    answers = {q.name: before[keys[q.name]] for q in questions if keys[q.name] in before}
    missing = [question for question in questions if question.name not in answers]
    if missing:
        with progress.stage("Trying what nothing states about the models", len(missing)) as step:
            images, kept = _decoded(test_set, rows)
            for question in missing:
                answers[question.name] = _answer(question, test_set, images, rows[kept], config)
                step.advance()
    if missing and folder is not None:
        found = {keys[name]: choice.as_json() for name, choice in answers.items()}
        write_json(folder / _FILE, found)
    return {question.name: answers[question.name] for question in questions}


def _answer(
    question: _Question,
    test_set: TestSet,
    images: Sequence[npt.NDArray[np.uint8]],
    rows: npt.NDArray[np.int64],
    config: Config,
) -> InputChoice:
    from reportgen.explain.input_trial import try_inputs  # torch takes seconds to load

    def candidates(outputs: int) -> list[_Meaning]:
        return [replace(meaning, truth=meaning.truth[rows]) for meaning in question.meanings(outputs)]

    def agreement(outputs: int, predicted: npt.NDArray[np.int64]) -> float:
        return max(float(meaning.correct(predicted).mean()) for meaning in candidates(outputs))

    classes = test_set.classes
    trial = try_inputs(question.name, question.entry, classes, question.parts, images, agreement, config)
    meanings = candidates(trial.outputs)
    correct = np.array([[meaning.correct(predicted) for meaning in meanings] for predicted in trial.predicted])
    chance = np.array([[meaning.chance(predicted) for meaning in meanings] for predicted in trial.predicted])
    judged = judge_candidates(correct, chance)
    counts = correct.sum(axis=2)
    best, used = meanings[judged.order], int(counts[:, judged.order].argmax())
    ranked = sorted(range(len(meanings)), key=lambda o: (o != judged.order, -int(counts[:, o].max())))
    return InputChoice(
        images=len(images),
        question=question.about or "outputs",
        orders=tuple(Tried(meanings[o].source, meanings[o].order, int(counts[:, o].max())) for o in ranked)
        if question.about
        else (),
        order_clear=judged.order_clear and not best.doubtful(trial.predicted[used]),
        order_p=judged.order_p,
        inputs=tuple(
            TriedInput(spec.model_dump(mode="json"), int(n))
            for spec, n in zip(trial.inputs, counts[:, judged.order], strict=True)
        )
        if question.parts
        else (),
        used=judged.used,
        outcome=judged.outcome,
        input_p=judged.input_p,
        chance=float(chance[used, judged.order]),
        skilled=judged.skilled,
    )


def _ask_for_numbers(
    refusal: OpenNumbers, found: Discovery, progress: Progress
) -> tuple[dict[str, InputChoice], npt.NDArray[np.int64]]:
    """How well each meaning of the numbers fits the models that state their own order; none where no model does."""
    nothing: tuple[dict[str, InputChoice], npt.NDArray[np.int64]] = {}, np.array([], dtype=np.int64)
    given = found.config.classes
    own = parse_classes(given).names if isinstance(given, tuple) else None
    orders = {name: model.classes or own for name, model in found.config.models.items()}
    if not any(orders.values()) or not refusal.candidates:
        return nothing
    try:
        first = next(iter(refusal.candidates.values()))
        test_set = load_test_set(_numbered(found.config, first), found.notes)
        labels = test_set.frame["label"].to_numpy()
        size = min(_MOST, len(labels) // _ORDER_SHARE)
        if size < _PER_CLASS * len(test_set.classes):
            return nothing
        drawn = draw_sample(labels, size, found.config.seed)
        rows = np.arange(len(labels)) if drawn is None else drawn
        numbers = {name: number for number, name in first.items()}
        written = [numbers[str(match_class(emotion, tuple(first.values())))] for emotion in test_set.frame["emotion"]]
        images, kept = _decoded(test_set, rows)
        choices = {}
        with progress.stage("Asking the models what the numbers mean"):
            for name, order in orders.items():
                if order is None:
                    continue
                meanings = [
                    _Meaning(source, name_classes(order), np.array([numbering.get(n) for n in written], dtype=object))
                    for source, numbering in refusal.candidates.items()
                ]
                parts = found.open_inputs.get(name, frozenset())
                entry = found.config.models[name]
                question = _Question(name, entry, parts, "numbers", partial(_as_given, meanings))
                answer = _answer(question, test_set, images, rows[kept], found.config)
                # The preprocessing is asked for again once the labels are known.
                choices[name] = replace(answer, inputs=(), used=0, outcome="given", input_p=math.nan)
    except (InputError, IndexError, KeyError):
        return nothing  # what is wrong beside the numbers is said once they are known
    return choices, rows


def _as_given(meanings: Sequence[_Meaning], outputs: int) -> Sequence[_Meaning]:
    """Candidates that do not depend on the number of outputs; a model with another number fits none of them."""
    return [meaning for meaning in meanings if len(meaning.order) == outputs]


def _numbered(config: Config, numbering: Mapping[int, str]) -> Config:
    """The settings with what numbers mean."""
    return config.model_copy(update={"classes": tuple(f"{number}={name}" for number, name in numbering.items())})


def _as_chosen(entry: ModelConfig, choice: InputChoice) -> ModelConfig:
    """A model's settings with what the sample chose."""
    update: dict[str, Any] = {}
    if choice.outcome == "chosen":
        update["preprocessing"] = Preprocessing.model_validate(choice.inputs[choice.used].spec)
    if choice.order_clear and choice.question == "outputs":
        update["classes"] = choice.orders[0].order
    return entry.model_copy(update=update)


def _decoded(
    test_set: TestSet, rows: npt.NDArray[np.int64]
) -> tuple[list[npt.NDArray[np.uint8]], npt.NDArray[np.int64]]:
    """The images of some rows that can be read, and which of the rows those are; the pass lists the others."""
    images, kept = [], []
    for place, row in enumerate(rows.tolist()):
        try:
            images.append(decode(test_set.read_bytes(row)).samples)
        except DataError:
            continue
        kept.append(place)
    if not images:
        raise DataError(f"{test_set.source}: none of {len(rows):,} images of a sample can be read; look at the files")
    return images, np.array(kept, dtype=np.int64)


def _read(folder: Path | None) -> dict[str, InputChoice]:
    """Earlier answers by key; none from a file that is missing or not ours."""
    if folder is None:
        return {}
    try:
        content = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        return {str(key): InputChoice.from_json(value) for key, value in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}
