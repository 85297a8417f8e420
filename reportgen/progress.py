"""What a long step tells whoever waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

__all__ = ["Progress", "SilentProgress", "Step"]


class Step(Protocol):
    """One running stage."""

    def advance(self, amount: int = 1) -> None:
        """Report that `amount` more units are done."""


class Progress(Protocol):
    """Shows stages; the command line has one for terminals and one for logs."""

    def stage(self, title: str, total: int | None = None) -> AbstractContextManager[Step]:
        """A context for one stage of `total` units."""

    def note(self, text: str) -> None:
        """One line for the reader."""


class _SilentStep:
    def advance(self, amount: int = 1) -> None:
        pass


class SilentProgress:
    """Says nothing: for tests and for use from Python."""

    @contextmanager
    def stage(self, title: str, total: int | None = None) -> Iterator[Step]:
        """See `Progress.stage`."""
        yield _SilentStep()

    def note(self, text: str) -> None:
        """See `Progress.note`."""
