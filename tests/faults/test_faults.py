"""Every fault of the table: how the command ends, what it says, what it leaves alone."""

from __future__ import annotations

import ast
import html
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from faults.scene import Outcome, Scene, tree
from faults.table import FAULTS, LISTED, Fault

from reportgen.errors import printable

HERE = Path(__file__).resolve().parent
CONTRIBUTING = HERE.parents[1] / "CONTRIBUTING.md"
MADE = [entry for entry in FAULTS if entry.make is not None]
# Numbers that are none, as words of a page.
_UNDEFINED = re.compile(r"(?<![\w.])(nan|NaN|None(?! of)|inf|-inf|undefined|<NA>)(?![\w.])")


@pytest.mark.parametrize("entry", MADE, ids=lambda entry: entry.name)
def test_fault(entry: Fault, scene: Scene, prove: Callable[[str], None]) -> None:
    assert entry.make is not None
    try:
        entry.make(scene)
    except (AttributeError, NotImplementedError, OSError) as error:
        if sys.platform == "linux":
            raise
        pytest.skip(f"this system cannot make it: {error}")
    users, site = scene.users_files(), tree(scene.output / "site")
    outcome = scene.run()
    assert outcome.code == entry.code, outcome.stderr
    assert scene.users_files() == users, "something of the user's was changed"
    assert not (scene.root / "ran").exists(), "code from a file was run"
    after = tree(scene.output / "site")
    if entry.code:
        assert _is_one_line(outcome, entry.says)
        assert {name: digest for name, digest in after.items() if f"output/site/{name}" not in scene.appears} == site
    else:
        assert outcome.stderr == ""
        if scene.arguments[0] == "build":
            _is_whole(scene)
            said = scene.pages() + " ".join(pd.read_parquet(scene.output / "analysis/problems.parquet")["message"])
            undefined = [] if scene.users_numbers else _around(scene.pages(), _UNDEFINED)
            assert undefined == []
            if entry.promise == LISTED:  # for its readers too, not in the tables alone
                shown = scene.pages()
                assert re.search(entry.says, shown + html.unescape(shown)), f"on no page: {entry.says}"
        else:
            said = outcome.stdout
        assert re.search(entry.says, said), f"not said: {entry.says}"
    assert not (scene.output / ".site-new").exists() or "half" in entry.name
    _is_not_told(scene, outcome)
    for check in scene.checks:
        check(outcome)
    assert not list(scene.output.glob("**/.*.tmp")) or entry.name == "files beside ours"
    prove(entry.name)


def _is_one_line(outcome: Outcome, says: str) -> bool:
    lines = outcome.stderr.splitlines()
    assert len(lines) == 1, outcome.stderr
    assert lines[0].startswith("error: ")
    assert len(lines[0]) < 1200
    assert printable(lines[0]) == lines[0]
    assert re.search(says, lines[0]), lines[0]
    return True


def _is_whole(scene: Scene) -> None:
    """Every file of the site's manifest is there, and no other; nothing half-made is left beside it."""
    found = tree(scene.output / "site")
    listed = json.loads((scene.output / "site/manifest.json").read_text())["files"]
    del found["manifest.json"]
    assert found == listed
    assert not (scene.output / ".site-new").exists() and not (scene.output / ".site-old").exists()
    assert not (scene.output / ".reportgen.lock").exists()


def _is_not_told(scene: Scene, outcome: Outcome) -> None:
    """What the scene keeps secret is in no file of the report and on no line; no control character either."""
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", outcome.stdout + outcome.stderr)
    for path in scene.output.glob("site/**/*"):
        if path.suffix in (".html", ".js", ".json", ".csv"):
            text = path.read_text("utf-8")
            for secret in scene.never_told:
                assert secret not in text, f"{path.name} tells {secret}"
            if path.suffix == ".html":
                assert [raw for raw in scene.markup if raw in text] == [], path.name
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), path.name


def _around(text: str, pattern: re.Pattern[str]) -> list[str]:
    return [text[max(0, found.start() - 60) : found.end() + 20] for found in pattern.finditer(text)][:5]


def test_names_are_unique_and_there_are_enough_kinds() -> None:
    names = [entry.name for entry in FAULTS]
    assert len(names) == len(set(names)) >= 60


@pytest.mark.parametrize("entry", [entry for entry in FAULTS if entry.proof], ids=lambda entry: entry.name)
def test_faults_without_a_scene_have_a_test_of_their_own(entry: Fault) -> None:
    module, _, function = entry.proof.partition("::")
    found = ast.parse((HERE / f"{module}.py").read_text("utf-8")).body
    assert any(isinstance(node, ast.FunctionDef) and node.name == function for node in found)


def table() -> str:
    """The table as `CONTRIBUTING.md` has it."""

    def cell(text: str) -> str:
        escaped = text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
        return "".join(c if c.isprintable() else "\\ufffd" for c in escaped)

    lines = ["| Fault | How the test makes it | What a build does | Exit |", "|---|---|---|---|"]
    lines += [f"| {cell(e.name)} | {cell(e.how)} | {cell(e.promise)} | {e.code} |" for e in FAULTS]
    return "\n".join(lines) + "\n"


def test_contributing_has_this_table() -> None:
    """After a wanted change: REPORTGEN_FAULT_TABLE=write, and read the diff."""
    text = CONTRIBUTING.read_text("utf-8")
    if os.environ.get("REPORTGEN_FAULT_TABLE") == "write":
        head, _, rest = text.partition("| Fault |")
        text = head + table() + rest.partition("\n\n")[2]
        CONTRIBUTING.write_text(text, "utf-8")
    assert table() in text
