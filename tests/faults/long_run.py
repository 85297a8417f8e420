"""Builds for a long time and watches memory, threads and open files: `python tests/faults/long_run.py --seconds 3600`.

That long takes one build over the set repeated as often as it needs, faces looked for and regions measured, sampled
while images are explained; a fifth of it more goes to building the small set again and again. Linux only, because of
`/proc`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.scene import make_scene

# What may be gained between the second and the last quarter: allocators keep some of what they were given, and a thread
# may be on its way out while it is counted. A leak of one in every build would be ten in a minute.
ALLOWED_MB = 10.0
ALLOWED_COUNT = 1
ALLOWED_SHARE = 0.02


@dataclass
class Samples:
    """Resident memory in MB, threads and open files, in the order they were taken."""

    memory: list[float] = field(default_factory=list)
    threads: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def take(self) -> None:
        status = Path("/proc/self/status").read_text()
        values = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if len(line.split()) > 1}
        self.memory.append(int(values["VmRSS"]) / 1024)
        self.threads.append(int(values["Threads"]))
        self.files.append(sum(not _is_font(file) for file in Path("/proc/self/fd").iterdir()))

    def growth(self) -> dict[str, float]:
        """Medians of the last quarter less those of the second."""
        n = len(self.memory)
        second, last = slice(n // 4, n // 2), slice(3 * n // 4, n)
        return {
            "samples": n,
            "memory_mb": round(median(self.memory[second]), 1),
            "memory_growth_mb": round(median(self.memory[last]) - median(self.memory[second]), 2),
            "threads": median(self.threads[second]),
            "threads_growth": median(self.threads[last]) - median(self.threads[second]),
            "files": median(self.files[second]),
            "files_growth": median(self.files[last]) - median(self.files[second]),
        }


def _is_font(file: Path) -> bool:
    """Whether an open file is a font: matplotlib keeps those of up to 64 threads that drew, which is no leak."""
    try:
        return file.readlink().suffix == ".ttf"
    except OSError:  # closed meanwhile
        return False


class Watching:
    """A progress that takes samples while images are explained."""

    def __init__(self, samples: Samples, every: float) -> None:
        self.samples, self.every, self.last, self.on = samples, every, 0.0, False

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Any]:
        self.on = title == "Explaining"
        yield self
        self.on = False

    def advance(self, amount: int = 1) -> None:
        if self.on and time.monotonic() - self.last >= self.every:
            self.last = time.monotonic()
            self.samples.take()

    def note(self, text: str) -> None:
        pass


def many_builds(root: Path, seconds: float) -> tuple[Samples, int]:
    """The whole build again and again, each into an empty folder."""
    from reportgen.commands.build import build
    from reportgen.config import load_config

    samples, count, ends = Samples(), 0, time.monotonic() + seconds
    while time.monotonic() < ends or count < 8:
        shutil.rmtree("output", ignore_errors=True)
        build(load_config(Path("reportgen.toml"), {"seed": count % 3}))
        gc.collect()
        samples.take()
        count += 1
    return samples, count


def one_build(root: Path, seconds: float) -> tuple[Samples, int, float]:
    """One build over copies of the set, as many as should take that long."""
    from reportgen.commands.build import build
    from reportgen.config import load_config

    def whole(copies: int, progress: Watching | None = None) -> float:
        repeat(root, copies)
        began = time.monotonic()
        settings = {"output": Path(f"copies-{copies}"), "zip": False, "regions": "auto"}
        build(load_config(Path("reportgen.toml"), settings), progress)
        return time.monotonic() - began

    # What an image costs shows in the difference: a small build is mostly what any build costs.
    few, more = (20, 60) if seconds < 600 else (50, 350)
    once = whole(few)
    each = max(1e-4, (whole(more) - once) / (more - few))
    copies = max(40, int((seconds - once) / each))
    samples = Samples()
    took = whole(copies, Watching(samples, seconds / 400))
    return samples, 7 * copies, took


def repeat(root: Path, copies: int) -> None:
    """Every image of the set as `copies` files that differ in bytes only: a few kB each."""
    rows = ["path,emotion,person"]
    shutil.rmtree(root / "many", ignore_errors=True)
    (root / "many").mkdir()
    for place, image in enumerate(sorted((root / "images").iterdir())):
        content = image.read_bytes()
        for number in range(copies):
            # Bytes behind the picture change nothing but the file's hash: exact copies would be counted once.
            (root / f"many/{number}-{image.name}").write_bytes(content + number.to_bytes(4, "big"))
            rows.append(f"many/{number}-{image.name},{image.name.split('_')[0]},{place}")
    (root / "set.csv").write_text("\n".join(rows) + "\n")


def run(seconds: float) -> dict[str, Any]:
    """Both halves, and whether anything grew."""
    folder = Path(tempfile.mkdtemp(prefix="long-"))
    try:
        root = folder / "scene"
        make_scene(root)
        os.chdir(root)
        builds, count = many_builds(root, seconds / 5)
        single, images, took = one_build(root, seconds)
    finally:
        os.chdir("/")
        shutil.rmtree(folder)
    found = {
        "builds": {"count": count, **builds.growth()},
        "one build": {"images": images, "seconds": round(took), **single.growth()},
    }
    found["grows"] = [f"{kind}: {what}" for kind in ("builds", "one build") for what in grown(found[kind])]
    return {**found, "raw": {"builds": asdict(builds), "one build": asdict(single)}}


def grown(found: dict[str, float]) -> list[str]:
    """What grew more than is allowed."""
    limit = max(ALLOWED_MB, ALLOWED_SHARE * found["memory_mb"])
    grew = {
        "memory": found["memory_growth_mb"] > limit,
        "threads": found["threads_growth"] > ALLOWED_COUNT,
        "files": found["files_growth"] > ALLOWED_COUNT,
    }
    return [what for what, more in grew.items() if more]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--raw", type=Path, help="also write every sample here")
    options = parser.parse_args()
    found = run(options.seconds)
    raw = found.pop("raw")
    if options.raw:
        options.raw.write_text(json.dumps(raw))
    print(json.dumps(found, indent=1))
    return 1 if found["grows"] else 0


if __name__ == "__main__":
    sys.exit(main())
