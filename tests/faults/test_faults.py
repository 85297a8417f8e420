"""Every fault of the table: how the command ends, what it says, what it leaves alone."""

from __future__ import annotations

import ast
import html
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from faults.conftest import SharedBuild
from faults.scene import Outcome, Scene, tree
from faults.table import FAULTS, SETUPS, USED, Fault

from reportgen.errors import printable

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "docs/faults.md"
MADE = [entry for entry in FAULTS if entry.make is not None and not entry.shared]
SHARED = [entry for entry in FAULTS if entry.shared]
# Numbers that are none, as words of a page.
_UNDEFINED = re.compile(r"(?<![\w.])(nan|NaN|None(?! of)|inf|-inf|undefined|<NA>)(?![\w.])")


@pytest.mark.parametrize("entry", MADE, ids=lambda entry: entry.name)
def test_fault_with_a_build_to_itself(entry: Fault, scene: Scene, prove: Callable[[str], None]) -> None:
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
        else:
            said = outcome.stdout
        assert re.search(entry.says, said), f"not said: {entry.says}"
    assert not (scene.output / ".site-new").exists() or entry.name == "user's half of a folder .site-new"
    _is_not_told(scene, outcome)
    for check in scene.checks:
        check(outcome)
    assert not list(scene.output.glob("**/.*.tmp")) or entry.name == "files beside ours"
    prove(entry.name)


@pytest.mark.parametrize("shared", sorted(SETUPS))
def test_report_with_many_faults(shared: str, shared_build: Callable[[str], SharedBuild]) -> None:
    build = shared_build(shared)
    scene = build.scene
    assert (build.outcome.code, build.outcome.stderr) == (0, "")
    assert build.users_files[0] == build.users_files[1], "something of the user's was changed"
    assert not (scene.root / "ran").exists(), "code from a file was run"
    _is_whole(scene)
    assert _around(build.pages, _UNDEFINED) == []
    _is_not_told(scene, build.outcome)
    for check in scene.checks:
        check(build.outcome)


@pytest.mark.parametrize("entry", SHARED, ids=lambda entry: entry.name)
def test_fault_in_a_shared_build(
    entry: Fault, shared_build: Callable[[str], SharedBuild], prove: Callable[[str], None]
) -> None:
    """What the promise says of the fault's own image; what it says of the whole report is proved above."""
    build = shared_build(entry.shared)
    own = replace(build.scene, place=build.places[entry.name])
    images, problems = own.of_own(build.analysis.images), own.of_own(build.analysis.problems)
    shown = build.pages + html.unescape(build.pages)
    if entry.promise.startswith("continues without"):
        (message,) = problems["message"]
        assert re.search(entry.says, message)
        assert message in shown or re.search(entry.says, shown)
        assert len(images) == ("listed before" in message)
    else:
        assert (len(images), len(problems)) == (1, 0)
        noted = "{format} {width} x {height} {notes}".format(**images.iloc[0])
        in_notes, on_a_page = re.search(entry.says, noted), re.search(entry.says, build.pages)
        assert (in_notes and on_a_page) if entry.promise == USED else (in_notes or on_a_page)
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
    """The table as `docs/faults.md` has it."""

    def cell(text: str) -> str:
        escaped = text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
        return "".join(c if c.isprintable() else "\\ufffd" for c in escaped)

    lines = ["| Fault | How the test makes it | What a build does | Exit |", "|---|---|---|---|"]
    lines += [f"| {cell(e.name)} | {cell(e.how)} | {cell(e.promise)} | {e.code} |" for e in FAULTS]
    return "\n".join(lines) + "\n"


def test_the_document_has_this_table() -> None:
    """After a wanted change: REPORTGEN_FAULT_TABLE=write, and read the diff."""
    text = DOCUMENT.read_text("utf-8")
    if os.environ.get("REPORTGEN_FAULT_TABLE") == "write":
        text = text.partition("| Fault |")[0] + table()
        DOCUMENT.write_text(text, "utf-8")
    assert text.endswith(table())
