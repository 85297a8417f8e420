"""The layout as `docs/architecture.md` draws it, read from the source: which room imports what, and no circles."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "reportgen"
MOST_MODULES = 20
WITHOUT_TORCH = ("faces", "evidence", "site")


def name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# Recipes are scripts of their own, which no wheel holds.
FILES = {name_of(file): file for file in sorted(PACKAGE.rglob("*.py")) if "recipe" not in file.parts}


def imports_of(module: str) -> Iterator[str]:
    """Every module that one imports anywhere, also inside functions and for the type checker alone."""
    for node in ast.walk(ast.parse(FILES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside in FILES else str(node.module)


IMPORTS = {module: set(imports_of(module)) - {module} for module in FILES}
OURS = {module: {name for name in names if name in FILES} for module, names in IMPORTS.items()}


def room_of(module: str) -> str:
    """The first folder, or a top-level module by itself."""
    return module.split(".")[1] if "." in module else ""


def table() -> dict[str, tuple[set[str], set[str]]]:
    """Per row of the table in the document: what it may import of this package, and which libraries."""
    rows = {}
    for line in (ROOT / "docs/architecture.md").read_text(encoding="utf-8").splitlines():
        cells = [re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            for name in cells[0]:
                rows[name.strip("/").removesuffix(".py")] = ({entry.strip("/") for entry in cells[2]}, set(cells[3]))
    return rows


TABLE = table()
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}


def test_the_table_has_a_row_for_every_room_and_every_module_at_the_top() -> None:
    top = {path.stem for path in PACKAGE.glob("*.py")}
    assert set(TABLE) == ROOMS | top
    assert {"inputs", "explain", "site"} <= ROOMS


@pytest.mark.parametrize("room", sorted(TABLE))
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    allowed, libraries = TABLE[room]
    shared = {name for name in TABLE if name not in ROOMS}
    wrong = []
    for module, names in IMPORTS.items():
        if (room_of(module) or "__init__") != room:
            continue
        for name in names:
            first = name.split(".")[0]
            if first != "reportgen":
                good = first in sys.stdlib_module_names or first in libraries
            elif room_of(name) in shared | {""}:
                # The seam and the small modules beside it are open to every room; what starts a program is not.
                good = room_of(name) not in ("cli", "api", "__main__") or room_of(name) in allowed
            else:
                inside = name.removeprefix("reportgen.").replace(".", "/")
                good = room_of(name) == room or any(f"{inside}/".startswith(f"{entry}/") for entry in allowed)
            if not good:
                wrong.append(f"{module} imports {name}")
    assert not wrong


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_the_table_allows_nothing_that_is_not_used(room: str) -> None:
    names = {name for module in FILES if room_of(module) == room for name in IMPORTS[module]}
    inside = {name.removeprefix("reportgen.").replace(".", "/") + "/" for name in names}
    allowed, libraries = TABLE[room]
    assert [entry for entry in allowed if not any(name.startswith(f"{entry}/") for name in inside)] == []
    assert libraries - {name.split(".")[0] for name in names} == set()


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_what_judges_and_shows_needs_no_torch_however_far_one_follows_its_imports(room: str) -> None:
    seen = {module for module in FILES if room_of(module) == room}
    assert len(seen) > 5
    waiting = list(seen)
    while waiting:
        module = waiting.pop()
        assert not any(name.split(".")[0] in ("torch", "torchvision") for name in IMPORTS[module]), module
        waiting += OURS[module] - seen
        seen |= OURS[module]


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_itself_round_a_corner() -> None:
    assert circle(OURS) == []


@pytest.mark.parametrize("room", sorted(ROOMS))
def test_inside_a_room_imports_point_downwards(room: str) -> None:
    """Between its folders, and between them and the modules beside them."""

    def part(module: str) -> str:
        parts = module.split(".")
        return ".".join(parts[:3])

    graph: dict[str, set[str]] = {}
    for module, names in OURS.items():
        if room_of(module) != room or module == f"reportgen.{room}":
            continue
        below = {part(name) for name in names if room_of(name) == room}
        graph.setdefault(part(module), set()).update(below - {part(module)})
    assert circle(graph) == []


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}})


@pytest.mark.parametrize("top", ["reportgen", "tests"])
def test_a_folder_can_be_taken_in_at_a_glance(top: str) -> None:
    for folder in {file.parent for file in (ROOT / top).rglob("*.py")}:
        modules = [file for file in folder.glob("*.py") if file.name != "__init__.py"]
        assert len(modules) <= MOST_MODULES, f"{folder.relative_to(ROOT)}: {len(modules)} modules"


def test_a_class_name_has_one_meaning() -> None:
    places: dict[str, list[str]] = {}
    for module, file in FILES.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}
