"""Builds for a long time and watches memory, threads and open files: `python tests/faults/long_run.py --seconds 3600`.

Half of the time goes to one build over the set repeated as often as that takes, sampled while images are explained,
half to building the small set again and again. Linux only, because of `/proc`.
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

# What may be gained between the second and the last quarter: allocators keep some of what they were given.
ALLOWED_MB = 10.0
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
        self.files.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))

    def growth(self) -> dict[str, float]:
        """Last quarter less second quarter: medians of memory, largest of the others."""
        n = len(self.memory)
        second, last = slice(n // 4, n // 2), slice(3 * n // 4, n)
        return {
            "samples": n,
            "memory_mb": round(median(self.memory[second]), 1),
            "memory_growth_mb": round(median(self.memory[last]) - median(self.memory[second]), 2),
            "threads": max(self.threads[second]),
            "threads_growth": max(self.threads[last]) - max(self.threads[second]),
            "files": max(self.files[second]),
            "files_growth": max(self.files[last]) - max(self.files[second]),
        }


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
    from reportgen.config import load_config
    from reportgen.pipeline import build

    samples, count, ends = Samples(), 0, time.monotonic() + seconds
    while time.monotonic() < ends or count < 8:
        shutil.rmtree("output", ignore_errors=True)
        build(load_config(None, {"seed": count % 3}))
        gc.collect()
        samples.take()
        count += 1
    return samples, count


def one_build(root: Path, seconds: float) -> tuple[Samples, int]:
    """One build over copies of the set, as many as should take that long."""
    from reportgen.config import load_config
    from reportgen.pipeline import build

    began = time.monotonic()
    repeat(root, 20)
    build(load_config(None, {"output": Path("trial"), "zip": False}))
    rate = 140 / max(0.1, time.monotonic() - began)
    copies = max(40, int(rate * seconds / 7))
    repeat(root, copies)
    samples = Samples()
    build(load_config(None, {"output": Path("long"), "zip": False}), Watching(samples, seconds / 400))
    return samples, 7 * copies


def repeat(root: Path, copies: int) -> None:
    """Every image of the set under `copies` names, as links: the set grows, the disk does not fill."""
    rows = ["path,emotion,person"]
    shutil.rmtree(root / "many", ignore_errors=True)
    (root / "many").mkdir()
    for place, image in enumerate(sorted((root / "images").iterdir())):
        for number in range(copies):
            os.link(image, root / f"many/{number}-{image.name}")
            rows.append(f"many/{number}-{image.name},{image.name.split('_')[0]},{place}")
    (root / "set.csv").write_text("\n".join(rows) + "\n")


def run(seconds: float) -> dict[str, Any]:
    """Both halves, and whether anything grew."""
    folder = Path(tempfile.mkdtemp(prefix="long-"))
    try:
        root = folder / "scene"
        make_scene(root)
        os.chdir(root)
        builds, count = many_builds(root, seconds / 2)
        single, images = one_build(root, seconds / 2)
    finally:
        os.chdir("/")
        shutil.rmtree(folder)
    found = {"builds": {"count": count, **builds.growth()}, "one build": {"images": images, **single.growth()}}
    found["grows"] = [f"{kind}: {what}" for kind in ("builds", "one build") for what in grown(found[kind])]
    return {**found, "raw": {"builds": asdict(builds), "one build": asdict(single)}}


def grown(found: dict[str, float]) -> list[str]:
    """What grew more than is allowed."""
    limit = max(ALLOWED_MB, ALLOWED_SHARE * found["memory_mb"])
    grew = {
        "memory": found["memory_growth_mb"] > limit,
        "threads": found["threads_growth"] > 0,
        "files": found["files_growth"] > 0,
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
