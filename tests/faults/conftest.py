"""One good scene, copied for every fault."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from faults.scene import EMOTIONS, Outcome, Scene, make_scene
from faults.table import FAULTS, SETUPS

from reportgen.analysis import Analysis, read_analysis


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


@pytest.fixture
def scene(
    good_scene: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Scene]:
    """A copy of the good scene that a fault may spoil; what the fault set up is taken down again."""
    root = tmp_path / "scene"
    shutil.copytree(good_scene, root, symlinks=True)
    made = Scene(root, monkeypatch, lambda: tuple(capfd.readouterr()))
    with made.stack:
        yield made


@dataclass
class SharedBuild:
    """One build with several faults in it.

    Attributes
    ----------
    places
        Number of each fault's own image and row.
    users_files
        Hashes of what is the user's, before and after.
    pages
        The visible text of the report.
    """

    scene: Scene
    places: dict[str, int]
    users_files: tuple[dict[str, str], dict[str, str]]
    outcome: Outcome
    analysis: Analysis
    pages: str


@pytest.fixture(scope="session")
def _shared_builds() -> dict[str, SharedBuild]:
    return {}


@pytest.fixture
def shared_build(
    _shared_builds: dict[str, SharedBuild],
    tmp_path_factory: pytest.TempPathFactory,
    capfd: pytest.CaptureFixture[str],
) -> Callable[[str], SharedBuild]:
    """The build that the faults of a name share: each spoils an image or a row of its own, then all are built at once.

    The first test that asks for it builds it.
    """

    def build(shared: str) -> SharedBuild:
        if shared not in _shared_builds:
            faults = [entry for entry in FAULTS if entry.shared == shared]
            root = tmp_path_factory.mktemp("shared") / "scene"
            make_scene(root, max(len(EMOTIONS), len(faults) + 1))
            with pytest.MonkeyPatch.context() as monkeypatch:
                scene = Scene(root, monkeypatch, lambda: tuple(capfd.readouterr()))
                SETUPS[shared](scene)
                with scene.stack:
                    for place, entry in enumerate(faults):
                        assert entry.make is not None
                        entry.make(replace(scene, place=place))
                    before = scene.users_files()
                    outcome = scene.run()
                    after = scene.users_files()
            places = {entry.name: place for place, entry in enumerate(faults)}
            analysis = read_analysis(scene.output / "analysis")
            _shared_builds[shared] = SharedBuild(scene, places, (before, after), outcome, analysis, scene.pages())
        return _shared_builds[shared]

    return build


@pytest.fixture
def prove(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Notes that a fault's promise was kept, for the count at the end; through the reports, as those reach the process
    that counts wherever the test ran."""
    return partial(record_property, "fault kept")
