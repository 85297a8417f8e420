"""What a report says of spoiled photos is counted against what they did."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from reportgen.errors import BuildError
from reportgen.selfcheck.reason_truth import read_reasons


@pytest.fixture
def built(tmp_path):
    """Five photos, of which the report finds the first three wrong, and its two tables."""
    files = []
    for number in range(5):
        files.append(tmp_path / f"{number}.jpg")
        files[-1].write_bytes(bytes([number]))
    ids = [hashlib.sha256(file.read_bytes()).hexdigest()[:12] for file in files]
    (tmp_path / "tables").mkdir()
    rates = pd.DataFrame({
        "flag": ["low-quality", "dark-eyes", "turned-head", "background", "unexplained"],
        "low": [1.2, 1.4, 0.9, 1.5, np.nan], "p": [0.01, 0.06, 0.01, 0.01, np.nan],
        "share": [0.5, 0.1, 0.2, np.nan, np.nan], "share_low": [0.3, -0.1, 0.1, np.nan, np.nan],
        "share_high": [0.6, 0.2, 0.3, np.nan, np.nan],
    })  # fmt: skip
    rates.to_parquet(tmp_path / "tables" / "reason_rates.parquet")
    reasons = pd.DataFrame(
        [(ids[0], "low-quality", "yes"), (ids[1], "low-quality", "no"), (ids[2], "low-quality", "yes"),
         (ids[1], "dark-eyes", "yes")], columns=["image_id", "flag", "answer"],
    )  # fmt: skip
    reasons.to_parquet(tmp_path / "tables" / "reasons.parquet")
    return tmp_path, files


RIGHT = np.array([False, False, False, True, True])
UNSPOILED = np.array([True, True, False, True, False])


def test_only_reasons_beyond_chance_count_and_errors_are_matched_by_their_photo(built):
    found = read_reasons(built[0], "low-quality", built[1], RIGHT, UNSPOILED)
    assert (found.errors, found.caused, found.mended, found.given) == (3, 2, 1, 1)
    assert found.counted == (
        "low-quality",
    )  # dark eyes by chance, a turned head not more often, a background no photo's
    assert (found.share, found.share_low, found.share_high) == (0.5, 0.3, 0.6)
    assert found.true_share == pytest.approx(1 / 3)


def test_a_reason_that_does_not_count_is_given_to_no_error(built):
    found = read_reasons(built[0], "dark-eyes", built[1], RIGHT, UNSPOILED)
    assert (found.given, found.share) == (0, 0.1)


def test_of_what_has_no_reason_no_share_is_told(built):
    assert np.isnan(read_reasons(built[0], "", built[1], RIGHT, UNSPOILED).share)


def test_missing_tables_are_an_error(built):
    (built[0] / "tables" / "reason_rates.parquet").unlink()
    with pytest.raises(BuildError, match=r"reason_rates\.parquet: cannot be read"):
        read_reasons(built[0], "", built[1], RIGHT, UNSPOILED)
