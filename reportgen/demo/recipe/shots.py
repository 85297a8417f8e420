"""Chance in front of the camera: pose, framing and light of one image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Shot", "draw_shot"]


@dataclass(frozen=True)
class Shot:
    """Camera, pose and light of one image.

    Attributes
    ----------
    yaw, pitch, roll
        Turn of the head, radians.
    gaze
        Turn of the eyes, radians, sideways and up.
    frame
        Height of the picture in multiples of the distance between the eyes and the mouth.
    shift
        Of the face from the middle of the frame, in frame heights.
    distance
        Camera to face, dm.
    key
        Direction of the main light (towards it) and its strength; `warmth` tints it.
    fill, rim
        Strength of the surrounding light and of a light from behind.
    """

    yaw: float
    pitch: float
    roll: float
    gaze: tuple[float, float]
    frame: float
    shift: tuple[float, float]
    distance: float
    key: tuple[float, float, float]
    key_strength: float
    key_size: float
    warmth: float
    fill: float
    rim: float


def draw_shot(rng: np.random.Generator) -> Shot:
    """Draw a portrait shot; most people look about into the camera, some turn away."""
    turned = rng.random() < 0.25
    side = rng.choice([-1.0, 1.0])
    return Shot(
        yaw=float(rng.normal(0, 0.24 if turned else 0.10)),
        pitch=float(rng.normal(0, 0.07)),
        roll=float(rng.normal(0, 0.06)),
        gaze=(float(rng.normal(0, 0.10)), float(rng.normal(0, 0.05))),
        frame=float(rng.uniform(3.0, 3.55)),
        shift=(float(rng.normal(0, 0.02)), float(rng.normal(0, 0.015))),
        distance=float(rng.uniform(8, 16)),
        key=(float(side * rng.uniform(0.15, 0.95)), float(rng.uniform(0.25, 0.9)), 0.9),
        key_strength=float(rng.uniform(2.4, 3.7)),
        key_size=float(rng.uniform(1.2, 3.6)),
        warmth=float(rng.normal(0.25, 0.5)),
        fill=float(rng.uniform(0.34, 0.62)),
        rim=float(rng.choice([0.0, 1.0]) * rng.uniform(0.8, 2.4)),
    )
