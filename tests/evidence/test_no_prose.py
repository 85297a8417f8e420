"""Evidence returns enums, numbers and names of things; the site's wording makes the sentences."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOM = Path(__file__).resolve().parents[2] / "reportgen" / "evidence"
# What names a thing may say in a few words; more of them are a clause.
MOST_WORDS = 7


def exempt(tree: ast.Module) -> Iterator[ast.AST]:
    """Docstrings, messages of errors, names of quantities, and the dictionaries of the tables' columns."""
    columns = [
        node
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and targets(node).endswith("_COLUMNS")
    ]
    shared = {name.id for node in columns for name in ast.walk(node) if isinstance(name, ast.Name)}
    columns += [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and targets(node) in shared]
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) or node in columns:
            yield from ast.walk(node)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("FlagMeasure", "Property"):
            for argument in node.args[:1] if ast.unparse(node.func) == "FlagMeasure" else node.args[:3]:
                yield from ast.walk(argument)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value


def targets(node: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)


def prose(tree: ast.Module) -> Iterator[str]:
    """Texts with blanks around a value, texts that end in a full stop, and texts of many words."""
    allowed = {id(node) for node in exempt(tree)}
    for node in ast.walk(tree):
        if id(node) in allowed:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            if any(" " in str(part).strip() or str(part).endswith((". ", ", ")) for part in parts):
                yield ast.unparse(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words = node.value.split()
            if len(words) > MOST_WORDS or (len(words) >= 4 and node.value.rstrip().endswith(".")):
                yield node.value


@pytest.mark.parametrize(
    "file",
    [file for file in sorted(ROOM.rglob("*.py")) if file.name != "column_descriptions.py"],
    ids=lambda file: str(file.relative_to(ROOM)),
)
def test_evidence_makes_no_sentences(file: Path) -> None:
    assert list(prose(ast.parse(file.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('x = f(f"{a} is right on {b}")', 1),
        ('SENTENCES = {"a": "All three of them hold."}', 1),
        ('def f():\n    return "All three of them hold."', 1),
        ('def f():\n    return "whether the model relies on what was taken away"', 1),
        ('def f():\n    """All three of them hold, and so on, and on."""\n    return f"{a}-{b}"', 0),
        ('def f():\n    raise ValueError(f"{a} is not one of the classes of {b}")', 0),
        ('X_COLUMNS = {"n": "images of the emotion that were shown again to the model"}', 0),
        ('def f():\n    return "top left corner"', 0),
    ],
)
def test_the_search_finds_sentences_and_nothing_else(source: str, found: int) -> None:
    assert len(list(prose(ast.parse(source)))) == found
