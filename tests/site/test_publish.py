from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from reportgen.config import Config
from reportgen.errors import OutputError
from reportgen.output_guard import remove_site
from reportgen.progress import SilentProgress
from reportgen.site.publish import MANIFEST, Published, publish, repair
from reportgen.site.report import Report


def _files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_two_builds_give_the_same_bytes(report: Report, published: Published, tmp_path: Path) -> None:
    again = publish(report, tmp_path, Config(workers=1), SilentProgress())
    assert _files(again.site) == _files(published.site)
    assert again.zip is not None and published.zip is not None
    assert again.zip.read_bytes() == published.zip.read_bytes()


def test_the_manifest_lists_every_file(published: Published) -> None:
    listed = json.loads((published.site / MANIFEST).read_text())["files"]
    found = _files(published.site)
    del found[MANIFEST]
    assert listed == found
    assert published.pages == sum(name.endswith(".html") for name in found)


def test_building_over_an_old_site_takes_its_pictures_over(report: Report, tmp_path: Path) -> None:
    first = publish(report, tmp_path, Config(zip=False), SilentProgress())
    before = _files(first.site)
    picture = next(first.site.glob("pictures/*-original-*.webp"))
    picture.write_bytes(b"changed by someone")
    second = publish(report, tmp_path, Config(zip=False), SilentProgress())
    assert _files(second.site) == before  # a picture that someone changed is drawn again, not trusted
    assert second.zip is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site", "summary.md"]


@pytest.mark.parametrize("name", ["notes.txt", "pictures/mine.jpg"])
def test_files_of_the_users_are_refused_and_kept(report: Report, tmp_path: Path, name: str) -> None:
    publish(report, tmp_path, Config(zip=False), SilentProgress())
    mine = tmp_path / "site" / name
    mine.write_text("mine")
    before = _files(tmp_path)
    with pytest.raises(OutputError, match="not written by reportgen"):
        publish(report, tmp_path, Config(zip=False), SilentProgress())
    assert _files(tmp_path) == before


def test_a_folder_of_someone_else_is_refused(report: Report, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("my homepage")
    with pytest.raises(OutputError, match=r"index\.html"):
        publish(report, tmp_path, Config(), SilentProgress())
    assert (tmp_path / "site" / "index.html").read_text() == "my homepage"


def test_an_interrupted_swap_is_repaired(tmp_path: Path) -> None:
    (tmp_path / ".site-old").mkdir()
    (tmp_path / ".site-old" / "index.html").write_text("whole")
    (tmp_path / ".site-new").mkdir()
    repair(tmp_path)
    assert _files(tmp_path).keys() == {"site/index.html"}
    (tmp_path / ".site-old").mkdir()
    repair(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["site"]


def test_an_old_site_goes_file_by_file(tmp_path: Path) -> None:
    """Whatever its manifest lists: only what lies in it, and nothing that is not listed."""
    old = tmp_path / ".site-old"
    (old / "pages").mkdir(parents=True)
    (tmp_path / "mine.txt").write_text("mine")
    (old / "pages/a.html").write_text("a")
    (old / "pages/note.txt").write_text("mine")
    listed = {"pages/a.html": "", "../mine.txt": "", "gone.html": ""}
    (old / MANIFEST).write_text(json.dumps({"made_by": "reportgen site", "files": listed}))
    remove_site(old)
    assert _files(tmp_path).keys() == {"mine.txt", f".site-old/{MANIFEST}", ".site-old/pages/note.txt"}
    (tmp_path / "site").mkdir()
    with pytest.raises(OutputError, match=r"note\.txt: not written by reportgen"):
        repair(tmp_path)
    (old / "pages/note.txt").unlink()
    repair(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.txt", "site"]


def test_a_failure_leaves_the_old_site_as_it_was(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(report, tmp_path, Config(zip=False), SilentProgress())
    before = _files(tmp_path)

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("reportgen.site.compose.index_view", broken)
    with pytest.raises(RuntimeError):
        publish(report, tmp_path, Config(zip=False), SilentProgress())
    assert _files(tmp_path).items() >= before.items()  # beside it, what was made of the new one
    monkeypatch.undo()
    publish(report, tmp_path, Config(zip=False), SilentProgress())
    assert _files(tmp_path) == before


def test_a_large_report_warns(report: Report, tmp_path: Path) -> None:
    made = publish(report, tmp_path, Config(size_warning_mb=0.01), SilentProgress())
    assert any("more than 0.01 MB" in line for line in made.warnings)
