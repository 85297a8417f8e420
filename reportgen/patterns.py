"""Regular expressions from settings: whether one is certain to end in a reasonable time."""

from __future__ import annotations

import math
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["LONGEST_NAME", "is_slow"]

LONGEST_NAME = 255
"""Letters that a file's name can have."""
# Four free repeats in a row, as in a pattern that `reportgen check` proposes, are seconds at the worst; a fifth is
# minutes.
_MOST_WAYS = 4.01 * math.log(LONGEST_NAME + 1)


def is_slow(pattern: str) -> bool:
    """Whether matching a file's name may take for ever.

    Python tries one way to match after the other. Their number has a bound that can be read from the parsed pattern:
    a repeat multiplies it by the lengths that it can have, and where what is repeated can match in several ways
    itself, as in `(a+)+`, by those to the power of the repeats.
    """
    parsed = _parser.parse(pattern)
    anchored = len(parsed) > 0 and parsed[0] == (sre.AT, sre.AT_BEGINNING)
    starts = 0.0 if anchored else math.log(LONGEST_NAME)
    return starts + _ways(parsed) > _MOST_WAYS


def _ways(parsed: Any) -> float:
    """Logarithm of how many ways there are to match, at most."""
    return sum(_ways_of(operation, argument) for operation, argument in parsed)


def _ways_of(operation: Any, argument: Any) -> float:
    if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
        least, most, body = argument
        most = min(int(most), LONGEST_NAME)
        return most * _ways(body) + math.log(max(1, most - int(least) + 1))
    if operation is sre.BRANCH:
        return max(map(_ways, argument[1])) + math.log(len(argument[1]))
    if operation is sre.SUBPATTERN:
        return _ways(argument[3])
    if operation in (sre.ASSERT, sre.ASSERT_NOT):
        return _ways(argument[1])
    if operation is sre.ATOMIC_GROUP:
        return _ways(argument)
    if operation is sre.GROUPREF_EXISTS:
        return max(_ways(branch) for branch in argument[1:] if branch is not None)
    return 0.0
