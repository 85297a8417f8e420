"""Seven emotions as weights of the 52 face units, with the variety of real faces."""

from __future__ import annotations

import numpy as np

__all__ = ["EMOTIONS", "face_units"]

EMOTIONS = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")

# Each emotion has a few prototypes after the action units of the Facial Action Coding System (Ekman and Friesen 1978).
# A name ending in "*" stands for the left and the right unit.
_PROTOTYPES: dict[str, tuple[dict[str, float], ...]] = {
    "anger": (
        {"browDown*": 1.25, "eyeWide*": 0.25, "eyeSquint*": 0.3, "mouthPress*": 0.6, "mouthRollUpper": 0.55,
         "mouthRollLower": 0.4, "jawForward": 0.5, "mouthShrugLower": 0.45, "mouthFrown*": 0.65, "noseSneer*": 0.15},
        {"browDown*": 1.3, "eyeWide*": 0.3, "eyeSquint*": 0.35, "jawOpen": 0.08, "mouthUpperUp*": 0.45,
         "mouthLowerDown*": 0.9, "mouthStretch*": 0.5, "mouthFrown*": 0.25, "noseSneer*": 0.2, "jawForward": 0.4},
    ),
    "disgust": (
        {"noseSneer*": 1.15, "mouthUpperUp*": 0.95, "browDown*": 0.35, "cheekSquint*": 0.8, "eyeSquint*": 0.45,
         "mouthFrown*": 0.5, "mouthShrugUpper": 0.25},
        {"noseSneer*": 1.05, "mouthUpperUp*": 0.7, "browDown*": 0.3, "cheekSquint*": 0.7, "eyeSquint*": 0.4,
         "jawOpen": 0.22, "mouthLowerDown*": 0.45, "tongueOut": 0.25, "mouthFrown*": 0.35},
    ),
    "fear": (
        {"browInnerUp": 1.1, "browOuterUp*": 0.35, "browDown*": 0.4, "eyeWide*": 1.1, "mouthStretch*": 1.1,
         "jawOpen": 0.26, "mouthLowerDown*": 0.55},
        {"browInnerUp": 1.2, "browOuterUp*": 0.3, "browDown*": 0.35, "eyeWide*": 1.15, "mouthStretch*": 1.2,
         "jawOpen": 0.1, "mouthLowerDown*": 0.25, "mouthFrown*": 0.2},
    ),
    "happiness": (
        {"mouthSmile*": 1.15, "cheekSquint*": 0.7, "eyeSquint*": 0.25, "mouthUpperUp*": 0.5, "jawOpen": 0.12,
         "mouthLowerDown*": 0.25, "browOuterUp*": 0.12},
        {"mouthSmile*": 1.1, "cheekSquint*": 0.8, "eyeSquint*": 0.3, "mouthDimple*": 0.3},
        {"mouthSmile*": 1.05, "cheekSquint*": 0.8, "eyeSquint*": 0.3, "mouthUpperUp*": 0.55, "jawOpen": 0.34,
         "mouthLowerDown*": 0.3, "browOuterUp*": 0.2},
    ),
    "neutral": ({}, {"mouthPress*": 0.15}, {"jawOpen": 0.04}, {"browInnerUp": 0.15, "mouthSmile*": 0.08}),
    "sadness": (
        {"browInnerUp": 1.35, "browDown*": 0.2, "mouthFrown*": 1.05, "mouthShrugLower": 0.55, "eyeBlink*": 0.12,
         "eyeSquint*": 0.1},
        {"browInnerUp": 1.3, "mouthFrown*": 0.8, "mouthShrugLower": 0.75, "mouthPucker": 0.2, "eyeLookDown*": 0.5,
         "eyeBlink*": 0.22},
    ),
    "surprise": (
        {"browInnerUp": 1.0, "browOuterUp*": 1.05, "eyeWide*": 1.0, "jawOpen": 0.7, "mouthFunnel": 0.3},
        {"browInnerUp": 1.1, "browOuterUp*": 1.15, "eyeWide*": 0.9, "jawOpen": 0.4, "mouthFunnel": 0.45},
    ),
}  # fmt: skip


def face_units(emotion: str, intensity: float, rng: np.random.Generator) -> dict[str, float]:
    """Weights of the face units for one image.

    Parameters
    ----------
    emotion
        One of `EMOTIONS`.
    intensity
        Scales the whole expression; about 1 is plain, below 0.6 is easily missed.
    rng
        Chooses the prototype, jitters every unit, and makes left and right differ a little.
    """
    options = _PROTOTYPES[emotion]
    prototype = options[int(rng.integers(len(options)))]
    weights: dict[str, float] = {}
    lean = float(rng.normal(0, 0.07))
    for name, weight in prototype.items():
        value = intensity * weight * float(rng.uniform(0.82, 1.1))
        if name.endswith("*"):
            weights[name[:-1] + "Left"] = value * (1 + lean)
            weights[name[:-1] + "Right"] = value * (1 - lean)
        else:
            weights[name] = value
    # Nobody holds the rest of the face perfectly still.
    for name, spread in (("eyeBlink", 0.03), ("eyeSquint", 0.04), ("browOuterUp", 0.06), ("mouthSmile", 0.03)):
        extra = abs(float(rng.normal(0, spread)))
        for side in ("Left", "Right"):
            weights[name + side] = weights.get(name + side, 0.0) + extra
    # MakeHuman's lids rest low; open them a little for everybody.
    for side in ("Left", "Right"):
        weights["eyeWide" + side] = weights.get("eyeWide" + side, 0.0) + 0.33
    if emotion in ("surprise", "fear"):
        for side in ("Left", "Right"):
            weights["eyeBlink" + side] = weights["eyeSquint" + side] = 0.0
    return weights
