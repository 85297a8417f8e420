"""Parts of one test set, analysed apart, merged into what one analysis of all of it would be."""

import json
import shutil
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from reportgen.analysis import read_analysis
from reportgen.commands.merge import find_in_whole, merge, merge_analyses
from reportgen.config import Config
from reportgen.errors import CheckpointError, DataError
from reportgen.explain.analyse import analyse
from reportgen.explain.fingerprints import take_fingerprints
from reportgen.inputs.checksums import content_digest
from reportgen.inputs.discover import with_checkpoints
from reportgen.inputs.label_corrections import Correction
from reportgen.inputs.relocate import find_again
from reportgen.inputs.testset import load_test_set
from reportgen.progress import SilentProgress
from tests.conftest import draw_face

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def settings(notebook, data, output, **more):
    models = {name: {"checkpoint": notebook / "custom_cnn_best.pth", **entry}
              for name, entry in more.pop("models", {"CNN": {}}).items()}  # fmt: skip
    return Config(
        data=data, output=output, models=models, shard_images=8, image_root=notebook, classes=EMOTIONS, **more
    )


def run(notebook, data, output, **more):
    config = settings(notebook, data, output, **more)
    return analyse(config, load_test_set(config), output / "analysis", SilentProgress())


@pytest.fixture(scope="module")
def parts(notebook, tmp_path_factory):
    """The notebook's images in three tables, `one`, `two` (with a copy of an image of `one`, and a broken one) and
    `all`, and the analyses of the first two.
    """
    folder = tmp_path_factory.mktemp("parts")
    table = pd.read_pickle(notebook / "processed_data.pkl")["test_df"][["image_path", "emotion"]]
    (folder / "copy.png").write_bytes((notebook / table["image_path"].iloc[1]).read_bytes())
    (folder / "broken.png").write_bytes(b"not an image")
    more = pd.DataFrame({"image_path": ["copy.png", "broken.png"], "emotion": ["fear", "anger"]})
    one, two = table.iloc[:13], pd.concat([table.iloc[13:], more])
    for name, rows in (("one", one), ("two", two), ("all", pd.concat([one, two]))):
        rows.to_csv(folder / f"{name}.csv", index=False)
    assert run(notebook, folder / "one.csv", folder / "one") == 13
    assert run(notebook, folder / "two.csv", folder / "two") == 17
    return folder


def test_the_joined_analysis_is_that_of_the_whole(notebook, parts, tmp_path):
    merge_analyses([parts / "one", parts / "two" / "analysis"], tmp_path / "merged" / "analysis")
    run(notebook, parts / "all.csv", tmp_path / "whole")
    merged, whole = read_analysis(tmp_path / "merged/analysis"), read_analysis(tmp_path / "whole/analysis")
    pd.testing.assert_frame_equal(merged.images, whole.images)
    assert merged.images["image_id"].is_unique
    pd.testing.assert_frame_equal(merged.problems, whole.problems)
    assert_array_equal(merged.faces.points, whole.faces.points)
    for name in ("logits", "maps", "masks", "null_share"):
        np.testing.assert_allclose(
            getattr(merged.models[0], name), getattr(whole.models[0], name), rtol=1e-4, atol=1e-5
        )
    notes = merged.manifest["notes"]
    assert notes[0] == "this analysis was merged from 2 parts of 13, 17 images"
    assert notes[1].startswith("1 images have the same content as an image of another part")


def test_a_later_build_of_the_whole_takes_the_joined_records_over(notebook, parts, tmp_path):
    merge_analyses([parts / "one", parts / "two"], tmp_path / "analysis")
    # The image that can not be decoded is tried again; the copy has had another id from the first.
    assert run(notebook, parts / "all.csv", tmp_path) <= 2


def test_merging_twice_writes_the_same_bytes(parts, tmp_path):
    for name in ("a", "b"):
        merge_analyses([parts / "one", parts / "two"], tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == 2 + 3 * 5
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)


def test_the_report_on_joined_parts_needs_the_images_but_no_model(parts, notebook, tmp_path):
    told = []

    class Progress(SilentProgress):
        def note(self, text):
            told.append(text)

    config = Config(output=tmp_path / "report", image_root=notebook)
    result = merge(config, [parts / "one", parts / "two"], Progress())
    assert (result.site / "index.html").is_file()
    assert "warning: no checkpoint of CNN, so no experiment on changed images was made" in told
    assert "merged from 2 parts of 13, 17 images" in (result.site / "method.html").read_text(encoding="utf-8")
    assert "29 test images" in (result.site / "index.html").read_text(encoding="utf-8")
    with pytest.raises(DataError, match=r"28 of 30 images were not found \(the first: images/Person_0_0000.png\)"):
        merge(Config(output=tmp_path / "report", image_root=tmp_path), [parts / "one", parts / "two"])
    with pytest.raises(CheckpointError, match="none of the analysis's models"):
        merge(
            Config(output=tmp_path / "r2", models={"x": {"checkpoint": notebook / "transfer_learning_best.pth"}},
                   image_root=notebook),
            [parts / "one", parts / "two"],
        )  # fmt: skip


def test_the_whole_table_gives_the_images_too(parts, notebook, tmp_path):
    config = settings(notebook, parts / "all.csv", tmp_path / "report", experiments="off")
    assert merge(config, [parts / "two", parts / "one"]).zip.is_file()
    with pytest.raises(DataError, match=r"17 of 30 images of the analysis are not in it"):
        merge(settings(notebook, parts / "one.csv", tmp_path / "report"), [parts / "one", parts / "two"])


def test_another_picture_of_the_same_name_is_not_shown(parts, notebook, tmp_path, monkeypatch):
    """The working directory is looked in before the folders: its `images/` may be those of another project."""
    strangers = tmp_path / "elsewhere"
    shutil.copytree(notebook / "images", strangers / "images")
    Image.new("RGB", (96, 96), "blue").save(strangers / "images/Person_0_0000.png")
    monkeypatch.chdir(strangers)
    shutil.copy(parts / "copy.png", strangers / "copy.png")
    images = pd.concat(
        [pd.read_parquet(part) for name in ("one", "two") for part in sorted((parts / name).glob("analysis/images/*"))]
    )
    found = find_again(images, EMOTIONS, [strangers, notebook, parts], "test")
    assert found.frame["file"].iloc[0] == str(notebook / "images/Person_0_0000.png")
    assert found.frame["file"].iloc[1].startswith(str(strangers))
    with pytest.raises(DataError, match=r"1 of 30 images were not found \(the first: images/Person_0_0000.png\); "
                       r"1 files of these names hold other images than were analysed; give") as caught:  # fmt: skip
        merge(Config(output=tmp_path / "report", experiments="off"), [parts / "one", parts / "two"])
    assert "\n" not in str(caught.value)

    with pytest.raises(DataError, match=r"1 of 30 images of the analysis are not in it \(the first: images/Person_0_00"
                       r"00.png\), and 1 of these paths are there with another image than was analysed"):  # fmt: skip
        merge(settings(notebook, parts / "all.csv", tmp_path / "report", experiments="off").model_copy(
            update={"image_root": strangers}), [parts / "one", parts / "two"])  # fmt: skip


def test_paths_that_look_alike_without_their_folders_are_told_apart(notebook, tmp_path, tmp_path_factory):
    """`/x/camA/anger/0.png` and `/x/camB/anger/0.png` are both shown as `anger/0.png`."""
    rows, photos = [], tmp_path_factory.mktemp("photos")
    for camera in ("camA", "camB"):
        for label, emotion in enumerate(EMOTIONS[:4]):
            file = photos / camera / emotion / "0.png"
            file.parent.mkdir(parents=True)
            draw_face(label, 7 + (camera == "camB")).save(file)
            rows.append((str(file), emotion))
    whole = pd.DataFrame(rows, columns=["image_path", "emotion"])
    work = tmp_path / "work"
    work.mkdir()
    for name, frame in (("all", whole[::-1]), ("one", whole[:4]), ("two", whole[4:])):
        frame.to_csv(work / f"{name}.csv", index=False)
        if name != "all":
            run(notebook, work / f"{name}.csv", work / name, regions="none")
    merge_analyses([work / "one", work / "two"], work / "merged")
    images = read_analysis(work / "merged").images
    assert images["path"].nunique() == 4
    found = find_in_whole(settings(notebook, work / "all.csv", work), EMOTIONS, images)
    assert found.frame["file"].tolist() == whole["image_path"].tolist()


def test_the_whole_set_has_the_classes_and_the_copies_of_the_analysis(tmp_path):
    for name in ("a", "b"):
        Image.new("L", (8, 8), 100).save(tmp_path / f"{name}.png")
    (tmp_path / "all.csv").write_text("path,emotion\na.png,bored\nb.png,bored\n")
    digest = content_digest((tmp_path / "a.png").read_bytes)
    images = pd.DataFrame({"path": ["b.png", "a.png"], "sha256": [digest, digest]})
    found = find_in_whole(Config(data=tmp_path / "all.csv"), ["anger", "bored"], images)
    assert found.frame["path"].tolist() == ["b.png", "a.png"]
    assert found.frame["label"].tolist() == [1, 1]


def test_a_column_with_numbers_in_one_part_and_words_in_the_other_is_words(notebook, parts, tmp_path):
    table = pd.read_csv(parts / "all.csv")
    one, two = table[:4].assign(age=[20, 21, 22, 23], weight=[1, 2, 3, 4]), table[4:8]
    two = two.assign(age=["30", "", "about 32", "33"], weight=[1.5, 2, 3, 4])
    for name, rows in (("one", one), ("two", two)):
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
        run(notebook, tmp_path / f"{name}.csv", tmp_path / name, regions="none")
    merge_analyses([tmp_path / "one", tmp_path / "two"], tmp_path / "analysis")
    images = read_analysis(tmp_path / "analysis").images
    assert images["age"].tolist() == ["20", "21", "22", "23", "30", "", "about 32", "33"]
    assert images["weight"].tolist() == [1, 2, 3, 4, 1.5, 2, 3, 4]
    merge_analyses([tmp_path / "one", tmp_path / "two"], tmp_path / "again")
    assert (tmp_path / "again/manifest.json").read_bytes() == (tmp_path / "analysis/manifest.json").read_bytes()
    # A later build does not take a record of words for one of numbers.
    run(notebook, tmp_path / "one.csv", tmp_path, regions="none")
    assert read_analysis(tmp_path / "analysis").images["age"].tolist() == [20, 21, 22, 23]


@pytest.fixture(scope="module")
def halves(notebook, parts, tmp_path_factory):
    """Analyses of four images each: the first by two models of one checkpoint, the second by several pairs."""
    folder = tmp_path_factory.mktemp("halves")
    table = pd.read_csv(parts / "all.csv")
    plain, turned = {}, {"classes": EMOTIONS[::-1]}
    for name, rows, models in (
        ("first", table[:4], {"A": plain, "B": turned}),
        ("crossed", table[4:8], {"C": turned, "A": plain}),
        ("both plain", table[4:8], {"A": plain, "B": plain}),
        ("single", table[4:8], {"A": plain}),
    ):
        rows.to_csv(folder / f"{name}.csv", index=False)
        run(notebook, folder / f"{name}.csv", folder / name, regions="none", models=models)
    return folder


def test_two_models_of_one_checkpoint_are_told_apart_by_how_they_were_run(halves, tmp_path):
    merge_analyses([halves / "first", halves / "crossed"], tmp_path / "analysis")
    merged, first, crossed = (
        read_analysis(folder / "analysis") for folder in (tmp_path, halves / "first", halves / "crossed")
    )
    for index, other in ((0, 1), (1, 0)):
        assert_array_equal(
            merged.models[index].logits, np.concatenate([first.models[index].logits, crossed.models[other].logits])
        )
    assert_array_equal(merged.models[0].logits, merged.models[1].logits[:, ::-1])
    assert merged.models[1].info["classes"] == list(EMOTIONS[::-1])


@pytest.mark.parametrize(("other", "words"), [
    ("both plain", r"model 'B' was run with another classes \(surprise, .*, anger and anger, .*, surprise\); analyse"),
    ("single", r"not the same models by the SHA-256 of their checkpoints \(A \w{8}, B \w{8}; A \w{8}\)"),
])  # fmt: skip
def test_models_that_were_run_otherwise_are_not_mixed(halves, tmp_path, other, words):
    with pytest.raises(DataError, match=words) as caught:
        merge_analyses([halves / "first", halves / other], tmp_path / "analysis")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "analysis").exists()


def altered(halves, name, into, **entry):
    """A copy of an analysis whose models' entries say something else."""
    shutil.copytree(halves / name / "analysis", into)
    manifest = json.loads((into / "manifest.json").read_text())
    manifest["models"] = [{**model, **entry} for model in manifest["models"]]
    (into / "manifest.json").write_text(json.dumps(manifest))
    return into


def test_what_bfloat16_changed_is_that_of_all_parts(halves, tmp_path):
    def part(name, **change):
        return altered(halves, name, tmp_path / name, precision="bf16", precision_change=change)

    one = part("first", images=100, predictions=1, map_median=0.01, map_high=0.02, again=0.1)
    two = part("crossed", images=300, predictions=2, map_median=0.005, map_high=0.04, again=0.3)
    merge_analyses([one, two], tmp_path / "analysis")
    manifest = read_analysis(tmp_path / "analysis").manifest
    assert manifest["models"][0]["precision_change"] == {
        "images": 400, "predictions": 3, "map_median": 0.01, "map_high": 0.04, "again": pytest.approx(0.25),
    }  # fmt: skip
    assert any(note.startswith("what bfloat16 changed was measured on each part") for note in manifest["notes"])


def test_settings_without_a_name_in_the_manifest_are_compared_too(halves, tmp_path):
    other = altered(halves, "crossed", tmp_path / "other", settings="0" * 16)
    earlier = altered(halves, "crossed", tmp_path / "earlier", settings=None)
    with pytest.raises(DataError, match="made by an earlier version"):
        merge_analyses([earlier, halves / "first"], tmp_path / "analysis")
    with pytest.raises(DataError, match=r"another factory \(or its source\), region_masks or columns.landmarks; anal"):
        merge_analyses([halves / "first", other], tmp_path / "analysis")


def test_settings_are_the_same_wherever_the_files_lie(notebook, parts, tmp_path, monkeypatch):
    (tmp_path / "ours.py").write_text("def make(): ...")
    monkeypatch.syspath_prepend(tmp_path)
    masks = {"folder": tmp_path / "a", "labels": {1: "nose"}}

    def fingerprints(model=MappingProxyType({}), **more):
        config = settings(notebook, parts / "one.csv", tmp_path, models={"CNN": model}, **more)
        made = take_fingerprints(load_test_set(config), config, "cpu", [range(13)])
        return made.models[0].settings, made.models[0].keys.parts

    usual, masked = fingerprints(), fingerprints(region_masks=masks)
    copied = Path(shutil.copy(notebook / "custom_cnn_best.pth", tmp_path / "copy.pth"))
    assert fingerprints({"checkpoint": copied, "pretraining": "FER"}) == usual
    assert fingerprints(region_masks={**masks, "folder": tmp_path / "b"}) == masked
    others = [masked, fingerprints(columns={"landmarks": "image_path"}), fingerprints({"factory": "ours:make"})]
    (tmp_path / "ours.py").write_text("def make(): return 1")
    others.append(fingerprints({"factory": "ours:make"}))
    for found in zip(usual, *others, strict=True):
        assert len(set(found)) == len(others) + 1


def test_the_checkpoints_given_to_a_merge_are_run_as_they_were_analysed(notebook, halves):
    models = read_analysis(halves / "first/analysis").manifest["models"]
    given = settings(notebook, None, halves, models={"B": {}, "A": {"classes": EMOTIONS[::-1]}})
    found = with_checkpoints(given, models).models
    assert (found["A"].classes, found["B"].classes) == (EMOTIONS, EMOTIONS[::-1])
    assert found["A"].target_layer == models[0]["target_layer"]
    other = settings(notebook, None, halves, models={"x": {}, "B": {}})
    assert set(with_checkpoints(other, models).models) == {"A", "B"}
    with pytest.raises(CheckpointError, match="none of the analysis's models"):
        with_checkpoints(settings(notebook, None, halves, models={"A": {}, "B": {}, "C": {}}), models)


def test_what_does_not_belong_together_is_refused_in_one_line(parts, notebook, tmp_path):
    def refused(folder, words):
        with pytest.raises(DataError, match=words) as caught:
            merge_analyses([parts / "one", folder], tmp_path / "analysis")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "analysis").exists()

    refused(parts / "one", r"13 images are in both \(the first: images/Person_0_0000.png\)")

    run(notebook, parts / "two.csv", tmp_path / "seeded", seed=5)
    refused(tmp_path / "seeded", "made with another seed")

    config = settings(notebook, parts / "two.csv", tmp_path / "other")
    other = config.model_copy(
        update={"models": {"CNN": config.models["CNN"].model_copy(
            update={"checkpoint": notebook / "transfer_learning_best.pth"})}}
    )  # fmt: skip
    analyse(other, load_test_set(other), tmp_path / "other/analysis", SilentProgress())
    refused(tmp_path / "other", "not the same models by the SHA-256")

    path = tmp_path / "seeded/analysis/manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "classes": manifest["classes"][::-1]}))
    refused(tmp_path / "seeded", "classes differ")

    with pytest.raises(DataError, match="two or more folders"):
        merge_analyses([parts / "one"], tmp_path / "analysis")
    with pytest.raises(DataError, match="is one of the analyses to merge"):
        merge_analyses([parts / "one", parts / "two"], parts / "one" / "analysis")


def test_faces_that_were_cut_out_of_photos_are_found_again(tmp_path):
    """ExpW's photos hold several faces: the path and the box of each tell which part of which file it was."""
    (tmp_path / "origin").mkdir()
    for name, seed in (("a.png", 0), ("b.png", 1)):
        pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "origin" / name)
    lines = ["a.png 0 8 4 36 40 62.5 3", "a.png 1 20 30 50 60 40.1 6", "b.png 0 8 4 36 40 62.5 0"]
    (tmp_path / "label.lst").write_text("\n".join(lines) + "\n")
    test_set = load_test_set(Config(data=tmp_path / "label.lst"))
    images = take_fingerprints(test_set, Config(), "cpu", [range(3)]).frame
    found = find_again(images, test_set.classes, [tmp_path / "origin"], "test")
    assert [found.read_bytes(row) for row in range(3)] == [test_set.read_bytes(row) for row in range(3)]
    (tmp_path / "origin/b.png").unlink()
    shutil.copy(tmp_path / "origin/a.png", tmp_path / "origin/b.png")
    with pytest.raises(DataError, match=r"1 of 3 images were not found \(the first: b.png#1\)"):
        find_again(images, test_set.classes, [tmp_path / "origin"], "test")


def by_path(folder):
    images = read_analysis(folder).images
    return {
        path: (emotion, EMOTIONS[label]) for path, emotion, label in images[["path", "emotion", "label"]].to_numpy()
    }


def corrections(folder, *lines):
    (folder / "labels.csv").write_text("\n".join(["file,old,new,who", *lines]), encoding="utf-8")
    return folder / "labels.csv"


def test_corrected_labels_are_those_of_the_merged_analysis(parts, notebook, tmp_path):
    before = by_path(parts / "one" / "analysis") | by_path(parts / "two" / "analysis")
    first, copy = next(iter(before)), next(path for path in before if path.endswith("copy.png"))
    old = before[first][0]
    new = next(name for name in EMOTIONS if name != old)
    file = corrections(tmp_path, f"{first},{old},{new},Ann", f"{copy},fear,fear,Ann")
    result = merge(
        Config(output=tmp_path / "report", image_root=notebook, labels=[file]), [parts / "one", parts / "two"]
    )
    merged = tmp_path / "report" / "analysis"
    assert by_path(merged) == {**before, first: (new, new)}
    manifest = json.loads((merged / "manifest.json").read_text(encoding="utf-8"))
    assert [(one["file"], one["old"], one["new"]) for one in manifest["data"]["corrections"]] == [
        (first, old, new), (copy, "fear", "fear"),
    ]  # fmt: skip
    assert "labels changed by hand: 1; confirmed by hand: 1" in manifest["notes"]
    assert any("by scrambled weights of the old label" in note for note in manifest["notes"])
    assert "corrected labels" in " ".join((result.site / name).read_text(encoding="utf-8") for name in
                                          ("index.html", "errors.html", "labels.html")
                                          if (result.site / name).is_file()).lower()  # fmt: skip
    # The models' numbers are those of before, but a later build runs the image again: its record is another one.
    plain = tmp_path / "plain"
    merge_analyses([parts / "one", parts / "two"], plain)
    assert_array_equal(read_analysis(merged).models[0].logits, read_analysis(plain).models[0].logits)
    assert 1 <= run(notebook, parts / "all.csv", tmp_path / "report") <= 3


def test_corrected_twice_the_first_label_counts_and_what_does_not_fit_is_refused(parts, notebook, tmp_path):
    merged, before = tmp_path / "m", by_path(parts / "one" / "analysis")
    path = next(iter(before))
    old = before[path][0]
    new, newer = [name for name in EMOTIONS if name != old][:2]
    again = [Correction(path, new, newer, line="labels.csv, line 2")]
    corrected = settings(notebook, parts / "one.csv", tmp_path / "one").model_copy(
        update={"labels": (corrections(tmp_path, f"{path},{old},{new},Ann"),)}
    )
    analyse(corrected, load_test_set(corrected), tmp_path / "one" / "analysis", SilentProgress())
    merge_analyses([tmp_path / "one", parts / "two"], merged, again)
    manifest = json.loads((merged / "manifest.json").read_text(encoding="utf-8"))
    assert [(one["old"], one["new"]) for one in manifest["data"]["corrections"]] == [(old, newer)]
    with pytest.raises(DataError, match=f"labels.csv, line 2: {path} is labelled {old} in the test set, not {new}"):
        merge_analyses([parts / "one", parts / "two"], tmp_path / "n", again)
    with pytest.raises(DataError, match=r"line 2: elsewhere.png is no image of this test set"):
        merge_analyses([parts / "one", parts / "two"], tmp_path / "n",
                       [Correction("elsewhere.png", old, new, line="labels.csv, line 2")])  # fmt: skip


@pytest.mark.parametrize("whole", [False, True])
def test_raters_votes_are_for_images_of_the_whole(parts, notebook, tmp_path, monkeypatch, whole):
    paths = [*by_path(parts / "one" / "analysis"), *by_path(parts / "two" / "analysis")]
    for rater, emotion in (("r1", "fear"), ("r2", "anger")):
        table = pd.DataFrame({"image": [paths[0], paths[-2]], "emotion": emotion})
        table.to_csv(tmp_path / f"{rater}.csv", index=False)
    seen = []
    monkeypatch.setattr("reportgen.commands.merge.make_report", lambda *given: seen.append(given[2]))
    files = {"labels": (tmp_path / "r1.csv", tmp_path / "r2.csv")}
    config = Config(output=tmp_path / "report", image_root=notebook, experiments="off", **files)
    if whole:
        config = settings(notebook, parts / "all.csv", tmp_path / "report", experiments="off", **files)
    merge(config, [parts / "one", parts / "two"])
    (test_set,) = seen
    votes = test_set.votes.set_index(test_set.frame["path"])
    assert votes.loc[[paths[0], paths[-2]], ["anger", "fear"]].to_numpy().tolist() == [[1, 1], [1, 1]]
    assert votes.to_numpy().sum() == 4
