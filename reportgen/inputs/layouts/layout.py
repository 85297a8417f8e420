"""What a data set's module offers: to recognise its layout in a file or folder, and to read it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path

from reportgen.config import Columns
from reportgen.inputs.images.decoding import SUFFIXES
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.reading import Table, column_names, read_table
from reportgen.output_guard import STATE

__all__ = ["Layout", "Sighting", "Source", "Sure", "image_files"]

_LOOKED_AT = 2000  # names that are enough to tell a layout


class Sure(IntEnum):
    """How sure it is that a source has a layout."""

    POSSIBLE = 1
    LIKELY = 2
    CERTAIN = 3


@dataclass(frozen=True)
class Sighting:
    """What speaks for a layout: what was seen, how sure that is, and what contradicts it, so that it is not read so
    unless the user says it.
    """

    seen: str
    sure: Sure = Sure.CERTAIN
    contradicts: str = ""


class Source:
    """A file or folder that may hold a test set. What it holds is listed once, and a table is read once.

    Attributes
    ----------
    path
        The file or folder.
    columns
        Names of columns from the settings.
    classes
        The user's classes, or None.
    named
        Whether the user named the layout: then it need not be told from what is there.
    """

    def __init__(
        self,
        path: Path,
        columns: Columns | None = None,
        classes: Sequence[str] | None = None,
        *,
        named: bool = False,
    ) -> None:
        self.path = path
        self.named = named
        self.columns = columns or Columns()
        self.classes = classes
        self._tables: dict[Path, Table] = {}

    @cached_property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    @cached_property
    def _walked(self) -> tuple[list[Path], list[Path]]:
        images: list[Path] = []
        others: list[Path] = []
        for place, folders, names in os.walk(self.path):
            folders[:] = [
                name
                for name in folders
                if not name.startswith((".", "__MACOSX")) and not Path(place, name, STATE).is_file()
            ]
            for name in names:
                if not name.startswith("."):
                    kind = images if Path(name).suffix.lower() in SUFFIXES else others
                    kind.append(Path(place, name).relative_to(self.path))
        return sorted(images, key=lambda path: path.parts), sorted(others, key=lambda path: (len(path.parts), path))

    @property
    def images(self) -> list[Path]:
        """All image files below the folder, relative to it, sorted; hidden ones, those of `__MACOSX` and reports
        left out.
        """
        return self._walked[0] if self.is_folder else []

    @property
    def others(self) -> list[Path]:
        """All other files below the folder, relative to it, the nearest first."""
        return self._walked[1] if self.is_folder else []

    @cached_property
    def names(self) -> list[str]:
        """Names of image files that lie evenly among all of them, enough to tell a layout."""
        step = max(1, len(self.images) // _LOOKED_AT)
        return [path.name for path in self.images[::step]]

    def find(self, *names: str) -> Path | None:
        """The nearest other file with one of these names, in any case: the first name that is there counts."""
        if not self.is_folder:
            return self.path if self.path.name.casefold() in names else None
        for name in names:
            for path in self.others:
                if path.name.casefold() == name:
                    return self.path / path
        return None

    def header(self, table: Path | None = None) -> tuple[str, ...]:
        """Names of a table's columns as `fold` writes them, without reading it; empty where it has none."""
        return column_names(table or self.path)

    def table(self, path: Path | None = None) -> Table:
        """A table's content.

        Raises
        ------
        DataError
            It cannot be read.
        """
        path = path or self.path
        if path not in self._tables:
            self._tables[path] = read_table(path, self.columns)
        return self._tables[path]

    @property
    def title(self) -> str:
        """The source's name without the folders of this machine."""
        name = self.path.resolve().name
        return f"folder {name}" if self.is_folder else name


@dataclass(frozen=True)
class Layout:
    """A layout that test sets come in.

    Attributes
    ----------
    name
        What `--dataset` takes.
    title
        As people call the data set.
    forms
        What is read, for the README: one phrase for each form.
    recognise
        What speaks for this layout in a source; None where nothing does.
    read
        The test set in it.
    """

    name: str
    title: str
    forms: tuple[str, ...]
    recognise: Callable[[Source], Sighting | None]
    read: Callable[[Source], Listing]


def image_files(folder: Path) -> list[Path]:
    """All image files below a folder, sorted; hidden ones and those of `__MACOSX` left out."""
    return [folder / path for path in Source(folder).images]
