"""The whole site in one HTML file: every page, picture, style and script inside it, under a policy of hashes.

It is made from the finished site, so whatever the pages show, the file shows. Each page becomes an article whose id is
its path; links between pages become links to those ids, and a picture that is used more than once is stored once and
referred to. A style sheet shows the article that the address names, so that it can be read without JavaScript; a
script does the same and gives filters a view that can be linked.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
import posixpath
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from html import unescape
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

from reportgen.errors import BuildError, OutputError
from reportgen.output_guard import SINGLE_MARK

__all__ = ["single_page"]

_TAG = re.compile(r'<([a-zA-Z][\w-]*)((?:\s+[\w:.-]+(?:="[^"]*")?)*)\s*(/?)>')
_ATTRIBUTE = re.compile(r'([\w:.-]+)(?:="([^"]*)")?')
_MAIN = re.compile(r'(<main id="main"[^>]*>)(.*)(</main>)', re.DOTALL)
_TERM = re.compile(r'<div popover id="(term-[^"]+)".*?</div>\n?', re.DOTALL)
_ASSET = re.compile(r"assets/([a-z_]+)-[0-9a-f]{10}\.([a-z]+)")
_SHEET = re.compile(r'<link rel="stylesheet" href="[^"]*/([a-z_]+)-[0-9a-f]{10}\.css"')
_ON = re.compile(r'<a href="([^"]+)" class="on"')
_TITLE = re.compile(r"<title>(.*?)</title>")
_HEAD = re.compile(r"<head>.*?</head>", re.DOTALL)
_DESCRIPTION = re.compile(r'<meta name="description"[^>]*>')
_NAMING = {"id", "for", "aria-labelledby", "aria-describedby", "aria-controls", "headers", "list", "popovertarget"}
_TYPES = {".webp": "image/webp", ".svg": "image/svg+xml", ".csv": "text/csv", ".json": "application/json"}
_QUOTED = re.compile(r'"((?:sheets|pictures)/[^"\\]+)"')
# Pictures in the style sheet's rules for `img` are `svg.pic` here, when they are used more than once.
_IMG = re.compile(r"(?<![\w.#-])img(?![\w-])")
# What a rule selects by its id, up to the brace that opens the rule: on a page of this file its id is longer.
_SELECTED = re.compile(r"#([a-z][\w-]*)(?=[^{}]*\{)")


def single_page(site: Path, names: Iterable[str], router: str, limit_mb: float) -> bytes:
    """A finished site as one HTML file, UTF-8.

    Parameters
    ----------
    site, names
        Its folder, and the files in it.
    router
        The script that shows one page at a time.
    limit_mb
        Larger files than this are refused: a browser reads such a file whole before it shows a word.

    Raises
    ------
    OutputError
        The file would be larger than the limit.
    BuildError
        A page lacks what this module looks for, or refers to a file that is not in the site.
    """
    files = {name: (site / name).read_bytes() for name in sorted(names)}
    page = _Bundle(files, router).render().encode("utf-8")
    if len(page) > 1e6 * limit_mb:
        raise OutputError(
            f"the report in one file would have {len(page) / 1e6:.0f} MB, more than single_file_mb = {limit_mb:g}, and "
            "browsers read it whole before they show anything; send report.zip or use --mail, take fewer examples, or "
            "raise the limit"
        )
    return page


class _Bundle:
    def __init__(self, files: Mapping[str, bytes], router: str) -> None:
        self._files, self._router = files, router
        found = (_ASSET.fullmatch(name) for name in files)
        self._scripts = {f"{match[1]}.{match[2]}": match[0] for match in found if match is not None}
        self._texts = {name: content.decode("utf-8") for name, content in files.items() if name.endswith(".html")}
        # The index first: it is shown where the address names no page.
        self._pages = sorted(self._texts, key=lambda name: (name != "index.html", name))
        self._uses: Counter[str] = Counter()
        self._sizes: dict[str, tuple[str | None, str | None]] = {}
        self._numbers: dict[str, int] = {}
        self._terms: dict[str, str] = {}

    def render(self) -> str:
        for name in self._pages:
            self._count(name)
        for script in _WITH_PATHS:
            self._uses.update(self._pictures_in(script))
        articles = "\n".join(self._article(name) for name in self._pages)
        index = self._texts["index.html"]
        before, after = self._around(_HEAD.sub(_HEAD_HERE, index, count=1))
        before, after = (self._rewrite(part, "index.html", frame=True) for part in (before, _TERM.sub("", after)))
        terms = "".join(self._terms[term] for term in sorted(self._terms))
        # Scripts that only hold data come before those that read it.
        rest = [name for name in sorted(self._scripts) if name.endswith(".js") and name not in _FIRST]
        rest.sort(key=lambda name: not self._text(name).startswith("window."))
        data = [self._with_references(script) for script in _WITH_PATHS if script in self._scripts]
        texts = ('window.reportgenPrefix="/";', *data, *(self._text(name) for name in rest), self._router)
        scripts = [self._script(text) for text in texts]
        body = f'{before}<main id="main" tabindex="-1">\n{articles}\n</main>{after}'
        body = body.replace("</body>", f"{terms}{self._definitions()}{''.join(scripts)}</body>")
        return self._with_policy(body.replace(_HEAD_HERE, self._head(index), 1))

    def _count(self, name: str) -> None:
        for tag, attributes in _tags(self._main(name)):
            path = attributes.get("src") if tag == "img" else attributes.get("href") if tag == "image" else None
            if path is not None:
                found = self._path(name, path)
                self._uses[found] += 1
                self._sizes[found] = (attributes.get("width"), attributes.get("height"))

    def _main(self, name: str) -> str:
        found = _MAIN.search(self._texts[name])
        if found is None:
            raise BuildError(f'{name}: has no <main id="main">, so it cannot become part of one file')
        return found[2]

    def _around(self, text: str) -> tuple[str, str]:
        before, _, rest = text.partition('<main id="main"')
        return before, rest.partition("</main>")[2]

    def _path(self, page: str, target: str) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(unescape(target))))
        if path not in self._files:
            raise BuildError(f"{page}: refers to {target}, which is not in the site")
        return path

    def _article(self, name: str) -> str:
        text = self._texts[name]
        for term in _TERM.finditer(text):
            self._terms.setdefault(term[1], term[0])
        title, on = _TITLE.search(text), _ON.search(text)
        section = self._path(name, on[1]) if on else ""
        body = self._rewrite(self._main(name), name)
        data = f'data-title="{title[1] if title else name}" data-section="{section}"'
        return f'<article class="page" id="/{name}" {data}>{body}</article>'

    def _rewrite(self, text: str, page: str, *, frame: bool = False) -> str:
        # What the frame names is there once and keeps its name.
        ids = set() if frame else {attributes["id"] or "" for _, attributes in _tags(text) if attributes.get("id")}

        def tag(match: re.Match[str]) -> str:
            name, rest, closing = match[1], match[2], match[3]
            attributes = dict(_attributes(rest))
            if name == "img":
                return self._picture(attributes, page)
            target = attributes.get("href") or ""
            if name == "image" and target:
                name, attributes = "use", {**attributes, "href": f"#{self._reference(self._path(page, target))}"}
            if name == "a" and "download" in attributes:
                # The address is the content here, so the file name is given beside it.
                attributes["download"] = posixpath.basename(target)
            for key, value in attributes.items():
                attributes[key] = self._attribute(name, key, value, page, ids, attributes)
            return f"<{name}{_written(attributes)}{closing}>"

        return _TAG.sub(tag, text)

    def _attribute(
        self, tag: str, key: str, value: str | None, page: str, ids: set[str], others: Mapping[str, str | None]
    ) -> str | None:
        if value is None:
            return None
        if key in _NAMING:
            return " ".join(f"/{page}!{part}" if part in ids else part for part in value.split(" "))
        if value.startswith("url(#") and value[5:-1] in ids:
            return f"url(#/{page}!{value[5:-1]})"
        if tag == "a" and key == "href":
            return self._link(value, page, ids, download="download" in others)
        return value

    def _link(self, target: str, page: str, ids: set[str], *, download: bool) -> str:
        path, mark, fragment = target.partition("#")
        if not path:
            return f"#/{page}!{fragment}" if fragment in ids else target
        found = self._path(page, path)
        if found in self._texts:
            return f"#/{found}" + (f"!{fragment}" if mark else "")
        if download and page == "method.html":
            return self._inline(found)
        # A table is inside once, where all of them are listed.
        return "#/method.html!downloads"

    def _picture(self, attributes: dict[str, str | None], page: str) -> str:
        path = self._path(page, attributes.pop("src") or "")
        if self._uses[path] < 2:
            return f"<img{_written({'src': self._inline(path), **attributes})}>"
        alt, width, height = attributes.pop("alt"), attributes.get("width"), attributes.get("height")
        for key in ("loading", "decoding"):
            attributes.pop(key, None)
        named: dict[str, str | None] = {"role": "img", "aria-label": alt} if alt else {"aria-hidden": "true"}
        classes = " ".join(filter(None, ("pic", attributes.pop("class", None))))
        given = {"class": classes, **named, "viewBox": f"0 0 {width} {height}", **attributes}
        return f'<svg{_written(given)}><use href="#{self._reference(path)}"/></svg>'

    def _reference(self, path: str) -> str:
        return f"f{self._numbers.setdefault(path, len(self._numbers))}"

    def _inline(self, path: str) -> str:
        ending = posixpath.splitext(path)[1]
        kind = _TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"
        return f"data:{kind};base64,{b64encode(self._files[path]).decode('ascii')}"

    def _pictures_in(self, script: str) -> list[str]:
        """Paths of the pictures that a script names, as often as it does; none where the site has no such script."""
        if script not in self._scripts:
            return []
        return [path for path in _QUOTED.findall(self._text(script)) if path in self._files]

    def _with_references(self, script: str) -> str:
        """A script of the explorer's data, with pictures by reference."""
        known = set(self._pictures_in(script))
        return _QUOTED.sub(lambda m: f'"#{self._reference(m[1])}"' if m[1] in known else m[0], self._text(script))

    def _definitions(self) -> str:
        parts = ['<svg width="0" height="0" class="away" aria-hidden="true"><defs>']
        for path, number in self._numbers.items():
            width, height = self._sizes.get(path) or Image.open(io.BytesIO(self._files[path])).size
            parts.append(f'<image id="f{number}" href="{self._inline(path)}" width="{width}" height="{height}"/>')
        return "".join([*parts, "</defs></svg>"])

    def _text(self, script: str) -> str:
        return self._files[self._scripts[script]].decode("utf-8")

    def _script(self, text: str) -> str:
        if "</script" in text.lower():
            raise BuildError("a script holds '</script', so it cannot become part of one file")
        return f"<script>{text}</script>\n"

    def _head(self, index: str) -> str:
        found = (sheet for name in self._pages for sheet in _SHEET.findall(self._texts[name]))
        sheets = "\n".join(self._text(f"{sheet}.css") for sheet in dict.fromkeys(found))
        style = _SELECTED.sub(r':is(#\1,[id$="!\1"])', _IMG.sub(":is(img,.pic)", sheets)) + _SHOWN
        icon = self._inline(self._scripts["icon.svg"])
        description, title = _DESCRIPTION.search(index), _TITLE.search(index)
        return "\n".join([
            "<head>",
            '<meta charset="utf-8">',
            _POLICY,
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            SINGLE_MARK,
            description[0] if description else "",
            title[0] if title else "",
            f'<link rel="icon" href="{icon}" type="image/svg+xml">',
            f"<style>{style}</style>",
            f"<script>{self._text('theme.js')}</script>",
            "</head>",
        ])  # fmt: skip

    def _with_policy(self, page: str) -> str:
        def hashes(tag: str) -> str:
            found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
            return " ".join(f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in found)

        policy = (
            f"default-src 'none'; img-src data:; style-src {hashes('style')}; script-src {hashes('script')}; "
            "base-uri 'none'; form-action 'none'"
        )
        return page.replace(_POLICY, f'<meta http-equiv="Content-Security-Policy" content="{policy}">', 1)


# The one stands in the head, the others are rewritten.
_WITH_PATHS = ("data.js", "details.js")
_FIRST = ("theme.js", *_WITH_PATHS)
_HEAD_HERE, _POLICY = "<!-- head -->", "<!-- policy -->"
_SHOWN = """
.page { display: none; scroll-margin-top: 20rem; }
.page.shown { display: block; }
html:not(.routed) .page:target, html:not(.routed) .page:has(:target) { display: block; }
html:not(.routed) main:not(:has(.page:target, .page :target)) > .page:first-child { display: block; }
.pic { overflow: hidden; }
"""


def _tags(text: str) -> Iterable[tuple[str, dict[str, str | None]]]:
    return ((match[1], dict(_attributes(match[2]))) for match in _TAG.finditer(text))


def _attributes(text: str) -> list[tuple[str, str | None]]:
    return [(match[1], match[2]) for match in _ATTRIBUTE.finditer(text)]


def _written(attributes: Mapping[str, str | None]) -> str:
    return "".join(f" {key}" if value is None else f' {key}="{value}"' for key, value in attributes.items())
