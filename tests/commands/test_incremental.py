"""Only what is new is computed: images put anywhere into the table, images taken out of it, a further model."""

import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from reportgen.analysis import SURROUNDINGS_COLUMNS, read_analysis
from reportgen.config import Config
from reportgen.explain.analyse import analyse
from reportgen.faces.landmarks import Landmarker
from reportgen.inputs.testset import load_test_set
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.progress import SilentProgress
from tests.conftest import draw_face

SHARD = 8


@pytest.fixture(scope="module")
def before(notebook, tmp_path_factory):
    """A folder with a table of 24 of the 28 images, and its analysis."""
    folder = tmp_path_factory.mktemp("before")
    table = pd.read_pickle(notebook / "processed_data.pkl")["test_df"][["image_path", "emotion"]]
    table["image_path"] = [str(notebook / path) for path in table["image_path"]]
    keep = [row for row in range(len(table)) if row not in (3, 12, 13, 27)]
    table.iloc[keep].to_csv(folder / "some.csv", index=False)
    table.to_csv(folder / "all.csv", index=False)
    assert run(notebook, folder, "some.csv", folder / "analysis") == 24
    return folder


def config(notebook, folder, data, **more):
    models = {"CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    return Config(data=folder / data, models=models, shard_images=SHARD, workers=2, **more)


def run(notebook, folder, data, into, settings=None):
    settings = settings or config(notebook, folder, data)
    return analyse(settings, load_test_set(settings), into, SilentProgress())


def assert_same_records(a, b):
    """Equal but for the last bits: a record that was taken over was computed in other company."""
    pd.testing.assert_frame_equal(a.images, b.images)
    assert_array_equal(a.faces.points, b.faces.points)
    assert tuple(a.faces.surroundings) == SURROUNDINGS_COLUMNS
    for name, values in a.faces.surroundings.items():
        assert_array_equal(values, b.faces.surroundings[name])
    without = [source == "template" for source in a.faces.source]
    assert_array_equal(np.isnan(a.faces.surroundings["face_detail"]), without)
    for one, two in zip(a.models, b.models, strict=True):
        for name in ("logits", "maps", "masks", "null_mass", "null_share"):
            assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-4, atol=1e-5)
        assert_array_equal(one.peak_changed, two.peak_changed)
        assert_array_equal(one.control_changed, two.control_changed)


def test_images_put_in_between_are_the_only_ones_computed(notebook, before, tmp_path):
    shutil.copytree(before / "analysis", tmp_path / "analysis")
    assert run(notebook, before, "all.csv", tmp_path / "analysis") == 4
    assert run(notebook, before, "all.csv", tmp_path / "fresh") == 28
    grown, fresh = read_analysis(tmp_path / "analysis"), read_analysis(tmp_path / "fresh")
    assert grown.manifest == fresh.manifest
    assert_same_records(grown, fresh)
    assert run(notebook, before, "all.csv", tmp_path / "analysis") == 0


def test_taking_images_out_or_turning_the_table_round_computes_nothing(notebook, before, tmp_path):
    shutil.copytree(before / "analysis", tmp_path / "analysis")
    table = pd.read_csv(before / "some.csv").iloc[::-1].drop(index=[5, 11])
    table.to_csv(tmp_path / "fewer.csv", index=False)
    assert run(notebook, tmp_path, "fewer.csv", tmp_path / "analysis") == 0
    assert run(notebook, tmp_path, "fewer.csv", tmp_path / "fresh") == 22
    assert_same_records(read_analysis(tmp_path / "analysis"), read_analysis(tmp_path / "fresh"))


def test_a_label_that_changes_costs_one_image(notebook, before, tmp_path):
    shutil.copytree(before / "analysis", tmp_path / "analysis")
    table = pd.read_csv(before / "some.csv")
    table.loc[7, "emotion"] = "anger" if table.loc[7, "emotion"] != "anger" else "fear"
    table.to_csv(tmp_path / "relabelled.csv", index=False)
    assert run(notebook, tmp_path, "relabelled.csv", tmp_path / "analysis") == 1


def test_a_further_model_finds_no_face_again_and_leaves_the_others_alone(notebook, before, tmp_path, monkeypatch):
    torch.manual_seed(9)
    torch.save(CustomCNN().state_dict(), tmp_path / "third.pth")
    models = {
        "CNN": {"checkpoint": notebook / "custom_cnn_best.pth"},
        "ResNet18": {"checkpoint": notebook / "transfer_learning_best.pth"},
        "Third": {"checkpoint": tmp_path / "third.pth"},
    }
    settings = Config(data=before / "some.csv", models=models, shard_images=SHARD, workers=2)
    assert run(notebook, before, "", tmp_path / "fresh", settings) == 24
    shutil.copytree(before / "analysis", tmp_path / "analysis")
    old = {path: path.stat().st_mtime_ns for path in (tmp_path / "analysis").rglob("part-*.parquet")}

    def refuse(*_):
        raise AssertionError("looked for a face again")

    monkeypatch.setattr(Landmarker, "locate", refuse)
    assert run(notebook, before, "", tmp_path / "analysis", settings) == 24
    assert {path: path.stat().st_mtime_ns for path in old} == old
    # Shards whose every image is computed are computed in the same company: the same bytes as ever.
    for path in sorted((tmp_path / "fresh").rglob("part-*.parquet")):
        other = tmp_path / "analysis" / path.relative_to(tmp_path / "fresh")
        assert other.read_bytes() == path.read_bytes()


def test_a_damaged_old_part_is_only_slower(notebook, before, tmp_path):
    shutil.copytree(before / "analysis", tmp_path / "analysis")
    part = sorted((tmp_path / "analysis" / "models" / "cnn").glob("part-*.parquet"))[1]
    part.write_bytes(part.read_bytes()[:100])
    assert run(notebook, before, "all.csv", tmp_path / "analysis") == 4 + SHARD


@pytest.mark.parametrize(("table", "column"), [("models/cnn", "maps"), ("landmarks", "points")])
def test_an_old_part_whose_keys_alone_are_whole_is_only_slower(notebook, before, tmp_path, table, column):
    shutil.copytree(before / "analysis", tmp_path / "analysis")
    part = sorted((tmp_path / "analysis" / table).glob("part-*.parquet"))[1]
    columns = (pq.read_metadata(part).row_group(0).column(k) for k in range(pq.read_metadata(part).num_columns))
    (pages,) = (found for found in columns if found.path_in_schema.startswith(f"{column}."))
    content = bytearray(part.read_bytes())
    start, size = pages.data_page_offset + 30, pages.total_compressed_size - 35
    content[start : start + size] = bytes(size)
    part.write_bytes(content)
    assert run(notebook, before, "all.csv", tmp_path / "analysis") == 4 + SHARD
    assert run(notebook, before, "all.csv", tmp_path / "fresh") == 28
    assert_same_records(read_analysis(tmp_path / "analysis"), read_analysis(tmp_path / "fresh"))


def test_a_model_that_is_wanted_no_more_leaves_nothing_behind(notebook, before, tmp_path):
    models = {name: {"checkpoint": notebook / "custom_cnn_best.pth"} for name in ("One", "Two")}
    pd.read_csv(before / "some.csv")[:4].to_csv(tmp_path / "few.csv", index=False)
    both = Config(data=tmp_path / "few.csv", models=models, regions="none", workers=2)
    alone = both.model_copy(update={"models": {"One": both.models["One"]}})
    analysis = tmp_path / "analysis"

    def left():
        return sorted(path.parent.relative_to(analysis).as_posix() for path in analysis.glob("*/**/part-*.parquet"))

    assert run(notebook, tmp_path, "", analysis, both) == 4
    answers = analysis / "experiments/transplants/two"
    answers.mkdir(parents=True)
    (part,) = (analysis / "models/two").iterdir()
    shutil.copy(part, answers)
    # A checkpoint that is away for one build is not a model that nobody wants.
    analyse(alone, load_test_set(alone), analysis, SilentProgress(), ["Two: two.pth was not found"])
    kept = ["experiments/last-weights/one", "experiments/last-weights/two", "experiments/transplants/two"]
    assert left() == [*kept, "images", "models/one", "models/two"]
    (analysis / "models/two/notes.txt").write_text("mine")
    away = tmp_path / "away"
    shutil.copytree(answers, away)
    (analysis / "models/linked").symlink_to(away)
    assert run(notebook, tmp_path, "", analysis, alone) == 0
    assert left() == ["experiments/last-weights/one", "images", "models/one"]
    assert [path.name for path in (analysis / "models/two").iterdir()] == ["notes.txt"]
    assert not answers.exists() and len(list(away.iterdir())) == 1
    assert run(notebook, tmp_path, "", analysis, both) == 4


@pytest.mark.parametrize("words", [["20", "21", None, "about 30"], [None, "about 30", None, None]])
def test_a_column_of_numbers_may_become_one_of_words(notebook, before, tmp_path, words):
    """A cell without a value reads the same in both; its record is another one all the same."""
    table = pd.read_csv(before / "some.csv")[:4]
    table.assign(age=[20.0, np.nan, None, 22.5]).to_parquet(tmp_path / "some.parquet")

    def build(into):
        settings = Config(data=tmp_path / "some.parquet", models=config(notebook, before, "").models, regions="none",
                          shard_images=2)  # fmt: skip
        return run(notebook, before, "", into, settings)

    build(tmp_path / "analysis")
    table.assign(age=words).to_parquet(tmp_path / "some.parquet")
    build(tmp_path / "analysis")
    assert [w if isinstance(w, str) else None for w in read_analysis(tmp_path / "analysis").images["age"]] == words


def test_an_image_that_appears_with_a_first_person_joins_those_without(notebook, tmp_path):
    draw_face(1, 50).save(tmp_path / "new.png")
    rows = [{"path": str(notebook / f"images/Person_{n % 5}_{0}{n:03d}.png"), "emotion": "anger"} for n in range(2)]
    pd.DataFrame(rows).to_csv(tmp_path / "plain.csv", index=False)
    rows.append({"path": str(tmp_path / "new.png"), "emotion": "fear", "person": "Ada"})
    pd.DataFrame(rows).to_csv(tmp_path / "named.csv", index=False)
    models = {"CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    emotions = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    for data in ("plain.csv", "named.csv"):
        settings = Config(data=tmp_path / data, models=models, shard_images=2, regions="none", classes=emotions)
        run(notebook, tmp_path, "", tmp_path / "analysis", settings)
    persons = read_analysis(tmp_path / "analysis").images["person"]
    assert persons.isna().tolist() == [True, True, False]
    assert np.asarray(persons)[2] == "Ada"


def test_corrected_labels_are_run_again_alone(notebook, before, tmp_path):
    shutil.copytree(before / "analysis", tmp_path / "analysis")
    table = pd.read_csv(before / "some.csv")
    names = load_test_set(config(notebook, before, "some.csv")).frame["path"]
    lines = [f"{names[row]},{table['emotion'][row]},{new}" for row, new in ((0, "fear"), (9, table["emotion"][9]))]
    (tmp_path / "labels.csv").write_text("\n".join(["file,old,new", *lines]))
    settings = config(notebook, before, "some.csv", labels=(tmp_path / "labels.csv",))
    assert run(notebook, before, "some.csv", tmp_path / "analysis", settings) == 1
    found = read_analysis(tmp_path / "analysis")
    assert found.images["emotion"][0] == "fear" and [one["new"] for one in found.manifest["data"]["corrections"]] == [
        "fear", table["emotion"][9],
    ]  # fmt: skip
    assert run(notebook, before, "some.csv", tmp_path / "analysis") == 1
    assert "corrections" not in read_analysis(tmp_path / "analysis").manifest["data"]
