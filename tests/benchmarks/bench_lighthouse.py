"""Lighthouse over a finished site, served at loopback: median of several rounds for each kind of page.

    npm install lighthouse@12
    CHROME_PATH=/usr/bin/chromium python tests/benchmarks/bench_lighthouse.py output/site --rounds 3

Exits with 1 where performance, accessibility or best practices have a median below 95.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CATEGORIES = ("performance", "accessibility", "best-practices")
LEAST = 95


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: Lighthouse's own lines are enough."""


def run(lighthouse: str, url: str, preset: str) -> dict[str, float]:
    """One round on one page: scores of 100, and why some are lower."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "report.json"
        command = [lighthouse, url, "--quiet", "--output=json", f"--output-path={out}"]
        command += [
            f"--only-categories={','.join(CATEGORIES)}",
            "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
        ]
        if preset == "desktop":
            command.append("--preset=desktop")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = json.loads(out.read_text(encoding="utf-8"))
    for name, audit in found["audits"].items():
        if (
            audit.get("score") is not None
            and audit["score"] < 0.9
            and audit["scoreDisplayMode"] in ("binary", "numeric")
        ):
            print(f"    {name}: {audit.get('displayValue') or audit['title']}", file=sys.stderr)
    return {name: 100 * found["categories"][name]["score"] for name in CATEGORIES}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lighthouse", default="node_modules/.bin/lighthouse")
    parser.add_argument("--preset", choices=("mobile", "desktop"), default="mobile")
    parser.add_argument("--pages", nargs="*", default=None)
    options = parser.parse_args()
    emotion = sorted(path.name for path in (options.site / "emotions").iterdir())[0]
    pages = options.pages or ["index.html", f"emotions/{emotion}", "explorer.html", "shortcuts.html"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(options.site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    low = False
    for page in pages:
        url = f"http://127.0.0.1:{server.server_address[1]}/{page}"
        rounds = [run(options.lighthouse, url, options.preset) for _ in range(options.rounds)]
        medians = {name: statistics.median(one[name] for one in rounds) for name in CATEGORIES}
        low = low or min(medians.values()) < LEAST
        print(f"{page:28} " + "  ".join(f"{name} {value:3.0f}" for name, value in medians.items()))
    server.shutdown()
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
