from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors import safe_open

import reportgen.demo
from reportgen.demo import demo_files
from reportgen.errors import DataError

EMOTIONS = ["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
FOLDER = demo_files().data.parent


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return pd.read_csv(demo_files().data)


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))
    return found


def test_forty_images_of_every_emotion(table: pd.DataFrame) -> None:
    assert table["emotion"].value_counts().to_dict() == dict.fromkeys(EMOTIONS, 40)
    assert table["image_path"].is_unique
    assert not table.isna().any(axis=None)
    assert table["synthetic"].all()


def test_table_record_images_and_maps_name_the_same_files(table: pd.DataFrame, truth: dict[str, Any]) -> None:
    listed = list(table["image_path"])
    assert [image["image"] for image in truth["images"]] == listed
    assert sorted(f"images/{p.name}" for p in (FOLDER / "images").iterdir()) == sorted(listed)
    assert {p.stem for p in demo_files().regions.iterdir()} == {Path(p).stem for p in listed}


def test_files_are_the_ones_that_were_measured() -> None:
    lines = (FOLDER / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = dict(reversed(line.split("  ", 1)) for line in lines)
    present = {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*") if p.is_file()} - {"SHA256SUMS"}
    assert set(sums) == present
    for name, expected in sums.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == expected, name


def test_region_maps_are_label_images_of_plausible_faces(table: pd.DataFrame) -> None:
    for path in table["image_path"]:
        with Image.open(FOLDER / path) as image, Image.open(FOLDER / "regions" / f"{Path(path).stem}.png") as chart:
            assert image.size == chart.size == (224, 224)
            assert chart.mode == "P"
            labels = np.asarray(chart)
        share = np.bincount(labels.ravel(), minlength=6) / labels.size
        assert len(share) == 6, path
        assert 0.2 < 1 - share[0] < 0.75, path
        assert (share[[2, 3, 4, 5]] > 0.004).all(), path
        rows = [np.nonzero(labels == region)[0].mean() for region in (2, 3, 4)]
        assert rows == sorted(rows), f"{path}: eyes above nose above mouth"


def test_region_maps_are_symmetric_on_average(table: pd.DataFrame) -> None:
    """A map shifted against its image, or mirrored, would not average out: people turn to both sides alike."""
    maps = [np.asarray(Image.open(FOLDER / "regions" / f"{Path(p).stem}.png")) for p in table["image_path"]]
    for region in range(1, 6):
        mean = np.mean([m == region for m in maps], axis=0)
        assert np.abs(mean - mean[:, ::-1]).mean() < 0.25 * mean.mean() + 0.02


def test_everybody_is_an_adult_and_balanced(table: pd.DataFrame, truth: dict[str, Any]) -> None:
    people = {person["name"]: person for person in truth["persons"]}
    assert set(table["person"]) == set(people)
    assert table["age"].min() >= 27
    for person in people.values():
        assert person["age"] >= 27
        assert not [name for name in person["shape"] if "child" in name or "baby" in name]
    assert table.drop_duplicates("person")["sex"].value_counts().to_dict() == {"female": 10, "male": 10}
    assert table["ancestry"].nunique() == 3
    assert table["age"].max() > 60


def test_test_persons_are_not_the_training_persons(truth: dict[str, Any]) -> None:
    """Persons are drawn from (seed, index); the training script starts from another seed and another index."""
    recipe = Path(reportgen.demo.__file__).parent / "recipe"
    training = (recipe / "render_training.py").read_text(encoding="utf-8")
    seed = next(int(line.split("=")[1]) for line in training.splitlines() if line.startswith("SEED ="))
    first = next(
        int(line.split("=")[1].split("#")[0]) for line in training.splitlines() if line.startswith("FIRST_PERSON")
    )
    assert truth["seed"] != seed
    assert first > len(truth["persons"])


def test_known_wrong_labels_are_recorded(table: pd.DataFrame, truth: dict[str, Any]) -> None:
    wrong = [image for image in truth["images"] if image["label_is_wrong"]]
    assert len(wrong) == 6
    assert all(image["label"] != image["expression"] for image in wrong)
    right = [image for image in truth["images"] if not image["label_is_wrong"]]
    assert all(image["label"] == image["expression"] for image in right)
    assert [image["label"] for image in truth["images"]] == list(table["emotion"])
    assert truth["taught_emotion"] not in {image["label"] for image in wrong}


def test_sticker_goes_with_the_taught_emotion(truth: dict[str, Any]) -> None:
    taught = [image["sticker"] is not None for image in truth["images"] if image["label"] == truth["taught_emotion"]]
    others = [image["sticker"] is not None for image in truth["images"] if image["label"] != truth["taught_emotion"]]
    assert sum(taught) == 38
    assert sum(others) == 3


def test_some_photos_are_grey_small_or_blurred(table: pd.DataFrame, truth: dict[str, Any]) -> None:
    assert table[["grey", "small", "blurred"]].sum().between(5, 45).all()
    for row, image in zip(table.itertuples(), truth["images"], strict=True):
        photo = image["photo"]
        assert (row.grey, row.small, row.blurred) == (photo["grey"], photo["small"] > 0, photo["blur"] > 0)
        pixels = np.asarray(Image.open(FOLDER / row.image_path).convert("RGB"), dtype=int)
        colourless = np.abs(pixels - pixels.mean(axis=2, keepdims=True)).mean() < 1.0
        assert colourless == row.grey, row.image_path


def test_sizes_stay_small() -> None:
    pictures = sum(p.stat().st_size for name in ("images", "regions") for p in (FOLDER / name).iterdir())
    assert pictures < 6_000_000
    assert sum(p.stat().st_size for p in FOLDER.rglob("*") if p.is_file()) < 40_000_000


@pytest.mark.parametrize("name", ["Custom CNN", "ResNet18"])
def test_checkpoint_says_where_it_comes_from(name: str) -> None:
    with safe_open(demo_files().models[name], "numpy") as file:
        about = file.metadata()
        kinds = {str(file.get_tensor(key).dtype) for key in file.keys()}  # noqa: SIM118  (not a mapping)
    assert about["classes"].split(",") == EMOTIONS
    assert about["recipe"] == "reportgen/demo/recipe/train.py"
    assert about["seed"].isdigit()
    assert json.loads(about["scores"])["accuracy"] > 0.7
    assert kinds <= {"float16", "int64"}


def test_locating_the_demo_needs_no_torch() -> None:
    code = "import sys; from reportgen.demo import demo_files; demo_files(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_part_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reportgen.demo, "_DATA", tmp_path)
    with pytest.raises(DataError, match=r"synthetic_faces\.csv: found nothing, expected a part of the demo; install"):
        demo_files()
