"""Compare every number of two built sites, before and after a change that must not move any.

    python tests/benchmarks/compare_sites.py before/site after/site

Pages are compared by the numbers in their visible text and in the attributes that carry values, downloads by their
cells, scripts with data by their numbers, pictures by their bytes. Prints what differs; exits with 1 where anything
does. Page names are compared as they are, asset names without the hash of their content.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d*\.?\d+)(?:e-?\d+)?")
_HASHED = re.compile(r"-[0-9a-f]{10}(?=\.\w+$)")
_VALUES = {"data-value", "data-n", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height", "x", "y", "r"}
_PICTURES = {".webp", ".png", ".jpg", ".svg"}


def numbers_in(text: str) -> list[str]:
    """Numbers in the order of the text, whichever minus and whether or not with thousands separators."""
    return [number.replace(",", "") for number in _NUMBER.findall(text.replace("−", "-"))]


class _Text(HTMLParser):
    """The numbers of one page: what a reader sees, and what drawings are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: Counter[str] = Counter()
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style"}:
            self._hidden += 1
        for name, value in attrs:
            if name in _VALUES and value:
                self.numbers.update(f"{name}={number}" for number in numbers_in(value))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.numbers.update(numbers_in(data))


def numbers_of(path: Path) -> Counter[str]:
    """Every number of one file, with how often it stands there."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".html":
        return Counter(numbers_in(text))
    page = _Text()
    page.feed(text)
    return page.numbers


def files_of(site: Path) -> dict[str, Path]:
    """Files of a site by name without hashes of content; a name that several share gets a running number."""
    found: dict[str, Path] = {}
    for path in sorted(site.rglob("*")):
        if path.is_file() and path.name != "manifest.json":
            name = _HASHED.sub("", path.relative_to(site).as_posix())
            while name in found:
                name += "+"
            found[name] = path
    return found


def compare(before: Path, after: Path) -> list[str]:
    """One line for each difference."""
    old, new = files_of(before), files_of(after)
    lines = [f"only before: {name}" for name in sorted(old.keys() - new.keys())]
    lines += [f"only after: {name}" for name in sorted(new.keys() - old.keys())]
    for name in sorted(old.keys() & new.keys()):
        if old[name].read_bytes() == new[name].read_bytes() or name.endswith(".css"):
            continue
        if old[name].suffix in _PICTURES:
            lines.append(f"{name}: another picture")
            continue
        a, b = numbers_of(old[name]), numbers_of(new[name])
        if a != b:
            gone, come = (sorted(counter.elements()) for counter in (a - b, b - a))
            lines.append(f"{name}: before {gone[:12]} ({len(gone)}), after {come[:12]} ({len(come)})")
    return lines


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    lines = compare(options.before, options.after)
    print("\n".join(lines) or "no number, picture or table differs")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
