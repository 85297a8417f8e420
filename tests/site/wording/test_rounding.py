"""The sentence about bfloat16: from the manifest, with its interval, and a warning where it is due."""

from __future__ import annotations

import numpy as np

from reportgen.analysis import ModelRecords
from reportgen.site.wording.rounding import rounding


def model(name: str, change: dict[str, object] | None) -> ModelRecords:
    nothing = np.zeros((0, 7), np.float32)
    return ModelRecords(name, name, {"precision_change": change}, nothing, nothing)


def test_what_was_measured_is_said() -> None:
    change = {"images": 64, "predictions": 0, "map_median": 0.0061, "map_high": 0.0136, "again": 0.0234}
    (said,) = rounding([model("A", None), model("B", change)])
    said = said.replace("\u202f", " ").replace("\u00a0", " ")
    assert said.startswith("B ran in bfloat16")
    # Wilson's interval of 0 of 64 ends at 1.96^2 / (64 + 1.96^2).
    assert "64 images: 0 predictions changed, 0.0 % [0.0, 5.7]" in said
    assert "differs by 0.6 % in the median image, 1.4 % in one of twenty" in said
    assert "The 2.3 % of images" in said
    assert "compare with float32" not in said


def test_too_many_changes_are_a_warning() -> None:
    change = {"images": 200, "predictions": 2, "map_median": 0.0, "map_high": 0.0, "again": 0.0}
    assert "more than 0.5" in rounding([model("A", change)])[0]
    change = {**change, "predictions": 1}
    assert "more than" not in rounding([model("A", change)])[0]


def test_analyses_without_a_word_about_precision_have_none() -> None:
    records = model("A", None)
    records.info.clear()
    assert rounding([records]) == ()
