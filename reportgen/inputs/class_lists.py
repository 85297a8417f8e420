"""Lists of classes as people keep them: beside weights, in pickles, in files such as `classes.txt`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reportgen.errors import DataError, printable
from reportgen.inputs.emotions import canonical_emotion, fold, name_classes

__all__ = [
    "ClassList",
    "agreed_classes",
    "class_list",
    "classes_in_text",
    "lists_beside",
    "order_beside",
    "stated_classes",
    "states_classes",
]

_THINGS = (
    "class",
    "classes",
    "label",
    "labels",
    "emotion",
    "emotions",
    "expression",
    "expressions",
    "category",
    "cat",
    "target",
    "targets",
    "emo",
    "expr",
)
_PLACES = ("idx", "index", "indices", "id", "ids", "int", "num", "number", "name")
_KEYS = frozenset({
    *("classes", "labels", "emotions", "expressions", "categories", "names"), *("encoder", "labelencoder"),
    *("idx2name", "idxtoname", "id2name", "idtoname", "name2id", "name2idx", "nametoidx", "emotionclasses"),
    *(f"{thing}{what}" for thing in _THINGS
      for what in ("names", "list", "labels", "map", "maps", "mapping", "dict", "order", "lookup", "indices")),
    *(f"{thing}{way}{place}" for thing in _THINGS for way in ("to", "2") for place in _PLACES),
    *(f"{place}{way}{thing}" for thing in _THINGS for way in ("to", "2") for place in _PLACES),
})  # fmt: skip
"""Keys under which people keep the names of their classes, as `fold` writes them."""
_ITEM = r"""(?:'([^'\n]*)'|"([^"\n]*)"|(-?\d{1,6}))"""
_LIST_TEXT = re.compile(rf"\w*\(?[\[(]\s*{_ITEM}(?:[\s,]+{_ITEM})*[\s,]*[\])][^\[\](){{}}]{{0,30}}\)?")
_DICT_TEXT = re.compile(rf"\w*\(?\{{\s*{_ITEM}\s*:\s*{_ITEM}(?:\s*,\s*{_ITEM}\s*:\s*{_ITEM})*[\s,]*\}}\)?")
_ITEMS, _PAIRS = re.compile(_ITEM), re.compile(rf"{_ITEM}\s*:\s*{_ITEM}")
_SETTING = re.compile(
    r"(\w{3,40})['\"]?\s{0,9}[:=]\s{0,9}(\[[^\[\]{}]{3,4000}\]|\{[^{}\[\]]{3,4000}\}|\([^()]{3,4000}\))"
)
_LONGEST_TEXT = 20_000  # characters
_LONGEST_LINE = 200
_HEADERS = frozenset({"name", "names", "class", "classes", "classname", "classnames", "label", "labels", "labelname",
                      "emotion", "emotions", "expression", "category", "categories"})  # fmt: skip
_SUFFIXES = (".txt", ".names", ".json", ".csv", ".tsv")
_LINE = re.compile(r"(-?\d{1,6})[\s,;:=.|-]+(\D.*)|(\D.*?)[\s,;:=|-]+(-?\d{1,6})")


@dataclass(frozen=True)
class ClassList:
    """A list of classes, as the setting `classes` or a file gives it.

    Attributes
    ----------
    names
        In the order of the models' outputs.
    numbers
        What numeric labels mean, in the order of `names`, where every class has its number ("1=surprise"); None for a
        list of names, which does not say whether numbers begin at 0 or 1.
    """

    names: tuple[str, ...]
    numbers: dict[int, str] | None = None


def states_classes(key: object) -> bool:
    """Whether it is one of the keys under which people keep the names of their classes, in any spelling."""
    return isinstance(key, str) and fold(key) in _KEYS


def stated_classes(content: Mapping[Any, Any], *, inside: bool = False) -> ClassList | None:
    """The classes that a dict states, such as `class_names`, `class_to_idx` or `id2label`; None where it states none.

    Parameters
    ----------
    inside
        Whether dicts inside it count where it states none itself.

    Raises
    ------
    DataError
        It states several orders.
    """
    found = {str(key): own for key, value in content.items() if states_classes(key) and (own := class_list(value))}
    if not found and inside:
        inner = ((key, value) for key, value in content.items() if isinstance(value, Mapping))
        found = {str(key): own for key, value in inner if (own := stated_classes(value))}
    names = agreed_classes({key: own.names for key, own in found.items()})
    return next((own for own in found.values() if own.numbers), ClassList(names)) if names else None


def classes_in_text(text: str) -> dict[str, ClassList]:
    """The classes that settings written as text state, as YAML, Python or JSON write them, by their keys."""
    found = {}
    for match in _SETTING.finditer(text[:_LONGEST_TEXT]):
        own = class_list(match[2]) if states_classes(match[1]) else None
        if own is not None:
            found[match[1]] = own
    return found


def class_list(value: Any) -> ClassList | None:
    """Classes from what people keep them in; None where it is nothing of the kind.

    Lists and arrays of names; dicts from number to name or from name to number; lists of such pairs, or of dicts with
    `id` and `name`; any of these as text, as JSON, YAML and Python write it, or names between commas.
    """
    value = _plain(value)
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        value = {item.get("id", place): item for place, item in enumerate(value)}
    if isinstance(value, list) and value and all(isinstance(item, list) for item in value):
        value = dict(value) if all(len(item) == 2 and isinstance(item[0], str | int) for item in value) else None
    if isinstance(value, list):
        names = [printable(name).strip() for name in value if isinstance(name, str)]
        return ClassList(tuple(names)) if len(names) == len(value) and _are_distinct(names) else None
    numbers: dict[int, str] = {}
    for key, cell in value.items() if isinstance(value, Mapping) else ():
        entry = (
            next((cell[name] for name in ("name", "label") if name in cell), cell)
            if isinstance(cell, Mapping)
            else cell
        )
        for number, name in ((_number(key), entry), (_number(entry), key)):
            if number is not None and isinstance(name, str) and number not in numbers and _number(name) is None:
                numbers[number] = printable(name).strip()
                break
        else:
            return None
    names = [numbers[number] for number in sorted(numbers)]
    return ClassList(tuple(names), dict(sorted(numbers.items()))) if _are_distinct(names) else None


def _plain(value: Any) -> Any:
    """Text parsed; tuples and arrays as lists, bytes as text."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.ndim < 3 else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return (
        [_plain(item) if isinstance(item, tuple | bytes) else item for item in value]
        if isinstance(value, list | tuple)
        else value
    )


def _are_distinct(names: Sequence[str]) -> bool:
    """Whether they may be the names of classes: a label for each of many images repeats."""
    return len(names) > 1 and all(names) and len({name.casefold() for name in names}) == len(names)


def _parsed(text: str) -> Any:
    """The list or dict that a text writes, without running anything; None where it writes none."""
    text = text.strip()
    if not text or len(text) > _LONGEST_TEXT:
        return None
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        read = None
    if isinstance(read, list | dict):
        return read
    if _DICT_TEXT.fullmatch(text):
        return {_first(pair[:3]): _first(pair[3:]) for pair in _PAIRS.findall(text)}
    if _LIST_TEXT.fullmatch(text):
        inside = re.split(r"[\])]", text, maxsplit=1)[0]  # what follows is a type
        return [_first(item) for item in _ITEMS.findall(inside)]
    if text[0] + text[-1] in ("[]", "{}", "()"):
        text = text[1:-1]  # words without quotes
    names = [name.strip() for name in re.split(r"[,;|\n]", text)]
    if any(mark in text for mark in "[]{}()"):
        return None
    if len(names) == 1:
        words = text.split()
        return words if all(map(canonical_emotion, words)) else None
    pairs = [_numbered(name) for name in names]
    if all(pairs):
        return {int(match[1] or match[4]): (match[2] or match[3]).strip("\"' ") for match in pairs if match}
    return names


def _first(groups: Sequence[str]) -> str:
    return next((group for group in groups if group), "")


def agreed_classes(found: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The first of the class orders that one source states in several places; empty where it states none.

    Parameters
    ----------
    found
        Class names in the order of their numbers, by the name under which they stand.

    Raises
    ------
    DataError
        They are not the same order; another spelling of an emotion is no difference.
    """
    orders: dict[tuple[str, ...], str] = {}
    for key, names in found.items():
        orders.setdefault(tuple(canonical_emotion(name) or name.strip().casefold() for name in names), key)
    if len(orders) > 1:
        listed = "; ".join(f"{key}: {', '.join(found[key])}" for key in orders.values())
        raise DataError(f"states several class orders ({listed}); name the right one in the settings with 'classes'")
    return next(iter(found.values()), ())


def _number(value: object) -> int | None:
    """A class's number, which JSON writes as text and pandas as 2.0; None for anything else."""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return int(value)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 6 else None


def lists_beside(*folders: Path, leave_out: Path) -> dict[str, ClassList]:
    """Lists of classes in files such as `classes.txt` or `class_to_idx.json`, by the file's name.

    Parameters
    ----------
    folders
        Where to look: the first folder that has any counts.
    leave_out
        The test set itself, which may be called `labels.csv`.
    """
    for folder in folders:
        try:
            paths = sorted(
                path
                for path in folder.iterdir()
                if path.suffix.lower() in _SUFFIXES
                and (states_classes(path.stem) or path.suffix.lower() == ".names")
                and path.is_file()
                and path.resolve() != leave_out.resolve()
                and path.stat().st_size <= _LONGEST_TEXT
            )
        except OSError:
            continue
        found = {path.name: own for path in paths if (own := _read_list(path)) is not None}
        if found:
            return found
    return {}


def order_beside(classes: Sequence[str], *folders: Path, leave_out: Path) -> tuple[tuple[str, ...], str] | None:
    """The order of classes that a file beside data of words states, and the file; None where none lists them all.

    Parameters
    ----------
    classes
        The classes in the data; a file may list more.
    folders, leave_out
        As for `lists_beside`.

    Raises
    ------
    DataError
        Two files state different orders.
    """
    found = lists_beside(*folders, leave_out=leave_out)
    orders = {file: own.names for file, own in found.items() if set(classes) <= set(own.names)}
    try:
        names = agreed_classes(orders)
    except DataError as error:
        raise DataError(f"{leave_out}: what lies beside it {error}, or remove the file that is wrong") from None
    return (names, f"{next(iter(orders))} beside the data") if names else None


def _numbered(line: str) -> re.Match[str] | None:
    """A number and a name; None for anything else, or for what is too long to name a class."""
    return _LINE.fullmatch(line) if len(line) <= _LONGEST_LINE else None


def _read_list(path: Path) -> ClassList | None:
    """The classes that a file lists; None where it lists something else."""
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if path.suffix.lower() == ".json":
        own = class_list(text)
        if own is None:
            try:
                content = json.loads(text)
                own = stated_classes(content) if isinstance(content, dict) else None
            except (ValueError, RecursionError, DataError):
                return None
    else:
        lines = [line.split("#")[0].strip().strip(",;") for line in text.splitlines()]
        lines = [line for line in lines if line]
        if len(lines) > 2 and fold(lines[0]) in _HEADERS:
            lines = lines[1:]
        numbered = [_numbered(line) for line in lines]
        if len(lines) > 2 and numbered[0] is None and all(numbered[1:]):
            numbered = numbered[1:]  # a header such as `class,id`
        pairs = [(int(match[1] or match[4]), (match[2] or match[3]).strip("\"' ")) for match in numbered if match]
        own = class_list(pairs) if len(pairs) == len(numbered) else class_list(lines if len(lines) > 1 else text)
    known = own is not None and any(canonical_emotion(name) for name in own.names)
    if own is None or not known:
        return None
    try:
        names = name_classes(own.names)
    except DataError:
        return None
    return ClassList(names, None if own.numbers is None else dict(zip(own.numbers, names, strict=True)))
