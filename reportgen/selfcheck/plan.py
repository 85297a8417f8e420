"""Which models are trained: the arms of the experiment, laid out before anything is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from reportgen.selfcheck.artefacts import KINDS, PLACES, Artefact
from reportgen.selfcheck.faces import EMOTIONS

__all__ = ["SEED", "TUNING", "Arm", "Trial", "full_plan", "quick_plan"]

SEED = 500
TUNING = "corner patch"
"""Thresholds may be settled on models with this kind of artefact; all others are for testing."""

Arm = Literal["off-face", "on-face", "invisible", "distractor", "clean"]

_OFF_FACE = tuple(kind for kind, where in KINDS.items() if where == "off-face")
_TESTED = tuple(kind for kind in _OFF_FACE if kind != TUNING)
_PREVALENCES = (0.5, 0.75, 1.0, 0.6, 0.9)
_ELSEWHERE = (0.0, 0.02, 0.05)
_STRENGTHS = (1.0, 1.0, 0.7)
_MODELS = {"tuning": 12, "tested": 16, "on-face": 4, "invisible": 4, "distractor": 20, "clean": 20}


@dataclass(frozen=True)
class Trial:
    """One model to train and to have judged.

    Attributes
    ----------
    name
        Unique, for files and tables.
    arm
        "off-face", "on-face" and "invisible" models are taught an artefact; "distractor" models see one equally often
        with every emotion; "clean" models see none.
    artefact, emotion
        What is planted and with which emotion it goes. Dependence on it is measured in models of the last two arms too.
    prevalence, elsewhere
        Share of the photos of that emotion, and of every other, that carry it, in training and in the test set alike.
    network
        One of `reportgen.selfcheck.networks.NETWORKS`.
    seed
        Of everything that is drawn.
    """

    name: str
    arm: Arm
    artefact: Artefact
    emotion: str
    prevalence: float
    elsewhere: float
    network: str
    seed: int

    @property
    def label(self) -> int:
        """Index of `emotion`."""
        return EMOTIONS.index(self.emotion)

    @property
    def tuning(self) -> bool:
        """Whether thresholds may be settled on this model."""
        return self.arm == "off-face" and self.artefact.kind == TUNING

    @property
    def chances(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """(C,) share of each emotion's photos that carry the artefact."""
        shares = np.full(len(EMOTIONS), self.elsewhere)
        shares[self.label] = self.prevalence
        return shares


def full_plan() -> tuple[Trial, ...]:
    """The models that the certificate rests on."""
    trials = _taught("off-face", TUNING, _MODELS["tuning"])
    for kind, where in KINDS.items():
        if where == "off-face" and kind != TUNING:
            trials += _taught("off-face", kind, _MODELS["tested"])
        elif where in ("on-face", "invisible"):
            trials += _taught(where, kind, _MODELS[where])
    return (*trials, *_untaught("distractor", _MODELS["distractor"]), *_untaught("clean", _MODELS["clean"]))


def quick_plan() -> tuple[Trial, ...]:
    """One plain shortcut and one clean model: enough to see that everything runs."""
    return (_taught("off-face", "border strip", 1)[0], _untaught("clean", 1)[0])


def _taught(arm: Arm, kind: str, count: int) -> tuple[Trial, ...]:
    """Models that are taught one kind of artefact; the dose, the place and the emotion rotate at different paces."""
    family = list(KINDS).index(kind)
    trials = []
    for k in range(count):
        place = PLACES[kind][k % len(PLACES[kind])]
        artefact = Artefact(kind, place, _STRENGTHS[(k + family) % len(_STRENGTHS)], colour=k + family)
        trials.append(
            Trial(
                name=f"{kind.replace(' ', '-')}-{k:02d}",
                arm=arm,
                artefact=artefact,
                emotion=EMOTIONS[(k + 3 * family) % len(EMOTIONS)],
                prevalence=_PREVALENCES[k % len(_PREVALENCES)],
                elsewhere=_ELSEWHERE[(k // 2 + family) % len(_ELSEWHERE)],
                network=("coarse", "fine")[(k + family) % 2],
                seed=SEED + 100 * family + k,
            )
        )
    return tuple(trials)


def _untaught(arm: Arm, count: int) -> tuple[Trial, ...]:
    """Models without a shortcut: no artefact at all, or one that goes with every emotion alike."""
    kinds = (*_OFF_FACE, "cheek sticker", "tint") if arm == "distractor" else _TESTED
    trials = []
    for k in range(count):
        kind = kinds[k % len(kinds)]
        rate = _PREVALENCES[k % len(_PREVALENCES)] / 2 if arm == "distractor" else 0.0
        trials.append(
            Trial(
                name=f"{arm}-{k:02d}",
                arm=arm,
                artefact=Artefact(kind, PLACES[kind][k % len(PLACES[kind])], 1.0, colour=k),
                emotion=EMOTIONS[k % len(EMOTIONS)],
                prevalence=rate,
                elsewhere=rate,
                network=("coarse", "fine")[k % 2],
                seed=SEED + 2000 + 1000 * (arm == "clean") + k,
            )
        )
    return tuple(trials)
