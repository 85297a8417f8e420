"""What neither the settings nor the files say of a model's input and outputs, decided from evidence: a small sample.

Where nothing is open, or the answers are known, no model is loaded. What was found is kept in
`analysis/input_choices.json`, and images that chose anything are left out of the test set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reportgen.config import Config
from reportgen.inputs.class_order import OpenNumbers
from reportgen.inputs.discover import Discovery
from reportgen.inputs.testset import TestSet, load_test_set
from reportgen.progress import Progress

if TYPE_CHECKING:
    from reportgen.evidence.performance.input_choice import InputChoice

__all__ = ["Settled", "read_inputs", "settle"]


@dataclass(frozen=True)
class Settled:
    """What a build works on.

    Attributes
    ----------
    config
        With what the sample chose.
    test_set
        Without the images that chose it.
    choices
        By model, what a sample said; only models of which something was open.
    """

    config: Config
    test_set: TestSet
    choices: Mapping[str, tuple[InputChoice, ...]] = field(default_factory=dict)

    @property
    def recorded(self) -> dict[str, list[dict[str, Any]]]:
        """The answers as the analysis records them."""
        return {name: [choice.as_json() for choice in choices] for name, choices in self.choices.items()}

    def and_then(self, config: Config, test_set: TestSet, choices: Mapping[str, InputChoice]) -> Settled:
        """The same with further answers."""
        names = [*self.choices, *(name for name in choices if name not in self.choices)]
        return Settled(
            config,
            test_set,
            {name: (*self.choices.get(name, ()), *([choices[name]] if name in choices else [])) for name in names},
        )


def read_inputs(found: Discovery, progress: Progress) -> Settled:
    """Read the test set; where the meaning of numbers among its labels is open, the models are asked.

    Raises
    ------
    DataError
        It cannot be read. Where numbers stay open, the message says how well each meaning fits.
    """
    with progress.stage("Reading the test set"):
        try:
            return Settled(found.config, load_test_set(found.config, found.notes))
        except OpenNumbers as error:
            refusal = error
    from reportgen.commands.input_questions import meaning_of_numbers  # what judges takes half a second to load

    config, choices, rows = meaning_of_numbers(refusal, found, progress)
    return Settled(
        config,
        load_test_set(config, found.notes).without(rows),
        {name: (choice,) for name, choice in choices.items()},
    )


def settle(found: Discovery, read: Settled, folder: Path | None, progress: Progress) -> Settled:
    """Decide what is open about each model on a sample of the test set.

    Parameters
    ----------
    read
        From `read_inputs`.
    folder
        `output/analysis`, where earlier answers are kept; None to keep nothing.

    Raises
    ------
    DataError
        `classes = "auto"`, and no order is clear.
    CheckpointError, ConfigError
        A model cannot be used.
    """
    scored = found.config.classes == "auto"
    open_orders = frozenset(name for name, model in found.config.models.items() if scored and model.classes is None)
    if not open_orders and not any(found.open_inputs.values()):
        return read
    from reportgen.commands.input_questions import ask_models  # what judges takes half a second to load

    choices, chosen, rows = ask_models(found, open_orders, read.config, read.test_set, folder, progress)
    test_set = read.test_set if rows is None else read.test_set.without(rows)
    return read.and_then(read.config.model_copy(update={"models": chosen}), test_set, choices)
