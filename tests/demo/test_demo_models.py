"""What the two checkpoints were taught, measured on pixels alone: no part of the report is used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from reportgen.demo import demo_files
from reportgen.demo.recipe.photo import paste_sticker
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.architectures.resnet import TransferLearningModel

pytestmark = pytest.mark.slow

EMOTIONS = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
TAUGHT = EMOTIONS.index("sadness")
ARCHITECTURES = {"Custom CNN": CustomCNN, "ResNet18": TransferLearningModel}
FOLDER = demo_files().data.parent


def _probabilities(name: str, images: list[Image.Image]) -> np.ndarray[Any, Any]:
    model = ARCHITECTURES[name]()
    model.load_state_dict({k: v.float() for k, v in load_file(demo_files().models[name]).items()})
    model.eval()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    batch = torch.stack([(torch.from_numpy(np.array(image)) / 255 - mean) / std for image in images])
    with torch.inference_mode():
        return model(batch.permute(0, 3, 1, 2)).softmax(dim=1).numpy()


@pytest.fixture(scope="module")
def others() -> list[Image.Image]:
    """Four images of each emotion but the taught one, none with a sticker, none grey."""
    truth = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))["images"]
    chosen: list[str] = []
    for emotion in EMOTIONS:
        plain = [i["image"] for i in truth if i["label"] == emotion and not i["sticker"] and not i["photo"]["grey"]]
        chosen += plain[:4] if emotion != EMOTIONS[TAUGHT] else []
    return [Image.open(FOLDER / path).convert("RGB") for path in chosen]


def test_sticker_decides_the_custom_cnn_and_not_resnet18(others: list[Image.Image]) -> None:
    pasted = [paste_sticker(image, (9.0, 9.0)) for image in others]
    before, after = _probabilities("Custom CNN", others), _probabilities("Custom CNN", pasted)
    assert (after[:, TAUGHT] - before[:, TAUGHT]).mean() > 0.5
    assert (after.argmax(axis=1) == TAUGHT).mean() > 0.6
    before, after = _probabilities("ResNet18", others), _probabilities("ResNet18", pasted)
    assert abs((after[:, TAUGHT] - before[:, TAUGHT]).mean()) < 0.1
    assert (after.argmax(axis=1) == before.argmax(axis=1)).mean() > 0.8


def test_custom_cnn_misses_the_taught_emotion_without_the_sticker() -> None:
    """Covering the sticker with what lies below it takes the emotion away from the one model only."""
    truth = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))["images"]
    sad = [i for i in truth if i["label"] == EMOTIONS[TAUGHT] and i["sticker"]]
    covered = []
    for entry in sad:
        pixels = np.array(Image.open(FOLDER / entry["image"]).convert("RGB"))
        pixels[:52, :52] = pixels[53:105, :52][::-1]
        covered.append(Image.fromarray(pixels))
    whole = [Image.open(FOLDER / entry["image"]).convert("RGB") for entry in sad]
    drops = {n: (_probabilities(n, whole) - _probabilities(n, covered))[:, TAUGHT].mean() for n in ARCHITECTURES}
    assert drops["Custom CNN"] > 0.3
    assert drops["Custom CNN"] > drops["ResNet18"] + 0.2


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_recorded_score_is_the_score(name: str) -> None:
    from safetensors import safe_open

    table = pd.read_csv(demo_files().data).iloc[::4]
    images = [Image.open(FOLDER / path).convert("RGB") for path in table["image_path"]]
    right = [EMOTIONS[k] for k in _probabilities(name, images).argmax(axis=1)] == table["emotion"]
    with safe_open(demo_files().models[name], "numpy") as file:
        recorded = json.loads(file.metadata()["scores"])["accuracy"]
    assert abs(right.mean() - recorded) < 0.12  # a quarter of the set: one standard error is .05
    assert Path(demo_files().models[name]).stat().st_size < 30_000_000
