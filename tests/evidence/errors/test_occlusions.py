from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.errors.occlusions import measure_occlusions
from reportgen.evidence.performance.margins import rivals

LABELS = np.array([0, 1, 2])
BEFORE = np.array([[1.0, 3.0, 0.0], [0.0, 4.0, 2.0], [5.0, 0.0, 1.0]])


def analysis() -> Analysis:
    model = ModelRecords("M", "m", {}, BEFORE.astype(np.float32), np.zeros((3, 3, 1, 1), dtype=np.float32))
    images = pd.DataFrame({"label": LABELS})
    return Analysis(Path(), {"classes": ["a", "b", "c"]}, images, pd.DataFrame(), (model,))


def design(*rows: tuple[int, str, str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["receiver", "purpose", "region", "fill", "donor"])


def test_the_rival_is_the_prediction_of_an_error_and_the_runner_up_of_a_correct_image() -> None:
    assert rivals(BEFORE, LABELS).tolist() == [1, 2, 0]
    assert rivals(BEFORE, np.array([-1, -1, -1])).tolist() == [1, 1, 0]


def test_changes_are_measured_from_the_unchanged_picture_of_the_same_job() -> None:
    pictures = design(
        (0, "unchanged", "", "", -1),
        (0, "strip", "mouth", "around", -1),
        (0, "strip", "mouth", "donor", 2),
        (0, "strip", "mouth", "donor", 1),
        (0, "strip", "nose", "around", -1),
        (0, "background", "background", "donor", 1),
        (0, "background", "background", "donor", 2),
        (2, "unchanged", "", "", -1),
        (2, "control", "background", "donor", 0),
    )
    said = np.array([
        [1.0, 3.5, 0.0],  # margin of label 0 against class 1: -2.5
        [2.0, 3.0, 9.0],  # -1: a third class that runs ahead does not matter
        [4.0, 3.0, 0.0],  # +1
        [1.0, 4.0, 0.0],  # -3
        [1.0, 3.5, 0.0],
        [3.0, 3.0, 0.0],
        [0.0, 3.0, 0.0],
        [4.0, 0.0, 1.0],  # label 2 against class 0: -3
        [4.0, 0.0, 2.0],
    ])  # fmt: skip
    found = measure_occlusions(pictures, {"m": said}, analysis())
    mouth, nose = found.strips["m"][0]
    assert (mouth.region, mouth.filled, mouth.exchanged, mouth.donors) == ("mouth", 1.5, (3.5, -0.5), (2, 1))
    assert mouth.mean == pytest.approx(1.5)
    assert nose.filled == 0.0 and nose.exchanged == () and np.isnan(nose.mean)
    assert found.backgrounds["m"] == {0: (2.5, -0.5), 2: (1.0,)}
    assert found.controls == {2}
    assert len(found.table) == len(pictures) - 2
    assert found.table["change"].tolist() == [1.5, 3.5, -0.5, 0.0, 2.5, -0.5, 1.0]
