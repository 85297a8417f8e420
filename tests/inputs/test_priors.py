from __future__ import annotations

import pandas as pd
import pytest

from reportgen.inputs.priors import training_priors

CLASSES = ("anger", "fear", "happiness")


def frame(*emotions: str | None) -> pd.DataFrame:
    return pd.DataFrame({"path": [f"{i}.png" for i in range(len(emotions))], "emotion": list(emotions)}, dtype=object)


def test_shares_of_all_training_frames_but_not_of_validation() -> None:
    training = {
        "train_df": frame("anger", "happiness", "happiness", None),
        "more training rows": frame("happiness"),
        "val_df": frame("fear", "fear", "fear"),
    }
    found = training_priors(training, CLASSES)
    assert found is not None
    assert found.tolist() == pytest.approx([0.25, 0.0, 0.75])


def test_nothing_labelled_tells_nothing() -> None:
    assert training_priors({}, CLASSES) is None
    assert training_priors({"train_df": frame(None, None)}, CLASSES) is None
    assert training_priors({"val_df": frame("anger")}, CLASSES) is None
