"""The faults, what each build has to do about its own, and how each is made.

`CONTRIBUTING.md` prints this table; `test_faults.py` proves every row and that the two agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faults.scene import Scene

__all__ = ["FAULTS", "Fault", "fault"]

LISTED = "goes on without it and lists it with the reason"
USED = "goes on with it, and the report says what decoding had to do"
INERT = "goes on; it stays text everywhere"
GOES_ON = "goes on; every page is whole and no number is undefined on it"
REFUSED = "one line that says what, where and what to do; nothing is written"
STOPPED = "one line; the last good site stays in place"
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
        Regular expression that the line on stderr matches, or a page of the report where the build goes on.
    make
        Spoils a scene; None where a test of its own, `proof`, makes and proves it.
    """

    name: str
    how: str
    promise: str
    code: int
    says: str = ""
    make: Callable[[Scene], None] | None = None
    proof: str = ""


FAULTS: list[Fault] = []


def fault(name: str, how: str, promise: str, code: int, says: str) -> Callable[..., Callable[[Scene], None]]:
    """Enter what the decorated function makes into the table."""

    def enter(make: Callable[[Scene], None]) -> Callable[[Scene], None]:
        FAULTS.append(Fault(name, how, promise, code, says, make))
        return make

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
