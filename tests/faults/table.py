"""The faults, what each build has to do about its own, and how each is made.

`docs/faults.md` prints this table; `test_faults.py` proves every row and that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.scene import Scene

__all__ = ["FAULTS", "SETUPS", "Fault", "fault", "shared_setup"]

LISTED = "continues without it and lists it with the reason"
USED = "continues with it, and the report says what decoding had to do"
INERT = "continues; it stays text everywhere"
GOES_ON = "continues; every page is whole and no number is undefined on it"
REFUSED = "one line that says what, where and what to do; nothing is written"
STOPPED = "one line; the last good site stays in place"
LEFT_OUT = "continues with the weights alone, and the report says what was left out; nothing in it is run"
NEVER_RUN = "refused in one line; nothing in it is run"
KEPT = "refused in one line before anything is computed; the file stays as it is"


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes
    ----------
    name, how
        What is wrong, and how the test makes it so.
    promise
        What a build does.
    code
        What the command line ends with.
    says
        Regular expression that the line on stderr matches, or a page of the report where the build continues. In a
        shared build: the reason why the fault's image was left out, or what was noted of it.
    make
        Spoils a scene; None where a test of its own, `proof`, makes and proves it.
    shared
        Name of the build that this fault shares with others, each in an image or a row of its own; empty where it has
        a build to itself.
    """

    name: str
    how: str
    promise: str
    code: int
    says: str = ""
    make: Callable[[Scene], None] | None = None
    proof: str = ""
    shared: str = ""


FAULTS: list[Fault] = []
FOLDERS = "one folder per emotion"
SETUPS: dict[str, Callable[[Scene], None]] = {}
"""What is done to a scene before the faults that share its build are made, by the build's name."""


def fault(
    name: str, how: str, promise: str, code: int, says: str, shared: str = ""
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Enter what the decorated function makes into the table."""

    def enter(make: Callable[[Scene], None]) -> Callable[[Scene], None]:
        FAULTS.append(Fault(name, how, promise, code, says, make, shared=shared))
        return make

    return enter


def shared_setup(build: str) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Prepare the scene of a shared build with the decorated function."""

    def enter(prepare: Callable[[Scene], None]) -> Callable[[Scene], None]:
        SETUPS[build] = prepare
        return prepare

    return enter


def proved_by(proof: str, name: str, how: str, promise: str, code: int) -> None:
    """Enter a fault that has a test function of its own, `module::function`."""
    FAULTS.append(Fault(name, how, promise, code, proof=proof))


# The rows, in the order in which the table is printed.
from faults import (  # noqa: E402, F401
    in_images,
    in_models,
    in_names,
    in_output,
    in_tables,
)
