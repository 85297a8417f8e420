from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from reportgen.errors import ConfigError
from reportgen.site.bundle.zip import archive_date, write_archive


def _folder(root: Path) -> Path:
    (root / "a").mkdir(parents=True)
    (root / "index.html").write_text("<p>hello</p>" * 50)
    (root / "a" / "x.webp").write_bytes(bytes(range(256)))
    return root


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = _folder(tmp_path / "one"), _folder(tmp_path / "two")
    names = ["index.html", "a/x.webp"]
    for folder, order in ((one, names), (two, names[::-1])):
        write_archive(folder, order, tmp_path / f"{folder.name}.zip", "report", archive_date())
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_names_dates_and_permissions(tmp_path: Path) -> None:
    write_archive(
        _folder(tmp_path / "s"), ["index.html", "a/x.webp"], tmp_path / "r.zip", "report", (1999, 1, 2, 3, 4, 6)
    )
    with zipfile.ZipFile(tmp_path / "r.zip") as archive:
        entries = archive.infolist()
        assert [entry.filename for entry in entries] == ["report/a/x.webp", "report/index.html"]
        assert {entry.date_time for entry in entries} == {(1999, 1, 2, 3, 4, 6)}
        assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
        assert entries[0].compress_type == zipfile.ZIP_STORED
        assert archive.testzip() is None


def test_source_date_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000001")
    assert archive_date() == (2001, 9, 9, 1, 46, 40)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert archive_date() == (1980, 1, 1, 0, 0, 0)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(ConfigError, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        archive_date()
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert archive_date((2020, 2, 2, 0, 0, 0)) == (2020, 2, 2, 0, 0, 0)
