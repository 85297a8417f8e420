"""Parts of a finished site for a notebook: its figures, and its first page as one frame without scripts or links.

Everything is inside what is shown, so that it looks the same in Jupyter, in VS Code and in Colab, and after the folder
is gone. The frame is sandboxed: nothing in it runs, loads or leads anywhere.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path

from reportgen.errors import BuildError

__all__ = ["PREVIEW_BYTES", "Figure", "figure_names", "find_figure", "preview_frame"]

PREVIEW_BYTES = 1_500_000
"""A preview has at most so many bytes of pictures, as a notebook keeps it; further pictures become their words."""

_TYPES = {".svg": "image/svg+xml", ".webp": "image/webp"}
# A figure's name is its file's without the scheme and the hash: "reliability-resnet18".
_FIGURE = re.compile(r"(?:figures/(?P<name>.+?)-(?P<scheme>light|dark)|pictures/(?P<mean>mean-.+?))-[0-9a-f]{10}\.\w+")
_IMG = re.compile(r'<img [^>]*?src="([^"]*)"[^>]*?alt="([^"]*)"')
_STYLE = re.compile(r'<link rel="stylesheet" href="([^"]*)"')
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_HEAD = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
    f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"><title>Report</title><style>'
)
_NO_LINKS = "\na { color: inherit; text-decoration: none; cursor: auto; }\n"
_FRAME = "width:100%;height:36rem;border:1px solid #b9b3a5;background:#fff"


@dataclass(frozen=True)
class Figure:
    """One or more pictures of a report. A notebook shows them side by side.

    Attributes
    ----------
    files
        Where they are.
    words
        What each shows, as on its page; "" where no page says it.
    """

    files: tuple[Path, ...]
    words: tuple[str, ...]

    def _repr_html_(self) -> str:
        pictures = (
            f'<figure style="margin:0;max-width:24rem"><img src="{_inline(file)}" alt="" '
            f'style="max-width:100%;background:#fff"><figcaption>{escape(words)}</figcaption></figure>'
            for file, words in zip(self.files, self.words, strict=True)
        )
        return f'<div style="display:flex;flex-wrap:wrap;gap:1rem">{"".join(pictures)}</div>'


def figure_names(files: Iterable[str]) -> dict[str, dict[str, str]]:
    """By name, a site's figures: their paths by "light", "dark" or "" where there is one for both.

    Parameters
    ----------
    files
        Every file of the site.
    """
    found: dict[str, dict[str, str]] = {}
    for path in sorted(files):
        match = _FIGURE.fullmatch(path)
        if match is not None:
            found.setdefault(match["name"] or match["mean"], {})[match["scheme"] or ""] = path
    return found


def find_figure(site: Path, files: Sequence[str], name: str, *, dark: bool) -> Figure:
    """The figures whose name is, or begins with, the one given.

    Raises
    ------
    BuildError
        There is none; the message lists the names.
    """
    known = figure_names(files)
    names = [name] if name in known else [other for other in known if other.startswith(f"{name}-")]
    if not names:
        raise BuildError(f"{site}: no figure {name!r}; expected one of {', '.join(known) or 'none'}")
    wanted = ("dark" if dark else "light", "")
    paths = [next(known[one][scheme] for scheme in (*wanted, *known[one]) if scheme in known[one]) for one in names]
    words = _words(site, files)
    return Figure(tuple(site / path for path in paths), tuple(words.get(Path(path).name, "") for path in paths))


def _words(site: Path, files: Iterable[str]) -> dict[str, str]:
    """By the file name of a picture, what the pages say that it shows."""
    pages = [path for path in files if path.endswith(".html") and not path.startswith("images/")]
    found: dict[str, str] = {}
    for page in pages:
        for source, words in _IMG.findall((site / page).read_text(encoding="utf-8")):
            found.setdefault(source.rpartition("/")[2], unescape(words))
    return found


def preview_frame(site: Path, page: str = "index.html", limit: int = PREVIEW_BYTES) -> str:
    """A page of a site as an `iframe` that holds all of it.

    Parameters
    ----------
    limit
        Most bytes of pictures.

    Raises
    ------
    OSError
        The page, or a file that it shows, cannot be read.
    """
    text = (site / page).read_text(encoding="utf-8")
    folder = (site / page).parent
    css = "\n".join((folder / unescape(sheet)).read_text(encoding="utf-8") for sheet in _STYLE.findall(text))
    reader = _Preview(folder, limit)
    reader.feed(text)
    reader.close()
    document = f"{_HEAD}{css}{_NO_LINKS}</style></head><body>{''.join(reader.parts)}</body></html>"
    return f'<iframe sandbox="" title="Report" style="{_FRAME}" srcdoc="{escape(document)}"></iframe>'


class _Preview(HTMLParser):
    """Copies what stands in `main` and the explanations of terms behind it, without what loads, runs or leads away."""

    def __init__(self, folder: Path, limit: int) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self._folder, self._left, self._depth, self._inside = folder, limit, 0, False
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        begins = tag == "main" or (tag == "div" and "popover" in given and str(given.get("id", "")).startswith("term-"))
        if not self._inside and begins:
            self._inside, self._depth = True, 0
        if not self._inside or self._silent:
            return
        if tag in ("script", "iframe", "form"):
            self._silent = tag
            return
        if tag in ("main", "div"):
            self._depth += 1
        self.parts.append(self._picture(given) if tag == "img" else f"<{tag}{_kept(given)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._inside and not self._silent:
            given = dict(attrs)
            self.parts.append(self._picture(given) if tag == "img" else f"<{tag}{_kept(given)}/>")

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            self._silent = "" if tag == self._silent else self._silent
        elif self._inside:
            self.parts.append(f"</{tag}>")
            self._depth -= tag in ("main", "div")
            self._inside = self._depth > 0

    def handle_data(self, data: str) -> None:
        self._text(data)

    def handle_entityref(self, name: str) -> None:
        self._text(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._text(f"&#{name};")

    def _text(self, text: str) -> None:
        if self._inside and not self._silent:
            self.parts.append(text)

    def _picture(self, given: dict[str, str | None]) -> str:
        """The picture itself while there is room, else its words."""
        source = str(given.get("src") or "")
        file = self._folder / source
        if not source.startswith("data:"):
            size = file.stat().st_size * 4 // 3
            if size > self._left:
                return f"<em>[{escape(str(given.get('alt') or 'picture'))}]</em>"
            self._left -= size
            source = _inline(file)
        return f'<img src="{source}"{_kept(given)}>'


_DROPPED = {"href", "src", "srcset", "action", "formaction", "target", "download", "loading", "decoding", "ping"}


def _kept(given: dict[str, str | None]) -> str:
    return "".join(
        f" {name}" if value is None else f' {name}="{escape(value)}"'
        for name, value in given.items()
        if name not in _DROPPED and not name.startswith("on")
    )


def _inline(file: Path) -> str:
    return f"data:{_TYPES[file.suffix]};base64,{b64encode(file.read_bytes()).decode('ascii')}"
