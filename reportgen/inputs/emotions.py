"""Names of emotions: the canonical seven, what people write for them, and the numbers of known data sets."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reportgen.errors import DataError

__all__ = [
    "EMOTIONS",
    "FER2013_ORDER",
    "KDEF_CODES",
    "RAFDB_ORDER",
    "canonical_emotion",
    "match_class",
    "name_classes",
]

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
"""The canonical seven, in the alphabetical order that folder readers and label encoders give them."""

FER2013_ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""What 0..6 mean in `fer2013.csv`; not alphabetical."""

RAFDB_ORDER = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""What 1..7 mean in RAF-DB (basic emotions)."""

KDEF_CODES = {
    "AF": "fear",
    "AN": "anger",
    "DI": "disgust",
    "HA": "happiness",
    "NE": "neutral",
    "SA": "sadness",
    "SU": "surprise",
}
"""The expression codes in KDEF file names; AF is "afraid"."""

_SYNONYMS = {
    "anger": "anger angry angered mad furious rage",
    "disgust": "disgust disgusted disgusting disgusts revulsion",
    "fear": "fear afraid fearful feared scared frightened terrified",
    "happiness": "happiness happy joy joyful happily",
    "neutral": "neutral neutrality neutrals noemotion",
    "sadness": "sadness sad saddened unhappy sorrow sorrowful",
    "surprise": "surprise surprised surprising surprize suprise suprised astonished",
}
_CANONICAL = {word: emotion for emotion, words in _SYNONYMS.items() for word in words.split()}
_NUMBER_PREFIX = re.compile(r"^\d+[\s._-]+(?=\D)")
_NOT_LETTERS = re.compile(r"[\W_]+")


def canonical_emotion(text: object) -> str | None:
    """The canonical name for what somebody wrote, or None.

    Case, surrounding blanks, punctuation and a leading number ("0_angry") do not matter. "contempt" and other
    expressions outside the seven give None, as does anything that is not text.
    """
    if not isinstance(text, str):
        return None
    word = _NUMBER_PREFIX.sub("", text.strip().casefold())
    return _CANONICAL.get(_NOT_LETTERS.sub("", word))


def name_classes(names: Sequence[str]) -> tuple[str, ...]:
    """A list of classes under the names the report uses: canonical ones where the names are known emotions.

    The user's own names stay as they are (stripped) when canonical ones would make two classes one, so that
    ("happy", "joy") remains two classes; a single name outside the seven ("contempt") stays beside canonical
    ones.

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
        raise DataError(f"class list {list(own)!r}: a name is empty or stands there twice; correct 'classes'")
    canonical = tuple(canonical_emotion(name) or name for name in own)
    return canonical if len({name.casefold() for name in canonical}) == len(own) else own


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
