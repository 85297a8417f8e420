"""One good scene, copied for every fault."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from faults.scene import Scene, make_scene
from faults.table import FAULTS
from jinja2 import Environment, FileSystemBytecodeCache

_proved: set[str] = set()


@pytest.fixture(scope="session")
def good_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with its report built, nothing wrong in it. Read only."""
    import os

    from reportgen.config import load_config
    from reportgen.pipeline import build

    root = tmp_path_factory.mktemp("good") / "scene"
    make_scene(root)
    before = Path.cwd()
    os.chdir(root)
    try:
        build(load_config(None, {}))
    finally:
        os.chdir(before)
    return root


@pytest.fixture(scope="session")
def templates_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where compiled templates are kept."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def scene(
    good_scene: Path,
    templates_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Iterator[Scene]:
    """A copy of the good scene that a fault may spoil; what the fault set up is taken down again."""
    # A process compiles its templates once; here a hundred builds in one process share them.
    cache = FileSystemBytecodeCache(str(templates_cache))
    monkeypatch.setattr("reportgen.site.render.Environment", partial(Environment, bytecode_cache=cache))
    root = tmp_path / "scene"
    shutil.copytree(good_scene, root, symlinks=True)
    made = Scene(root, monkeypatch, lambda: tuple(capfd.readouterr()))
    with made.stack:
        yield made


@pytest.fixture
def prove() -> Any:
    """Notes that a fault's promise was kept, for the count at the end."""
    return _proved.add


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _proved:
        own = sum(bool(entry.proof) for entry in FAULTS)
        terminalreporter.write_line(
            f"faults: {len(_proved)} kinds made and their promise kept, {own} more have tests of their own; "
            f"{len(FAULTS)} in the table"
        )
