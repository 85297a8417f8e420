"""Holm, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from reportgen.evidence.stats.multiple_testing import holm


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([[0.5, np.nan], [0.02, 0.9]])[1, 0] == pytest.approx(0.06)
    assert np.isnan(holm([[0.5, np.nan]])[0, 1])
    assert holm([0.9, 0.9]).tolist() == [1.0, 1.0]
    assert holm([]).shape == (0,)
