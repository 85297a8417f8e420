"""Kills small builds at random moments and lets each go on: `python tests/faults/kill_builds.py --kills 200`.

Half of the builds are first ones, half change an existing report. A third is killed by the clock, a third before a
random file operation inside the output folder and a third before one outside of the growing site, which finds the
moments that last only microseconds: parts, manifests, the swap, the zip. After each kill the last
good site must be there; the same command must then go on and end with the bytes of an undisturbed build.

Every build runs in a fork of this process, which has imported everything: importing torch would take longer than the
build. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemBytecodeCache

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.scene import make_scene, tree

from reportgen.site.html import render

_OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"}
_MODES = ("first", "change")
_MOST_MISSES = 20  # for each hit that is wanted: usually it is less than one


@dataclass
class Ended:
    """How one build ended."""

    status: int
    seconds: float
    operations: tuple[int, int]
    stderr: str


@dataclass
class Result:
    """What a whole run found."""

    kills: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    failures: list[str] = field(default_factory=list)


def forked(work: Callable[[], int], log: Path, after: float | None = None, send: int = signal.SIGKILL) -> Ended:
    """Run `work` in a fork, and end it `after` seconds if that is given."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        code = 1
        # Until the command begins nobody has promised one line: what arrives before waits (see `build`).
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            for number in (1, 2):
                os.dup2(os.open(f"{log}.{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            code = work()
        except SystemExit as stop:
            code = int(stop.code or 0)
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    if after is not None:
        # Waits for the end as well: a kill that comes too late must not hit another process of the same number.
        while time.monotonic() - began < after:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return _ended(status, began, log)
            time.sleep(min(0.002, max(0.0, after - (time.monotonic() - began))))
        os.kill(child, send)
    return _ended(os.waitpid(child, 0)[1], began, log)


def _ended(status: int, began: float, log: Path) -> Ended:
    count = Path(f"{log}.count")
    operations = tuple(map(int, count.read_text().split())) if count.exists() else (0, 0)
    errors = Path(f"{log}.2").read_text("utf-8")
    return Ended(os.waitstatus_to_exitcode(status), time.monotonic() - began, operations, errors)


def build(root: Path, log: Path, die_at: int = 0, kind: int = 0) -> Callable[[], int]:
    """The command in `root`; dies before its `die_at`-th file operation in the output folder, 0 for never.

    Of kind 0 are all of them, of kind 1 those outside of the growing site.
    """

    def work() -> int:
        from reportgen.__main__ import main

        inside = str(root / "output")
        growing = str(root / "output/.site-new") + os.sep
        seen = [0, 0]

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if event not in _OPERATIONS or not isinstance(arguments[0], str | os.PathLike):
                return
            if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
                return
            path = os.path.abspath(os.fspath(arguments[0]))  # noqa: PTH100 -- cheap, and follows no link
            if path.startswith(inside):
                seen[0] += 1
                seen[1] += not path.startswith(growing)
                if seen[kind] == die_at and (kind == 0 or not path.startswith(growing)):
                    os.kill(os.getpid(), signal.SIGKILL)

        os.chdir(root)
        sys.addaudithook(hook)
        sys.argv = ["reportgen", "build", "--config", "reportgen.toml"]
        try:
            if signal.SIGINT in signal.sigpending():
                return 0  # too early: counted like one that comes too late
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            main()
        finally:
            Path(f"{log}.count").write_text(f"{seen[0]} {seen[1]}")
        return 0

    return work


class Trials:
    """Undisturbed builds of both kinds to compare with, and the killing."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.log = folder / "log"
        self.result = Result()
        self.root = folder / "scene"
        self._one = folder / "one"
        self._two = folder / "two"
        self._run(lambda: make_scene(self.root) or 0)
        self.usual: dict[str, Ended] = {"first": self._undisturbed(self._one)}
        self._change()
        fresh = folder / "fresh"
        self._undisturbed(fresh)
        self.old, self.new = tree(self._one), tree(fresh)
        shutil.copytree(self._one, self.root / "output")
        self.usual["change"] = self._undisturbed(self._two)
        if tree(self._two) != self.new:
            raise SystemExit("a changed report has other bytes than a fresh one")
        self.users = {name: digest for name, digest in tree(self.root).items() if not name.startswith("output")}

    def _run(self, work: Callable[[], int]) -> Ended:
        ended = forked(work, self.log)
        if ended.status:
            raise SystemExit(f"an undisturbed build failed: {ended.stderr}")
        return ended

    def _undisturbed(self, keep: Path) -> Ended:
        ended = self._run(build(self.root, self.log))
        (self.root / "output").rename(keep)
        return ended

    def _change(self) -> None:
        """Another picture and another checkpoint: every part, every page and the zip change."""
        images = self.root / "images"
        shutil.copy(images / "fear_2.png", images / "anger_0.png")
        settings = self.root / "reportgen.toml"
        settings.write_text(settings.read_text().replace("examples = 1", "examples = 2\nseed = 5"))

    def kill(self, send: int = signal.SIGKILL) -> None:
        """One build that is ended at a random moment, and the one that continues."""
        mode = self.random.choice(_MODES)
        kind = self.random.choice((None, 0, 1)) if send == signal.SIGKILL else None
        output = self.root / "output"
        shutil.rmtree(output, ignore_errors=True)
        if mode == "change":
            shutil.copytree(self._one, output)
        usual = self.usual[mode]
        if kind is None:
            after = self.random.uniform(0.0, usual.seconds)
            ended = forked(build(self.root, self.log), self.log, after, send)
            how = f"{mode}, {after:.3f} s of {usual.seconds:.3f}"
        else:
            at = self.random.randint(1, usual.operations[kind])
            ended = forked(build(self.root, self.log, at, kind), self.log)
            how = f"{mode}, before operation {at} of {usual.operations[kind]} of kind {kind}"
        if ended.status == 0:
            self.result.missed += 1
            return
        self.result.kills += 1
        self.result.moments[self._moment(output)] += 1
        self._check_ended(ended, send, how)
        self._check_old_site(output, mode, how)
        again = forked(build(self.root, self.log), self.log)
        if again.status:
            self.result.failures.append(f"{how}: did not go on: {again.stderr.strip()}")
            return
        found = tree(output)
        differing = sorted(name for name in found.keys() | self.new.keys() if found.get(name) != self.new.get(name))
        if differing:
            self.result.failures.append(f"{how}: other bytes in {', '.join(differing[:5])}")
        if {k: v for k, v in tree(self.root).items() if not k.startswith("output")} != self.users:
            self.result.failures.append(f"{how}: a file of the user's changed")

    def _check_ended(self, ended: Ended, send: int, how: str) -> None:
        expected = -signal.SIGKILL if send == signal.SIGKILL else 130
        if ended.status != expected:
            self.result.failures.append(f"{how}: ended with {ended.status}: {ended.stderr.strip()[-300:]}")
        elif send == signal.SIGINT and ended.stderr.count("\n") != 1:
            self.result.failures.append(f"{how}: more than one line: {ended.stderr.strip()[-300:]}")

    def _check_old_site(self, output: Path, mode: str, how: str) -> None:
        """The last good site, or the new one, is whole; between the two renames the old one stands beside."""
        if mode == "first":
            return
        site = tree(output / "site") or tree(output / ".site-old")
        if site not in (_below(self.old, "site/"), _below(self.new, "site/")):
            self.result.failures.append(f"{how}: no good site in place")

    def _moment(self, output: Path) -> str:
        if (output / ".site-old").exists():
            return "while the sites are swapped"
        if (output / ".site-new").exists():
            return "while the site is made"
        if (output / "site").exists() and tree(output / "site") == _below(self.new, "site/"):
            return "after the swap"
        if list(output.glob("analysis/**/.*.tmp")):
            return "while a part is written"
        try:
            done = json.loads((output / "analysis/manifest.json").read_text())
        except (OSError, ValueError):
            return "before the analysis is whole"
        new = done.get("settings", {}).get("seed") == 5
        return "between analysis and site" if new else "before the analysis is whole"


def _below(found: dict[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): digest for name, digest in found.items() if name.startswith(prefix)}


def run(kills: int, seed: int, send: int, folder: Path) -> tuple[Result, float]:
    """Kill until `kills` builds have been hit while they ran."""
    began = time.monotonic()
    _share(folder)
    trials = Trials(folder, seed)
    while trials.result.kills < kills:
        trials.kill(send)
        if trials.result.missed > _MOST_MISSES * kills:
            raise SystemExit(f"{trials.result.missed} signals hit no build, {trials.result.kills} did")
    return trials.result, time.monotonic() - began


def _share(folder: Path) -> None:
    """Load here what a build needs, libraries and compiled templates, so that no fork has to."""
    # Filled by the first build, read by all that follow.
    cache = FileSystemBytecodeCache(tempfile.mkdtemp(dir=folder))
    render.Environment = partial(Environment, bytecode_cache=cache)  # type: ignore[attr-defined, misc]
    scene, names = folder / "shared", folder / "modules"

    def work() -> int:
        make_scene(scene)
        try:
            return build(scene, folder / "shared.log")()
        finally:
            names.write_text("\n".join(sys.modules))

    ended = forked(work, folder / "shared.log")
    if ended.status:
        raise SystemExit(f"an undisturbed build failed: {ended.stderr}")
    for name in names.read_text().split("\n"):
        # Some put themselves together when they are first used: a fork finds those.
        with contextlib.suppress(Exception):
            importlib.import_module(name)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--signal", choices=("KILL", "INT"), default="KILL")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    try:
        result, seconds = run(options.kills, options.seed, getattr(signal, f"SIG{options.signal}"), folder)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
    missed = f"{result.missed} came before or after a build"
    print(f"{result.kills} builds hit by SIG{options.signal} in {seconds:.0f} s ({missed})")
    for moment, count in result.moments.most_common():
        print(f"  {count:4} {moment}")
    for failure in result.failures:
        print(f"FAILED {failure}")
    print(f"{result.kills - len(result.failures)} of {result.kills} went on to the bytes of an undisturbed build")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
