"""Parts of one test set, analysed apart, joined into what one analysis of all of it would be."""

import json

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from reportgen.analysis import read_analysis
from reportgen.config import Config
from reportgen.errors import CheckpointError, DataError
from reportgen.explain.analyse import analyse
from reportgen.inputs.testset import load_test_set
from reportgen.merge import merge_analyses
from reportgen.pipeline import merge
from reportgen.progress import SilentProgress

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def settings(notebook, data, output, **more):
    model = {"checkpoint": notebook / "custom_cnn_best.pth"}
    return Config(
        data=data, output=output, models={"CNN": model}, shard_images=8, image_root=notebook, classes=EMOTIONS, **more
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
    merge_analyses([parts / "one", parts / "two" / "analysis"], tmp_path / "joined" / "analysis")
    run(notebook, parts / "all.csv", tmp_path / "whole")
    joined, whole = read_analysis(tmp_path / "joined/analysis"), read_analysis(tmp_path / "whole/analysis")
    pd.testing.assert_frame_equal(joined.images, whole.images)
    assert joined.images["image_id"].is_unique
    pd.testing.assert_frame_equal(joined.problems, whole.problems)
    assert_array_equal(joined.faces.points, whole.faces.points)
    for name in ("logits", "maps", "masks", "null_share"):
        np.testing.assert_allclose(
            getattr(joined.models[0], name), getattr(whole.models[0], name), rtol=1e-4, atol=1e-5
        )
    notes = joined.manifest["notes"]
    assert notes[0] == "this analysis was joined from 2 parts of 13, 17 images"
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
    text = (result.site / "index.html").read_text(encoding="utf-8")
    assert "joined from 2 parts of 13, 17 images" in text
    assert "29 test images" in text
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
