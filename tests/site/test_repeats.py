"""No block of text stands on two pages: what several pages need is said on one, and linked to."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from xml.etree import ElementTree

import html5lib

from reportgen.site.publish import Published

XHTML = "{http://www.w3.org/1999/xhtml}"
#: From so many words on a text is a block; explanations that open on a press stand where their terms stand.
BLOCK = 30
BLOCKS = {f"{XHTML}{name}" for name in ("p", "li", "dd", "figcaption", "caption", "small", "td")}
ELSEWHERE = {f"{XHTML}{name}" for name in ("header", "footer", "script")}
#: Pages of single images, and further pages of the explorer, show what is said elsewhere of one image.
OF_IMAGES = {"images", "explorer"}


def blocks(element: ElementTree.Element) -> Iterator[str]:
    if element.get("popover") is not None or element.tag in ELSEWHERE:
        return
    text = re.sub(r"\s+", " ", "".join(element.itertext())).strip()
    holds_blocks = any(child.tag in BLOCKS for child in element.iter() if child is not element)
    if element.tag in BLOCKS and not holds_blocks and len(text.split()) >= BLOCK:
        yield text
    for child in element:
        yield from blocks(child)


def test_no_block_of_text_stands_on_two_pages(published: Published) -> None:
    pages: dict[str, set[str]] = defaultdict(set)
    for path in published.site.rglob("*.html"):
        name = path.relative_to(published.site)
        if name.parts[0] not in OF_IMAGES:
            for text in blocks(html5lib.HTMLParser(strict=True).parse(path.read_text(encoding="utf-8"))):
                pages[text].add(name.as_posix())
    assert len(pages) > 20  # there is text to repeat
    assert {text: found for text, found in pages.items() if len(found) > 1} == {}
