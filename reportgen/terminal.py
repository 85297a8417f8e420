"""Progress on the terminal: bars with rate and time left for a person, plain lines for a log."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from reportgen.errors import printable
from reportgen.progress import RunningStage

__all__ = ["TerminalProgress", "make_console"]

_LOG_EVERY = 10.0  # seconds between two plain lines of one stage


class _LastingConsole(Console):
    def on_broken_pipe(self) -> None:
        """The reader of the output has gone, as `head` does: the build continues silently."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_console() -> Console:
    """Standard output; characters that it cannot show are escaped instead of ending the build."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    return _LastingConsole(highlight=False, soft_wrap=True)


class _Bar:
    def __init__(self, bars: Bars, task: object, began: float) -> None:
        self._bars, self._task, self._began, self._done = bars, task, began, 0

    def advance(self, amount: int = 1) -> None:
        self._done += amount
        rate = self._done / max(time.monotonic() - self._began, 1e-9)
        self._bars.update(self._task, advance=amount, rate=f"{rate:.1f}/s")  # type: ignore[arg-type]


class _Log:
    def __init__(self, say: Callable[[str], None], title: str, total: int | None, began: float) -> None:
        self._say, self._title, self._total = say, title, total
        self._began, self._last, self._done = began, began, 0

    def advance(self, amount: int = 1) -> None:
        self._done += amount
        now = time.monotonic()
        if self._total and now - self._last >= _LOG_EVERY:
            self._last = now
            rate = self._done / (now - self._began)
            left = (self._total - self._done) / rate
            self._say(f"{self._title}: {self._done} of {self._total}, {rate:.1f}/s, {left:.0f} s left")


class TerminalProgress:
    """Shows the stages and records how long each took.

    Attributes
    ----------
    seconds
        By stage title, in the order they ran.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[RunningStage]:
        """A context for one stage of `total` units."""
        began = time.monotonic()
        try:
            if self.console.is_terminal:
                columns = (
                    TextColumn("{task.description}"),
                    BarColumn(),
                    MofNCompleteColumn(),
                    TextColumn("{task.fields[rate]}"),
                    TimeRemainingColumn(),
                )
                with Bars(*columns, console=self.console, transient=True) as bars:
                    yield _Bar(bars, bars.add_task(title, total=total, rate=""), began)
            else:
                yield _Log(self.note, title, total, began)
        finally:
            took = time.monotonic() - began
            self.seconds[title] = self.seconds.get(title, 0.0) + took
        # A stage that failed reports its own error; only a finished one gets a line here.
        count = f" {total}" if total else ""
        self.note(f"{title}{count}: {took:.1f} s")

    def note(self, text: str) -> None:
        """Print one line."""
        self.console.print(printable(text), markup=False)
