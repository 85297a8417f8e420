"""What nothing states is decided by a sample, on a network that is right under one normalisation and one order only."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.console import Console
from torch import Tensor, nn

from reportgen.commands.build import build
from reportgen.commands.check import check_inputs
from reportgen.commands.merge import merge_analyses
from reportgen.commands.settle import Settled, read_inputs, settle
from reportgen.config import Config, Preprocessing
from reportgen.errors import CheckpointError, ConfigError, DataError
from reportgen.explain import input_trial
from reportgen.explain.analyse import analyse
from reportgen.inputs.class_order import known_orders
from reportgen.inputs.discover import discover
from reportgen.inputs.emotions import EMOTIONS, FER2013_ORDER, RAFDB_ORDER
from reportgen.progress import SilentProgress
from tests.conftest import draw_face

PER_CLASS = 30
HALF = Preprocessing(width=16, height=16, mean=(0.5,), std=(0.5,))


class LevelNet(nn.Module):
    """Tells seven levels of brightness apart: output k is the nearest to its level after (x / 255 - .5) / .5."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.mean = nn.Conv2d(channels, 2, 1, bias=False)
        self.fc = nn.Linear(2, 7)
        self.mean.weight.data[:] = torch.tensor([1.0, -1.0])[:, None, None, None] / channels

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, 7)."""
        x = nn.functional.adaptive_avg_pool2d(x, 4)  # a small map at any size
        logits: Tensor = self.fc(torch.relu(self.mean(x)).mean(dim=(2, 3)))
        return logits


class GreyLevelNet(LevelNet):
    """The same for one channel."""

    def __init__(self) -> None:
        super().__init__(1)


def level(emotion: str) -> float:
    return 30 + 33 * EMOTIONS.index(emotion)


def save_model(path: Path, order: tuple[str, ...], channels: int = 3, **beside: Any) -> Path:
    """-(u - c)^2 without its square is linear in u, which is the difference of the two positive halves."""
    net = LevelNet(channels)
    centre = torch.tensor([(level(name) / 255 - 0.5) / 0.5 for name in order])
    net.fc.weight.data[:] = torch.stack([2 * centre, -2 * centre], dim=1)
    net.fc.bias.data[:] = -(centre**2)
    torch.save({"model_state_dict": net.state_dict(), **beside}, path)
    return path


@pytest.fixture(scope="module")
def levels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces whose brightness is that of their emotion, in four of five; `test.csv` has words, `fer.csv` numbers."""
    folder = tmp_path_factory.mktemp("levels")
    rng = np.random.default_rng(0)
    rows = []
    for emotion in EMOTIONS:
        for n in range(PER_CLASS):
            shown = EMOTIONS[int(rng.integers(7))] if n % 5 == 0 else emotion
            face = np.asarray(draw_face(EMOTIONS.index(emotion), n, 24), dtype=float).mean(axis=2)
            noise = rng.normal(0, 3, face.shape)  # else images would be exact copies
            grey = np.clip(level(shown) + 0.1 * (face - face.mean()) + noise, 0, 255).astype(np.uint8)
            name = f"{emotion}{n}.png"
            Image.fromarray(np.repeat(grey[:, :, None], 3, axis=2)).save(folder / name)
            rows.append((name, emotion, FER2013_ORDER.index(emotion)))
    frame = pd.DataFrame(rows, columns=["path", "emotion", "number"])
    frame[["path", "emotion"]].to_csv(folder / "test.csv", index=False)
    frame[["path", "number"]].rename(columns={"number": "label"}).to_csv(folder / "fer.csv", index=False)
    return folder


def config_of(levels: Path, checkpoint: Path, data: str = "test.csv", **more: Any) -> Config:
    entry = {"checkpoint": checkpoint, "factory": f"{__name__}:LevelNet", **more.pop("model", {})}
    return Config(data=levels / data, models={"Net": entry}, regions="none", experiments="off", zip=False, **more)


def settled(config: Config) -> Settled:
    found = discover(config)
    return settle(found, read_inputs(found, SilentProgress()), None, SilentProgress())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.sampled_from(sorted(known_orders(7, EMOTIONS).values())), st.permutations(EMOTIONS).map(tuple)))
def test_auto_finds_the_order_or_refuses(levels: Path, tmp_path: Path, order: tuple[str, ...]) -> None:
    checkpoint = save_model(tmp_path / "m.pth", order)
    config = config_of(levels, checkpoint, model={"preprocessing": HALF}, classes="auto")
    if order in known_orders(7, EMOTIONS).values():
        assert settled(config).config.models["Net"].classes == order
    else:
        with pytest.raises(DataError, match=r"found no order of its outputs: on 70 images.*classes = \["):
            settled(config)


def test_an_order_and_a_normalisation_are_found_together(levels: Path, tmp_path: Path) -> None:
    found = settled(config_of(levels, save_model(tmp_path / "m.pth", FER2013_ORDER), classes="auto"))
    (choice,) = found.choices["Net"]
    assert choice.orders[0].name == "FER2013" and choice.orders[0].correct >= 50
    assert choice.outcome == "chosen" and choice.decided
    entry = found.config.models["Net"]
    assert entry.classes == FER2013_ORDER
    assert entry.preprocessing.mean == entry.preprocessing.std == (0.5, 0.5, 0.5)
    assert len(found.test_set) == 7 * PER_CLASS - 70


def test_the_sample_is_even_over_the_emotions_and_that_of_the_seed(levels: Path, tmp_path: Path) -> None:
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS)
    one, again, other = (settled(config_of(levels, checkpoint, seed=seed)).test_set.frame for seed in (0, 0, 1))
    assert one["path"].tolist() == again["path"].tolist() != other["path"].tolist()
    counts = one["emotion"].value_counts()
    assert len(one) == 158 and counts.max() - counts.min() <= 1


def test_a_default_that_fits_best_leaves_every_image_in(levels: Path, tmp_path: Path) -> None:
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS, mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])
    found = settled(config_of(levels, checkpoint))
    (choice,) = found.choices["Net"]  # the size is open still
    assert choice.outcome == "default" and not choice.decided and len(choice.inputs) == 4
    assert len(found.test_set) == 7 * PER_CLASS
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS, preprocessing={"mean": [127.5], "std": [127.5], "size": 24})
    known = settled(config_of(levels, checkpoint))
    assert not known.choices
    spec = known.config.models["Net"].preprocessing
    assert (spec.width, spec.height, spec.mean, spec.std) == (24, 24, (0.5,), (0.5,))
    assert any(note.startswith("Net: preprocessing by its checkpoint: ") for note in known.test_set.notes)


def test_the_settings_win_over_the_checkpoint_and_over_evidence(levels: Path, tmp_path: Path) -> None:
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS, mean=[0.1] * 3, std=[0.2] * 3)
    found = settled(config_of(levels, checkpoint, model={"preprocessing": HALF}))
    assert not found.choices and found.config.models["Net"].preprocessing == HALF
    assert any("states another preprocessing (mean 0.1/0.1/0.1" in note for note in found.test_set.notes)


def test_a_network_for_grey_images_is_tried_with_one_channel(levels: Path, tmp_path: Path) -> None:
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS, channels=1)
    found = settled(config_of(levels, checkpoint, model={"factory": f"{__name__}:GreyLevelNet"}))
    spec = found.config.models["Net"].preprocessing
    assert found.choices["Net"][0].outcome == "chosen"
    assert (spec.grey, spec.mean, spec.std) == (True, (0.5,), (0.5,))


class GreenLevelNet(LevelNet):
    """Sees green alone, so that colour misleads it."""

    def __init__(self) -> None:
        super().__init__()
        self.mean.weight.data[:, [0, 2]] = 0


def test_colour_photos_of_a_network_for_grey_ones_are_shown_in_grey(levels: Path, tmp_path: Path) -> None:
    rows = pd.read_csv(levels / "test.csv")
    rng = np.random.default_rng(1)
    for place, name in enumerate(rows["path"]):
        grey = np.asarray(Image.open(levels / name).convert("L"), dtype=float)
        # Another green by more than a level, and as much the other way in red and blue: the grey value stays.
        shift = rng.choice([-36, 36])
        other = grey - shift * 587 / (299 + 114)
        colours = np.stack([other, grey + shift, other], axis=2)
        Image.fromarray(np.clip(colours, 0, 255).astype(np.uint8)).save(tmp_path / name)
        rows.loc[place, "path"] = str(tmp_path / name)
    rows.to_csv(tmp_path / "test.csv", index=False)
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS)
    weights = torch.load(checkpoint, weights_only=True)
    weights["model_state_dict"]["mean.weight"] = GreenLevelNet().mean.weight.data * 3
    torch.save(weights, checkpoint)
    found = settled(config_of(tmp_path, checkpoint))
    spec = found.config.models["Net"].preprocessing
    assert spec.grey and spec.channels == 3 and spec.mean == (0.5,) * 3
    assert found.choices["Net"][0].outcome == "chosen"


def test_weights_that_know_nothing_are_said_to(levels: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = LevelNet()
    net.fc.weight.data.zero_()
    torch.save(net.state_dict(), tmp_path / "m.pth")
    (choice,) = settled(config_of(levels, tmp_path / "m.pth")).choices["Net"]
    assert choice.outcome == "undecided" and not choice.skilled
    with pytest.raises(DataError, match=r"no known order fits better than chance \(14"):
        settled(config_of(levels, tmp_path / "m.pth", classes="auto"))


def test_few_images_decide_nothing(levels: Path, tmp_path: Path) -> None:
    few = pd.read_csv(levels / "test.csv").groupby("emotion").head(4)
    few.assign(path=[str(levels / path) for path in few["path"]]).to_csv(tmp_path / "few.csv", index=False)
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS)
    found = settled(config_of(tmp_path, checkpoint, "few.csv"))
    assert found.choices["Net"][0].outcome == "too few" and len(found.test_set) == 28
    with pytest.raises(DataError, match=r"classes = 'auto' needs 168 labelled images .* and 28 are there"):
        settled(config_of(tmp_path, checkpoint, "few.csv", classes="auto"))


def test_numbers_that_nothing_explains_are_refused_with_figures_and_found_with_auto(
    levels: Path, tmp_path: Path
) -> None:
    checkpoint = save_model(tmp_path / "m.pth", RAFDB_ORDER, class_names=list(RAFDB_ORDER))
    with pytest.raises(DataError, match=r"nothing says what they mean.*--dataset fer2013 8\d.*classes = 'auto' uses"):
        settled(config_of(levels, checkpoint, "fer.csv"))
    found = settled(config_of(levels, checkpoint, "fer.csv", classes="auto"))
    emotion_of = dict(zip(found.test_set.frame["path"], found.test_set.frame["emotion"], strict=True))
    assert all(path.startswith(emotion) for path, emotion in emotion_of.items())
    numbers, prepared = found.choices["Net"]
    assert numbers.question == "numbers" and not numbers.inputs
    assert prepared.outcome == "chosen" and found.config.models["Net"].preprocessing.mean == (0.5,) * 3
    assert len(found.test_set) == 7 * PER_CLASS - numbers.images - prepared.images
    # Where the model's order is open, too, the two cannot be told apart.
    with pytest.raises(DataError, match="nothing says what they mean"):
        settled(config_of(levels, save_model(tmp_path / "m.pth", RAFDB_ORDER), "fer.csv", classes="auto"))


def test_explain_has_no_labels_to_score_with(levels: Path, tmp_path: Path) -> None:
    from reportgen.commands.explain import explain

    with pytest.raises(ConfigError, match="needs labels"):
        explain(config_of(levels, save_model(tmp_path / "m.pth", EMOTIONS), classes="auto"), [levels])


def test_check_prints_all_that_was_tried(levels: Path, tmp_path: Path) -> None:
    shown = io.StringIO()
    checkpoint = save_model(tmp_path / "m.pth", FER2013_ORDER)
    check_inputs(config_of(levels, checkpoint, classes="auto"), Console(file=shown, width=1000))
    text = shown.getvalue().replace("\u202f", " ")
    assert "Class order of Net: FER2013 order fits: 8" in text
    assert "  alphabetical: " in text and "  224 × 224 pixels, values from 0 to 1: " in text
    assert "Preprocessing of Net: Neither the settings nor the checkpoint state it. Of 70 images drawn evenly" in text


@pytest.fixture(scope="module")
def built(levels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    checkpoint = save_model(folder / "m.pth", FER2013_ORDER, val_acc=99.5)
    build(config_of(levels, checkpoint, classes="auto", output=folder / "output"))
    return folder


def test_the_first_page_says_what_was_chosen_by_how_much_and_what_was_left_out(built: Path) -> None:
    page = (built / "output/site/index.html").read_text(encoding="utf-8").replace("\u202f", " ")
    assert "140 test images" in page
    assert "FER2013 order fits: 8" in page
    assert "of 70 images drawn evenly over the emotions are classified correctly by Net, next " in page
    assert "These 70 images are left out of everything else." in page
    assert "states val_acc 99.5 %; on these 140 images its accuracy is 8" in page
    model = (built / "output/site/models/net.html").read_text(encoding="utf-8").replace("\u202f", " ")
    assert "224 × 224 pixels, mean and standard deviation 0.5" in model and "val_acc 99.5 %; found here: 8" in model
    recipe = (built / "output/site/method.html").read_text(encoding="utf-8")
    assert (
        "classes = &#34;auto&#34;" in recipe and "preprocessing" not in recipe.partition("classes = &#34;auto")[2][:400]
    )


def test_a_second_build_has_the_answer_and_runs_no_model(
    built: Path, levels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("a model was run")

    monkeypatch.setattr(input_trial, "try_inputs", never)
    config = config_of(levels, built / "m.pth", classes="auto", output=built / "output")
    before = (built / "output/analysis/manifest.json").read_bytes()
    build(config)
    assert (built / "output/analysis/manifest.json").read_bytes() == before
    with pytest.raises(AssertionError, match="a model was run"):
        build(config.model_copy(update={"seed": 5}))


def analysed_in_parts(levels: Path, folder: Path, checkpoint: Path, first: int) -> list[Path]:
    """The analyses of the first images of every emotion and of the others."""
    rows = pd.read_csv(levels / "test.csv")
    rows["path"] = [str(levels / path) for path in rows["path"]]
    early = rows.groupby("emotion").cumcount() < first
    for name, part in (("one", rows[early]), ("two", rows[~early])):
        part.to_csv(folder / f"{name}.csv", index=False)
        found = settled(config_of(folder, checkpoint, f"{name}.csv"))
        analyse(found.config, found.test_set, folder / name / "analysis", SilentProgress(), (), found.recorded)
    return [folder / "one", folder / "two"]


def test_parts_choose_for_themselves_and_merge_with_what_each_says(levels: Path, tmp_path: Path) -> None:
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS, mean=[0.5] * 3, std=[0.5] * 3)
    merge_analyses(analysed_in_parts(levels, tmp_path, checkpoint, 15), tmp_path / "whole")
    manifest = json.loads((tmp_path / "whole/manifest.json").read_text(encoding="utf-8"))
    assert [choice["images"] for choice in manifest["models"][0]["input_choices"]] == [26, 26]
    assert manifest["data"]["rows"] == 7 * PER_CLASS


def test_parts_that_chose_differently_are_refused(levels: Path, tmp_path: Path) -> None:
    checkpoint = save_model(tmp_path / "m.pth", EMOTIONS)
    parts = analysed_in_parts(levels, tmp_path, checkpoint, 4)  # 28 images choose nothing
    with pytest.raises(DataError, match=r"model 'Net' was run with another preprocessing"):
        merge_analyses(parts, tmp_path / "whole")


def test_a_checkpoint_that_contradicts_itself_is_refused_or_scored(levels: Path, tmp_path: Path) -> None:
    names = {"classes": list(EMOTIONS), "class_names": list(FER2013_ORDER)}
    checkpoint = save_model(tmp_path / "m.pth", FER2013_ORDER, **names)
    with pytest.raises(CheckpointError, match=r"several class orders.*or score the known ones: classes = 'auto'"):
        settled(config_of(levels, checkpoint, model={"preprocessing": HALF}))
    found = settled(config_of(levels, checkpoint, model={"preprocessing": HALF}, classes="auto"))
    assert found.config.models["Net"].classes == FER2013_ORDER
    assert any("the sample decides" in note for note in found.test_set.notes)
