"""What a checkpoint says of its accuracy, beside the accuracy found."""

from __future__ import annotations

import pytest

from reportgen.evidence.performance.stated_accuracy import stated_accuracies
from reportgen.evidence.stats.intervals import wilson


@pytest.mark.parametrize(
    ("name", "value", "share"),
    [("val_acc", 71.5, 0.715), ("val_acc", 0.715, 0.715), ("best_acc", 71, 0.71), ("test_accuracy", 0.4, 0.4),
     ("best_val_accuracy", 90.0, 0.9), ("val/acc", 0.5, 0.5), ("Accuracy", 1.0, 1.0), ("acc1", 80.0, 0.8)],
)  # fmt: skip
def test_usual_names_in_share_and_per_cent(name: str, value: float, share: float) -> None:
    (found,) = stated_accuracies({name: value}, wilson(70, 100))
    assert (found.name, found.stated) == (name, pytest.approx(share))


@pytest.mark.parametrize(
    "facts",
    [{"train_acc": 0.9}, {"val_loss": 0.9}, {"accumulate": 1}, {"val_acc": "0.9"}, {"val_acc": True}, {"val_acc": 120},
     {"val_acc": -1}, {"val_acc": float("nan")}, {"epoch": 3}],
)  # fmt: skip
def test_what_is_no_accuracy_is_left_aside(facts: dict[str, object]) -> None:
    assert stated_accuracies(facts, wilson(70, 100)) == ()


def test_far_is_ten_points_and_outside_the_interval() -> None:
    found = wilson(700, 1000)  # .671 to .728
    assert [s.far for value in (0.70, 0.75, 0.79, 0.80, 0.59)
            for s in stated_accuracies({"val_acc": value}, found)] == [False, False, False, True, True]  # fmt: skip
    few = wilson(14, 20)  # .48 to .85
    assert not stated_accuracies({"val_acc": 0.84}, few)[0].far
    assert stated_accuracies({"val_acc": 0.95}, few)[0].far
    assert not stated_accuracies({"val_acc": 0.95}, wilson(0, 0))[0].far
