"""What is said of single photos."""

from __future__ import annotations

import math

import pytest

from reportgen.evidence.examples.mining import Pick
from reportgen.site.wording.photos import pick_note


@pytest.mark.parametrize(
    ("kind", "value", "predicted", "text"),
    [
        ("surest-correct", 0.9, "joy", ""),
        ("surest-error", 0.9996, "rage", ""),
        ("confusion", 0.45, "rage", ""),
        ("typical-correct", 0.1234, "joy", "distance 0.12 (0 to 1)"),
        ("near-miss", 0.02, "rage", "second, 2 percentage points behind"),
        ("near-miss", 0.0101, "rage", "second, 1 percentage point behind"),
        ("near-miss", 0.004, "rage", "second, under 1 percentage point behind"),
        ("fallback", 0.3, "rage", "none correct; highest probability of joy, 30 %"),
        ("random", math.nan, "rage", "drawn at random"),
        ("both-same-evidence", 0.5, "joy", "overlap 50 %"),
    ],
)
def test_a_note_says_why_a_photo_is_on_a_list(kind: str, value: float, predicted: str, text: str) -> None:
    assert pick_note(Pick(0, "m", "joy", kind, 1, value, predicted)).replace("\u202f", " ") == text
