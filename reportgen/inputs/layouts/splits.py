"""Parts of a data set by the names of folders and files: which is tested, and what is said of the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from reportgen.inputs.listing import Listing

__all__ = ["SPLITS", "choose_split", "may_be_a_name", "split_in_name", "split_of", "take_split"]

SPLITS = ("test", "validation", "", "training")
"""In the order in which they are tested on; "" is no split."""
_SPLIT_WORDS = {
    **dict.fromkeys(("test", "testing", "privatetest", "holdout"), "test"),
    **dict.fromkeys(("validation", "evaluation", "publictest"), "validation"),
    **dict.fromkeys(("train", "training", "trainval"), "training"),
}
# They are names of people, too: they count alone or beside these words.
_SHORT_SPLIT_WORDS = dict.fromkeys(("val", "valid", "dev", "eval"), "validation")
_BESIDE_SPLITS = frozenset((
    "set", "sets", "data", "dataset", "datasets", "image", "images", "img", "imgs", "picture", "pictures", "pics",
    "photo", "photos", "face", "faces", "split", "folder", "dir", "part", "fer", "ferplus", "raf", "rafdb", "db",
    "affectnet", "cropped", "aligned", "resized", "original", "augmented", "new", "final", "public", "private",
))  # fmt: skip
_RUN_TOGETHER = re.compile(
    r"(train|training|test|testing|val|valid|validation|eval|dev)(?:sets?|data|images?|imgs?|faces?|split)"
)
_FILE_SPLIT = re.compile(r"(train(?:ing)?|privatetest|publictest|test|val(?:id(?:ation)?)?)[_-]?\d", re.IGNORECASE)


def split_of(*folders: str) -> str:
    """Which split the nearest folder names that names one: test, validation or training; "" where none does."""
    return next(filter(None, map(_named_split, reversed(folders))), "")


def may_be_a_name(folder: str) -> bool:
    """Whether a folder names a split by a word that is a person's name, too: Val or Dev."""
    return split_of(folder) == "validation" and folder.strip().casefold() in _SHORT_SPLIT_WORDS


@lru_cache(maxsize=4096)
def _named_split(folder: str) -> str:
    """The split in a folder's name: "test", "Test set", "train_images", "fer2013valid"."""
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", folder).casefold()
    words = re.findall(r"[a-z]+", re.sub(r"h[eo]ld[\W_]*out", "holdout", text))
    words = [found[1] if (found := _RUN_TOGETHER.fullmatch(word)) else word for word in words]
    named = {_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS}
    others = {word for word in words if word not in _SPLIT_WORDS and word not in _SHORT_SPLIT_WORDS}
    if others <= _BESIDE_SPLITS:
        named |= {_SHORT_SPLIT_WORDS[word] for word in words if word in _SHORT_SPLIT_WORDS}
    if named == {"test"} and "public" in words:
        return "validation"  # as FER2013 has it
    if named == {"training", "validation"}:
        return "training"
    if named == {"validation", "test"}:
        return "test"
    return named.pop() if len(named) == 1 else ""  # "train_test_split" holds both


def choose_split(present: set[str], kind: str = "folder") -> tuple[str, list[str]]:
    """The split to test on (test, else validation, else images of no split, else training), and what to say of it."""
    for split in SPLITS[:-1]:
        if split in present:
            others = sorted(name or "other" for name in present if name != split)
            verb = "one is" if len(others) == 1 else "ones are"
            own = f"the {split} {kind} is used" if split else "images without a split are used"
            return split, [f"{own}, the {' and '.join(others)} {verb} not"] if others else []
    return "training", [f"only a training {kind} was found: a model has probably seen these very images"]


def take_split(listing: Listing, splits: Sequence[str], kind: str = "folder") -> str:
    """Reduce a listing to the split to test on, in place; rows of the training split are kept aside.

    Parameters
    ----------
    splits
        The split of each row, as `split_of` names it.
    kind
        What names the splits, for notes.

    Returns
    -------
    str
        The split that is left.
    """
    chosen, notes = choose_split(set(splits), kind)
    if not chosen and split_of(listing.folder.resolve().name) == "training":
        _, notes = choose_split({"training"})  # the folder itself was given
    listing.notes += notes
    seen = [row for row, split in enumerate(splits) if split == "training"]
    if seen and chosen != "training":
        listing.training[f"training {kind}"] = listing.rows[["path", "person", "emotion"]].iloc[seen].astype(object)
    listing.keep([row for row, split in enumerate(splits) if split == chosen])
    return chosen


def split_in_name(file: str) -> str:
    """The split in a file's name such as FER2013's "Training_3908.jpg"; "" where it names none."""
    found = _FILE_SPLIT.match(file)
    return split_of(found[1]) if found else ""
