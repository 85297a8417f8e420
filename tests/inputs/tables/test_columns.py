"""Which columns of a table are labels, predictions, numbers and splits: said, or refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reportgen.config import Columns, Config
from reportgen.errors import DataError
from reportgen.inputs.emotions import EMOTIONS, FER2013_ORDER
from reportgen.inputs.testset import TestSet, load_test_set

WORDS = ["angry", "happy", "sad", "fear", "angry", "happy", "sad", "fear"]
TRUE = ["anger", "happiness", "sadness", "fear"] * 2
ANSWERS = ["happy", "happy", "angry", "fear", "sad", "happy", "sad", "angry"]


def table(folder: Path, **columns: list[Any]) -> Path:
    count = max(map(len, columns.values()))
    for n in range(count):
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (8, 8), dtype=np.uint8)).save(folder / f"{n}.png")
    pd.DataFrame({"image": [f"{n}.png" for n in range(count)], **columns}).to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


def load(path: Path, **settings: Any) -> TestSet:
    return load_test_set(Config(data=path, **settings))


def found(path: Path, **settings: Any) -> list[str]:
    return load(path, **settings).frame["emotion"].tolist()


@pytest.mark.parametrize("truth", ["true_label", "ground_truth", "gt", "y_true", "trueEmotion", "GT Label", "actual"])
@pytest.mark.parametrize("other", ["label", "emotion", "class"])
def test_the_column_that_says_it_is_the_truth_holds_the_labels(tmp_path: Path, truth: str, other: str) -> None:
    path = table(tmp_path, **{other: ANSWERS, truth: WORDS})
    test_set = load(path)
    assert test_set.frame["emotion"].tolist() == TRUE
    assert f"labels are taken from column '{truth}'; '{other}' differs from it in 4 rows" in test_set.notes[0]
    assert found(path, columns=Columns(emotion=other))[0] == "happiness"


def test_numbers_that_say_they_are_the_truth(tmp_path: Path) -> None:
    numbers = [FER2013_ORDER.index(word) for word in TRUE]
    path = table(tmp_path, label=[6, 5, 4, 3, 2, 1, 0, 0], true_label=numbers)
    assert found(path, dataset="fer2013") == TRUE


@pytest.mark.parametrize("name", ["pred", "prediction", "y_pred", "predicted_label", "pred_class", "predictedEmotion"])
def test_predictions_are_never_labels(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="no column for emotions"):
        load(table(tmp_path, **{name: ANSWERS}))
    path = table(tmp_path, **{name: ANSWERS, "target": WORDS})
    assert found(path) == TRUE
    assert not any("differ" in note for note in load(path).notes)
    assert found(path, columns=Columns(emotion=name))[0] == "happiness"


@pytest.mark.parametrize("flag", [["1", "0"] * 4, [True, False] * 4])
def test_a_column_of_right_and_wrong_is_no_truth(tmp_path: Path, flag: list[Any]) -> None:
    assert found(table(tmp_path, label=WORDS, true=flag)) == TRUE


def test_two_columns_that_say_they_are_the_truth_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path, true_label=WORDS, ground_truth=ANSWERS)
    with pytest.raises(DataError, match=r"'true_label' and 'ground_truth' both hold emotions and differ in 4 rows"):
        load(path)
    assert found(path, columns=Columns(emotion="true_label")) == TRUE


@pytest.mark.parametrize("name", ["human_label", "clean_label", "annotation", "intended_emotion", "originalLabel"])
def test_a_column_that_may_be_better_is_refused(tmp_path: Path, name: str) -> None:
    path = table(tmp_path, label=ANSWERS, **{name: WORDS})
    with pytest.raises(DataError, match=rf"'label' and '{name}' both hold emotions .* \[columns\] emotion = '{name}'"):
        load(path)
    assert found(path, columns=Columns(emotion=name)) == TRUE
    assert found(table(tmp_path, label=ANSWERS, true_label=WORDS, **{name: ANSWERS})) == TRUE


def test_any_other_column_of_emotions_is_named(tmp_path: Path) -> None:
    (note, *_) = load(table(tmp_path, emotion=WORDS, rater_2=ANSWERS)).notes
    assert "'rater_2' differs from it in 4 rows: [columns] emotion = 'rater_2' takes that" in note


@pytest.mark.parametrize("first", [0, 1, 5])
@pytest.mark.parametrize("names", [("emotion", "label"), ("label", "name"), ("class_id", "class_name")])
def test_words_beside_numbers_say_what_they_mean(tmp_path: Path, names: tuple[str, str], first: int) -> None:
    order = (*FER2013_ORDER, *FER2013_ORDER)
    numbers = [FER2013_ORDER.index(word) + first for word in order]
    test_set = load(table(tmp_path, **{names[0]: numbers, names[1]: list(order)}))
    assert test_set.frame["emotion"].tolist() == list(order)
    if first < 2:
        assert test_set.classes == FER2013_ORDER
        assert any("by the table's numbers: anger, disgust, fear" in note for note in test_set.notes)


def test_words_and_numbers_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="numbers in column 'emotion' and the words in 'label' do not belong together"):
        load(table(tmp_path, emotion=[0, 1, 2, 3, 1, 2, 3, 0], label=WORDS))


def test_numbers_that_tell_a_part_of_the_order(tmp_path: Path) -> None:
    def by(numbers: dict[str, int], **settings: Any) -> tuple[str, ...]:
        words = [word for word in numbers for _ in range(2)]
        return load(table(tmp_path, emotion=words, label=[numbers[word] for word in words]), **settings).classes

    fer = {name: n for n, name in enumerate(FER2013_ORDER)}
    assert by({name: n for name, n in fer.items() if name != "sadness"}) == FER2013_ORDER  # the only one that fits
    assert by({"anger": 0, "neutral": 6, "happiness": 3}) == FER2013_ORDER
    own = {"sadness": 0, "anger": 1, "neutral": 2, "happiness": 4, "disgust": 5, "surprise": 6}
    assert by(own) == ("sadness", "anger", "neutral", "fear", "happiness", "disgust", "surprise")  # by elimination
    with pytest.raises(DataError, match=r"\(0 sadness, 5 anger\) do not tell the whole order.*'classes = \[...\]'"):
        by({"sadness": 0, "anger": 5})
    assert by({"sadness": 0, "anger": 5}, classes=FER2013_ORDER) == FER2013_ORDER


def test_one_wrong_number_among_many_does_not_hide_the_order(tmp_path: Path) -> None:
    words = [name for name in FER2013_ORDER for _ in range(11)]
    numbers = [FER2013_ORDER.index(word) for word in words]
    numbers[0] = 3
    test_set = load(table(tmp_path, emotion=words, label=numbers))
    assert test_set.classes == FER2013_ORDER
    assert "1 rows whose number and emotion disagree: the emotion counts" in test_set.notes


def test_words_of_no_class_and_misspelt_ones_are_no_classes(tmp_path: Path) -> None:
    words, numbers = [*FER2013_ORDER, "unknown", "no face", "happyness"], [*range(7), -1, 8, 3]
    test_set = load(table(tmp_path, emotion=words, label=numbers))
    assert test_set.classes == FER2013_ORDER
    assert test_set.problems["emotion"].tolist() == ["unknown", "no face", "happyness"]
    assert load(table(tmp_path, emotion=[*FER2013_ORDER, "bored"], label=range(8))).classes == (*FER2013_ORDER, "bored")


@pytest.mark.parametrize("first", [0, 1])
def test_a_list_in_a_pickle_counts_from_0_or_1(tmp_path: Path, first: int) -> None:
    table(tmp_path, label=list(range(7)))
    frame = pd.DataFrame({"image": [f"{n}.png" for n in range(7)], "label": range(first, 7 + first)})
    for stated in ({"classes": list(FER2013_ORDER)}, {"label_map": {w: n for n, w in enumerate(FER2013_ORDER, first)}}):
        (tmp_path / "t.pkl").write_bytes(pickle.dumps({"test_df": frame, **stated}))
        assert found(tmp_path / "t.pkl") == list(FER2013_ORDER)


@pytest.mark.parametrize(
    ("split", "used", "note"),
    [
        (["train", "eval"], 1, "rows with split = eval are used"),
        (["train", "holdout"], 1, "rows with split = holdout are used"),
        (["train", "Test set"], 1, "rows with split = Test set are used"),
        (["train_1", "test-2"], 1, "rows with split = test-2 are used"),
        (["train", "later"], 1, "rows with split = later are used"),
        (["train+val", "Private"], 1, "rows with split = Private are used"),
        (["TR", "TE"], 1, "rows with split = TE are used"),
        (["val", "test2"], 1, "rows with split = test2 are used"),
        (["extra", "test"], 1, "rows with split = test are used (4); those with extra, no split that is known, are"),
        (["a", "b"], None, "column split has the values a, b, none of which names a known split: all rows are tested"),
        (["train", "Training"], None, "only training rows were found"),
    ],
)
def test_splits_by_a_usual_name(tmp_path: Path, split: list[str], used: int | None, note: str) -> None:
    path = table(tmp_path, emotion=WORDS, split=split * 4)
    test_set = load(path)
    assert len(test_set) == (8 if used is None else 4)
    assert test_set.notes[0].startswith(note)
    if used is not None:
        assert test_set.frame["path"].tolist() == [f"{n}.png" for n in range(used, 8, 2)]
        trained = sum(value.casefold().startswith("tr") for value in split)
        assert len(test_set.training.get("training rows", ())) == 4 * trained


@pytest.mark.parametrize("name", ["fold", "dataset", "phase", "subset", "Usage", "my column"])
def test_splits_under_any_name(tmp_path: Path, name: str) -> None:
    test_set = load(table(tmp_path, emotion=WORDS, **{name: ["train", "test"] * 4}))
    assert test_set.notes[0] == f"rows with {name} = test are used (4)"


def test_columns_of_splits_that_contradict_each_other_are_said(tmp_path: Path) -> None:
    test_set = load(
        table(tmp_path, emotion=WORDS, split=["train", "test"] * 4, part=["test", "test", "train", "train"] * 2)
    )
    assert test_set.notes[:2] == (
        "rows with split = test are used (4)", "column part calls 2 of these rows training rows",
    )  # fmt: skip
    assert "kfold has the values 0, 1" in load(table(tmp_path, emotion=WORDS, kfold=[0, 1] * 4)).notes[0]


def test_test_and_test2_are_both_tested(tmp_path: Path) -> None:
    test_set = load(table(tmp_path, emotion=WORDS, split=["train", "test", "test2", "train"] * 2))
    assert len(test_set) == 4 and test_set.notes[0] == "rows with split = test, test2 are used (4)"


@pytest.mark.parametrize(
    ("flags", "note"),
    [
        ({"is_train": [1, 0]}, "rows with is_train = 0 are used (4)"),
        ({"is_test": ["False", "True"]}, "rows with is_test = True are used (4)"),
        ({"train": [1, 0], "val": [0, 1], "test": [0, 0]}, "rows with val = 1 are used (4)"),
    ],
)
def test_splits_by_yes_and_no(tmp_path: Path, flags: dict[str, list[Any]], note: str) -> None:
    test_set = load(table(tmp_path, emotion=WORDS, **{name: values * 4 for name, values in flags.items()}))
    assert test_set.notes[0] == note and test_set.frame["path"].tolist() == ["1.png", "3.png", "5.png", "7.png"]
    assert ("training rows" in test_set.training) == ("is_test" not in flags)


def test_the_settings_choose_the_rows(tmp_path: Path) -> None:
    path = table(tmp_path, emotion=WORDS, fold=[0, 1, 2, 3] * 2)
    everything = load(path)
    assert len(everything) == 8 and '[columns] split = "fold=0"' in everything.notes[0]
    test_set = load(path, columns=Columns(split="fold=3"))
    assert test_set.frame["path"].tolist() == ["3.png", "7.png"]
    with pytest.raises(DataError, match=r"no row with fold = 9 \(found: 0, 1, 2, 3\)"):
        load(path, columns=Columns(split="fold=9"))
    with pytest.raises(DataError, match="no column 'part'"):
        load(path, columns=Columns(split="part"))
    with pytest.raises(DataError, match="none of which names a known split"):
        load(path, columns=Columns(split="fold"))
    known = table(tmp_path, emotion=WORDS, split=["train", "test"] * 4)
    assert len(load(known, columns=Columns(split="split=train"))) == 4


def test_one_hot_columns_that_pandas_wrote_as_true_and_false(tmp_path: Path) -> None:
    path = table(tmp_path, **{name: [name == word for word in WORDS] for name in ("angry", "fear", "happy", "sad")})
    assert found(path) == TRUE


VOTES = [[6, 1, 1, 2], [1, 6, 1, 2], [1, 1, 6, 2], [1, 1, 1, 7]]


@pytest.mark.parametrize("name", ["unknown", "NF"])
def test_votes_for_no_class_are_counted_by_ferpluss_rule(tmp_path: Path, name: str) -> None:
    columns = dict(zip(["angry", "happy", "sad", name], map(list, zip(*VOTES, strict=True)), strict=True))
    test_set = load(table(tmp_path, **columns))
    assert test_set.frame["emotion"].tolist() == ["anger", "happiness", "sadness"]
    assert test_set.problems["message"].tolist() == [f"most votes are for {name}"]


@pytest.mark.parametrize("place", ["inside", "after", "before"])
def test_a_column_of_another_class_belongs_to_the_votes(tmp_path: Path, place: str) -> None:
    """Ten votes in every row only where `bored` is one of the classes; `year` is none."""
    names = {"inside": ["angry", "happy", "bored", "sad"], "after": ["angry", "happy", "sad", "bored"]}.get(
        place, ["bored", "angry", "happy", "sad"]
    )
    values = dict(zip(["angry", "happy", "sad", "bored"], map(list, zip(*VOTES, strict=True)), strict=True))
    path = table(tmp_path, **{name: values[name] for name in names}, year=[2001, 2002, 2003, 2004])
    test_set = load(path)
    assert test_set.frame["emotion"].tolist() == ["anger", "happiness", "sadness"]
    assert test_set.problems["message"].tolist() == ["the label 'bored' is none of the classes"]
    assert test_set.frame["year"].tolist() == [2001, 2002, 2003]
    whole = load(path, classes=("angry", "happy", "sad", "bored"))
    assert whole.frame["emotion"].tolist() == ["anger", "happiness", "sadness", "bored"]


def test_probabilities_whose_largest_is_no_expression(tmp_path: Path) -> None:
    path = table(tmp_path, angry=[0.3] * 2, happy=[0.1] * 2, sad=[0.0] * 2, bored=[0.6, 0.6], confused=[0.0] * 2)
    with pytest.raises(DataError, match=r"no image with a known label .found: bored"):
        load(path)


def test_a_column_beside_votes_that_may_be_a_class_is_named(tmp_path: Path) -> None:
    values = {"angry": [3, 1, 0], "happy": [0, 4, 1], "sad": [1, 0, 5], "bored": [4, 0, 2]}
    test_set = load(table(tmp_path, **values))
    assert "columns beside the votes are not counted" in test_set.notes[0] and "bored (1 rows)" in test_set.notes[0]
    named = load(table(tmp_path, **values), classes=("angry", "happy", "sad", "bored"))
    assert named.frame["emotion"].tolist() == ["bored", "happiness", "sadness"]


@pytest.mark.parametrize("prediction", [["bored", "happy", "sad"], [2, 1, 3], [2.0, 1.0, 3.0]])
@pytest.mark.parametrize("classes", [None, ("angry", "happy", "bored", "sad")])
def test_scores_are_known_by_a_prediction_of_any_class_and_by_its_number(
    tmp_path: Path, prediction: list[Any], classes: tuple[str, ...] | None
) -> None:
    scores = {"angry": [0.2, 0.1, 0.1], "happy": [0.1, 0.8, 0.1], "bored": [0.6, 0.0, 0.1], "sad": [0.1, 0.1, 0.7]}
    with pytest.raises(DataError, match="are a model's scores, since 'prediction' is the largest of them"):
        load(table(tmp_path, **scores, prediction=prediction), **({"classes": classes} if classes else {}))


def test_a_prediction_of_thousands_of_digits_is_no_class(tmp_path: Path) -> None:
    votes = {"angry": [3, 0, 1], "happy": [1, 4, 0], "sad": [0, 0, 3]}
    assert found(table(tmp_path, **votes, prediction=["9" * 5000, "1", "2"])) == ["anger", "happiness", "sadness"]


def test_scores_of_a_model_are_no_votes(tmp_path: Path) -> None:
    rows = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.1, 0.7]]
    scores = dict(zip(["angry", "happy", "sad"], map(list, zip(*rows, strict=True)), strict=True))
    with pytest.raises(DataError, match="are a model's scores, since 'prediction' is the largest of them"):
        load(table(tmp_path, **scores, prediction=["angry", "happy", "sad"]))
    assert found(table(tmp_path, **scores, emotion=["sad", "sad", "sad"])) == ["sadness"] * 3


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("classes.txt", "\n".join(FER2013_ORDER)),
        ("labels.txt", "\n".join(f"{n} {name}" for n, name in enumerate(FER2013_ORDER))),
        ("class_names.txt", ", ".join(FER2013_ORDER)),
        ("class_names.txt", "name\n" + "\n".join(FER2013_ORDER)),
        ("classes.txt", "# all\n\n" + "\n".join(f"{name}  # {n}" for n, name in enumerate(FER2013_ORDER))),
        ("label_map.csv", "name,id\n" + "\n".join(f"{name},{n}" for n, name in enumerate(FER2013_ORDER))),
        ("class_indices.json", str({name: n for n, name in enumerate(FER2013_ORDER)}).replace("'", '"')),
        ("classes.json", '{"class_to_idx": {"sad": 4, "happy": 3, "angry": 0, "fear": 2}}'),
    ],
)
def test_lists_of_classes_beside_a_table_say_what_its_numbers_mean(tmp_path: Path, file: str, text: str) -> None:
    path = table(tmp_path, label=[FER2013_ORDER.index(word) for word in TRUE])
    (tmp_path / file).write_text(text)
    test_set = load(path)
    assert test_set.frame["emotion"].tolist() == TRUE
    assert test_set.notes[0].startswith(f"numbers read by {file} beside the data: 0 anger")
    with pytest.raises(DataError, match=rf"by {file} beside the data 0 anger.*positions in 'classes' 0 anger, 1 dis"):
        load(path, classes=EMOTIONS)
    numbered = tuple(f"{n}={name}" for n, name in enumerate(EMOTIONS))
    assert found(path, classes=numbered) == [EMOTIONS[FER2013_ORDER.index(word)] for word in TRUE]


def test_lists_of_classes_that_contradict_each_other_or_are_none(tmp_path: Path) -> None:
    path = table(tmp_path, label=[0, 1, 2])
    (tmp_path / "labels.txt").write_text("0.png happy\n1.png sad\n2.png sad\n")  # a list of images
    (tmp_path / "names.txt").write_text("Anna\nBo\n")
    with pytest.raises(DataError, match="nothing says what they mean"):
        load(path)
    (tmp_path / "classes.txt").write_text("happy\nsad\nfear\n")
    assert found(path) == ["happiness", "sadness", "fear"]
    (tmp_path / "class_to_idx.json").write_text('{"sad": 0, "happy": 1, "fear": 2}')
    with pytest.raises(DataError, match=r"by class_to_idx.json .* 0 sadness, 1 happiness.*by classes.txt .* 0 happ"):
        load(path)


@pytest.mark.parametrize("numbers", [range(2, 9), range(1, 9)])
def test_numbers_that_a_list_of_classes_does_not_fit_are_refused(tmp_path: Path, numbers: range) -> None:
    path = table(tmp_path, label=list(numbers))
    (tmp_path / "classes.txt").write_text("\n".join(FER2013_ORDER))
    with pytest.raises(DataError, match=r"classes.txt has 7 names: which number is which class is not certain; write"):
        load(path)
    explicit = tuple(f"{n}={name}" for n, name in zip(numbers, FER2013_ORDER, strict=False))
    assert found(path, classes=explicit) == list(FER2013_ORDER)


@pytest.mark.parametrize("first", [1, 6])
def test_numbers_that_a_file_does_not_have_are_refused(tmp_path: Path, first: int) -> None:
    """Lines are numbered from 1, or images of each class are counted."""
    path = table(tmp_path, label=list(range(7)))
    (tmp_path / "classes.txt").write_text("\n".join(f"{n}. {name}" for n, name in enumerate(FER2013_ORDER, first)))
    with pytest.raises(DataError, match=r"classes.txt beside the data has \d+ anger, .* is not certain: write each"):
        load(path)


def test_numbered_folders_beside_a_list_of_classes(tmp_path: Path) -> None:
    for n in range(7):
        (tmp_path / f"test/{n}").mkdir(parents=True)
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (8, 8), dtype=np.uint8)).save(
            tmp_path / f"test/{n}/{n}.png"
        )
    (tmp_path / "classes.txt").write_text("\n".join(FER2013_ORDER))
    assert found(tmp_path) == list(FER2013_ORDER)
    assert load(tmp_path).classes == FER2013_ORDER


def test_a_list_of_classes_that_the_tables_numbers_contradict_is_refused(tmp_path: Path) -> None:
    table(tmp_path, label=list(range(7)))
    frame = pd.DataFrame({"image": [f"{n}.png" for n in range(7)], "emotion": FER2013_ORDER, "label": range(7)})
    (tmp_path / "t.pkl").write_bytes(pickle.dumps({"test_df": frame, "emotion_classes": list(EMOTIONS)}))
    with pytest.raises(DataError, match=r"its list of classes says anger, .* the numbers beside its words 0 anger"):
        load(tmp_path / "t.pkl")
    assert load(tmp_path / "t.pkl", classes=EMOTIONS).classes == EMOTIONS
    nested = {
        "test_df": frame.drop(columns="emotion"),
        "meta": {"label2id": {w: n for n, w in enumerate(FER2013_ORDER)}},
    }
    (tmp_path / "t.pkl").write_bytes(pickle.dumps(nested))
    assert found(tmp_path / "t.pkl") == list(FER2013_ORDER)


def test_numbers_and_words_of_usual_names_that_differ_are_refused_either_way(tmp_path: Path) -> None:
    """Two of eight predictions are wrong, and nothing says which of the columns holds predictions."""
    numbers = [EMOTIONS.index(word) for word in TRUE]
    path = table(tmp_path, emotion=[*WORDS[:6], "happy", "happy"], target=numbers)
    with pytest.raises(DataError, match="words in column 'emotion' and the numbers in 'target' do not belong together"):
        load(path)
    assert found(path, columns=Columns(emotion="target"), classes=EMOTIONS) == TRUE


@pytest.mark.parametrize("name", ["code", "idx", "number"])
def test_numbers_of_any_name_that_stand_for_the_words(tmp_path: Path, name: str) -> None:
    words = [*FER2013_ORDER, *FER2013_ORDER]
    columns = {"age": [30] * 14, name: [FER2013_ORDER.index(word) for word in words], "row": list(range(14))}
    assert load(table(tmp_path, emotion=words, **columns)).classes == FER2013_ORDER


def test_a_column_of_nothing_but_class_numbers(tmp_path: Path) -> None:
    assert found(table(tmp_path, class_id=[EMOTIONS.index(word) for word in TRUE]), classes=EMOTIONS) == TRUE
    with pytest.raises(DataError, match=r"no column for emotions .found: image, valence\)"):
        load(table(tmp_path, valence=[0.5] * 8, split=["test"] * 8))


def test_one_hot_columns_and_labels_that_differ_are_refused(tmp_path: Path) -> None:
    hot = {name: [int(name == word) for word in WORDS] for name in ("angry", "fear", "happy", "sad")}
    path = table(tmp_path, **hot, label=ANSWERS)
    with pytest.raises(
        DataError, match=r"angry, fear, happy \.\.\. and the column 'label' both hold labels and differ in 4"
    ):
        load(path)
    assert found(path, columns=Columns(emotion="label"))[0] == "happiness"
    assert found(table(tmp_path, **hot, label=WORDS)) == TRUE
    with pytest.raises(DataError, match="both hold labels and differ"):
        load(table(tmp_path, **hot, label=[0, 1, 2, 3, 1, 0, 3, 2]))
    numbers = [EMOTIONS.index(word) for word in TRUE]
    assert found(table(tmp_path, **hot, label=numbers), classes=EMOTIONS) == TRUE
    votes = {name: [7 * cell for cell in cells] for name, cells in hot.items()}
    assert "differ from it in 4 rows" in load(table(tmp_path, **votes, label=ANSWERS)).notes[0]
    assert (
        found(table(tmp_path, **{name: [0.4 * c for c in cells] for name, cells in hot.items()}, label=WORDS)) == TRUE
    )
