"""How a long stage reports its progress."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["Progress", "RunningStage", "SilentProgress"]


class RunningStage(Protocol):
    """One running stage."""

    def advance(self, amount: int = 1) -> None:
        """Report that `amount` more units are done."""


class Progress(Protocol):
    """Shows the stages of a build; `reportgen.terminal` has one for terminals and logs."""

    def stage(self, title: str, total: int | None = None) -> AbstractContextManager[RunningStage]:
        """A context for one stage of `total` units."""

    def note(self, text: str) -> None:
        """Print one line."""


class _SilentStage:
    def advance(self, amount: int = 1) -> None:
        pass


class SilentProgress:
    """Prints nothing: for tests and for use from Python."""

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[RunningStage]:
        """See `Progress.stage`."""
        yield _SilentStage()

    def note(self, text: str) -> None:
        """See `Progress.note`."""
