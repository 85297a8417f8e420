"""What each emotion should look like to people: action units, where people look, and the notebooks' simple table.

Action units: EMFACS-style lists; Du, Tao and Martinez, PNAS 2014. Enrichment of eyes and mouth: computed from the data
of Wegrzyn et al., PLoS ONE 2017 ("Mapping the emotional face"), tile weight relative to the mean tile; two posers, no
background.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["ACTION_UNITS", "HUMAN", "NAIVE", "HumanProfile"]


@dataclass(frozen=True)
class HumanProfile:
    """What people use to recognise an emotion.

    Attributes
    ----------
    action_units
        Numbers of the facial action coding system.
    eyes, mouth
        Enrichment of the two regions for human observers; 1 = the mean over the face.
    required
        Regions that all must be looked at to be called human-like; empty: no expectation.
    accepted
        Regions that may be looked at as well without speaking against it.
    """

    action_units: tuple[int, ...]
    eyes: float
    mouth: float
    required: tuple[str, ...]
    accepted: tuple[str, ...] = ()


HUMAN: Mapping[str, HumanProfile] = MappingProxyType({
    "anger": HumanProfile((4, 5, 7, 23), 1.57, 1.12, ("eyes+brows",), ("mouth",)),
    "disgust": HumanProfile((9, 15, 16), 0.86, 1.47, ("mouth", "nose")),
    "fear": HumanProfile((1, 2, 4, 5, 7, 20, 26), 1.55, 1.17, ("eyes+brows",), ("mouth",)),
    "happiness": HumanProfile((6, 12), 1.02, 1.32, ("mouth",)),
    "neutral": HumanProfile((), 1.22, 1.18, ()),
    "sadness": HumanProfile((1, 4, 15), 1.48, 0.98, ("eyes+brows",)),
    "surprise": HumanProfile((1, 2, 5, 26), 1.29, 1.24, ("eyes+brows", "mouth")),
})  # fmt: skip

NAIVE: Mapping[str, str] = MappingProxyType({
    "anger": "eyes+brows",
    "disgust": "mouth",
    "fear": "eyes+brows",
    "happiness": "mouth",
    "surprise": "eyes+brows",
})  # fmt: skip
"""The simple table that many notebooks print."""

ACTION_UNITS: Mapping[int, str] = MappingProxyType({
    1: "inner brow raiser", 2: "outer brow raiser", 4: "brow lowerer", 5: "upper lid raiser", 6: "cheek raiser",
    7: "lid tightener", 9: "nose wrinkler", 12: "lip corner puller", 15: "lip corner depressor",
    16: "lower lip depressor", 20: "lip stretcher", 23: "lip tightener", 26: "jaw drop",
})  # fmt: skip
