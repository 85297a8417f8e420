"""The whole way, from the notebook's files to the site."""

import html
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import read_analysis
from reportgen.commands.build import build
from reportgen.commands.conclude import alarms, depends_on_background
from reportgen.commands.explain import explain
from reportgen.config import Config, load_config
from reportgen.errors import CheckpointError, DataError
from reportgen.evidence.shortcuts.column_descriptions import SHORTCUT_COLUMNS
from reportgen.inputs.images.changes import CHANGES, FRAMING
from reportgen.site.wording.models import class_order_warning

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def settings(folder: Path, output: Path, **more) -> Config:
    return Config(data=folder / "processed_data.pkl", output=output, **more)


def tree(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def counted(notebook, tmp_path_factory):
    """A build, its output, which models its experiments loaded and which files were hashed, each as often as it was."""
    from reportgen.explain.experiments import forward
    from reportgen.inputs.checkpoints import file

    output, loaded, hashed = tmp_path_factory.mktemp("built"), [], []
    load, digest = forward.load_model, file.hashlib.file_digest

    def counted_load(name, *rest, **more):
        loaded.append(name)
        return load(name, *rest, **more)

    def counted_digest(opened, kind):
        hashed.append(opened.name)
        return digest(opened, kind)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward, "load_model", counted_load)
        patch.setattr(file.hashlib, "file_digest", counted_digest)
        file._sha256.cache_clear()
        return build(settings(notebook, output, shard_images=8)), output, loaded, hashed


@pytest.fixture(scope="module")
def built(counted):
    return counted[:2]


@pytest.fixture
def built_before(built, tmp_path):
    """A copy of `built` that a test may build into again."""
    return Path(shutil.copytree(built[1], tmp_path / "before"))


def test_the_notebooks_files_are_found_without_arguments(notebook_copy, monkeypatch):
    monkeypatch.chdir(notebook_copy)
    result = build(load_config(None, {"examples": 2, "experiments": "off"}))
    assert (notebook_copy / "output/site/index.html").is_file()
    assert result.zip == Path("output/report.zip")
    assert result.zip.stat().st_size > 1000
    names = [model.name for model in read_analysis(result.analysis).models]
    assert names == ["Custom CNN", "ResNet18"]


def test_the_report_says_how_the_labels_were_read(built):
    result, _ = built
    notes = json.loads((result.analysis / "manifest.json").read_text())["notes"]
    assert f"class order of the outputs, by the names that the data states: {', '.join(EMOTIONS)}" in notes
    pages = html.unescape("".join((result.site / f"{name}.html").read_text("utf-8") for name in ("index", "method")))
    assert [note for note in notes if note[:1].upper() + note[1:] not in pages] == []


def test_records_can_be_read_with_pandas(built):
    _, output = built
    images = pd.concat(pd.read_parquet(part) for part in sorted((output / "analysis/images").glob("*.parquet")))
    assert len(images) == 28
    assert images["image_id"].is_unique
    assert set(images["width"]) == {96}
    said = pd.concat(pd.read_parquet(part) for part in sorted((output / "analysis/models/resnet18").glob("*.parquet")))
    assert said["image_id"].tolist() == images["image_id"].tolist()
    assert np.stack(said["maps"]).shape == (28, 7 * 7 * 7)
    assert len(list((output / "analysis/landmarks").glob("*.parquet"))) == 4


def test_nothing_is_computed_or_written_twice(notebook, built, built_before, monkeypatch):
    first, _ = built
    before = {path: path.stat().st_mtime_ns for path in built_before.rglob("*") if path.is_file()}
    monkeypatch.setitem(sys.modules, "reportgen.explain.compute", None)  # importing it would fail
    again = build(settings(notebook, built_before, shard_images=8))
    assert {path: path.stat().st_mtime_ns for path in built_before.rglob("*") if path.is_file()} == before
    assert (again.site, again.alarms, again.warnings) == (built_before / "site", first.alarms, first.warnings)


def test_nothing_that_runs_judges_or_draws_is_loaded_where_nothing_has_changed(notebook, built_before):
    code = "import sys; from pathlib import Path; from reportgen.config import Config; "
    code += "from reportgen.commands.build import build; "
    code += "build(Config(data=Path(sys.argv[1]), output=Path(sys.argv[2]), shard_images=8)); print(*sys.modules)"
    command = [sys.executable, "-c", code, notebook / "processed_data.pkl", built_before]
    site = (built_before / "site/index.html").stat().st_mtime_ns
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert (built_before / "site/index.html").stat().st_mtime_ns == site
    assert "pandas" in loaded
    assert not {"torch", "matplotlib", "sklearn", "scipy", "jinja2"} & set(loaded)


def test_what_a_build_killed_before_its_end_left_behind_is_removed(notebook, built_before):
    """A kill between the manifest and the removal of the parts it replaces leaves those; the user's files are kept."""
    analysis = built_before / "analysis"
    before = tree(analysis)
    experiments = sorted(analysis.glob("experiments/*/resnet18"))
    assert experiments
    for folder in (analysis / "images", analysis / "models/resnet18", experiments[0]):
        (part,) = folder.glob("part-00000-*")
        shutil.copy(part, part.with_name("part-00000-0123456789abcdef.parquet"))
    (analysis / "images/mine.parquet").write_text("mine")
    build(settings(notebook, built_before, shard_images=8, overlay="classic"))  # its site was not finished either
    assert tree(analysis).keys() - before.keys() == {"images/mine.parquet"}


def test_a_change_of_figures_needs_no_model(notebook, built_before, monkeypatch):
    before = tree(built_before / "site")
    monkeypatch.setitem(sys.modules, "reportgen.explain.compute", None)
    build(settings(notebook, built_before, shard_images=8, overlay="classic"))
    assert tree(built_before / "site") != before


def test_the_same_inputs_give_the_same_bytes_whatever_the_workers(notebook, tmp_path, built):
    build(settings(notebook, tmp_path, shard_images=8, workers=1))
    one, two = tree(tmp_path), tree(built[1])
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_changed_weights_are_computed_again_and_the_other_model_is_not(notebook_copy, built_before):
    import torch

    from reportgen.models.architectures.custom_cnn import CustomCNN

    output = built_before
    parts = {path.name for path in (output / "analysis/models/resnet18").iterdir()}
    other = {path.name for path in (output / "analysis/models/custom-cnn").iterdir()}
    torch.manual_seed(9)
    torch.save(CustomCNN().state_dict(), notebook_copy / "custom_cnn_best.pth")
    build(settings(notebook_copy, output, shard_images=8, experiments="off"))
    assert {path.name for path in (output / "analysis/models/resnet18").iterdir()} == parts
    now = {path.name for path in (output / "analysis/models/custom-cnn").iterdir()}
    assert now.isdisjoint(other)
    assert len(now) == len(other)


def test_one_model_is_enough_and_the_report_says_which_is_missing(notebook_copy, tmp_path):
    (notebook_copy / "transfer_learning_best.pth").unlink()
    result = build(settings(notebook_copy, tmp_path / "out", experiments="off"))
    assert [model.name for model in read_analysis(result.analysis).models] == ["Custom CNN"]
    said = "".join(page.read_text() for page in result.site.rglob("*.html"))
    assert "transfer_learning_best.pth was not found" in said
    assert "error" in result.alarms


def test_no_model_is_one_line(notebook_copy, tmp_path):
    for file in notebook_copy.glob("*.pth"):
        file.unlink()
    with pytest.raises(CheckpointError, match=r"looked for .*custom_cnn_best.pth.*--model NAME=CHECKPOINT"):
        build(settings(notebook_copy, tmp_path / "out"))


def test_no_test_set_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"no processed_data.pkl in this folder; run in the notebook's folder or .*--data"
    ):
        build(Config())


def test_a_bad_image_is_listed_and_does_not_stop_the_build(notebook_copy, tmp_path):
    images = sorted((notebook_copy / "images").iterdir())
    images[0].write_bytes(images[0].read_bytes()[:200])
    images[1].unlink()
    images[2].write_bytes(b"")
    result = build(settings(notebook_copy, tmp_path / "out", experiments="off"))
    analysis = read_analysis(result.analysis)
    assert len(analysis.images) == 25
    assert all(len(model.logits) == 25 for model in analysis.models)
    assert sorted(Path(path).name for path in analysis.problems["path"]) == sorted(image.name for image in images[:3])
    assert "error" in result.alarms
    said = (result.site / "index.html").read_text() + (result.site / "method.html").read_text()
    assert all(image.name in said for image in images[:3])


def test_no_readable_image_is_one_line(notebook_copy, tmp_path):
    for image in (notebook_copy / "images").iterdir():
        image.write_bytes(b"no image")
    with pytest.raises(DataError, match="no image could be read; the first"):
        build(settings(notebook_copy, tmp_path / "out"))


def test_a_shuffled_class_order_of_a_model_is_put_right(notebook, tmp_path, built):
    import torch

    from reportgen.inputs.checkpoints.reading import read_checkpoint

    state = read_checkpoint(notebook / "custom_cnn_best.pth").state
    order = [3, 0, 6, 1, 5, 2, 4]
    emotions = read_analysis(built[0].analysis).classes
    shuffled = {**state, "fc2.weight": state["fc2.weight"][order], "fc2.bias": state["fc2.bias"][order]}
    torch.save(shuffled, tmp_path / "shuffled.pth")
    entry = {"checkpoint": tmp_path / "shuffled.pth", "classes": [emotions[i] for i in order]}
    result = build(settings(notebook, tmp_path / "out", models={"M": entry}, shard_images=8, experiments="off"))
    ours, plain = read_analysis(result.analysis).models[0], read_analysis(built[0].analysis).models[0]
    np.testing.assert_allclose(ours.logits, plain.logits, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.maps, plain.maps, rtol=1e-4, atol=1e-6)


def test_a_class_order_that_looks_permuted_is_said_on_the_terminal_too(notebook, tmp_path, monkeypatch):
    """The rule itself is tested with the evidence; here, that its sentence arrives."""
    from reportgen.commands import conclude as module
    from reportgen.evidence.performance.permuted_classes import PermutedOrder

    said = PermutedOrder(0.1, 0.9, EMOTIONS[::-1], 40, ())
    monkeypatch.setattr(module, "likely_order", lambda *arguments: said)
    models = {"Custom CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    result = build(settings(notebook, tmp_path, models=models, regions="none"))
    assert class_order_warning(said) in result.warnings
    assert "class-order" in result.alarms
    assert "look permuted" in (result.site / "index.html").read_text(encoding="utf-8")


def test_changed_pictures_are_shown_once_and_only_where_wanted(notebook, tmp_path, monkeypatch):
    models = {"Custom CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    config = settings(notebook, tmp_path, models=models, regions="none", experiments="off")
    build(config)
    tables = tmp_path / "analysis/tables"
    assert len(pd.read_parquet(tables / "interventions.parquet")) == 0
    assert "not tested" in (tmp_path / "site/shortcuts.html").read_text(encoding="utf-8")
    assert not (tmp_path / "analysis/experiments").exists()
    # So few photos show no association, which would call for changes.
    monkeypatch.setattr("reportgen.commands.experiments.called_for", lambda links: dict.fromkeys(CHANGES, EMOTIONS))
    build(config.model_copy(update={"experiments": "default"}))
    effects = pd.read_parquet(tables / "interventions.parquet")
    # Without regions no face is known that could be moved.
    made = [name for name in CHANGES if name not in (*FRAMING, "flattened")]
    assert effects["n"].groupby(effects["change"]).sum().to_dict() == dict.fromkeys(made, 28)
    (part,) = (tmp_path / "analysis/experiments/interventions/custom-cnn").iterdir()
    written = part.stat().st_mtime_ns
    monkeypatch.setitem(sys.modules, "reportgen.explain.experiments.forward", None)  # importing it would fail
    build(config.model_copy(update={"experiments": "default", "overlay": "classic"}))
    assert part.stat().st_mtime_ns == written
    meanings = json.loads((tables / "dictionary.json").read_text())
    assert all(
        set(meanings[name]) == set(pd.read_parquet(tables / f"{name}.parquet").columns) for name in SHORTCUT_COLUMNS
    )


def test_a_build_loads_each_model_once_for_all_experiments_and_hashes_each_checkpoint_once(counted):
    _, output, loaded, hashed = counted
    assert len(list((output / "analysis/experiments").glob("*/resnet18"))) > 1
    assert sorted(loaded) == ["Custom CNN", "ResNet18"]
    assert len(hashed) == 2


def test_images_without_labels(notebook, tmp_path):
    models = {"Custom CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    images = sorted((notebook / "images").iterdir())[:3]
    result = explain(Config(models=models, output=tmp_path), images)
    analysis = read_analysis(result.analysis)
    assert analysis.labels.tolist() == [-1, -1, -1]
    pages = list((result.site / "images").glob("*.html"))
    assert len(pages) >= 3


@pytest.mark.slow
def test_a_killed_build_goes_on_and_ends_with_the_same_bytes(notebook, tmp_path, built):
    """SIGKILL once the first part of the last model is on disk: at most the shard under way is lost."""
    command = [sys.executable, "-m", "reportgen", "build", "--data", str(notebook / "processed_data.pkl")]
    config = tmp_path / "reportgen.toml"
    config.write_text("shard_images = 8\n")
    output = tmp_path / "out"
    command += ["--config", str(config), "--output", str(output)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        parts = output / "analysis/models/resnet18"
        while process.poll() is None and not list(parts.glob("part-00000-*")):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    left = {path: path.stat().st_mtime_ns for path in (output / "analysis").rglob("part-*.parquet")}
    assert 3 <= len(left) < 16
    assert not (output / "site").exists()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert {path: path.stat().st_mtime_ns for path in left} == left
    one, two = tree(output), tree(built[1])
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_what_is_only_told_reaches_a_report_that_is_there(notebook_copy, tmp_path):
    """Pretraining, a checkpoint's name and the training split are in no record, yet on the pages."""
    data, checkpoint = notebook_copy / "processed_data.pkl", notebook_copy / "custom_cnn_best.pth"

    def again(checkpoint, **more):
        models = {"CNN": {"checkpoint": checkpoint, **more}}
        site = build(settings(notebook_copy, tmp_path, models=models, regions="none", experiments="off")).site
        return read_analysis(tmp_path / "analysis").models[0].info, (site / "method.html").read_text(encoding="utf-8")

    again(checkpoint)
    parts = tree(tmp_path / "analysis/models")
    info, method = again(checkpoint.rename(checkpoint.with_name("renamed.pth")), pretraining="faces of 1998")
    assert (info["file"], info["pretraining"]) == ("renamed.pth", "faces of 1998")
    assert "renamed.pth" in method
    before = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    splits = pd.read_pickle(data)
    train = splits["train_df"]
    more = [train.assign(image_path=f"images/Person_{k}_9000.png") for k in range(5)]
    pd.to_pickle({**splits, "train_df": pd.concat(more)}, data)
    again(checkpoint.with_name("renamed.pth"), pretraining="faces of 1998")
    assert (tmp_path / "site/index.html").read_text(encoding="utf-8") != before
    assert tree(tmp_path / "analysis/models") == parts


def test_the_state_holds_no_path_of_this_machine(built):
    _, output = built
    here = str(output).encode()
    for name, content in tree(output).items():
        assert here not in content, name
    assert json.loads((output / ".reportgen.json").read_text())["key"]
    assert os.sep + "home" not in (output / "analysis/manifest.json").read_text()


def test_the_readmes_snippet_recomputes_the_table(built, tmp_path, monkeypatch, capsys):
    """Every number of the region tables follows from the per-image table in a few lines of pandas."""
    _, output = built
    root = Path(__file__).resolve().parents[2]
    blocks = (root / "README.md").read_text(encoding="utf-8").split("```python\n")[1:]
    (snippet,) = (block.split("```")[0] for block in blocks if "statistics.parquet" in block)
    (tmp_path / "output").symlink_to(output)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(snippet, names)
    capsys.readouterr()
    ours = (names["mean"]["share"] / names["mean"]["area"]).rename("again")
    table = pd.read_parquet(output / "analysis/tables/emotion_regions.parquet")
    table = table[(table["kind"] == "label") & (table["n"] > 0)]
    both = table.join(ours, on=["model", "emotion", "region"])
    assert len(both) > 0
    np.testing.assert_allclose(both["again"], both["enrichment"], rtol=1e-6)


@pytest.mark.parametrize(
    ("uses", "cheating", "heat", "alarm"),
    [(("gap",), True, "no", True), (("gap",), False, "yes", False), ((), False, "yes", True), ((), False, "no", False)],
)
def test_heatmaps_raise_the_alarm_only_where_importance_was_not_tested(uses, cheating, heat, alarm):
    importance = SimpleNamespace(tested=bool(uses), backgrounds=(SimpleNamespace(cheating=cheating),))
    attention = SimpleNamespace(verdicts=(SimpleNamespace(kind="background", answer=heat),))
    assert depends_on_background(SimpleNamespace(importance=importance, attention=attention)) is alarm


@pytest.mark.parametrize(("contaminated", "found"), [({}, set()), ({("CNN", "joy"): object()}, {"cheating"})])
def test_whatever_was_proved_raises_the_alarm(contaminated, found):
    report = SimpleNamespace(
        analysis=SimpleNamespace(problems=()), class_orders=(None,), importance=None, attention=None,
        contaminated=contaminated,
    )  # fmt: skip
    assert alarms(report, ()) == found
    assert alarms(report, ("no model",)) == found | {"error"}
