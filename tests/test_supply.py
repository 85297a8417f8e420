"""What others build on: the oldest versions admitted, known holes, metadata for a bill of materials."""

import json
import re
import runpy
from importlib.metadata import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOWEST = runpy.run_path(str(ROOT / ".ci/lowest"))
AUDIT = runpy.run_path(str(ROOT / ".ci/audit"))


def test_every_dependency_has_an_oldest_version_that_is_tested():
    pinned = LOWEST["lowest"]()
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", entry) for entry in pinned)
    names = {entry.partition("==")[0] for entry in pinned} | LOWEST["BORROWED"]
    required = {
        re.split(r"[ ;<>=!~\[]", entry)[0]
        for entry in metadata("reportgen").get_all("Requires-Dist") or []
        if "extra ==" not in entry
    }
    assert required and required <= names


@pytest.mark.parametrize(
    ("output", "trouble", "code", "said"),
    [
        ("", "x\nConnectionError: no route", 0, "skipped: ConnectionError: no route"),
        ("", "", 0, "skipped: it wrote nothing"),
        ("{}", "", 0, "skipped"),
        ({"dependencies": [{"name": "a", "skip_reason": "not found"}]}, "", 0, "skipped: advisories for none of 1"),
        ({"dependencies": [{"name": "a", "version": "1", "vulns": []}]}, "", 0, "nothing known about 1 of 1"),
        (
            {"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "CVE-1", "fix_versions": ["2"]}]}]},
            "", 1, "a 1: CVE-1, fixed in 2",
        ),
    ],
)  # fmt: skip
def test_only_a_known_hole_fails_the_audit(output, trouble, code, said):
    text = output if isinstance(output, str) else json.dumps(output)
    found = AUDIT["verdict"](text, trouble)
    assert found[0] == code
    assert said in found[1]


def test_the_documents_say_how_to_run_them():
    told = (ROOT / "docs/faults.md").read_text(encoding="utf-8")
    for command in (".ci/lowest", ".ci/audit", "tests/fuzz/fuzz_readers.py"):
        assert command in told
