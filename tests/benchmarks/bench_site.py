"""Words and screens of the main pages of a finished site: what a reader has to go through.

    python tests/benchmarks/bench_site.py output/site

A word counts as visible where it stands in the text of the page as Chromium lays it out 1,280 pixels wide, with
everything folded left folded; words inside what is folded are counted beside them. A screen is 900 pixels high. Exits
with 1 where a target is missed: at most 20,000 visible words on all main pages, 2,500 words and 8 screens on each, 900
words on the first, and its answers, first pictures and actions within two screens.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

WIDTH, SCREEN = 1280, 900
MOST_WORDS, MOST_WORDS_OF_A_PAGE, MOST_WORDS_OF_THE_INDEX, MOST_SCREENS = 20_000, 2_500, 900, 8
#: What of the first page has to stand within two screens, by selector: the end of the answers, the first picture, and
#: the last action.
EARLY = {
    "answers": ".answers",
    "first photo": "main picture img, main img[src*='.webp']",
    "actions": "#next ol",
}
_PAGES_OF_IMAGES = {"images", "explorer", "sheets", "assets", "downloads", "pictures", "figures"}

_WORDS = """() => {
    const count = (text) => (text.match(/\\S+/g) || []).length;
    const visible = count(document.body.innerText);
    for (const folded of document.querySelectorAll("details")) folded.open = true;
    const all = count(document.body.innerText);
    return [visible, all - visible];
}"""


@dataclass(frozen=True)
class Read:
    """What one page asks of its reader: words seen at once, words folded away, and its height in screens."""

    page: str
    words: int
    folded: int
    screens: float


def main_pages(site: Path) -> list[str]:
    """Pages a reader comes to by the navigation: all but those of single images and further pages of the explorer."""
    pages = [path.relative_to(site) for path in site.rglob("*.html")]
    return sorted(page.as_posix() for page in pages if page.parts[0] not in _PAGES_OF_IMAGES)


def read(page: Page, site: Path, name: str) -> Read:
    page.goto((site / name).resolve().as_uri())
    page.wait_for_timeout(200)
    screens = page.evaluate("document.documentElement.scrollHeight") / SCREEN
    words, folded = page.evaluate(_WORDS)
    return Read(name, words, folded, screens)


def late_on_the_index(page: Page, site: Path) -> list[str]:
    """What of the first page begins (answers: ends) below its second screen, with where."""
    page.goto((site / "index.html").resolve().as_uri())
    page.wait_for_timeout(200)
    found = []
    for what, selector in EARLY.items():
        first = page.query_selector(selector)
        box = first.bounding_box() if first else None
        if box is None:
            found.append(f"index.html has no {what} ({selector})")
            continue
        end = box["y"] + box["height"]
        print(f"index.html: {what} end at screen {end / SCREEN:.1f}")
        if end > 2 * SCREEN:
            found.append(f"{what} of index.html end at screen {end / SCREEN:.1f} of 2")
    return found


def missed(reads: list[Read]) -> list[str]:
    """Targets of words and screens that are missed, one line each."""
    lines = []
    total = sum(each.words for each in reads)
    if total > MOST_WORDS:
        lines.append(f"all pages: {total:,} words of {MOST_WORDS:,}")
    for each in reads:
        most = MOST_WORDS_OF_THE_INDEX if each.page == "index.html" else MOST_WORDS_OF_A_PAGE
        if each.words > most:
            lines.append(f"{each.page}: {each.words:,} words of {most:,}")
        if each.screens > MOST_SCREENS:
            lines.append(f"{each.page}: {each.screens:.1f} screens of {MOST_SCREENS}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--chromium", default="/usr/bin/chromium", help="the browser to lay the pages out with")
    options = parser.parse_args()
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": SCREEN})
        reads = [read(page, options.site, name) for name in main_pages(options.site)]
        print(f"{'page':<28}{'words':>8}{'folded':>8}{'screens':>9}")
        for each in reads:
            print(f"{each.page:<28}{each.words:>8,}{each.folded:>8,}{each.screens:>9.1f}")
        words, folded = sum(each.words for each in reads), sum(each.folded for each in reads)
        print(f"{f'{len(reads)} pages':<28}{words:>8,}{folded:>8,}{sum(each.screens for each in reads):>9.1f}")
        lines = missed(reads) + late_on_the_index(page, options.site)
        browser.close()
    for line in lines:
        print(f"missed: {line}", file=sys.stderr)
    return int(bool(lines))


if __name__ == "__main__":
    raise SystemExit(main())
