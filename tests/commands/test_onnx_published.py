"""ONNX files as EmotiEffLib and EMO-AffectNet publish them: names, shapes, outputs and preprocessing are theirs, the
network is a small one that knows emotions by the colour of the whole picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from onnx_files import onnx
from PIL import Image

from reportgen.commands.settle import Settled, read_inputs, settle
from reportgen.config import Config
from reportgen.errors import CheckpointError, ConfigError
from reportgen.explain.loading import load_model
from reportgen.inputs.discover import discover
from reportgen.progress import SilentProgress
from reportgen.site.wording.input_choice import choice_texts

pytestmark = pytest.mark.extras

EMOTIEFFLIB = ("anger", "contempt", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
EMO_AFFECTNET = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
VGGFACE2 = np.array([91.4953, 103.8827, 131.0912])  # blue, green, red
CAFFE = np.array([103.939, 116.779, 123.68])
Colours = npt.NDArray[np.float64]


def photos(folder: Path, names: Sequence[str], colours: Colours) -> Path:
    """Twenty pictures of nearly one colour per emotion."""
    rng = np.random.default_rng(0)
    rows = []
    for name, colour in zip(names, colours, strict=True):
        for number in range(20):
            pixels = np.clip(colour + rng.normal(0, 3, (12, 12, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}{number}.png")
            rows.append((f"{name}{number}.png", name))
    pd.DataFrame(rows, columns=["path", "emotion"]).to_csv(folder / "test.csv", index=False)
    return folder / "test.csv"


def nearest(centres: Colours, scale: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Weight (3, n) and bias (n,) of scores that are largest for the nearest centre (n, 3)."""
    return (2 * centres.T / scale).astype(np.float32), (-(centres**2).sum(axis=1) / scale).astype(np.float32)


def file(path: Path, given: str, shape: Sequence[int | str], last: bool, output: str, centres: Colours,
         scale: float, softmax: bool) -> Path:  # fmt: skip
    """Average colour of the picture, then the scores; `last` where channels are."""
    helper = onnx.helper
    weight, bias = nearest(centres, scale)
    axes = np.array([1, 2] if last else [2, 3], np.int64)
    tensors = [onnx.numpy_helper.from_array(v, n) for n, v in {"w": weight, "b": bias, "axes": axes}.items()]
    nodes = [
        helper.make_node("ReduceMean", [given], ["mean"], axes=axes.tolist(), keepdims=0),
        helper.make_node("Gemm", ["mean", "w", "b"], ["z" if softmax else output]),
        *([helper.make_node("Softmax", ["z"], [output], axis=1)] if softmax else []),
    ]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info(given, 1, list(shape))],
        [helper.make_tensor_value_info(output, 1, [shape[0], len(centres)])], tensors[:2],
    )  # fmt: skip
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    )
    return path


def emo_affectnet(path: Path, colours: Colours) -> Path:
    """Keras' layout and names, and probabilities; pixels of 0 to 255, blue first, less VGGFace2's mean."""
    return file(path, "input_1", ("unk__1", 224, 224, 3), True, "dense_1", colours[:, ::-1] - VGGFACE2, 400.0, True)


def emotiefflib(path: Path, colours: Colours) -> Path:
    """As torch exports it; ImageNet's statistics."""
    centres = (colours / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return file(path, "input", ("batch_size", 3, 224, 224), False, "output", centres, 0.1, False)


def settled(data: Path, checkpoint: Path, **model: object) -> Settled:
    config = Config(data=data, models={"Net": {"checkpoint": checkpoint, **model}}, zip=False)
    found = discover(config)
    return settle(found, read_inputs(found, SilentProgress()), None, SilentProgress())


def line(steps: int, step: npt.ArrayLike) -> Colours:
    """Colours of skin, each one step from the next."""
    return np.array([170.0, 110.0, 70.0]) + (np.arange(steps) - steps // 2)[:, None] * np.asarray(step, dtype=float)


def test_emo_affectnets_input_is_found_among_its_likes(tmp_path: Path) -> None:
    """The colours are as far apart as VGGFace2's mean is from ImageNet's: the wrong mean shifts every class by one."""
    colours = line(7, (VGGFACE2 - CAFFE)[::-1])
    found = settled(
        photos(tmp_path, EMO_AFFECTNET, colours), emo_affectnet(tmp_path / "net.onnx", colours), classes=EMO_AFFECTNET
    )
    (choice,) = found.choices["Net"]
    spec = found.config.models["Net"].preprocessing
    assert choice.outcome == "chosen" and choice.inputs[choice.used].correct == choice.images
    assert spec.bgr and spec.mean == pytest.approx(VGGFACE2 / 255) and spec.std == pytest.approx((1 / 255,) * 3)
    (said,) = choice_texts("Net", choice)
    assert "at 224 × 224 BGR pixels, pixels from 0 to 255 less VGGFace2's mean" in said.text
    assert "tell them apart" not in said.text and said.serious
    loaded = load_model("Net", found.config.models["Net"], found.test_set.classes, unsafe=False)
    assert any("probabilities" in note for note in loaded.notes)


def test_what_the_sample_does_not_tell_apart_is_said(tmp_path: Path) -> None:
    """Colours that are far from each other fit with either mean: red and blue are still in the right order."""
    colours = np.array([[200, 90, 40], [40, 90, 200], [120, 120, 120], [210, 210, 60], [60, 210, 210], [30, 30, 30],
                        [230, 230, 230]], dtype=float)  # fmt: skip
    found = settled(
        photos(tmp_path, EMO_AFFECTNET, colours), emo_affectnet(tmp_path / "net.onnx", colours), classes=EMO_AFFECTNET
    )
    (choice,) = found.choices["Net"]
    assert found.config.models["Net"].preprocessing.bgr
    (said,) = choice_texts("Net", choice)
    assert "BGR pixels, pixels from 0 to 255 less ImageNet's mean: the sample does not tell them apart" in said.text
    assert said.advice


def test_the_other_order_of_colours_is_not_taken_for_blue_first(tmp_path: Path) -> None:
    colours = line(7, (6, 14, -8))
    path = file(tmp_path / "net.onnx", "input_1", ("unk__1", 224, 224, 3), True, "dense_1", colours - VGGFACE2[::-1],
                400.0, True)  # fmt: skip
    found = settled(photos(tmp_path, EMO_AFFECTNET, colours), path, classes=EMO_AFFECTNET)
    spec = found.config.models["Net"].preprocessing
    assert not spec.bgr and spec.mean == pytest.approx(VGGFACE2[::-1] / 255)


def test_emotiefflibs_input_is_the_default(tmp_path: Path) -> None:
    colours = line(8, (6, 14, -8))
    found = settled(photos(tmp_path, EMOTIEFFLIB, colours), emotiefflib(tmp_path / "net.onnx", colours))
    (choice,) = found.choices["Net"]
    spec = found.config.models["Net"].preprocessing
    assert choice.outcome == "default" and choice.inputs[0].correct == choice.images
    assert (spec.width, spec.bgr, spec.mean) == (224, False, (0.485, 0.456, 0.406))
    assert len(found.test_set) == 8 * 20


def test_a_file_that_fits_nothing_is_never_fed_blue_first(tmp_path: Path) -> None:
    """Its classes are in no order that the labels fit: the default and a warning, whatever fits a little better."""
    colours = line(7, (6, 14, -8))
    shuffled = colours[np.random.default_rng(1).permutation(7)][[3, 0, 1, 2, 6, 4, 5]]
    found = settled(
        photos(tmp_path, EMO_AFFECTNET, colours), emo_affectnet(tmp_path / "net.onnx", shuffled), classes=EMO_AFFECTNET
    )
    (choice,) = found.choices["Net"]
    assert choice.outcome == "undecided" and not found.config.models["Net"].preprocessing.bgr
    (said,) = choice_texts("Net", choice)
    assert said.serious and said.advice


def test_emotiefflibs_ten_numbers_are_refused_until_they_are_named(tmp_path: Path) -> None:
    colours = line(8, (6, 14, -8))
    data = photos(tmp_path, EMOTIEFFLIB, colours)
    path = emotiefflib(tmp_path / "net.onnx", np.concatenate([colours, [[0, 0, 0], [255, 255, 255]]]))
    with pytest.raises((CheckpointError, ConfigError), match=r"10 outputs.*8 classes.*classes = "):
        settled(data, path)
    found = settled(data, path, classes=(*EMOTIEFFLIB, "valence", "arousal"))
    (choice,) = found.choices["Net"]
    assert choice.outcome == "default" and choice.inputs[0].correct == choice.images
