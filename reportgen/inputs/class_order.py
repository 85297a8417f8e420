"""What numbers among the labels mean, and in which order a model's outputs stand: evidence, never a habit.

These are two questions. The sources for the order, from the strongest: the setting `classes`; names stated by a model
(its own setting, or its checkpoint); names stated by the data; the numbering of a recognised data set. For the
numbers: numbers written in `classes`; the data's own statement or the numbering of a recognised data set; the position
in `classes`. Two orders of the same names are mapped by name and are no contradiction. Where nothing decides, the
test set is refused with the candidates.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reportgen.errors import DataError
from reportgen.inputs.class_lists import ClassList, lists_beside, order_beside
from reportgen.inputs.emotions import (
    AFFECTNET_ORDER,
    CKPLUS_ORDER,
    EMOTIONS,
    FER2013_ORDER,
    FERPLUS_ORDER,
    NUMBERINGS,
    RAFDB_ORDER,
    canonical_emotion,
    match_class,
    name_classes,
    own_class,
)
from reportgen.inputs.listing import Listing, Problem

__all__ = [
    "OpenNumbers",
    "known_orders",
    "numbering_text",
    "parse_classes",
    "report_classes",
    "settle_labels",
]

_KNOWN_ORDERS = {
    "FER2013": FER2013_ORDER,
    "FER+": FERPLUS_ORDER,
    "AffectNet": AFFECTNET_ORDER,
    "RAF-DB": RAFDB_ORDER,
    "CK+": CKPLUS_ORDER,
    "alphabetical": tuple(sorted({*EMOTIONS, "contempt"})),
    # "afraid" before "angry", as in sorted folders named after KDEF's words or codes
    "alphabetical, with fear as afraid": ("fear", "anger", "contempt", "disgust", *EMOTIONS[3:]),
}
_WAY_OUT = 'or write each class with its number in the settings: classes = ["1=surprise", "2=fear", ...]'
_NUMBERED = re.compile(r"\s*(-?\d{1,6})\s*[=:]\s*(\S.*)")


class OpenNumbers(DataError):  # noqa: N818  (like the others, it is what it says)
    """Labels are numbers, and their meaning is open between several known numberings.

    Parameters
    ----------
    message
        One line that names the candidates and how to choose.
    candidates
        What the numbers would mean, by the name or flag of the source.
    """

    def __init__(self, message: str, candidates: Mapping[str, Mapping[int, str]]) -> None:
        super().__init__(message)
        self.candidates = {name: dict(numbering) for name, numbering in candidates.items()}


def parse_classes(classes: Sequence[str]) -> ClassList:
    """Read the setting `classes`: names in the order of the outputs, or "number=name" for each, in any order.

    Raises
    ------
    DataError
        Fewer than two classes, an empty name, a name or a number twice.
    """
    numbered = [_NUMBERED.fullmatch(str(text)) for text in classes]
    pairs = [(int(match[1]), match[2]) for match in numbered if match]
    if len(pairs) < len(classes) or not pairs:
        return ClassList(name_classes(classes))
    pairs.sort()
    if len({number for number, _ in pairs}) < len(pairs):
        raise DataError(f"class list {list(classes)!r}: a number occurs twice; correct 'classes'")
    names = name_classes([name for _, name in pairs])
    return ClassList(names, dict(zip((number for number, _ in pairs), names, strict=True)))


def known_orders(outputs: int, own: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The orders that a model's outputs are usually trained in, by the name of their source; each order once.

    Parameters
    ----------
    outputs
        How many the model has: an order with contempt is also tried without it.
    own
        The data's classes, in the data's own order; where it has words, as folder readers sort them.

    Returns
    -------
    dict
        Orders of `outputs` names that hold all of the data's classes.
    """
    found: dict[tuple[str, ...], str] = {}
    for source, whole in {**_KNOWN_ORDERS, "the data's own": tuple(own)}.items():
        for order in (whole, tuple(name for name in whole if name != "contempt")):
            if len(order) == outputs and set(own) <= set(order):
                found.setdefault(order, source)
    return {source: order for order, source in found.items()}


def settle_labels(
    listing: Listing,
    given: ClassList | None,
    models: Mapping[str, Sequence[str] | None],
    data: Path,
    *,
    scored: bool = False,
    named: bool = False,
) -> tuple[str, ...]:
    """Replace what was written by classes, in place, list what has none, and find the class order.

    Parameters
    ----------
    given
        The setting `classes`; None where the user did not set it.
    models
        The models by name, each with the classes in the order of its outputs where its settings or its checkpoint
        state them.
    data
        The test set, for messages.
    scored
        The order of the models' outputs is found by scoring them (`classes = "auto"`), so that none is assumed.
    named
        The user named the data set, so that its numbering counts before lists of classes in files beside it.

    Returns
    -------
    tuple of str
        The classes of the report.

    Raises
    ------
    DataError
        No row can be used, or no image has a known label. An `OpenNumbers` where the meaning of numbers is open.
    """
    rows = listing.rows
    if rows.empty and listing.problems:
        first = listing.problems[0]
        raise DataError(f"{data}: none of {len(listing.problems):,} rows can be used; the first: {first.message}")
    written = {value for value in rows["emotion"] if value is not None}
    trained = {value for frame in listing.training.values() for value in frame["emotion"] if isinstance(value, int)}
    numbers = {value for value in written | trained if isinstance(value, int)}
    if numbers:
        listing.numbers = _number_meaning(listing, numbers, given, data, named=named)
    classes = _class_order(listing, given, models, written, data, scored=scored)
    classes, left_out = _common_classes(classes, models, listing)
    meaning: dict[Any, str | None] = {}
    for value in written:
        name = (listing.numbers or {}).get(value) if isinstance(value, int) else value
        meaning[value] = match_class(name, classes)
    keep = []
    for row, (path, value) in enumerate(zip(rows["path"], rows["emotion"], strict=True)):
        if value is None:
            listing.problems.append(Problem(path, None, "no-label", "the label is empty"))
        elif meaning[value] is None:
            message = f"the label '{value}' is none of the classes"
            if match_class((listing.numbers or {}).get(value) if isinstance(value, int) else value, left_out):
                message = f"the label '{value}' is a class that not every model has"
            listing.problems.append(Problem(path, str(value), "unknown-label", message))
        else:
            keep.append(row)
    if not keep:
        some = ", ".join(sorted(map(str, written))[:5]) or "nothing"
        raise DataError(
            f"{data}: no image with a known label (found: {some}; expected: {', '.join(classes)}); "
            "name your classes in the settings with 'classes = [...]'"
        )
    listing.keep(keep)
    listing.rows["emotion"] = [meaning[value] for value in listing.rows["emotion"]]
    if listing.pixels is None:
        listing.notes += _contradicting_folders(listing.rows)
    return classes


def _contradicting_folders(rows: pd.DataFrame) -> list[str]:
    """What to say where images lie in folders that are named after other emotions than their labels."""
    named: dict[str, str | None] = {}
    # A class that the user spells in another way ("happy" beside "joy") is the same emotion here.
    labels = {emotion: canonical_emotion(emotion) or emotion for emotion in set(rows["emotion"])}
    judged, wrong = 0, []
    for path, emotion in zip(rows["path"].tolist(), rows["emotion"].tolist(), strict=True):
        folders = path.replace("\\", "/").split("/")[:-1]
        folder = folders[-1] if folders else ""
        if folder not in named:
            named[folder] = canonical_emotion(folder)
        judged += named[folder] is not None
        differs = named[folder] not in (None, labels[emotion])
        if differs and labels[emotion] not in map(canonical_emotion, folders):  # a person called Joy among the angry
            wrong.append((path, emotion))
    if not wrong or len({name for name in named.values() if name is not None}) < 2:
        return []
    path, emotion = wrong[0]
    return [
        f"{len(wrong):,} of {judged:,} images lie in a folder named after another emotion than their label (such as "
        f"{'/'.join(path.replace(chr(92), '/').split('/')[-2:])}, labelled {emotion}): the label counts; are the "
        "numbers of the classes right?"
    ]


def report_classes(
    given: Sequence[str] | None, models: Mapping[str, Sequence[str] | None]
) -> tuple[tuple[str, ...], list[str]]:
    """The classes of a report on images without labels, and what was assumed of their order.

    Parameters
    ----------
    given
        The setting `classes`: it counts first, then those that a model states, then the seven.
    models
        As in `settle_labels`.
    """
    if given is not None:
        return parse_classes(given).names, []
    stated = {name: name_classes(classes) for name, classes in models.items() if classes is not None}
    silent = [name for name in models if name not in stated]
    first = next(iter(stated), None)
    classes = EMOTIONS if first is None else stated[first]
    if not silent:
        common = tuple(emotion for emotion in classes if all(emotion in own for own in stated.values()))
        if len(common) in (0, 1, len(classes)):
            return classes, []
        shown = ", ".join(common)
        return common, [f"the models know different classes: those that all of them know are shown ({shown})"]
    if first is None:
        return classes, [_assumed_order(classes, "", [])]
    return classes, [_assumed_order(classes, f"model {first}, the only source", silent)]


def numbering_text(numbers: Mapping[int, str]) -> str:
    """A numbering in one phrase: "0 anger, 1 disgust"."""
    return ", ".join(f"{number} {name}" for number, name in sorted(numbers.items()))


def _some(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers)[:8])) + (" ..." if len(numbers) > 8 else "")


def _number_meaning(
    listing: Listing, numbers: set[int], given: ClassList | None, data: Path, *, named: bool
) -> dict[int, str]:
    if given is not None and given.numbers is not None:
        return given.numbers
    beside = {} if named else lists_beside(*_around(listing, data), leave_out=data)
    if beside:
        _ask_files(listing, numbers, given, data, beside)
    if listing.numbers is None and listing.classes is not None:
        listing.numbers = _in_order(listing.classes, numbers, data, "its list of classes")
        if 0 not in numbers:
            listing.numbers_from = "the names that the data states"
    if listing.numbers is not None:
        first = int(0 not in listing.numbers)
        positions = {} if given is None else dict(enumerate(given.names, first))
        if listing.candidates and any(listing.numbers.get(number) != name for number, name in positions.items()):
            raise OpenNumbers(
                f"{data}: labels are numbers, by {listing.numbers_from} {numbering_text(listing.numbers)}, by their "
                f"positions in 'classes' {numbering_text(positions)}; choose the first "
                f"with {' or '.join(listing.candidates)}, or write each class with its number in the settings: "
                'classes = ["0=anger", ...]',
                {str(listing.numbers_from): listing.numbers, "their positions in 'classes'": positions},
            )
        if listing.numbers_from:
            listing.notes.append(f"numbers read by {listing.numbers_from}: {numbering_text(listing.numbers)}")
        return listing.numbers
    if given is None:
        candidates = listing.candidates or {
            f"--dataset {name}": numbering for name, numbering in NUMBERINGS.items() if numbers <= numbering.keys()
        }
        shown = "; ".join(f"{name} ({numbering_text(numbering)})" for name, numbering in candidates.items())
        raise OpenNumbers(
            f"{data}: labels are numbers ({_some(numbers)}) and nothing says what they mean"
            f"{'; they could be ' + shown if shown else ''}; choose with --dataset, name the classes in the order of "
            f"their numbers in the settings with 'classes = [...]', {_WAY_OUT}",
            candidates,
        )
    counted = {number for number in numbers if number >= 0}
    if any(isinstance(value, str) for value in listing.rows["emotion"]) and not counted & set(
        range(len(given.names) + 1)
    ):
        return {}  # labels are words, and these few are none of them
    n, lowest, highest = len(given.names), min(counted, default=0), max(counted, default=0)
    # One number too many with one missing in between: the missing one is probably a class that is not in `classes`.
    gap = lowest == 0 and highest == n and len(counted) == n
    if gap or (lowest > 0 and highest != n):
        raise DataError(
            f"{data}: labels are the numbers {_some(numbers)}, and 'classes' has {n} names: which number is which "
            f"class is not certain; add a column of words, {_WAY_OUT}"
        )
    meaning = dict(enumerate(given.names, start=int(lowest > 0)))
    listing.notes.append(
        f"numbers read as the positions in 'classes', from {int(lowest > 0)}: {numbering_text(meaning)}"
    )
    return meaning


def _around(listing: Listing, data: Path) -> list[Path]:
    """Where files that name the classes lie, the nearest folder first."""
    return [data, data.parent] if data.is_dir() else [listing.folder, data.parent, data.parent.parent]


def _in_order(names: Sequence[str], numbers: set[int], data: Path, source: str) -> dict[int, str]:
    """What numbers mean by a list of names: they begin at 0, or at 1 where the last one is there and 0 is not.

    Raises
    ------
    DataError
        They begin and end elsewhere.
    """
    if 0 not in numbers and max(numbers) > len(names) and any(0 < number < len(names) for number in numbers):
        raise DataError(
            f"{data}: labels are the numbers {_some(numbers)}, and {source} has {len(names)} names: which number is "
            f"which class is not certain; {_WAY_OUT.removeprefix('or ')}"
        )
    return dict(enumerate(names, int(0 not in numbers and len(names) in numbers)))


def _ask_files(
    listing: Listing, numbers: set[int], given: ClassList | None, data: Path, beside: Mapping[str, ClassList]
) -> None:
    """Take the meaning of numbers from lists of classes in files beside the data.

    Raises
    ------
    OpenNumbers
        They contradict each other, the data or the user's classes.
    """
    meanings = {
        f"{file} beside the data": own.numbers or _in_order(own.names, numbers, data, file)
        for file, own in beside.items()
    }
    if listing.numbers is not None or listing.classes is not None:
        source = listing.numbers_from or "the names that the data states"
        meanings[source] = listing.numbers or _in_order(listing.classes or (), numbers, data, source)
    # Beside the numbering of a known data set, `classes` is the order of the outputs.
    if given is not None and (listing.numbers is None or listing.candidates):
        meanings["their positions in 'classes'"] = _in_order(given.names, numbers, data, "'classes'")
    known = {number for number in numbers if all(number in numbering for numbering in meanings.values())}
    read = {
        source: tuple((canonical_emotion(numbering[n]) or numbering[n].casefold()) for n in sorted(known))
        for source, numbering in meanings.items()
    }
    if len(set(read.values())) > 1:
        shown = "; by ".join(f"{source} {numbering_text(numbering)}" for source, numbering in meanings.items())
        raise OpenNumbers(
            f"{data}: labels are numbers ({_some(numbers)}), by {shown}; {_WAY_OUT.removeprefix('or ')}, or choose "
            "with --dataset, or remove the file that is wrong; the order of one model's outputs is 'classes' under its "
            "own [models] entry",
            meanings,
        )
    if listing.numbers is None:
        source = next(iter(meanings))
        counted = sorted(number for number in numbers if number >= 0)
        fitting = [number for number in counted if number in meanings[source]]
        # Codes for no class lie above the others.
        if counted and (counted[0] not in fitting or 2 * len(fitting) < len(counted)):
            raise DataError(
                f"{data}: labels are the numbers {_some(numbers)}, and {source} has "
                f"{numbering_text(meanings[source])}; which number is which class is not certain: "
                f"{_WAY_OUT.removeprefix('or ')}, or remove the file"
            )
        listing.numbers, listing.numbers_from = dict(meanings[source]), source
        if listing.classes is None:
            listing.classes = tuple(name for _, name in sorted(meanings[source].items()))
            listing.classes_from = source
        listing.candidates = None


def _class_order(
    listing: Listing,
    given: ClassList | None,
    models: Mapping[str, Sequence[str] | None],
    written: set[Any],
    data: Path,
    *,
    scored: bool,
) -> tuple[str, ...]:
    if given is not None:
        return given.names
    own = listing.classes
    words_only = bool(written) and all(isinstance(value, str) for value in written if value is not None)
    stated = {name: name_classes(classes) for name, classes in models.items() if classes is not None}
    # Outputs are mapped by name, so the order of the data's own list is as good as a model's and stays.
    first = next((name for name in stated if own is None or sorted(own) != sorted(stated[name])), None)
    if first is not None:
        classes, source = stated[first], f"model {first}, the only source"
    elif own is not None:
        if words_only and listing.numbers and not scored and not _is_order(own, listing.numbers):
            raise DataError(
                f"{data}: its list of classes says {', '.join(own)}, the numbers beside its words "
                f"{numbering_text(listing.numbers)}; name the classes in the order of the outputs in the settings with "
                "'classes = [...]', or let classes = \"auto\" find it"
            )
        classes, source = own, listing.classes_from or listing.numbers_from or "the names that the data states"
    elif listing.numbers is not None and written and all(isinstance(value, int) for value in written):
        classes = tuple(name for _, name in sorted(listing.numbers.items()))
        source = listing.numbers_from or "the numbers in the data"
    elif listing.numbers is not None and (found := _order_of_numbers(listing.numbers)):
        classes, source = found
    else:
        classes, source = _order_of_words({value for value in written if isinstance(value, str)}), ""
        beside = order_beside(classes, *_around(listing, data), leave_out=data) if not listing.numbers else None
        if beside is not None and not scored:
            classes, source = beside
        if listing.numbers and not scored and not _is_order(classes, listing.numbers):
            raise DataError(
                f"{data}: the numbers beside the words ({numbering_text(listing.numbers)}) do not tell the whole order "
                "of the classes, and it is not the alphabetical one; name the classes in the order of the outputs in "
                "the settings with 'classes = [...]', or let classes = \"auto\" find it"
            )
    silent = [name for name, order in models.items() if order is None]
    if (silent or not stated) and not scored:
        listing.notes.append(_assumed_order(classes, source, silent if stated else []))
    return classes


def _common_classes(
    classes: tuple[str, ...], models: Mapping[str, Sequence[str] | None], listing: Listing
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes that all models have, and the others, which a report on all of them leaves out; says so.

    A name that is no known expression is taken for a mistake: then nothing is left out, and loading the model says
    which class it lacks.
    """
    stated = {name: [own_class(text, classes) for text in own] for name, own in models.items() if own}
    common = tuple(emotion for emotion in classes if all(emotion in own for own in stated.values()))
    known = tuple(dict.fromkeys([*classes, *(name for own in stated.values() for name in own)]))
    left_out = tuple(name for name in known if name not in common)
    strange = any(name not in classes and canonical_emotion(name) is None for name in left_out)
    if not left_out or len(common) < 2 or strange:
        return classes, ()
    silent = [name for name, own in models.items() if not own]
    lacking = [name for name, own in stated.items() if not set(classes) <= set(own)]
    if silent and lacking:
        raise DataError(
            f"model {lacking[0]} has no output for {', '.join(left_out)}, and nothing states the classes of model "
            f'{silent[0]}; name them in the settings: [models."{silent[0]}"] classes = [...]'
        )
    whose = "; ".join(f"{name} {len(own)}" for name, own in stated.items())
    listing.notes.append(
        f"not every model knows {' and '.join(left_out)} (classes: {whose}): the report is on the {len(common)} that "
        f"all know ({', '.join(common)}); images of {' and '.join(left_out)} are left out, and so are such outputs, "
        "with the probabilities renormalised over the others"
    )
    return common, left_out


def _assumed_order(classes: Sequence[str], source: str, silent: Sequence[str]) -> str:
    """Which order was assumed for models that state none; `silent` names them where others state theirs."""
    if not source:
        return (
            f"nothing states the order of the models' outputs: alphabetical order was assumed ({', '.join(classes)}); "
            "if it is another, name it in the settings with 'classes = [...]', or let classes = \"auto\" find it"
        )
    whose = f" of {', '.join(silent)}" if silent else ""
    return f"class order of the outputs{whose}, by {source}: {', '.join(classes)}"


def _is_order(classes: Sequence[str], numbers: Mapping[int, str]) -> bool:
    """Whether numbers, from 0 or 1, are those of the classes in this order; other names do not count."""
    known = {n: name for n, name in numbers.items() if name in classes}
    return any(known.items() <= dict(enumerate(classes, first)).items() for first in (0, 1))


def _order_of_numbers(numbers: Mapping[int, str]) -> tuple[tuple[str, ...], str] | None:
    """The class order that numbers beside words tell, and its source; None where they do not tell all of it.

    Numbers without a gap are the order, from 0 or 1 or for all seven emotions. With gaps, it is the only known order
    that fits, or the seven emotions with the one that is missing at the one place that is left.
    """
    source = "the table's numbers"
    lowest = min(numbers)
    whole_set = set(EMOTIONS) <= set(numbers.values()) or (lowest in (0, 1) and len(numbers) > 2)
    if whole_set and max(numbers) - lowest + 1 == len(numbers):
        return name_classes([numbers[n] for n in sorted(numbers)]), source
    fitting: dict[tuple[str, ...], str] = {}
    for known, whole in _KNOWN_ORDERS.items():
        for order in (whole, tuple(name for name in whole if name != "contempt")):
            for first in (0, 1):
                if all(dict(enumerate(order, first)).get(n) == name for n, name in numbers.items()):
                    # Contempt at the end changes no other number, and most models do not know it.
                    short = order[:-1] if order[-1] == "contempt" and "contempt" not in numbers.values() else order
                    fitting.setdefault(short, f"{source}, which are those of {known}")
    if len(fitting) == 1 and len(numbers) > 1:
        return next(iter(fitting.items()))
    missing = set(EMOTIONS) - set(numbers.values())
    left = [
        n
        for first in (0, 1)
        for n in range(first, first + 7)
        if set(numbers) <= set(range(first, first + 7)) and n not in numbers
    ]
    if len(missing) == 1 and len(left) == 1 and len(numbers) == 6:
        whole_order = dict(sorted([*numbers.items(), (left[0], missing.pop())]))
        return tuple(whole_order.values()), f"{source}, the one that is missing by elimination"
    return None


def _order_of_words(words: set[str]) -> tuple[str, ...]:
    """The classes of a table of words: the seven, unless the words are another set of known expressions.

    A complete set is sorted as written, as label encoders do it: "afraid" comes before "angry".
    """
    spelled: dict[str, str] = {}
    for word in sorted(words):
        name = canonical_emotion(word)
        if name is not None and spelled.setdefault(name, word) != word:
            return tuple(sorted({*EMOTIONS, *filter(None, map(canonical_emotion, words))}))  # several spellings of one
    if spelled.keys() < set(EMOTIONS) or not spelled:
        return EMOTIONS
    return tuple(sorted(spelled, key=lambda name: spelled[name]))
