"""Every page before the Nu HTML checker, where Java and its jar are at hand (`npm install vnu-jar`, `VNU_JAR`)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reportgen.config import Config
from reportgen.progress import SilentProgress
from reportgen.site.publish import Published, publish
from reportgen.site.report import Report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checker() -> list[str]:
    java, jar = shutil.which("java"), os.environ.get("VNU_JAR", "")
    if java is None:
        pytest.skip("no Java, which the Nu HTML checker needs")
    if not Path(jar).is_file():
        pytest.skip("no vnu.jar; 'npm install vnu-jar' and set VNU_JAR to node_modules/vnu-jar/build/dist/vnu.jar")
    return [java, "-Xmx600m", "-jar", jar, "--errors-only", "--format", "json"]


def _errors(checker: list[str], pages: list[Path]) -> list[str]:
    result = subprocess.run([*checker, *map(str, pages)], capture_output=True, text=True, check=False)
    found = json.loads(result.stderr or result.stdout)["messages"]
    return [f"{Path(error['url']).name}:{error.get('lastLine')}: {error['message']}" for error in found]


def test_no_page_of_any_kind_of_report_has_an_error(checker: list[str], request: pytest.FixtureRequest) -> None:
    variants: dict[str, Published] = request.getfixturevalue("variants")  # made only where there is a checker
    pages = [page for published in variants.values() for page in sorted(published.site.rglob("*.html"))]
    assert len(pages) > 200
    assert _errors(checker, pages) == []


def test_the_report_in_one_file_has_no_error(checker: list[str], report: Report, tmp_path: Path) -> None:
    made = publish(report, tmp_path, Config(single_file=True, zip=False), SilentProgress())
    assert made.single is not None
    assert _errors(checker, [made.single]) == []
