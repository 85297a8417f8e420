"""What can go wrong, as one tree.

    ReportError                 everything this package raises on purpose
    ├── InputError              the user's input cannot be used (exit code 2)
    │   ├── ConfigError         settings or flags
    │   ├── DataError           the test set or its images
    │   └── CheckpointError     a model's file, or the model it should fit
    │       ├── MissingExtraError    a package that a model needs is not installed
    │       └── UnknownArchitectureError    weights of a network that is not known
    └── BuildError              the build itself failed (exit code 1)
        └── OutputError         the output folder cannot be written, or holds files that are not ours

A message is one line: what was found, where, what was expected, what to do. A bug is none of these and keeps
its traceback.
"""

from __future__ import annotations

import unicodedata

__all__ = [
    "INTERRUPTED",
    "BuildError",
    "CheckpointError",
    "ConfigError",
    "DataError",
    "InputError",
    "MissingExtraError",
    "OutputError",
    "ReportError",
    "UnknownArchitectureError",
    "printable",
]

INTERRUPTED = "Interrupted; run the same command to resume"
"""The line on stderr after Ctrl-C."""

# Control characters steer terminals, surrogates are bytes of no encoding, and these marks reverse the reading order.
_DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """Make untrusted text safe for terminals and pages: harmful characters become U+FFFD, line breaks spaces."""
    if text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\r\t\x85\u2028\u2029":
        return " "
    harmful = character in _DIRECTION_MARKS or unicodedata.category(character) in ("Cc", "Cs")
    return "\ufffd" if harmful else character


class ReportError(Exception):
    """Everything this package raises on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1

    def __init__(self, message: str) -> None:
        # One line whatever the cause: file names and library messages may bring line breaks of their own.
        super().__init__(printable(" ".join(message.split())))


class InputError(ReportError):
    """The user's input cannot be used."""

    exit_code = 2


class ConfigError(InputError):
    """Settings or flags are wrong."""


class DataError(InputError):
    """The test set, or one of its images, cannot be used."""


class CheckpointError(InputError):
    """A checkpoint cannot be read, is refused, or does not fit the model."""


class MissingExtraError(CheckpointError):
    """A model needs a package that is not installed; the message names what installs it."""


class UnknownArchitectureError(CheckpointError):
    """Weights of a network that is not known; `draft` is the text of a factory to complete, "" where there is none."""

    def __init__(self, message: str, draft: str = "") -> None:
        super().__init__(message)
        self.draft = draft


class BuildError(ReportError):
    """The build itself failed."""


class OutputError(BuildError):
    """The output folder cannot be written, or holds files that are not ours."""
