"""What was done to photos, and what was taken away by it, in the words of all pages."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["DONE", "PROPERTIES"]

DONE: Mapping[str, str] = MappingProxyType({
    "grey": "made grey",
    "equalised": "brought to one brightness and contrast",
    "blurred": "slightly blurred",
    "re-encoded": "stored again as JPEG",
})  # fmt: skip
"""By change, as in "the same photo, made grey"."""

PROPERTIES: Mapping[str, str] = MappingProxyType({
    "grey": "colour",
    "equalised": "brightness and contrast",
    "blurred": "sharpness",
    "re-encoded": "the way it is stored",
})  # fmt: skip
"""By change, as in "knows disgust by colour"."""
