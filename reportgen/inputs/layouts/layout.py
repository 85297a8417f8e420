"""What a data set's module offers: to recognise its layout in a file or folder, and to read it."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pathlib import Path

from reportgen.config import Columns
from reportgen.inputs.images.decoding import SUFFIXES
from reportgen.inputs.layouts.splits import SPLITS, split_of
from reportgen.inputs.listing import Listing
from reportgen.inputs.tables.reading import Table, column_names, read_table
from reportgen.output_guard import STATE

__all__ = ["Layout", "Sighting", "Source", "Sure"]

_LOOKED_AT = 2000  # names that are enough to tell a layout
_UNREAD = (".avif", ".heic", ".heif", ".jxl", ".jp2", ".svg", ".tga", ".dng", ".nef", ".cr2", ".arw")
# Their first bytes are not worth a look: a data set has a million of them beside its images.
_NO_IMAGES = (
    ".npy", ".npz", ".txt", ".csv", ".tsv", ".lst", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".md", ".py", ".ipynb",
    ".html", ".pkl", ".parquet", ".arrow", ".mat", ".h5", ".zip", ".pt", ".pth", ".safetensors", ".onnx", ".ini", ".db",
)  # fmt: skip
_IMAGE_STARTS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|BM....\0\0\0\0|II\*\0|MM\0\*"
    rb"|....ftyp(?:avi|hei|mif)|\xff\x0a|\0\0\0\x0cJXL ", re.DOTALL,
)  # fmt: skip


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
        self._unreadable: list[OSError] = []

    @cached_property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.path.is_dir()

    @cached_property
    def _walked(self) -> tuple[list[Path], list[Path]]:
        images: list[Path] = []
        others: list[Path] = []
        links = _Links(self.path)
        for place, folders, names in os.walk(self.path, followlinks=True, onerror=self._unreadable.append):
            folders[:] = [
                name
                for name in sorted(folders)
                if not name.startswith((".", "__MACOSX"))
                and not Path(place, name, STATE).is_file()
                and links.enters(place, name)
            ]
            for name in names:
                if not name.startswith("."):
                    kind = images if Path(name).suffix.lower() in SUFFIXES else others
                    kind.append(Path(place, name).relative_to(self.path))
        return sorted(images, key=lambda path: path.parts), sorted(others, key=lambda path: (len(path.parts), path))

    @property
    def images(self) -> list[Path]:
        """All image files below the folder, relative to it, sorted; hidden ones, those of `__MACOSX` and reports
        left out. Folders that are links are followed, unless they lead round in a circle.
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

    def unread(self) -> list[str]:
        """What to say of images that are there and cannot be read: their suffix is another, or their folder closed."""
        notes = []
        odd = [path for path in self.others if _is_unread_image(self.path / path)]
        if odd:
            kinds = Counter(path.suffix.lower() or "no suffix" for path in odd)
            counted = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common(4))
            notes.append(
                f"files that look like images and are not read: {len(odd):,} ({counted}; such as "
                f"{odd[0].as_posix()}); convert them to JPEG or PNG, or give them the suffix of what they are"
            )
        if self._unreadable:
            place = Path(self._unreadable[0].filename)
            notes.append(
                f"folders that cannot be opened, so that their images are not read: {len(self._unreadable):,} (such as "
                f"{place.relative_to(self.path).as_posix()}); correct their permissions"
            )
        return notes

    def find(self, *names: str) -> Path | None:
        """The nearest other file with one of these names, in any case: the first name that is there counts.

        Of several that are equally near the one counts that lies in the folder to test on.
        """
        if not self.is_folder:
            return self.path if self.path.name.casefold() in names else None
        for name in names:
            found = [path for path in self.others if path.name.casefold() == name]
            if found:
                nearest = min(found, key=lambda path: (len(path.parts), SPLITS.index(split_of(*path.parts[:-1])), path))
                return self.path / nearest
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


class _Links:
    """Which folders a walk enters when it follows links, so that it ends.

    A link of the tree itself is followed wherever it leads, as `train/happy` and `test/happy` may lead to one folder,
    unless the whole tree, or the link itself, lies there. Links behind it are followed to folders that it has not
    led to.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._real = {str(root): self._root}
        self._reached: dict[str, set[str]] = {}  # by folder behind a link: the real folders that the link led to

    def enters(self, place: str, name: str) -> bool:
        """Whether to enter a folder; asked for those of an outer folder first."""
        path = os.path.join(place, name)  # noqa: PTH118 -- asked for every folder of a tree
        behind = self._reached.get(place)
        if not os.path.islink(path):  # noqa: PTH114
            self._real[path] = os.path.join(self._real[place], name)  # noqa: PTH118
        else:
            target = self._real[path] = os.path.realpath(path)
            holds = f"{target.rstrip(os.sep)}{os.sep}"
            if any(f"{inner}{os.sep}".startswith(holds) for inner in (self._root, self._real[place])):
                return False
            if behind is not None and target in behind:
                return False
            behind = set() if behind is None else behind
        if behind is not None:
            behind.add(self._real[path])
            self._reached[path] = behind
        return True


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


def _is_unread_image(path: Path) -> bool:
    """Whether a file without an image's usual suffix seems to be one: by a suffix that is not read, or its start."""
    suffix = path.suffix.lower()
    if suffix in _UNREAD or suffix in _NO_IMAGES:
        return suffix in _UNREAD
    try:
        if not path.is_file():  # opening a pipe would wait
            return False
        with path.open("rb") as file:
            return _IMAGE_STARTS.match(file.read(16)) is not None
    except OSError:
        return False
