"""Templates to pages: sets Jinja2 up so that nothing unescaped or undefined can slip through."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

__all__ = ["Assets", "Renderer", "Terms", "load_assets", "to_script"]


class Assets:
    """Style sheets and scripts under names that carry a hash of their content."""

    def __init__(self, contents: Mapping[str, bytes]) -> None:
        self.files: dict[str, bytes] = {}
        self._paths: dict[str, str] = {}
        for name, content in sorted(contents.items()):
            self.add(name, content)

    def add(self, name: str, content: bytes) -> None:
        """Add one file, e.g. "site.css"."""
        stem, _, ending = name.rpartition(".")
        path = f"assets/{stem}-{hashlib.sha256(content).hexdigest()[:10]}.{ending}"
        self._paths[name] = path
        self.files[path] = content

    def path(self, name: str) -> str:
        """Where the file is, from the site's root."""
        return self._paths[name]


def load_assets(templates: Path) -> Assets:
    """Everything in `templates/assets/`; style sheets without what only their authors read."""
    found = sorted(path for path in (templates / "assets").iterdir() if path.is_file())
    return Assets({
        path.name: _compact(path.read_text(encoding="utf-8")).encode() if path.suffix == ".css" else path.read_bytes()
        for path in found
    })  # fmt: skip


def _compact(style: str) -> str:
    """A style sheet without comments and indents: every page waits for it."""

    def shorter(match: re.Match[str]) -> str:
        found = match[0]
        return found if found.startswith('"') else "}" if "}" in found else found.strip() or " "

    style = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL).strip()
    style = re.sub(r'"[^"]*"|\s*;?\s*\}\s*|\s*[{;]\s*|\s+', shorter, style)
    # The space behind a property's colon; others may part a selector.
    return re.sub(r"([{;][\w-]+): ", r"\1:", style)


class Terms:
    """The glossary of one page: marks terms where they stand, remembers which, so that only those are explained."""

    def __init__(self, glossary: Mapping[str, str]) -> None:
        self._glossary = glossary
        self._used: dict[str, str] = {}

    def __call__(self, key: str, text: str | None = None) -> Markup:
        """A button that opens the explanation of `key`; works without JavaScript."""
        self._used[key] = self._glossary[key]
        return Markup('<button type="button" class="term" popovertarget="term-{}">{}</button>').format(
            key.replace(" ", "-"), text or key
        )

    @property
    def used(self) -> list[tuple[str, str, str]]:
        """(id, term, explanation) of every term used so far, sorted."""
        return [(f"term-{key.replace(' ', '-')}", key, text) for key, text in sorted(self._used.items())]


class Renderer:
    """Renders pages; `shared` is visible in all of them."""

    def __init__(self, templates: Path, shared: Mapping[str, Any], glossary: Mapping[str, str]) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.globals.update(shared)
        self._glossary = glossary

    def page(self, template: str, path: str, view: Any, **more: Any) -> str:
        """One page.

        Parameters
        ----------
        path
            Where the page will be, from the site's root: decides how it reaches the root.
        view
            The page's view dataclass; templates print it and compute nothing.
        """
        root = "../" * path.count("/")
        text = self._environment.get_template(f"pages/{template}").render(
            view=view, path=path, root=root, term=Terms(self._glossary), **more
        )
        # Blank lines are all that is left of template tags.
        return "\n".join(line.rstrip() for line in text.splitlines() if line.strip()) + "\n"


def to_script(variable: str, value: Any) -> bytes:
    """A script that assigns one object: how data reaches a page that was opened from a file.

    The JSON is ASCII and holds no "<", so it is safe wherever it ends up.
    """
    plain = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    text = json.dumps(plain, separators=(",", ":"), sort_keys=True, ensure_ascii=True, allow_nan=False)
    return f"window.{variable}={text.replace('<', chr(92) + 'u003c')};\n".encode("ascii")
