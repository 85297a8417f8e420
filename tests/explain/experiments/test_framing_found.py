"""From photos to the verdict: a model that goes by the size of the face is found, one that goes by the face is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from reportgen.analysis import Analysis, FaceRecords, ModelRecords
from reportgen.evidence.shortcuts.added_cues import called_for, choose_cues
from reportgen.evidence.shortcuts.findings import judge_shortcuts
from reportgen.evidence.shortcuts.properties import associations, photo_properties
from reportgen.evidence.stats.clustered import clusters
from reportgen.explain.experiments.added_cues import cue_experiment
from reportgen.explain.experiments.experiment import Experiment
from reportgen.explain.experiments.interventions import intervention_experiment

CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness")
DISGUST, EACH, SIDE = 1, 20, 64
LIMIT = 0.42  # between the faces of disgust and all others


class Drawn:
    """Faces of two dots for the eyes, red and green, and a blue one whose brightness is the expression."""

    def __init__(self, pictures: list[np.ndarray]) -> None:
        self.pictures = pictures

    def __getitem__(self, row: int) -> np.ndarray:
        return self.pictures[row]

    def changed(self, row: int, native: bool, alter: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        assert not native
        return alter(self[row])


def draw(eyes: float, label: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture and its landmarks."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    places = [(0.5 - eyes / 2, 0.4), (0.5 + eyes / 2, 0.4), (0.5, 0.65)]
    dots = [np.exp(-((x - a) ** 2 + (y - b) ** 2) / (2 * 0.05**2)) for a, b in places]
    planes = [255 * dots[0], 255 * dots[1], 40 * (label + 1) * dots[2]]
    points = np.zeros((478, 2), np.float32)
    for indices, place in zip(((33, 133), (362, 263), (4, 2)), places, strict=True):
        points[list(indices)] = place
    points[2, 1] += 0.05
    return np.rint(np.stack(planes, axis=2)).astype(np.uint8), points


def expression(picture: np.ndarray) -> int:
    return int(np.clip(round(picture[:, :, 2].max() / 40) - 1, 0, len(CLASSES) - 1))


def distance(picture: np.ndarray) -> float:
    x = (np.arange(SIDE) + 0.5) / SIDE
    left, right = (float((w := picture[:, :, k].astype(float).sum(axis=0)) @ x / w.sum()) for k in range(2))
    return right - left


def by_size(picture: np.ndarray) -> int:
    """Knows disgust from large faces alone, and the other emotions from the face."""
    said = expression(picture)
    return DISGUST if distance(picture) > LIMIT else (0 if said == DISGUST else said)


def logits(said: list[int]) -> np.ndarray:
    return 4 * np.eye(len(CLASSES), dtype=np.float32)[said]


def test_a_model_that_goes_by_the_size_of_the_face_is_found_by_both_directions_and_an_honest_one_is_not() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(range(len(CLASSES)), EACH)
    n, models = len(labels), {"cheat": by_size, "honest": expression}
    sizes = np.where(labels == DISGUST, rng.uniform(0.45, 0.5, n), rng.uniform(0.28, 0.38, n))
    drawn = [draw(size, label) for size, label in zip(sizes.tolist(), labels.tolist(), strict=True)]
    pictures, points = Drawn([picture for picture, _ in drawn]), np.stack([face for _, face in drawn])
    images = pd.DataFrame({
        "label": labels, "person": None, "sha256": [f"{i:064x}" for i in range(n)], "format": "PNG", "width": SIDE,
        "image_id": [f"{i:012x}" for i in range(n)],
        "path": [f"{i}.png" for i in range(n)], "height": SIDE, "jpeg_quality": np.nan, "sharpness": 50.0,
        "luminance": 0.5, "contrast": 0.2, "colourfulness": 0.0, "red_green": 0.0, "yellow_blue": 0.0,
        "perceptual_hash": [f"{int(v):016x}" for v in rng.integers(0, 2**63, n)],
    })  # fmt: skip
    source = ("detector",) * n
    faces = FaceRecords(points, np.ones(n, np.float32), source, source, np.zeros((n, 52), np.float32))
    records = tuple(
        ModelRecords(
            name, name, {"input": [SIDE, SIDE], "parts": []}, logits([model(p) for p in pictures.pictures]),
            np.zeros((n, len(CLASSES), 1, 1), np.float32),
        )
        for name, model in models.items()
    )  # fmt: skip
    analysis = Analysis(Path("a"), {"classes": list(CLASSES)}, images, pd.DataFrame(), records, faces)

    def shown(experiment: Experiment | None) -> dict[str, tuple[pd.DataFrame, np.ndarray]]:
        assert experiment is not None
        made = [picture for job in experiment.jobs for picture in job.make(pictures)]
        return {name: (experiment.design, logits([model(p) for p in made])) for name, model in models.items()}

    properties = photo_properties(images, faces)
    links = associations(properties, labels, CLASSES, clusters(None, n))
    cues = choose_cues(properties, links, labels, CLASSES, "quick", 0)
    assert [(cue.change, cue.emotion) for cue in cues] == [("zoomed", DISGUST)]
    removed = shown(intervention_experiment(analysis, "quick", 0, called_for(links)))
    added = shown(cue_experiment(analysis, cues, 0))
    (shortcut,) = judge_shortcuts(analysis, removed, 0, cues, added, permutations=20).found
    assert (shortcut.model, shortcut.emotion, shortcut.change) == ("cheat", "disgust", "zoomed")
    assert shortcut.properties == ("face size",) and shortcut.has == "closer up"
    assert shortcut.before.value == 1 and shortcut.after.value == 0 and shortcut.removed
    assert shortcut.added is not None and shortcut.added.answer == "yes"
    assert (shortcut.added.became, shortcut.added.became_neutral) == (shortcut.added.n, 0)
