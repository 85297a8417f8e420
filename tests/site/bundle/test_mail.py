"""The zip for a mail: the whole report where it fits, else a smaller whole in a stated order."""

from __future__ import annotations

import html
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from reportgen.config import Config
from reportgen.errors import OutputError
from reportgen.progress import SilentProgress
from reportgen.site.bundle.mail import STEPS
from reportgen.site.bundle.zip import write_archive
from reportgen.site.compose import Detail
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report


def _mail(report: Report, folder: Path, **settings: Any) -> Published:
    return publish(report, folder, Config(mail=True, **settings), SilentProgress())


def _names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return set(archive.namelist())


@pytest.fixture(scope="module")
def sizes(report: Report, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """Sizes in MB of the whole report's zip and of each smaller version, until none is left that could be smaller."""
    folder, found = tmp_path_factory.mktemp("sizes"), []

    def noted(*arguments: Any) -> None:
        write_archive(*arguments)
        found.append(arguments[2].stat().st_size / 1e6)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("reportgen.site.bundle.mail.write_archive", noted)
        with pytest.raises(OutputError, match=r"smallest version for mail has \d+\.\d MB, more than mail_mb = 0.01"):
            _mail(report, folder, mail_mb=0.01)
    assert sorted(path.name for path in folder.iterdir()) == ["report.zip", "site", "summary.md"]
    return found


def test_each_step_makes_it_smaller_and_the_last_one_may_be_refused(sizes: list[float]) -> None:
    assert len(sizes) == 1 + len(STEPS)
    assert all(after < before for before, after in pairwise(sizes))


@pytest.fixture(scope="module")
def whole(report: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    """A report that fits."""
    return _mail(report, tmp_path_factory.mktemp("whole"))


def test_what_fits_is_sent_whole(whole: Published) -> None:
    assert whole.mail is not None and whole.zip is not None
    assert whole.mail.read_bytes() == whole.zip.read_bytes()
    assert whole.warnings == ()


def test_steps_only_ever_take_away() -> None:
    kept = [Detail(), *(detail for _, detail in STEPS)]
    for before, after in pairwise(kept):
        assert after != before
        assert after.tables <= before.tables
        for name in ("longest", "quality", "thumb_quality", "finest"):
            assert getattr(after, name) <= getattr(before, name)
        assert (after.examples or 10**9) <= (before.examples or 10**9)


def test_a_smaller_version_is_whole_in_itself_and_says_what_it_lacks(
    report: Report, whole: Published, sizes: list[float], tmp_path: Path, links_inside: Callable[[Path], int]
) -> None:
    made = _mail(report, tmp_path, mail_mb=sizes[-2] - 1e-6, zip=False)
    assert made.mail is not None
    assert made.mail.stat().st_size < 1e6 * sizes[-2]
    with zipfile.ZipFile(made.mail) as archive:
        archive.extractall(tmp_path / "out")
    site = tmp_path / "out" / "report"
    assert links_inside(site) > 50
    words = html.unescape((site / "method.html").read_text(encoding="utf-8"))
    assert "Made smaller for mail" in words and all(text in words for text, _ in STEPS)
    assert any("report-mail.zip leaves out" in line and STEPS[0][0] in line for line in made.warnings)
    assert whole.mail is not None
    gone = {name for name in _names(whole.mail) if "/downloads/" in name} - _names(made.mail)
    assert "report/downloads/verdicts.csv" in gone and "report/downloads/predictions.csv" not in gone
    # The full site is left as it was.
    assert (made.site / "downloads" / "verdicts.csv").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "report-mail.zip", "site", "summary.md"]
