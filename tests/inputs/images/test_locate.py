from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reportgen.inputs.images.locate import Locator, portable_name


@pytest.mark.parametrize(
    "written",
    [
        "images/a.png",
        "./images/a.png",
        "images\\a.png",
        "/content/data/images/a.png",
        "C:\\Users\\me\\images\\a.png",
        "/elsewhere/a.png",
    ],
)
def test_finds_paths_written_elsewhere(written: str, tmp_path: Path, make_images: Callable[..., None]) -> None:
    make_images(tmp_path, "images/a.png")
    locator = Locator([tmp_path, tmp_path / "images"])
    assert locator.find(written) == tmp_path / "images/a.png"


def test_an_absolute_path_that_exists_is_taken_as_it_is(tmp_path: Path, make_images: Callable[..., None]) -> None:
    make_images(tmp_path, "one/images/a.png", "two/images/a.png")
    locator = Locator([tmp_path / "one"])
    assert locator.find(str(tmp_path / "two/images/a.png")) == tmp_path / "two/images/a.png"
    assert not locator.shortened


def test_earlier_roots_and_longer_tails_win(tmp_path: Path, make_images: Callable[..., None]) -> None:
    make_images(tmp_path, "one/a.png", "two/a.png", "two/sad/a.png", "one/sad.png")
    locator = Locator([tmp_path / "one", tmp_path / "two"])
    assert locator.find("a.png") == tmp_path / "one/a.png"
    assert locator.find("x/sad/a.png") == tmp_path / "two/sad/a.png"
    assert sum(locator.shortened.values()) == 1


@pytest.mark.parametrize("written", ["", ".", "/", "gone.png", "sub", "nul\0.png", "a.png/b", "~"])
def test_what_is_no_file_is_none(written: str, tmp_path: Path, make_images: Callable[..., None]) -> None:
    make_images(tmp_path, "a.png", "sub/b.png")
    assert Locator([tmp_path]).find(written) is None


def test_each_folder_is_listed_once(
    tmp_path: Path, make_images: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    make_images(tmp_path, *(f"images/{number}.png" for number in range(20)))
    listed: list[Path] = []
    scan = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: (listed.append(folder), scan(folder))[1])
    locator = Locator([tmp_path])
    assert all(locator.find(f"images/{number}.png") for number in range(20))
    assert sorted(listed) == [tmp_path, tmp_path / "images"]


@pytest.mark.parametrize(
    ("written", "found", "shown"),
    [
        ("images/a.png", None, "images/a.png"),
        ("images\\a.png", None, "images/a.png"),
        ("../../anna/images/a.png", None, "anna/images/a.png"),
        ("/root/set/images/a.png", "/root/set/images/a.png", "images/a.png"),
        ("/home/anna/set/images/a.png", None, "images/a.png"),
        ("C:\\Users\\anna\\images\\a.png", "/root/set/images/a.png", "images/a.png"),
        ("~/images/deep/a.png", None, "deep/a.png"),
    ],
)
def test_shown_paths_have_no_folders_of_a_machine(written: str, found: str | None, shown: str) -> None:
    assert portable_name(written, Path(found) if found else None, [Path("/root/set")]) == shown
