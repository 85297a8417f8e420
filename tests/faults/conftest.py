"""One good scene, copied for every fault."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from faults.scene import Scene, make_scene
from jinja2 import Environment, FileSystemBytecodeCache


@pytest.fixture(scope="session")
def good_scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene with its report built, nothing wrong in it. Read only."""
    import os

    from reportgen.commands.build import build
    from reportgen.config import load_config

    root = tmp_path_factory.mktemp("good") / "scene"
    make_scene(root)
    before = Path.cwd()
    os.chdir(root)
    try:
        build(load_config(Path("reportgen.toml"), {}))
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
    monkeypatch.setattr("reportgen.site.html.render.Environment", partial(Environment, bytecode_cache=cache))
    root = tmp_path / "scene"
    shutil.copytree(good_scene, root, symlinks=True)
    made = Scene(root, monkeypatch, lambda: tuple(capfd.readouterr()))
    with made.stack:
        yield made


@pytest.fixture
def prove(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Notes that a fault's promise was kept, for the count at the end; through the reports, as those reach the process
    that counts wherever the test ran."""
    return partial(record_property, "fault kept")
