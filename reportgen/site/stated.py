"""What the pages state, collected where sentences are made, so that no two of them can say two things.

A sentence that prints a number says of what it is; one that claims something says so with yes or no. `conflicts` finds
a quantity with two values and a claim whose opposite stands elsewhere. The whole list is a download.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

__all__ = ["Statement", "StatementLog", "conflicts"]

_NO_NUMBER = "–"
_ROOM = Decimal("1e-9")


@dataclass(frozen=True)
class Statement:
    """One thing that a page states.

    Attributes
    ----------
    page
        Its path; "" outside pages.
    what, of
        The quantity or claim, under the same name wherever it is stated, and what it is of: model, emotion, change.
    value
        The number as it is printed, or "yes" or "no".
    """

    page: str
    what: str
    of: tuple[str, ...]
    value: str


class StatementLog:
    """A list that sentences write into while pages are made; `page` is the one that is being made."""

    def __init__(self) -> None:
        self.page = ""
        self._made: dict[Statement, None] = {}

    def clear(self) -> None:
        """Forget all of it: pages are made anew."""
        self.page = ""
        self._made.clear()

    def number(self, text: str, what: str, *of: str) -> str:
        """Note a printed number, and give the text back: the sentence goes on with it."""
        if text != _NO_NUMBER:
            self._made[Statement(self.page, what, of, text)] = None
        return text

    def claim(self, what: str, *of: str, holds: bool) -> None:
        """Note that something is said to hold, or not to hold."""
        self._made[Statement(self.page, what, of, "yes" if holds else "no")] = None

    def __iter__(self) -> Iterator[Statement]:
        return iter(self._made)


def conflicts(made: Sequence[Statement]) -> list[tuple[Statement, Statement]]:
    """Pairs that cannot both be so: one for each thing that is stated in two ways.

    Numbers agree where one is the other rounded: 81.6 % and 82 %, but not 22 % and 23 %.
    """
    first: dict[tuple[str, tuple[str, ...]], list[Statement]] = {}
    for one in made:
        first.setdefault((one.what, one.of), []).append(one)
    found = []
    for same in first.values():
        finest = max(same, key=lambda one: _digits(one.value))
        found += [(finest, other) for other in same if not _agree(finest.value, other.value)][:1]
    return found


def _agree(one: str, other: str) -> bool:
    if one == other:
        return True
    a, b = _number(one), _number(other)
    if a is None or b is None:
        return False
    half = Decimal(1).scaleb(-min(_digits(one), _digits(other))) / 2
    return abs(a - b) <= half + _ROOM


def _number(text: str) -> Decimal | None:
    """The number alone, whatever stands behind it."""
    plain = text.replace("−", "-").replace(",", "").replace("\u202f", " ").split(" ")[0].removesuffix("%")
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def _digits(text: str) -> int:
    number = _number(text)
    exponent = 0 if number is None else number.as_tuple().exponent
    return -exponent if isinstance(exponent, int) else 0
