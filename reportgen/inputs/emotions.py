"""Names of emotions: the canonical ones, what people write for them, and the numberings of known data sets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reportgen.errors import DataError

__all__ = [
    "AFFECTNET_ORDER",
    "CKPLUS_ORDER",
    "EMOTIONS",
    "EXPRESSION_CODES",
    "FER2013_ORDER",
    "FERPLUS_ORDER",
    "NUMBERINGS",
    "RAFDB_ORDER",
    "canonical_emotion",
    "fold",
    "match_class",
    "name_classes",
    "own_class",
]

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""The canonical seven, in the alphabetical order that folder readers and label encoders give them."""

FER2013_ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""What 0..6 mean in `fer2013.csv`; not alphabetical."""

FERPLUS_ORDER = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
"""The columns of votes in FER+'s `fer2013new.csv`, and what its authors' models answer."""

RAFDB_ORDER = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""What 1..7 mean in RAF-DB (basic emotions)."""

AFFECTNET_ORDER = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt")
"""What 0..7 mean in AffectNet; 8 to 10 are its labels for no expression, an uncertain one and no face."""

CKPLUS_ORDER = ("neutral", "anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
"""What 0..7 mean in the original CK+; copies with pixels in a CSV number like FER2013, with 7 for contempt."""

EXPRESSION_CODES = {
    "AF": "fear",
    "AN": "anger",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
"""The codes in the file names of KDEF, where AF is "afraid", and of JAFFE."""

NUMBERINGS: dict[str, dict[int, str]] = {
    "fer2013": dict(enumerate(FER2013_ORDER)),
    "rafdb": dict(enumerate(RAFDB_ORDER, start=1)),
    "affectnet": dict(enumerate(AFFECTNET_ORDER)),
    "ckplus": dict(enumerate(CKPLUS_ORDER)),
}
"""What numbers mean in known data sets, by the name that `--dataset` takes."""

_SYNONYMS = {
    "anger": "anger angry angered mad furious rage",
    "disgust": "disgust disgusted disgusting disgusts revulsion",
    "fear": "fear afraid fearful feared scared frightened terrified",
    "happiness": "happiness happy joy joyful happily",
    "neutral": "neutral neutrality neutrals noemotion",
    "sadness": "sadness sad saddened unhappy sorrow sorrowful",
    "surprise": "surprise surprised surprising surprize suprise suprised astonished",
    "contempt": "contempt contemptuous scorn disdain",
}
_CANONICAL = {word: emotion for emotion, words in _SYNONYMS.items() for word in words.split()}
_NUMBER_PREFIX = re.compile(r"^\d+[\s._-]+(?=\D)")
_NOT_LETTERS = re.compile(r"[\W_]+")


def canonical_emotion(text: object) -> str | None:
    """The canonical name of an emotion as written, or None.

    Case, surrounding blanks, punctuation and a leading number ("0_angry") do not matter. Expressions other than the
    seven and contempt give None, as does anything that is not text.
    """
    if not isinstance(text, str):
        return None
    word = _NUMBER_PREFIX.sub("", text.strip().casefold())
    return _CANONICAL.get(_NOT_LETTERS.sub("", word))


def fold(value: object) -> str:
    """A name or cell without case, blanks, underscores and hyphens."""
    return str(value).strip().casefold().replace("-", "").replace("_", "").replace(" ", "")


def name_classes(names: Sequence[str]) -> tuple[str, ...]:
    """A list of classes under the names the report uses: canonical ones where the names are known emotions.

    The user's own names stay as they are (stripped) when canonical ones would make two classes one, so that
    ("happy", "joy") remains two classes; a name of its own ("bored") stays beside canonical ones.

    Raises
    ------
    DataError
        Fewer than two classes, an empty name, or a name twice.
    """
    own = tuple(str(name).strip() for name in names)
    if len(own) < 2:
        raise DataError(f"class list {list(own)!r}: found {len(own)}, expected at least two; correct 'classes'")
    folded = [name.casefold() for name in own]
    if "" in folded or len(set(folded)) < len(folded):
        raise DataError(f"class list {list(own)!r}: a name is empty or occurs twice; correct 'classes'")
    canonical = tuple(canonical_emotion(name) or name for name in own)
    return canonical if len({name.casefold() for name in canonical}) == len(own) else own


def own_class(text: str, classes: Sequence[str]) -> str:
    """The name for what a model's output means: of the report's classes, else of a known expression, else as stated."""
    return match_class(text, classes) or canonical_emotion(text) or text


def match_class(text: object, classes: Sequence[str]) -> str | None:
    """The class that a label means, or None: the class of that name in any case, else by synonym."""
    if not isinstance(text, str):
        return None
    folded = text.strip().casefold()
    for name in classes:
        if name.casefold() == folded:
            return name
    canonical = canonical_emotion(text)
    return canonical if canonical in classes else None
