"""Whole builds against those of an earlier commit, stage by stage, as ratios.

    git worktree add ../earlier 63fab90
    python tests/benchmarks/bench_build.py --against ../earlier [--fer FOLDER] [--rounds 3] [--skip-demo]

`--fer` is a folder with the notebook's files: `processed_data.pkl`, its images and both checkpoints. That set and the
demo are built from scratch by both checkouts in turn, each build in a process of its own; after each follow a rebuild
without news and one with another presentation (`--privacy outline`). Shown are medians over the rounds: wall time,
processor time, and peak memory of all processes of a build (Linux only). Stages that ask what the earlier commit did
not ask are printed apart. Run it on a machine that does nothing else.

Exits with 1 where a ratio is over its limit.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
LIMITS = {
    "real set": {"wall": 0.6, "same questions": 0.5, "peak": 0.8},
    "demo": {"wall": 0.5},
    "unchanged": {"wall": 0.5},
}
HELP = 1.3
"""Most that `--help` may take of the time of importing what it needs."""
NAMES = {
    "Taking properties away": "Removing properties",
    "Taking shortcuts away from errors": "Removing shortcuts from errors",
}
"""Stages that had another title."""
NEW = (
    "Adding properties",
    "Changing backgrounds",
    "Transplanting without shortcuts",
    "Locating",
    "Cutting and pasting",
    "Looking for what flips",
    "Comparing groups",
    "Making photos worse",
    "Previewing a repair",
)
"""How the titles of stages begin that the earlier commit did not have."""
_STAGE = re.compile(r"^([A-Z].*?)(?: \d+)?: ([\d.]+) s$", re.MULTILINE)
_TICK = 0.1  # seconds between two looks at the memory


@dataclass(frozen=True)
class Run:
    """One build: seconds of wall time and of processor time, peak memory in MB, and seconds by stage."""

    wall: float
    cpu: float
    peak: float
    stages: dict[str, float]

    @property
    def same(self) -> float:
        """Wall time without the stages that the earlier commit did not have."""
        return self.wall - sum(took for title, took in self.stages.items() if title.startswith(NEW))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, required=True, help="checkout of the earlier commit")
    parser.add_argument("--fer", type=Path, help="folder with the notebook's files; the demo alone if not given")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--skip-demo", action="store_true")
    chosen = parser.parse_args()
    checkouts = {"old": chosen.against.resolve(), "new": ROOT}
    over = _help(checkouts["new"])
    sets = {"real set": (chosen.fer, "build")} if chosen.fer else {}
    # The demo is built in a folder without a checkout: Python would prefer the one in the working folder.
    nowhere = tempfile.TemporaryDirectory(prefix="bench-nowhere-")
    sets |= {} if chosen.skip_demo else {"demo": (Path(nowhere.name), "demo")}
    for name, (folder, command) in sets.items():
        runs: dict[str, dict[str, list[Run]]] = {}
        for turn in range(chosen.rounds):
            for side in sorted(checkouts, reverse=turn % 2 == 0):  # old first, then new first, in turn
                for title, run in _builds(checkouts[side], folder.resolve(), command):
                    runs.setdefault(title, {}).setdefault(side, []).append(run)
                    print(f"  round {turn + 1}, {side}, {name}, {title}: {run.wall:.1f} s", file=sys.stderr, flush=True)
        for title, sides in runs.items():
            over += _print(name, title, sides["old"], sides["new"])
    for line in over:
        print(f"over its limit: {line}")
    return 1 if over else 0


def _help(checkout: Path) -> list[str]:
    """Processor time of `--help`, against that of importing the two libraries that the command line is made of."""
    bare = [sys.executable, "-c", "import typer, rich"]
    shown = [sys.executable, "-m", "reportgen", "--help"]
    pairs = [(_cpu(bare, checkout), _cpu(shown, checkout)) for _ in range(15)]
    ratio = median(pair[1] for pair in pairs) / median(pair[0] for pair in pairs)
    print(f"reportgen --help: {ratio:.2f} of 'import typer, rich' (limit {HELP})\n")
    return [f"--help {ratio:.2f}"] if ratio > HELP else []


def _cpu(command: list[str], checkout: Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=checkout, env=_environment(checkout), stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment(checkout: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(checkout), "COLUMNS": "120"}


def _builds(checkout: Path, folder: Path, command: str) -> Iterable[tuple[str, Run]]:
    """A build from scratch, one without news, and one that only looks different."""
    with tempfile.TemporaryDirectory(prefix="bench-build-") as output:
        arguments = [sys.executable, "-m", "reportgen", command, "--output", f"{output}/out"]
        yield "from scratch", _run(arguments, checkout, folder)
        yield "unchanged", _run(arguments, checkout, folder)
        yield "another presentation", _run([*arguments, "--privacy", "outline"], checkout, folder)


def _run(command: list[str], checkout: Path, folder: Path) -> Run:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as log:
        began = time.monotonic()
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(checkout), stdout=log, stderr=subprocess.STDOUT
        )
        peak = _Peak(process.pid)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        said = log.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} in {checkout} failed:\n{said[-3000:]}")
    stages: dict[str, float] = {}
    for title, took in _STAGE.findall(said):
        name = NAMES.get(title, title)
        stages[name] = stages.get(name, 0.0) + float(took)
    # Of one process the kernel knows the peak; of several, the sum is looked at now and then.
    return Run(wall, usage.ru_utime + usage.ru_stime, max(usage.ru_maxrss / 1e3, peak.stop()), stages)


class _Peak:
    """Watches the memory of a process and of all that it starts."""

    def __init__(self, pid: int) -> None:
        self._pid, self._most, self._done = pid, 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """The most that was seen, in MB; memory that processes share counts once."""
        self._done.set()
        self._thread.join()
        return self._most

    def _watch(self) -> None:
        while not self._done.wait(_TICK):
            tree = _tree(self._pid)
            if len(tree) > 1:
                self._most = max(self._most, sum(map(_share, tree)) / 1e3)


def _tree(pid: int) -> list[int]:
    """A process and its descendants that still run."""
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        try:
            tasks = list(Path(f"/proc/{found[-1]}/task").iterdir())
            waiting += [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except OSError:
            continue
    return found


def _share(pid: int) -> int:
    """Kilobytes of a process, its share of what it has in common with others."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def _print(name: str, title: str, old: list[Run], new: list[Run]) -> list[str]:
    """A table of the medians; what is over a limit."""
    print(f"### {name}, {title}\n\n| | old | new | ratio |\n|---|---|---|---|")
    known = {stage: None for run in (*old, *new) for stage in run.stages}
    for stage in sorted(known, key=lambda stage: stage.startswith(NEW)):
        before, after = (median(run.stages.get(stage, 0.0) for run in runs) for runs in (old, new))
        ratio = f"{after / before:.2f}" if before else "new" if after else ""  # shorter than it is printed
        print(f"| {stage} | {before:.1f} s | {after:.1f} s | {ratio} |")
    over = []
    limits = LIMITS.get("unchanged" if title == "unchanged" else name, {}) if title != "another presentation" else {}
    rows = {
        "wall": ("wall time, s", lambda run: run.wall),
        "same questions": ("wall time for the same questions, s", lambda run: run.same),
        "cpu": ("processor time, s", lambda run: run.cpu),
        "peak": ("peak memory, MB", lambda run: run.peak),
    }
    for key, (words, value) in rows.items():
        before, after = median(map(value, old)), median(map(value, new))
        limit = f" (limit {limits[key]})" if key in limits else ""
        print(f"| **{words}** | {before:.4g} | {after:.4g} | **{after / before:.2f}**{limit} |")
        if key in limits and after / before > limits[key]:
            over.append(f"{name}, {title}, {words}: {after / before:.2f}")
    print()
    return over


if __name__ == "__main__":
    sys.exit(main())
