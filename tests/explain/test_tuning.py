"""How a model is run: what is measured, what is kept, and what the numbers depend on."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from reportgen.analysis import read_analysis
from reportgen.cell_grid import CellGrid
from reportgen.commands.build import build
from reportgen.config import Config, Preprocessing
from reportgen.explain import calibrate
from reportgen.explain.calibrate import choose, measure_change
from reportgen.explain.explainer import Explainer, Explanation, Question
from reportgen.explain.tuning import (
    WORTH_MEASURING,
    PrecisionChange,
    Tuning,
    known_tunings,
    read_tunings,
    tuning_key,
    usual_tuning,
    write_tunings,
)
from reportgen.explain.workers import worker_threads
from reportgen.models.registry import LoadedModel

CPU = torch.device("cpu")
USUAL = usual_tuning("cpu")
CHANGE = PrecisionChange(images=64, predictions=0, map_median=0.01, map_high=0.02, again=0.05)


def test_what_was_written_is_read(tmp_path):
    tunings = {"a": Tuning(8), "b": Tuning(2, "bf16", 0.1 + 0.2, CHANGE)}
    write_tunings(tmp_path, tunings)
    assert read_tunings(tmp_path) == tunings


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"batch_size": 4}}', '{"a": {"batch_size": "x"'])
def test_a_file_that_is_not_ours_holds_none(tmp_path, content):
    assert read_tunings(tmp_path) == {}
    (tmp_path / "tuning.json").write_text(content)
    assert read_tunings(tmp_path) == {}


def test_what_is_known_without_measuring():
    config = Config.model_validate({"models": {"M": {"checkpoint": "m.pth"}}})
    auto, bf16 = (config.model_copy(update={"precision": wish}) for wish in ("auto", "bf16"))
    few, many = WORTH_MEASURING - 1, WORTH_MEASURING
    assert known_tunings(config, few, {"M": "h"}, {}, "cpu") == {"M": USUAL}
    assert known_tunings(auto, few, {"M": "h"}, {}, "cpu") == {"M": USUAL}
    assert known_tunings(bf16, few, {"M": "h"}, {}, "cpu") is None  # what it changes has to be measured
    assert known_tunings(config, many, {"M": "h"}, {}, "cpu") is None
    kept = {tuning_key("h", bf16): Tuning(8, "bf16", 0.1, CHANGE)}
    assert known_tunings(bf16, few, {"M": "h"}, kept, "cpu") == {"M": Tuning(8, "bf16", 0.1, CHANGE)}
    # Kept for other weights, or for another wish, is not kept for these.
    assert known_tunings(bf16, few, {"M": "other"}, kept, "cpu") is None
    assert known_tunings(auto, many, {"M": "h"}, kept, "cpu") is None


def test_the_numbers_do_not_depend_on_the_batch_size_but_on_the_precision():
    assert Tuning(2).marks == Tuning(8).marks
    assert len({Tuning(2).marks, Tuning(2, "bf16", 0.1).marks, Tuning(2, "bf16", 0.2).marks}) == 3


class Timed:
    """Stands in for an explainer: a way takes as long as `costs` says, and bfloat16 moves the logits by `off`."""

    def __init__(self, monkeypatch, costs, off=0.0):
        self.grid = CellGrid.even(2, 2)
        self._off = off
        clock = {"now": 0.0}
        monkeypatch.setattr(calibrate.time, "thread_time", lambda: clock["now"])
        self._costs, self._clock = costs, clock
        self.asked = []

    def explain(self, questions, way):
        self.asked.append((way.batch_size, way.precision))
        self._clock["now"] += self._costs[way.precision, way.batch_size] * len(questions)
        rows = np.array([question.seed for question in questions])
        logits = np.stack([rows % 5 * 0.1, 0.2 - rows % 5 * 0.01], axis=1).astype(np.float32)
        logits[:, 0] += self._off if way.precision == "bf16" else 0
        maps = np.ones((len(rows), 2, 2, 2), np.float32) * (1.1 if way.precision == "bf16" else 1.0)
        none = np.zeros((len(rows), 0), np.float32)
        return Explanation(logits, maps, none, none, none, none, none)


def flat(float32, bf16):
    return {(kind, size): cost for kind, cost in (("float32", float32), ("bf16", bf16)) for size in (2, 4, 8)}


def chosen(explainer, wish, n=WORTH_MEASURING, count=64):
    images = [np.zeros((8, 8, 3), np.uint8)] * count
    with worker_threads(1) as pool:
        return choose(explainer, images, wish, n, "cpu", pool, 1)


def test_another_batch_size_has_to_be_clearly_better(monkeypatch):
    assert chosen(Timed(monkeypatch, {**flat(1, 1), ("float32", 8): 0.98}), "float32") == USUAL
    assert chosen(Timed(monkeypatch, {**flat(1, 1), ("float32", 8): 0.9}), "float32") == Tuning(8)


def test_few_images_are_not_worth_measuring(monkeypatch):
    explainer = Timed(monkeypatch, flat(1, 1))
    assert chosen(explainer, "float32", n=WORTH_MEASURING - 1) == USUAL
    assert explainer.asked == []


def test_bfloat16_is_chosen_where_it_is_clearly_faster(monkeypatch):
    assert chosen(Timed(monkeypatch, flat(1, 0.9)), "auto") == USUAL
    assert chosen(Timed(monkeypatch, flat(1, 0.6)), "auto").precision == "bf16"
    # Asked for by name it is taken in any case, with the batch size that is best for it.
    assert chosen(Timed(monkeypatch, {**flat(1, 2), ("bf16", 2): 1.5}), "bf16").batch_size == 2


def test_bfloat16_that_has_to_be_checked_too_often_is_not_faster(monkeypatch):
    # Moved by .35, more than a third of the images come close: 1 against .6 + .4 * 1 or more.
    assert chosen(Timed(monkeypatch, flat(1, 0.6), off=0.35), "auto") == USUAL
    forced = chosen(Timed(monkeypatch, flat(1, 0.6), off=0.35), "bf16")
    assert forced.change.again > 0.3


def test_what_changes_is_counted_on_images_that_did_not_choose_the_margin(monkeypatch):
    """By hand: bfloat16 is off by .05 for every image; maps differ by a tenth where float32 does not have the last
    word.
    """
    explainer = Timed(monkeypatch, flat(1, 0.5), off=0.05)
    questions = [Question(row, -1, np.zeros((8, 8, 3), np.uint8), np.zeros((0, 2, 2), np.float32)) for row in range(50)]
    with worker_threads(2) as pool:
        found = measure_change(explainer, questions, Tuning(4), Tuning(4, "bf16"), pool)
    assert found.margin == pytest.approx(0.05, abs=1e-6)
    # Odd rows: 25 images, whose two logits lie .15 (or, shifted, .02), .04, ... apart: with .05 added, row % 5 == 2 is
    # .03 ahead and therefore run again, one in five.
    assert found.change.images == 25
    assert found.change.again == pytest.approx(0.2)
    assert found.change.predictions == 0
    assert found.change.map_median == pytest.approx(0.1, rel=1e-5)


def small():
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2), nn.ReLU(), nn.Conv2d(16, 16, 3))
    module = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4))
    return LoadedModel(module.eval().requires_grad_(False), "small", "0", 4, Preprocessing(width=24, height=24))


def test_close_answers_of_bfloat16_get_the_last_word_of_float32():
    rng = np.random.default_rng(0)
    with Explainer(small(), range(4), "gradcam", CPU, probing=False) as explainer:
        nowhere = np.zeros((0, *explainer.grid.shape), np.float32)
        images = rng.integers(0, 256, (20, 24, 24, 3), np.uint8)
        questions = [Question(row, -1, image, nowhere) for row, image in enumerate(images)]
        exact = explainer.explain(questions)
        rough = explainer.explain(questions, Tuning(4, "bf16"))
        best = np.sort(rough.logits, axis=1)
        ahead = best[:, -1] - best[:, -2]
        margin = float(np.median(ahead))
        mixed = explainer.explain(questions, Tuning(4, "bf16", margin))
    assert not np.array_equal(rough.logits, exact.logits)
    for name in ("logits", "maps"):
        close = (ahead < margin)[(...,) + (None,) * (getattr(exact, name).ndim - 1)]
        expected = np.where(close, getattr(exact, name), getattr(rough, name))
        np.testing.assert_allclose(getattr(mixed, name), expected, rtol=1e-5, atol=1e-6)


def test_bfloat16_is_measured_kept_and_said(notebook, tmp_path, monkeypatch):
    models = {"Custom CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    common = {"data": notebook / "processed_data.pkl", "models": models, "regions": "none", "experiments": "off"}
    config = Config.model_validate({**common, "output": tmp_path, "precision": "bf16"})
    result = build(config)
    (tuning,) = read_tunings(result.analysis).values()
    info = read_analysis(result.analysis).models[0].info
    assert info["precision"] == tuning.precision == "bf16"
    assert info["precision_change"] == vars(tuning.change)
    assert tuning.change.images == 14  # all 28: half for the margin, half to count
    page = (result.site / "method.html").read_text(encoding="utf-8")
    assert "Custom CNN ran in bfloat16" in page
    # A new image: what was measured stays, and so do the parts.
    before = json.loads((result.analysis / "tuning.json").read_text())
    monkeypatch.setattr(calibrate, "choose", None)  # measuring again would fail
    config = config.model_copy(update={"shard_images": 8})
    build(config)
    assert json.loads((result.analysis / "tuning.json").read_text()) == before


def test_a_sample_leaves_out_what_cannot_be_read(tmp_path, notebook_copy):
    from reportgen.inputs.testset import load_test_set

    test_set = load_test_set(Config(data=notebook_copy / "processed_data.pkl"))
    images = sorted((notebook_copy / "images").iterdir())
    for image in images[:3]:
        image.write_bytes(b"no image")
    assert len(calibrate._sample(test_set, Preprocessing(width=16, height=16), "bf16")) == 25
    for image in images:
        image.write_bytes(b"no image")
    (grey,) = calibrate._sample(test_set, Preprocessing(width=16, height=16), "bf16")
    assert Image.fromarray(grey).getcolors() == [(256, (128, 128, 128))]
