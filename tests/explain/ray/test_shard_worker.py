"""What a worker of a cluster makes of what it is sent, without a cluster: in this process, in another folder."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image

from reportgen.config import Config, RayCluster, with_absolute_paths
from reportgen.errors import BuildError, ConfigError, OutputError
from reportgen.explain import record_cache as kept
from reportgen.explain.analyse import analyse
from reportgen.explain.ray import actor as cluster_worker
from reportgen.explain.ray import cluster
from reportgen.explain.ray.actor import Attempts, ClusterWorker
from reportgen.explain.ray.shard_worker import ShardWorker
from reportgen.explain.ray.storage import Storage, StoredParts
from reportgen.explain.tuning import usual_tuning
from reportgen.inputs.testset import load_test_set
from reportgen.progress import SilentProgress
from reportgen.shards import PartStore

LABELS = {0: "", 1: "face", 2: "mouth"}


@pytest.fixture
def elsewhere(monkeypatch, tmp_path_factory):
    """Shards are sent to a worker in another working folder; `change` may do something to that machine first."""
    folder, sent = tmp_path_factory.mktemp("worker"), {"change": lambda job: job}

    def run(config, job, blocks):
        sent["job"], here = job, Path.cwd()
        job = sent["change"](job)
        os.chdir(folder)
        try:
            worker = ShardWorker(job)
            done = [worker(block) for block in list(blocks)]
        finally:
            os.chdir(here)
        yield from done

    monkeypatch.setattr(cluster, "_run", run)
    return sent


def run(config):
    return analyse(config, load_test_set(config), config.output / "analysis", SilentProgress())


def parts(output):
    root = output / "analysis"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.parquet"))}


def settings(output, engine, **more):
    return Config.model_validate(
        {
            "data": "processed_data.pkl", "models": {"CNN": {"checkpoint": "custom_cnn_best.pth"}}, "output": output,
            "engine": engine, "regions": "template", "shard_images": 8, "workers": 2, **more,
        }
    )  # fmt: skip


@pytest.fixture
def inside(notebook_copy, monkeypatch):
    """The notebook's folder, copied and entered."""
    monkeypatch.chdir(notebook_copy)
    return notebook_copy


@pytest.mark.slow
def test_masks_in_a_relative_folder_are_found_by_a_worker_that_stands_elsewhere(inside, elsewhere):
    Path("masks").mkdir()
    for number, image in enumerate(sorted(Path("images").iterdir())):
        label = np.zeros((8, 8), np.uint8)
        label[: number % 7 + 1], label[6:, 2:6] = 1, 2
        Image.fromarray(label).save(Path("masks") / f"{image.stem}.png")
    masks = {"region_masks": {"folder": "masks", "labels": LABELS}}
    assert run(settings("here", "local", **masks)) == run(settings("there", "ray", **masks)) == 28
    here, there = parts(Path("here")), parts(Path("there"))
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []
    elsewhere["change"] = lambda job: replace(job, config=_without_masks(job.config, inside / "gone"))
    with pytest.raises(
        ConfigError, match=r"region_masks.folder .*gone: no such folder on .*same path on every"
    ) as said:
        run(settings("third", "ray", **masks))
    assert "\n" not in str(said.value)


def _without_masks(config, folder):
    return config.model_copy(update={"region_masks": config.region_masks.model_copy(update={"folder": folder})})


def test_every_path_of_the_settings_becomes_absolute(inside):
    config = with_absolute_paths(
        settings("out", "ray", image_root="images", region_masks={"folder": "masks", "labels": LABELS})
    )

    def paths(value):
        if isinstance(value, Path):
            yield value
        elif isinstance(value, dict):
            for entry in value.values():
                yield from paths(entry)

    found = list(paths(config.model_dump()))
    assert len(found) == 5
    assert all(path.is_absolute() and path.is_relative_to(inside) for path in found)


@pytest.mark.slow
def test_a_file_that_nobody_can_read_is_listed_and_one_that_the_worker_cannot_read_ends_the_build(
    inside, elsewhere, monkeypatch
):
    monkeypatch.setattr("reportgen.inputs.images.decoding._LARGEST", 100_000)
    first, second, *_ = sorted(Path("images").iterdir())
    os.truncate(first, 100_001)
    assert run(settings("here", "local")) == run(settings("there", "ray")) == 28
    assert parts(Path("here")) == parts(Path("there"))
    problems = pd.read_parquet("there/analysis/problems.parquet")
    assert problems["message"].tolist() == [f"images/{first.name}: 0.0 GB, at most 0.0 GB are read"]
    shutil.rmtree("there")

    def hide(job):
        second.unlink()
        return job

    elsewhere["change"] = hide
    with pytest.raises(ConfigError, match=rf"images/{second.name}: cannot be read .* on .*; image files have to be"):
        run(settings("there", "ray"))


@pytest.mark.slow
def test_a_further_model_opens_of_the_landmarks_only_the_parts_of_its_shards(inside, elsewhere, monkeypatch):
    run(settings("there", "ray"))
    opened = []
    read = kept._keys_of
    monkeypatch.setattr(kept, "_keys_of", lambda path: opened.append(path) or read(path))
    models = {"CNN": {"checkpoint": "custom_cnn_best.pth"}, "ResNet": {"checkpoint": "transfer_learning_best.pth"}}
    found = []
    find = kept.FaceCache.find
    monkeypatch.setattr(kept.FaceCache, "find", lambda self, row: found.append(find(self, row)) or found[-1])
    assert run(settings("there", "ray", models=models)) == 28
    assert len(found) == 28 and None not in found
    # Four shards; the machine that asks looks into all parts once for its own finder.
    assert len([path for path in opened if path.parent.name == "landmarks"]) == 2 * 4


class _Answer:
    def __init__(self, method):
        self.remote = method


class _Handle:
    """`Attempts` as a handle in this process."""

    def __init__(self):
        counter = Attempts()
        self.begin, self.done = _Answer(counter.begin), _Answer(counter.done)


class _Ray:
    """As much of Ray as a worker asks for, in this process."""

    class exceptions:  # noqa: N801
        RayError = RuntimeError

    @staticmethod
    def get(value):
        return value

    @staticmethod
    def get_runtime_context():
        class Context:
            get_actor_id = staticmethod(lambda: "one")

        return Context


def a_block(shard):
    return pa.table({"shard": [shard] * 2, "row:path": ["a.png", "b.png"]})


def test_what_takes_every_worker_down_is_sent_four_times_and_then_named(monkeypatch):
    class Dies:
        def __init__(self, job):
            pass

        def __call__(self, block):
            if block.column("shard")[0].as_py() == 3:
                raise KeyboardInterrupt  # nothing of the worker runs any further
            return 2

    monkeypatch.setitem(__import__("sys").modules, "ray", _Ray)
    monkeypatch.setattr(cluster_worker, "ShardWorker", Dies)
    job = type("Job", (), {"config": Config(shard_images=2)})
    attempts = _Handle()
    for _ in range(4):
        worker = ClusterWorker([job], attempts)
        assert worker(a_block(1)).to_pylist() == [{"images": 2, "kind": "", "problem": ""}]
        with pytest.raises(KeyboardInterrupt):
            worker(a_block(3))
    (row,) = ClusterWorker([job], attempts)(a_block(3)).to_pylist()
    assert row["kind"] == "BuildError"
    assert row["problem"].startswith(
        "shard 3 (images 7 to 8 of the test set, from a.png): 4 workers died while computing it"
    )


def test_a_worker_that_dies_while_it_loads_is_not_started_for_ever_and_an_error_keeps_its_cause(monkeypatch):
    class Fails:
        def __init__(self, job):
            if job == "fatal":
                raise KeyboardInterrupt

        def __call__(self, block):
            raise ValueError("two\nlines")

    monkeypatch.setitem(__import__("sys").modules, "ray", _Ray)
    monkeypatch.setattr(cluster_worker, "ShardWorker", Fails)
    attempts = _Handle()
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            ClusterWorker(["fatal"], attempts)
    (row,) = ClusterWorker(["fatal"], attempts)(a_block(3)).to_pylist()
    assert "died 4 times while it loaded the models" in row["problem"]
    job = type("Job", (), {"config": Config(shard_images=2)})
    (row,) = ClusterWorker([job], _Handle())(a_block(3)).to_pylist()
    assert row["problem"].startswith("shard 3 (images 7 to 8 of the test set, from a.png): ValueError: two lines (test")


def test_an_error_of_rays_own_is_told_by_its_cause():
    page = RuntimeError(
        "\x1b[36mray::MapWorker(MapBatches(X)).submit()\x1b[39m (pid=1, ip=10.0.0.1)\n  File 'x.py', line 1, in f\n"
        "ModuleNotFoundError: No module named 'reportgen'\n\nray.exceptions.UserCodeException: UDF failed"
    )
    assert cluster._cause(page) == "ModuleNotFoundError: No module named 'reportgen'"
    assert cluster._cause(RuntimeError("\x1b[31mThe node died.\x1b[0m\nmore")) == "The node died."
    assert cluster._cause(RuntimeError()) == "RuntimeError"


def test_blocks_are_in_memory_by_rows_and_bytes_not_by_shards():
    blocks = [pa.table({"x": pa.array([bytes(1000)] * rows)}) for rows in (4, 4, 4, 20, 1)]
    sizes = [[block.num_rows for block in wave] for wave in cluster.waves(iter(blocks), rows=8, size=1 << 20)]
    assert sizes == [[4, 4], [4], [20], [1]]
    sizes = [[block.num_rows for block in wave] for wave in cluster.waves(iter(blocks), rows=1000, size=9000)]
    assert sizes == [[4, 4], [4], [20], [1]]
    assert list(cluster.waves(iter([]))) == []


def test_there_are_as_many_workers_as_there_is_room_for():
    resources = {"CPU": 64.0, "GPU": 4.0}
    assert cluster.worker_count(RayCluster(), resources) == 64
    assert cluster.worker_count(RayCluster(cpus_per_worker=8), resources) == 8
    assert cluster.worker_count(RayCluster(gpus_per_worker=1), resources) == 4
    assert cluster.worker_count(RayCluster(gpus_per_worker=0.5, cpus_per_worker=16), resources) == 4
    assert cluster.worker_count(RayCluster(gpus_per_worker=1), {"CPU": 8.0}) == 1
    assert cluster.worker_count(RayCluster(workers=3), resources) == 3


@pytest.mark.slow
def test_workers_may_have_a_device_that_this_machine_lacks(inside, monkeypatch):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has the device")
    asked = {}

    def run_on_ray(config, test_set, fingerprints, recorders, models, folder, device, tunings, progress):
        asked.update(device=device, tunings=tunings)
        raise BuildError("as far as this test goes")

    monkeypatch.setattr(cluster, "run_on_ray", run_on_ray)
    monkeypatch.setattr("reportgen.explain.tuning.WORTH_MEASURING", 1)
    with pytest.raises(BuildError, match="as far as"):
        run(settings("out", "ray", device="cuda"))
    assert asked == {"device": "cuda", "tunings": {"CNN": usual_tuning("cuda")}}
    with pytest.raises(ConfigError, match="--precision bf16: what it changes is measured on this machine"):
        run(settings("out", "ray", device="cuda", precision="bf16"))
    with pytest.raises(ConfigError, match=r"--device cuda: torch .* finds none here"):
        run(settings("out", "local", device="cuda"))


KEY = "0" * 16


def test_a_storage_that_only_fsspec_knows_will_do(tmp_path):
    pytest.importorskip("fsspec", reason="fsspec comes with Ray")
    table = pa.table({"a": [1.5, 2.5]})
    for uri in ("memory://bucket/run", f"local://{tmp_path}/run"):
        far, near = Storage(uri).parts("models/x"), PartStore(tmp_path / uri[:5])
        assert not far.has(3, KEY) and far.names() == set()
        far.write(3, KEY, table)
        far.write(3, KEY, table)  # a shard that was sent twice
        assert far.has(3, KEY) and far.names() == {far.path(3, KEY).name}
        far.fetch(3, KEY, near)
        assert near.path(3, KEY).is_file()
    with pytest.raises(ConfigError, match="cannot be opened"):
        Storage("a/folder")  # would be another one on every machine


@pytest.mark.slow  # the client tries for some seconds
def test_a_storage_that_is_not_reached_is_one_line_and_tells_no_secret(tmp_path):
    far = Storage("s3://key:secret@bucket/run?endpoint_override=127.0.0.1:9&scheme=http&region=us-east-1")
    for ask in (lambda: far.parts("images").has(0, KEY), far.parts("images").names):
        with pytest.raises(OutputError, match=r"ray.storage s3://...@bucket/run.*: cannot be reached \(") as said:
            ask()
        assert "\n" not in str(said.value)
        assert "secret" not in str(said.value)


class _Table:
    """Of a recorder what fetching needs: where its parts go and what they are called."""

    def __init__(self, folder, count):
        self.store = PartStore(folder)
        self.keys = type("Keys", (), {"parts": tuple(f"{number:016x}" for number in range(count))})


def test_parts_are_fetched_several_at_a_time_and_only_those_that_are_missing(tmp_path, monkeypatch):
    from threading import Barrier

    (tmp_path / "bucket").mkdir()
    storage, table = Storage((tmp_path / "bucket").as_uri()), _Table(tmp_path / "near", 12)
    for shard, key in list(enumerate(table.keys.parts))[:10]:  # the last two were not made yet
        storage.parts("images").write(shard, key, pa.table({"shard": [shard]}))
    for shard in (0, 1):
        table.store.write(shard, table.keys.parts[shard], pa.table({"shard": [shard]}))
    together, fetch, asked = Barrier(8, timeout=20), StoredParts.fetch, []

    def fetch_together(self, index, key, into):
        asked.append(index)
        together.wait()  # passes only while eight are under way
        fetch(self, index, key, into)

    monkeypatch.setattr(StoredParts, "fetch", fetch_together)
    cluster._fetch({"images": table}, storage)
    assert sorted(asked) == list(range(2, 10))
    assert table.store.read(table.keys.parts[:10])["shard"].to_pylist() == list(range(10))
    assert not list((tmp_path / "near").glob(".*"))

    def fail(self, index, key, into):
        raise OutputError(f"part {index}")

    shutil.rmtree(tmp_path / "near")
    monkeypatch.setattr(StoredParts, "fetch", fail)
    with pytest.raises(OutputError, match="part 0"):
        cluster._fetch({"images": table}, storage)
