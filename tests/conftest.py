"""Fixtures for every room: a notebook's folder in small, and the real test set where it is at hand."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from jinja2 import FileSystemBytecodeCache
from PIL import Image, ImageDraw

from reportgen.site.html import render

# How long an example takes says how busy the machine is, and nothing else.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell that starts something in the background has it ignore Ctrl-C, and so would every command that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
PER_EMOTION = 4


def draw_face(emotion: int, number: int, size: int = 96) -> Image.Image:
    """A simple face whose brows and mouth depend on the emotion: enough to be told apart by eye in a failing test."""
    rng = np.random.default_rng(100 * emotion + number)
    image = Image.new("RGB", (size, size), tuple(int(v) for v in rng.integers(40, 200, 3)))
    draw = ImageDraw.Draw(image)
    s = size / 96
    draw.ellipse([16 * s, 8 * s, 80 * s, 92 * s], fill=(224, 172 + number, 140))
    for x in (34, 62):
        draw.ellipse([(x - 5) * s, 36 * s, (x + 5) * s, 44 * s], fill="white", outline="black")
        draw.line([(x - 8) * s, (28 + emotion) * s, (x + 8) * s, (34 - emotion) * s], fill="black", width=2)
    draw.arc(
        [32 * s, (58 - emotion) * s, 64 * s, (70 + emotion) * s], 20 * emotion, 160 + 20 * emotion, fill="red", width=3
    )
    return image


@pytest.fixture(scope="session", autouse=True)
def _compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every report compiles its templates, which takes longer than a small one's pages; here all share them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "templates"
    folder.mkdir(exist_ok=True)
    shared = partial(render.Environment, bytecode_cache=FileSystemBytecodeCache(str(folder)))
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(render, "Environment", shared)
        yield


@pytest.fixture(scope="session")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the notebook leaves it: pickle, two checkpoints with random weights, 28 images. Read only."""
    import torch

    from reportgen.models.architectures.custom_cnn import CustomCNN
    from reportgen.models.architectures.resnet import TransferLearningModel

    folder = tmp_path_factory.mktemp("notebook")
    (folder / "images").mkdir()
    rows = []
    for emotion, name in enumerate(EMOTIONS):
        for number in range(PER_EMOTION):
            path = f"images/Person_{(emotion + number) % 5}_{emotion}{number:03d}.png"
            draw_face(emotion, number).save(folder / path)
            rows.append({"image_path": path, "emotion": name, "label": emotion})
    frame = pd.DataFrame(rows)
    train = pd.DataFrame({"image_path": ["images/Person_0_9000.png"], "emotion": ["anger"], "label": [0]})
    pd.to_pickle(
        {"train_df": train, "val_df": train[:0], "test_df": frame, "emotion_classes": list(EMOTIONS)},
        folder / "processed_data.pkl",
    )
    torch.manual_seed(1)
    torch.save({"model_state_dict": CustomCNN().state_dict(), "epoch": 3}, folder / "custom_cnn_best.pth")
    torch.save(
        {"model_state_dict": TransferLearningModel().state_dict(), "val_acc": np.float64(0.5)},
        folder / "transfer_learning_best.pth",
    )
    return folder


@pytest.fixture
def notebook_copy(notebook: Path, tmp_path: Path) -> Path:
    """A copy of `notebook` that a test may change."""
    return Path(shutil.copytree(notebook, tmp_path / "notebook"))


@pytest.fixture(scope="session")
def fer() -> Path:
    """The real test set; tests that use it carry the marker `real`."""
    folder = Path(os.environ.get("REPORTGEN_FER", Path(__file__).resolve().parents[1] / "../shared/fer")).resolve()
    if not (folder / "processed_data.pkl").is_file():
        pytest.skip("the real test set is not at hand (set REPORTGEN_FER to its folder)")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium; tests that use it skip with the reason where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
    if not chromium.exists():
        pytest.skip(f"no Chromium at {chromium}; set CHROMIUM to its path")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(
            executable_path=str(chromium), args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        yield launched
        launched.close()


def pytest_configure(config: pytest.Config) -> None:
    """Where several processes share the tests, keep the order below; else modules go by how many tests they hold.

    Each of them takes one thread, as threads that wait for each other double the work. Libraries read that when they
    are loaded, so it is said to the environment before the processes start.
    """
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


LONGEST = (
    "explain/test_families.py",
    "explain/ray/test_cluster.py",
    "faults/test_long_run.py",
    "commands/test_shortcuts_real.py",
    "evidence/shortcuts/test_added_cues.py",
    "evidence/importance/test_regions.py",
    "evidence/groups/test_simulations.py",
    "commands/test_build.py",
    "commands/test_conclusions.py",
)
"""Files that take minutes in one of the tiers."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, then those that build reports or drive a browser: a file is one process's, and quick ones fill
    the time until the last one is done.
    """
    here = Path(__file__).parent
    long = {item.path for item in items if item.get_closest_marker("browser")}
    long |= {item.path for item in items if item.path.relative_to(here).parts[0] in ("faults", "site", "commands")}
    place = {here / name: number for number, name in enumerate(LONGEST)}
    assert all(path.is_file() for path in place), "a file of LONGEST is gone"
    items.sort(key=lambda item: place.get(item.path, len(LONGEST) + (item.path not in long)))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how many kinds of fault were made, whichever process made them."""
    from faults.table import FAULTS

    reports = terminalreporter.stats.get("passed", ())
    kept = {value for report in reports for name, value in report.user_properties if name == "fault kept"}
    if kept:
        own = sum(bool(entry.proof) for entry in FAULTS)
        terminalreporter.write_line(
            f"faults: {len(kept)} kinds made and their promise kept, {own} more have tests of their own; "
            f"{len(FAULTS)} in the table"
        )
