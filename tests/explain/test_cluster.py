"""A cluster writes the same parts as this machine, whatever happens to its workers."""

import os
import signal
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import read_analysis
from reportgen.config import Config
from reportgen.errors import ConfigError, OutputError
from reportgen.explain.analyse import analyse
from reportgen.explain.storage import Storage
from reportgen.inputs.testset import load_test_set
from reportgen.parts import PartStore
from reportgen.progress import SilentProgress
from tests.conftest import draw_face

# Ray reads its own settings under names that it has given up, and leaves pipes to the operating system.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


def need_ray():
    return pytest.importorskip("ray", reason="Ray is not installed (python -m pip install 'reportgen[ray]')")


@pytest.fixture(scope="module")
def cluster():
    """A cluster of two workers on this machine, shared by the tests."""
    ray = need_ray()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield ray
    ray.shutdown()


def settings(data, output, models, **more):
    return Config(
        data=data, output=output, models=models, classes=EMOTIONS, shard_images=8, **{"ray": {"workers": 2}, **more}
    )


def run(config, progress=None):
    return analyse(config, load_test_set(config), config.output / "analysis", progress or SilentProgress())


def parts(output):
    root = output / "analysis"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.parquet"))}


@pytest.fixture
def many(notebook, tmp_path):
    """A table of 60 images (one of which is broken), with a column of the user's own, and two models."""
    (tmp_path / "images").mkdir()
    rows = []
    for number in range(60):
        path = tmp_path / f"images/{number:03d}.png"
        draw_face(number % 7, number).save(path)
        rows.append({"path": str(path), "emotion": EMOTIONS[number % 7], "camera": None if number < 20 else "B"})
    (tmp_path / "images/033.png").write_bytes(b"not an image")
    pd.DataFrame(rows).to_csv(tmp_path / "many.csv", index=False)
    models = {
        "CNN": {"checkpoint": notebook / "custom_cnn_best.pth"},
        "ResNet18": {"checkpoint": notebook / "transfer_learning_best.pth"},
    }
    return tmp_path / "many.csv", models


@pytest.mark.slow
def test_the_parts_are_those_of_this_machine_byte_by_byte(cluster, many, tmp_path):
    data, models = many
    assert run(settings(data, tmp_path / "here", models, workers=2)) == 60
    assert run(settings(data, tmp_path / "there", models, engine="ray")) == 60
    here, there = parts(tmp_path / "here"), parts(tmp_path / "there")
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []
    assert run(settings(data, tmp_path / "there", models, engine="ray")) == 0


class _Killer(SilentProgress):
    """Kills the worker that has lived longest once the first shard is done."""

    def __init__(self):
        self.killed, self.done = [], 0

    @contextmanager
    def stage(self, title, total=None):
        killer = self

        class Step:
            def advance(self, amount=1):
                killer.done += amount
                if title.endswith("cluster") and not killer.killed:
                    victim = min(_workers())
                    os.kill(victim, signal.SIGKILL)
                    killer.killed.append((victim, killer.done))

        yield Step()


def _workers():
    """Processes of workers that hold models."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_bytes().decode()
        except OSError:
            continue
        if title.startswith("ray::") and "_Worker" in title:
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="workers are found in /proc")
def test_a_killed_worker_loses_nothing(cluster, many, tmp_path):
    data, models = many
    run(settings(data, tmp_path / "here", models, workers=2))
    killer = _Killer()
    assert run(settings(data, tmp_path / "there", models, engine="ray"), killer) == 60
    ((victim, done),) = killer.killed
    assert done < 60
    assert not Path(f"/proc/{victim}").exists()
    assert parts(tmp_path / "here") == parts(tmp_path / "there")
    assert not list((tmp_path / "there").rglob(".*.tmp")) or killer.killed  # a later build sweeps what the dead left


@pytest.mark.slow
def test_only_what_is_new_is_computed_and_a_storage_will_do(cluster, many, tmp_path):
    data, models = many
    table = pd.read_csv(data)
    table.iloc[5:].to_csv(tmp_path / "some.csv", index=False)
    one = {"CNN": models["CNN"]}
    assert run(settings(tmp_path / "some.csv", tmp_path / "there", one, engine="ray")) == 55
    assert run(settings(data, tmp_path / "there", one, engine="ray")) <= 5 + 1  # the broken image is tried again
    far = {"workers": 2, "storage": (tmp_path / "bucket").as_uri()}
    (tmp_path / "bucket").mkdir()
    assert run(settings(data, tmp_path / "far", models, engine="ray", ray=far)) == 60
    assert run(settings(data, tmp_path / "here", models, workers=2)) == 60
    assert parts(tmp_path / "far") == parts(tmp_path / "here")
    mine, theirs = read_analysis(tmp_path / "here/analysis"), read_analysis(tmp_path / "there/analysis")
    np.testing.assert_allclose(mine.models[0].maps, theirs.models[0].maps, rtol=1e-4, atol=1e-5)
    assert mine.images["image_id"].tolist() == theirs.images["image_id"].tolist()


@pytest.mark.slow
def test_pixels_in_a_table_travel_along(cluster, notebook, tmp_path):
    rng = np.random.default_rng(0)
    lines = [f"{k % 7},{' '.join(map(str, rng.integers(0, 256, 48 * 48)))},PrivateTest" for k in range(20)]
    (tmp_path / "fer2013.csv").write_text("emotion,pixels,Usage\n" + "\n".join(lines) + "\n")
    models = {"CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    for name, engine in (("here", "local"), ("there", "ray")):
        config = Config(
            data=tmp_path / "fer2013.csv", output=tmp_path / name, models=models, shard_images=8, engine=engine,
            regions="template",
        )  # fmt: skip
        assert run(config) == 20
    assert parts(tmp_path / "here") == parts(tmp_path / "there")


@pytest.mark.slow
def test_what_fails_on_a_worker_reads_as_it_would_here(cluster, many, tmp_path):
    data, models = many
    (tmp_path / "there/analysis").mkdir(parents=True)
    (tmp_path / "there/analysis/landmarks").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match=r"part-.*parquet: cannot be written") as caught:
        run(settings(data, tmp_path / "there", models, engine="ray"))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.real
def test_the_real_set_is_the_same_on_a_cluster(cluster, fer, tmp_path):
    models = {
        "Custom CNN": {"checkpoint": fer / "custom_cnn_best.pth"},
        "ResNet18": {"checkpoint": fer / "transfer_learning_best.pth"},
    }
    found = {}
    for name, engine in (("here", "local"), ("there", "ray")):
        config = Config(
            data=fer / "processed_data.pkl", output=tmp_path / name, models=models, engine=engine, ray={"workers": 2}
        )
        assert run(config) == 2051
        found[name] = read_analysis(tmp_path / name / "analysis")
    here, there = found["here"], found["there"]
    pd.testing.assert_frame_equal(here.images, there.images)
    for one, two in zip(here.models, there.models, strict=True):
        np.testing.assert_allclose(one.logits, two.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.maps, two.maps, rtol=1e-4, atol=1e-5)


def test_without_ray_the_way_to_get_it_is_said(notebook, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    models = {"CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    config = Config(data=notebook / "processed_data.pkl", output=tmp_path, models=models, engine="ray", regions="none")
    with pytest.raises(ConfigError, match=r"pip install 'reportgen\[ray\]'"):
        run(config)


def test_a_part_on_a_storage_is_whole_or_not_there(tmp_path):
    import pyarrow as pa

    far = Storage((tmp_path / "bucket").as_uri()).parts("models/x")
    table = pa.table({"a": [1.5, 2.5]})
    assert not far.has(3, "0" * 16)
    far.write(3, "0" * 16, table)
    assert far.has(3, "0" * 16)
    near, other = PartStore(tmp_path / "near"), PartStore(tmp_path / "other")
    far.fetch(3, "0" * 16, near)
    other.write(3, "0" * 16, table)
    assert near.path(3, "0" * 16).read_bytes() == other.path(3, "0" * 16).read_bytes()
    assert [path.name for path in (tmp_path / "bucket").rglob("*") if path.is_file()] == [far.path(3, "0" * 16).name]
    with pytest.raises(ConfigError, match="cannot be opened"):
        Storage("nonsense://x")
