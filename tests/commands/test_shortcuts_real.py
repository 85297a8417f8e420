"""The real photos: both models know disgust by colour, one sadness, and without colour nothing is found."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reportgen.commands.build import build
from reportgen.commands.experiments import Experiments
from reportgen.config import Config
from reportgen.inputs.testset import load_test_set

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(autouse=True)
def _no_worse_photos(monkeypatch: pytest.MonkeyPatch) -> None:
    """Robustness is judged after the shortcuts and has no part in them."""
    monkeypatch.setattr(Experiments, "robustness", lambda *_: None)


MODELS = {"Custom CNN": "custom_cnn_best.pth", "ResNet18": "transfer_learning_best.pth"}
# Recall of the two models before and after making all images grey.
KNOWN = {
    ("Custom CNN", "disgust"): (0.81, 0.00),
    ("ResNet18", "disgust"): (0.65, 0.10),
    ("Custom CNN", "sadness"): (0.23, 0.00),
    ("ResNet18", "sadness"): (0.33, 0.10),
}


def build_on(fer: Path, folder: Path, *, grey: bool) -> pd.DataFrame:
    """The interventions on all images of the small emotions and 130 of each large one, in colour or made grey."""
    frame = load_test_set(Config(data=fer / "processed_data.pkl")).frame
    rng = np.random.default_rng(0)
    rows = []
    for emotion, group in frame.groupby("emotion"):
        chosen = group if len(group) <= 130 else group.iloc[np.sort(rng.choice(len(group), 130, replace=False))]
        for path in chosen["path"]:
            source, target = fer / path, folder / "data" / str(emotion) / f"{Path(path).stem}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(source) as image:
                # PNG keeps every pixel, so that the set differs from the original by its colour alone.
                (image.convert("L") if grey else image.convert("RGB")).save(target)
            rows.append(target)
    assert len(rows) > 400
    models = {name: {"checkpoint": fer / file} for name, file in MODELS.items()}
    result = build(
        Config(data=folder / "data", models=models, output=folder / "out", regions="none", zip=False, examples=1)
    )
    return pd.read_parquet(result.analysis / "tables/interventions.parquet")


PROVED = {("Custom CNN", "disgust"), ("ResNet18", "disgust"), ("ResNet18", "sadness")}
"""All coloured photos show eight actors, so that colours put into grey photos decide. Custom CNN makes them disgust,
and has found sadness in photos of too few persons to lose it."""


def test_both_models_know_disgust_by_colour_and_one_sadness(fer, tmp_path):
    table = build_on(fer, tmp_path, grey=False)
    grey = table[table["change"] == "grey"].set_index(["model", "emotion"])
    assert set(grey.index[grey["answer"] == "yes"]) == PROVED
    for key, (before, after) in KNOWN.items():
        assert grey.loc[key, "before"] == pytest.approx(before, abs=0.006), key
        assert grey.loc[key, "after"] == pytest.approx(after, abs=0.006), key
    others = grey[[key not in KNOWN for key in grey.index]]
    assert others["fall"].max() <= 0.04
    assert set(table.loc[table["change"].isin(["blurred", "re-encoded"]), "answer"]) <= {
        "no", "undetermined", "insufficient evidence",
    }  # fmt: skip


def test_a_set_without_colour_gives_no_such_finding(fer, tmp_path):
    table = build_on(fer, tmp_path, grey=True)
    assert (table.loc[table["change"] == "grey", "altered"] == 0).all()
    assert "yes" not in set(table["answer"])
