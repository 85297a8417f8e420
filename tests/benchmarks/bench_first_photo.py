"""When the first photo of a first page stands on a phone, beside that of another build of the same report.

    python tests/benchmarks/bench_first_photo.py output/site --against earlier/site

Both sites are served at loopback and opened by turns in Chromium as Lighthouse's phone is: 412 pixels wide, 1.6 Mbit/s,
150 ms to the server and back, a processor four times slower. The time is from the start of the navigation until a frame
in which the first photo of the page is there, scrolled to at once if it lies further down. Exits with 1 where the
median is more than half of the other's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

MOST = 0.5
_PHOTO = "main picture img, main img[src*='.webp'], main img[src*='.jpg'], main img[src*='.png']"
_WATCH = """(() => {
    const look = () => {
        const photo = document.querySelector("PHOTO");
        if (photo && !window.first) {
            window.first = [0, photo.getBoundingClientRect().top + scrollY];
            photo.scrollIntoView();
        }
        if (photo && photo.complete && photo.naturalWidth) window.first[0] = performance.now();
        else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
})()""".replace("PHOTO", _PHOTO)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve(site: Path) -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/index.html"


def first_photo(browser: Browser, address: str) -> tuple[float, float]:
    """Milliseconds until it is there, and how far down the page it lies."""
    context = browser.new_context(viewport={"width": 412, "height": 823}, device_scale_factor=1.75, is_mobile=True)
    page = context.new_page()
    client = context.new_cdp_session(page)
    client.send("Network.enable")
    rate = 1.6 * 1024 * 1024 / 8
    line = {"offline": False, "latency": 150, "downloadThroughput": rate, "uploadThroughput": rate / 2}
    client.send("Network.emulateNetworkConditions", line)
    client.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.add_init_script(_WATCH)
    page.goto(address)
    page.wait_for_timeout(1000)
    taken, top = page.evaluate("window.first")
    context.close()
    return taken, top


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--against", type=Path, required=True, help="site of another build of the same report")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    addresses = {"now": serve(options.site), "before": serve(options.against)}
    times: dict[str, list[float]] = {name: [] for name in addresses}
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(options.rounds):
            for name, address in addresses.items():
                taken, top = first_photo(browser, address)
                times[name].append(taken)
                print(f"{name:<8}{taken:7.0f} ms, {top:5.0f} pixels down", flush=True)
        browser.close()
    middle = {name: statistics.median(values) for name, values in times.items()}
    ratio = middle["now"] / middle["before"]
    print(f"medians: {middle['now']:.0f} and {middle['before']:.0f} ms, ratio {ratio:.2f}")
    return int(ratio > MOST)


if __name__ == "__main__":
    sys.exit(main())
