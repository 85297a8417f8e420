"""A cluster writes the same parts as this machine, whatever happens to its workers."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from faults.scene import make_scene
from PIL import Image

from reportgen.analysis import read_analysis
from reportgen.config import Config
from reportgen.errors import ConfigError, OutputError
from reportgen.explain.analyse import analyse
from reportgen.explain.ray.storage import Storage
from reportgen.files import is_temporary_name, sweep_leftovers
from reportgen.inputs.testset import load_test_set
from reportgen.progress import SilentProgress
from reportgen.shards import PartStore
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


@pytest.fixture(scope="module")
def many(notebook, tmp_path_factory):
    """A table of 60 images (one of which is broken), with a column of the user's own, and two models."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "images").mkdir()
    rows = []
    for number in range(60):
        path = folder / f"images/{number:03d}.png"
        draw_face(number % 7, number).save(path)
        rows.append({"path": str(path), "emotion": EMOTIONS[number % 7], "camera": None if number < 20 else "B"})
    (folder / "images/033.png").write_bytes(b"not an image")
    pd.DataFrame(rows).to_csv(folder / "many.csv", index=False)
    models = {
        "CNN": {"checkpoint": notebook / "custom_cnn_best.pth"},
        "ResNet18": {"checkpoint": notebook / "transfer_learning_best.pth"},
    }
    return folder / "many.csv", models


@pytest.fixture(scope="module")
def here(many, tmp_path_factory):
    """The output of this machine alone for `many`. Read only."""
    data, models = many
    output = tmp_path_factory.mktemp("here")
    assert run(settings(data, output, models, workers=2)) == 60
    return output


@pytest.mark.slow
def test_the_parts_are_those_of_this_machine_byte_by_byte(cluster, many, here, tmp_path):
    data, models = many
    assert run(settings(data, tmp_path / "there", models, engine="ray")) == 60
    here, there = parts(here), parts(tmp_path / "there")
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
        if title.startswith("ray::") and "ClusterWorker" in title:
            found.append(int(folder.name))
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="workers are found in /proc")
def test_a_killed_worker_loses_nothing(cluster, many, here, tmp_path):
    data, models = many
    killer = _Killer()
    assert run(settings(data, tmp_path / "there", models, engine="ray"), killer) == 60
    ((victim, done),) = killer.killed
    assert done < 60
    assert not Path(f"/proc/{victim}").exists()
    assert parts(here) == parts(tmp_path / "there")
    left = tmp_path / f"there/analysis/images/.part.{victim}.reportgen.tmp"  # as one who dies while it writes leaves it
    left.touch()
    found = list((tmp_path / "there").rglob(".*.tmp"))
    assert left in found and {is_temporary_name(path.name) for path in found} == {True}
    sweep_leftovers(tmp_path / "there")  # as the next build does
    assert not list((tmp_path / "there").rglob(".*.tmp"))


@pytest.mark.slow
def test_only_what_is_new_is_computed_and_a_storage_will_do(cluster, many, here, tmp_path):
    data, models = many
    table = pd.read_csv(data)
    table.iloc[5:].to_csv(data.with_name("some.csv"), index=False)
    one, alone = {"CNN": models["CNN"]}, {"workers": 1}
    assert run(settings(data.with_name("some.csv"), tmp_path / "there", one, engine="ray", ray=alone)) == 55
    # The broken image is tried again.
    assert run(settings(data, tmp_path / "there", one, engine="ray", ray=alone)) <= 5 + 1
    far = {"workers": 2, "storage": (tmp_path / "bucket").as_uri()}
    (tmp_path / "bucket").mkdir()
    assert run(settings(data, tmp_path / "far", models, engine="ray", ray=far)) == 60
    assert parts(tmp_path / "far") == parts(here)
    mine, theirs = read_analysis(here / "analysis"), read_analysis(tmp_path / "there/analysis")
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
            regions="template", ray={"workers": 1},
        )  # fmt: skip
        assert run(config) == 20
    assert parts(tmp_path / "here") == parts(tmp_path / "there")


@pytest.mark.slow
def test_what_fails_on_a_worker_reads_as_it_would_here(cluster, many, tmp_path):
    data, models = many
    (tmp_path / "there/analysis").mkdir(parents=True)
    (tmp_path / "there/analysis/landmarks").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match=r"part-.*parquet: cannot be written") as caught:
        run(settings(data, tmp_path / "there", models, engine="ray", ray={"workers": 1}))
    assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.real
def test_photos_of_the_real_set_are_the_same_on_a_cluster(cluster, fer, tmp_path):
    """One photo in eight, in shards of which each worker gets several."""
    chosen = load_test_set(Config(data=fer / "processed_data.pkl")).frame.iloc[::8]
    chosen[["path", "emotion"]].to_csv(tmp_path / "chosen.csv", index=False)
    models = {
        "Custom CNN": {"checkpoint": fer / "custom_cnn_best.pth"},
        "ResNet18": {"checkpoint": fer / "transfer_learning_best.pth"},
    }
    found = {}
    for name, engine in (("here", "local"), ("there", "ray")):
        config = Config(
            data=tmp_path / "chosen.csv", image_root=fer, output=tmp_path / name, models=models, engine=engine,
            shard_images=32, ray={"workers": 2},
        )  # fmt: skip
        assert run(config) == len(chosen) > 250
        found[name] = read_analysis(tmp_path / name / "analysis")
    here, there = found["here"], found["there"]
    pd.testing.assert_frame_equal(here.images, there.images)
    np.testing.assert_array_equal(here.faces.points, there.faces.points)
    assert list(here.faces.regions_from) == list(there.faces.regions_from)
    for one, two in zip(here.models, there.models, strict=True):
        np.testing.assert_array_equal(one.masks, two.masks)
        np.testing.assert_allclose(one.logits, two.logits, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(one.maps, two.maps, rtol=1e-4, atol=1e-5)


def _build(root, *flags):
    """The command line in a folder, with its models' code on the path of all processes."""
    path = os.pathsep.join(map(str, (root, *(Path(__file__).parents[level] for level in (2, 3)))))
    command = [sys.executable, "-m", "reportgen", "build", "--config", "reportgen.toml", "--engine", "ray",
               "--experiments", "off", *flags]  # fmt: skip
    return subprocess.run(
        command, cwd=root, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


def _is_whole(outcome, output):
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert "Explaining on the cluster 7: " in outcome.stdout
    listed = json.loads((output / "site/manifest.json").read_text())["files"]
    assert "index.html" in listed
    assert all((output / "site" / name).is_file() for name in listed)


@pytest.fixture
def scene(tmp_path):
    """Seven images and a small model."""
    need_ray()
    make_scene(tmp_path / "scene")
    return tmp_path / "scene"


@pytest.mark.slow
def test_the_command_starts_a_cluster_of_its_own(scene):
    outcome = _build(scene)
    _is_whole(outcome, scene / "output")
    assert "ray" not in outcome.stdout.replace("gray", "")
    assert "nothing has changed" in _build(scene).stdout


@pytest.mark.slow
def test_the_command_joins_the_cluster_at_an_address(scene):
    folder = Path(tempfile.mkdtemp(prefix="rg", dir="/tmp"))  # sockets have short paths
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    start = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block",
        f"--port={address.rpartition(':')[2]}",
        "--num-cpus=2", "--include-dashboard=false", "--disable-usage-stats", f"--temp-dir={folder}",
    ]  # fmt: skip
    path = os.pathsep.join(str(Path(__file__).parents[level]) for level in (2, 3))
    with subprocess.Popen(
        start,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as head:
        try:
            settings = scene / "reportgen.toml"
            settings.write_text(settings.read_text() + f'\n[ray]\naddress = "{address}"\nworkers = 1\n')
            assert any("Ray runtime started" in line for line in head.stdout)  # before, its port is open too early
            _is_whole(_build(scene), scene / "output")
            assert list(folder.rglob("python-core-driver-*.log"))  # it came here, and started none of its own
        finally:
            head.terminate()
            head.wait(60)
    shutil.rmtree(folder, ignore_errors=True)


FATAL = """
import os
from pathlib import Path
from faults import tiny

class Model(tiny.Tiny):
    def forward(self, x):
        if Path("/proc/self/cmdline").read_bytes().startswith(b"ray::") and bool((x.flatten(1).amin(1) > 2).any()):
            os._exit(9)
        return super().forward(x)

def make(*args, **kwargs):
    return Model(*args, **kwargs)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="workers are told apart in /proc")
def test_an_image_that_kills_its_workers_ends_the_build_by_name(scene):
    Image.new("RGB", (40, 48), "white").save(scene / "images/sadness_5.png")
    (scene / "fatal.py").write_text(FATAL)
    settings = scene / "reportgen.toml"
    settings.write_text(settings.read_text().replace("faults.tiny:make", "fatal:make") + "\n[ray]\nworkers = 1\n")
    outcome = _build(scene)
    assert outcome.returncode == 1
    (line,) = outcome.stderr.splitlines()
    assert line.startswith("error: shard 1 (images 5 to 7 of the test set, from images/neutral_4.png): 4 workers died")
    assert len(list((scene / "output/analysis/models").rglob("part-00000-*.parquet"))) == 1  # the others are kept


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


@pytest.mark.slow
@pytest.mark.extras
def test_an_onnx_file_travels_with_its_weights_and_the_choice_of_maps(cluster, many, tmp_path):
    linear = pytest.importorskip("onnx_files", reason="needs the extra reportgen[onnx]").linear
    data, _ = many
    weight = np.random.default_rng(0).normal(size=(3 * 28 * 28, 7)).astype(np.float32)
    file = linear(tmp_path / "net.onnx", weight, np.zeros(7), ("batch", 3, 28, 28))
    models = {"Net": {"checkpoint": file}}
    assert run(settings(data, tmp_path / "here", models, workers=2, max_ablated_images=20)) == 60
    assert run(settings(data, tmp_path / "there", models, engine="ray", max_ablated_images=20)) == 60
    assert parts(tmp_path / "here") == parts(tmp_path / "there")
    model = read_analysis(tmp_path / "there/analysis").models[0]
    assert model.maps.any(axis=(1, 2, 3)).sum() in (19, 20)  # the broken image may be among those drawn
