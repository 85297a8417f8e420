"""Markdown as GitHub and GitLab show it: names stay names, and nothing in them becomes a link or a mention."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from reportgen.errors import printable
from reportgen.output_guard import SUMMARY_MARK

__all__ = ["bullets", "details", "document", "escaped", "table"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#!|~&$^])")
_BEGINNING = re.compile(r"([+=-]|\d+[.)])")  # of a list or a heading
_JOINER = "\u2060"  # takes no room and breaks the words that become links by themselves
_LINKING = re.compile(r"(?i)(@|#|://|\bwww\.|\bGH-)")


def escaped(text: str) -> str:
    """Text as it is, whatever it holds: on one line, without markup, mentions or links."""
    inside = _SPECIAL.sub(r"\\\1", _unlinked(text))
    return _JOINER + inside if _BEGINNING.match(inside) else inside


def _unlinked(text: str) -> str:
    return _LINKING.sub(rf"\1{_JOINER}", printable(text))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of finished cells; the first column is text, the others may be anything."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def bullets(lines: Sequence[str]) -> str:
    """A list of finished lines."""
    return "\n".join(f"- {line}" for line in lines)


def details(title: str, body: str) -> str:
    """A finished body behind its title, which is plain text."""
    return f"<details><summary>{escape(_unlinked(title))}</summary>\n\n{body}\n\n</details>"


def document(parts: Sequence[str]) -> bytes:
    """A whole summary of its paragraphs; empty ones are left out."""
    return "\n\n".join([SUMMARY_MARK, *(part for part in parts if part)]).encode() + b"\n"
