"""What numbers mean and how a model's outputs are ordered is found from evidence, or refused with the candidates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reportgen.config import Config, ModelConfig
from reportgen.errors import DataError
from reportgen.inputs.class_lists import class_list
from reportgen.inputs.class_order import parse_classes, report_classes
from reportgen.inputs.emotions import EMOTIONS, FER2013_ORDER
from reportgen.inputs.testset import TestSet, load_test_set


def write_images(folder: Path, *names: str) -> None:
    for n, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / name)


def numbered(folder: Path, numbers: list[object]) -> Path:
    write_images(folder, *(f"{n}.png" for n in range(len(numbers))))
    frame = pd.DataFrame({"path": [f"{n}.png" for n in range(len(numbers))], "label": numbers})
    frame.to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


def test_classes_with_their_numbers() -> None:
    assert parse_classes(["happy", "Sad"]).names == ("happiness", "sadness")
    given_classes = parse_classes(["2 = happy", "1: Sad"])
    assert given_classes.names == ("sadness", "happiness")
    assert given_classes.numbers == {1: "sadness", 2: "happiness"}
    with pytest.raises(DataError, match="a number occurs twice"):
        parse_classes(["1=happy", "1=sad"])


@pytest.mark.parametrize("first", [0, 1])
def test_positions_in_classes_from_0_or_1(tmp_path: Path, first: int) -> None:
    data = numbered(tmp_path, list(range(first, first + 7)))
    test_set = load_test_set(Config(data=data, classes=FER2013_ORDER))
    assert test_set.frame["emotion"].tolist() == list(FER2013_ORDER)
    assert test_set.notes == (
        f"numbers read as the positions in 'classes', from {first}: "
        + ", ".join(f"{n} {name}" for n, name in enumerate(FER2013_ORDER, start=first)),
    )


@pytest.mark.parametrize("numbers", [[1, 2, 3], [2, 3, 4, 5, 6, 7, 8], [0, 1, 3, 4, 5, 6, 7]])
def test_positions_that_are_not_certain_are_refused_with_a_way_out(tmp_path: Path, numbers: list[object]) -> None:
    data = numbered(tmp_path, numbers)
    with pytest.raises(DataError, match=r"which number is which class is not certain.*1=surprise"):
        load_test_set(Config(data=data, classes=EMOTIONS))
    explicit = [f"{n}={name}" for n, name in zip(numbers, EMOTIONS, strict=False)]
    assert load_test_set(Config(data=data, classes=explicit)).frame["emotion"].tolist() == list(
        EMOTIONS[: len(numbers)]
    )


def test_numbers_without_a_meaning_list_the_candidates(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load_test_set(Config(data=numbered(tmp_path, [0, 1, 6])))
    message = str(caught.value)
    assert "fer2013 (0 anger, 1 disgust" in message and "affectnet (0 neutral" in message
    assert "rafdb" not in message  # it has no 0
    assert "--dataset" in message and "classes = [...]" in message


def test_numbered_folders_are_never_guessed(tmp_path: Path) -> None:
    write_images(tmp_path, *(f"test/{n}/{n}.png" for n in range(7)))
    with pytest.raises(DataError, match=r"labels are numbers .* and nothing says what they mean; they could be"):
        load_test_set(Config(data=tmp_path))
    test_set = load_test_set(Config(data=tmp_path, classes=FER2013_ORDER))
    assert test_set.frame["emotion"].tolist() == list(FER2013_ORDER)


def test_folders_count_in_the_order_in_which_loaders_sort_them(tmp_path: Path) -> None:
    names = ["afraid", "angry", "disgusted", "happy", "neutral", "sad", "surprised"]
    write_images(tmp_path, *(f"test/{name}/{n}.png" for n, name in enumerate(names)))
    test_set = load_test_set(Config(data=tmp_path))
    assert test_set.classes == ("fear", "anger", "disgust", "happiness", "neutral", "sadness", "surprise")
    assert any("sorted as torchvision and datasets sort them: fear, anger" in note for note in test_set.notes)


def test_a_table_of_words_states_what_was_assumed(tmp_path: Path) -> None:
    words = ["surprised", "afraid", "angry", "disgusted", "happy", "neutral", "sad"]
    write_images(tmp_path, *(f"{n}.png" for n in range(7)))
    pd.DataFrame({"path": [f"{n}.png" for n in range(7)], "emotion": words}).to_csv(tmp_path / "t.csv", index=False)
    test_set = load_test_set(Config(data=tmp_path / "t.csv"))
    assert test_set.classes == ("fear", "anger", "disgust", "happiness", "neutral", "sadness", "surprise")
    assert "nothing states the order of the models' outputs" in test_set.notes[0]


@pytest.mark.parametrize(
    ("stated", "classes", "note"),
    [
        ({}, FER2013_ORDER, "class order of the outputs, by the numbering of FER2013: anger, disgust"),
        ({"X": EMOTIONS}, FER2013_ORDER, None),
        ({"X": EMOTIONS, "Y": None}, FER2013_ORDER, "class order of the outputs of Y, by the numbering of FER2013: "),
        ({"X": ("no", "yes"), "Y": None}, None, None),
    ],
)
def test_a_model_that_states_no_order_is_told_which_one_was_assumed(
    tmp_path: Path, stated: dict[str, tuple[str, ...] | None], classes: tuple[str, ...] | None, note: str | None
) -> None:
    data = numbered(tmp_path, list(range(7)))
    models = {name: ModelConfig(checkpoint=tmp_path / f"{name}.pth", classes=own) for name, own in stated.items()}
    config = Config(data=data, dataset="fer2013", models=models)
    if classes is None:
        with pytest.raises(DataError, match="expected: no, yes"):
            load_test_set(config)
        return
    test_set = load_test_set(config)
    assert test_set.classes == classes
    found = [text for text in test_set.notes if text.startswith("class order of the outputs")]
    assert [text[: len(note or "")] for text in found] == ([note] if note else [])


def test_words_take_the_order_of_the_only_model_that_states_one(tmp_path: Path) -> None:
    write_images(tmp_path, *(f"{n}.png" for n in range(7)))
    pd.DataFrame({"path": [f"{n}.png" for n in range(7)], "emotion": EMOTIONS}).to_csv(tmp_path / "t.csv", index=False)
    models = {"X": ModelConfig(checkpoint=Path("x.pth"), classes=FER2013_ORDER), "Y": ModelConfig(checkpoint="y.pth")}
    test_set = load_test_set(Config(data=tmp_path / "t.csv", models=models))
    assert test_set.classes == FER2013_ORDER
    assert test_set.notes == (
        f"class order of the outputs of Y, by model X, the only source: {', '.join(FER2013_ORDER)}",
    )


def test_labels_that_contradict_the_names_of_the_folders_are_said(tmp_path: Path) -> None:
    paths = [f"test/{name}/{n}.png" for n, name in enumerate(EMOTIONS)]
    write_images(tmp_path, *paths)
    pd.DataFrame({"path": paths, "label": range(7)}).to_csv(tmp_path / "t.csv", index=False)
    right = load_test_set(Config(data=tmp_path / "t.csv", classes=EMOTIONS))
    assert not any("folder" in note for note in right.notes)
    wrong = load_test_set(Config(data=tmp_path / "t.csv", classes=FER2013_ORDER))
    assert wrong.notes[-1].startswith(
        "3 of 7 images lie in a folder named after another emotion than their label (such as neutral/4.png, labelled "
        "sadness)"
    )


@settings(max_examples=60)
@given(
    order=st.permutations(EMOTIONS),
    numbers=st.lists(st.integers(0, 12), min_size=7, max_size=7, unique=True).map(sorted),
    present=st.sets(st.integers(0, 6), min_size=2),
    form=st.sampled_from(["table", "decimals", "strings", "folders"]),
    told=st.sampled_from(["nothing", "names", "numbers"]),
)
def test_no_numbering_is_misread_in_silence(
    tmp_path_factory: pytest.TempPathFactory,
    order: list[str],
    numbers: list[int],
    present: set[int],
    form: str,
    told: str,
) -> None:
    """Truth: class `order[i]` has number `numbers[i]`; only some classes have images."""
    folder = tmp_path_factory.mktemp("set")
    shown = sorted(present)
    if form == "folders":
        names = [f"{numbers[i]}/{i}.png" for i in shown]
        write_images(folder, *names)
        data = folder
    elif form == "strings":
        write_images(folder, *(f"{n}.png" for n in range(len(shown))))
        cells = [f" {numbers[i]} " if i % 2 else f"{numbers[i]}" for i in shown]
        pd.DataFrame({"path": [f"{n}.png" for n in range(len(shown))], "label": cells}).to_parquet(folder / "t.parquet")
        data = folder / "t.parquet"
    else:
        written = [f"{numbers[i]}.0" if form == "decimals" else str(numbers[i]) for i in shown]
        data = numbered(folder, written)
    classes = {
        "nothing": None,
        "names": order,
        "numbers": [f"{n}={name}" for n, name in zip(numbers, order, strict=True)],
    }
    try:
        test_set: TestSet = load_test_set(Config(data=data, classes=classes[told]))
    except DataError as error:
        assert "\n" not in str(error) and told != "numbers"
        return
    assert told != "nothing"
    truth = sorted(order[i] for i in shown)
    found = sorted(test_set.frame["emotion"])
    if told == "numbers":
        assert found == truth
    elif found != truth:
        # With names alone a shift may be as good a reading as the truth: then what was assumed is stated.
        assert any("numbers read as the positions in 'classes'" in note for note in test_set.notes)


def test_images_without_labels_say_which_order_was_assumed() -> None:
    assert report_classes(FER2013_ORDER, {"A": None}) == (FER2013_ORDER, [])
    classes, (note,) = report_classes(None, {"A": None})
    assert classes == EMOTIONS and "alphabetical order was assumed" in note
    assert report_classes(None, {"A": ("happy", "sad")}) == (("happiness", "sadness"), [])
    classes, (note,) = report_classes(None, {"A": None, "B": ("sad", "happy")})
    assert classes == ("sadness", "happiness")
    assert note == "class order of the outputs of A, by model B, the only source: sadness, happiness"


def test_a_table_that_is_like_fer2013_and_a_list_in_another_order_are_not_guessed(tmp_path: Path) -> None:
    table = tmp_path / "own.csv"
    shade = [" ".join([str(30 * k)] * 64) for k in range(7)]
    table.write_text("\n".join(["emotion,pixels", *(f"{k},{shade[k]}" for k in range(7))]) + "\n")
    assert load_test_set(Config(data=table)).frame["emotion"].tolist() == list(FER2013_ORDER)
    assert load_test_set(Config(data=table, classes=FER2013_ORDER)).frame["emotion"].tolist() == list(FER2013_ORDER)
    with pytest.raises(DataError, match=r"by their positions in 'classes' 0 anger, .*--dataset fer2013"):
        load_test_set(Config(data=table, classes=EMOTIONS))
    named = load_test_set(Config(data=table, classes=EMOTIONS, dataset="fer2013"))
    assert named.frame["emotion"].tolist() == list(FER2013_ORDER) and named.classes == EMOTIONS
    explicit = tuple(f"{number}={name}" for number, name in enumerate(EMOTIONS))
    assert load_test_set(Config(data=table, classes=explicit)).frame["emotion"].tolist() == list(EMOTIONS)


def test_models_with_different_classes_share_a_report_on_those_that_all_know(tmp_path: Path) -> None:
    eight = (*EMOTIONS, "contempt")
    write_images(tmp_path, *(f"{n}.png" for n in range(8)))
    pd.DataFrame({"path": [f"{n}.png" for n in range(8)], "emotion": eight}).to_csv(tmp_path / "t.csv", index=False)

    def load(**models: tuple[str, ...] | None) -> TestSet:
        entries = {name: ModelConfig(checkpoint=Path("x.pth"), classes=own) for name, own in models.items()}
        return load_test_set(Config(data=tmp_path / "t.csv", models=entries))

    for models in ({"A": eight, "B": FER2013_ORDER}, {"B": FER2013_ORDER, "A": eight}):
        test_set = load(**models)
        assert sorted(test_set.classes) == list(EMOTIONS) and len(test_set) == 7
        (note,) = [note for note in test_set.notes if note.startswith("not every model knows contempt")]
        assert "A 8" in note and "B 7" in note and "images of contempt are left out" in note
        assert test_set.problems["message"].tolist() == ["the label 'contempt' is a class that not every model has"]
    assert len(load(A=eight)) == 8  # alone it is judged on all that it knows
    with pytest.raises(DataError, match=r"B has no output for contempt, and nothing states the classes of model C"):
        load(A=eight, B=FER2013_ORDER, C=None)
    assert load(A=eight, B=("anger", "fear", "supprise")).classes == eight  # a mistake, which loading the model names


def test_a_numbered_line_that_is_too_long_names_no_class() -> None:
    short, long = (class_list(f"0 anger, 1 {'x' * length}, 2 joy") for length in (20, 200))
    assert short is not None and short.numbers is not None
    assert long is not None and long.numbers is None
