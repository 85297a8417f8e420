"""An association in words, with an interval whether the property is a quantity or is there or not."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.evidence.shortcuts.properties import Association, Property
from reportgen.evidence.stats.intervals import Estimate
from reportgen.site.sections.label_leakage import _words


@pytest.mark.parametrize(
    ("binary", "words"),
    [
        (True, "Anger: 83 % in colour, 10 % of the others, +73 percentage points [+51, +86] (p < .001, corrected)."),
        (
            False,
            "Anger: in colour than a photo of another emotion 87 % of the time [75, 93], grey in the rest (p < .001, "
            "corrected).",
        ),
    ],
)
def test_an_association_is_told_with_its_interval(binary: bool, words: str) -> None:
    item = Property("colour", "in colour", "grey", binary, np.zeros(1))
    # 25 of 30 against 6 of 60: (25 x 54 + (25 x 6 + 5 x 54) / 2) / 1800 of the pairs, twice that less one is .733.
    auc = Estimate((25 * 54 + (25 * 6 + 5 * 54) / 2) / 1800, 0.754, 0.93175, 30)
    link = Association("colour", "anger", auc, 25 / 30, 6 / 60, 1e-6, "yes")
    assert _words(link, (item,)).replace("\u00a0", " ").replace("\u202f", " ") == words
