"""Which emotions cannot be tested, and which images lack what a model relies on: small sets, counted by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from reportgen.analysis import Analysis, ModelRecords
from reportgen.evidence.importance.background import BackgroundFinding
from reportgen.evidence.importance.findings import faces_without_cue, judge_importance, rarely_predicted
from reportgen.evidence.shortcuts.properties import Association, Property
from reportgen.evidence.stats.intervals import Estimate
from reportgen.faces.transplant import TRANSPLANTED

CLASSES = ("anger", "disgust", "joy", "fear")


def analysis(found: dict[int, tuple[int, int]]) -> Analysis:
    """Per emotion how many images there are and how many the model predicts correctly; the first ones are found."""
    labels = np.concatenate([np.full(n, e) for e, (n, _) in found.items()])
    correct = np.concatenate([np.arange(n) < right for n, right in found.values()])
    logits = np.eye(len(CLASSES))[np.where(correct, labels, (labels + 1) % len(CLASSES))].astype(np.float32)
    content = [f"{i:064x}" for i in range(len(labels))]
    images = pd.DataFrame({"label": labels, "person": [None] * len(labels), "sha256": content})
    model = ModelRecords("m", "m", {}, logits, np.zeros((len(labels), len(CLASSES), 2, 2), np.float32))
    return Analysis(Path("a"), {"classes": list(CLASSES)}, images, pd.DataFrame(), (model,))


def test_an_emotion_that_is_hardly_ever_predicted_cannot_lose_anything():
    made = analysis({0: (20, 7), 1: (20, 8), 2: (100, 40), 3: (5, 0)})
    # 7 of 20 is below 40 %; 8 of 20 has the interval [.22, .61], which holds chance, .25; 40 of 100 has [.31, .50].
    assert rarely_predicted(made, made.models[0]) == {0: "low recall", 1: "low recall"}  # five are too few


@dataclass(frozen=True)
class Relied:
    """What is needed of a shortcut."""

    model: str
    emotion: str
    properties: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What is needed of the findings about shortcuts."""

    found: tuple[Relied, ...]
    properties: tuple[Property, ...]
    links: tuple[Association, ...]

    def of(self, model: str, emotion: str | None = None) -> tuple[Relied, ...]:
        return tuple(s for s in self.found if s.model == model and emotion in (None, s.emotion))


def link(name: str, auc: float) -> Association:
    return Association(name, "joy", Estimate(auc, auc - 0.1, auc + 0.1, 40), 0.5, 0.5, 0.001, "yes")


@pytest.fixture
def made() -> Analysis:
    """Forty images of joy, of which the model finds thirty, and forty of anger, all found."""
    return analysis({0: (40, 40), 2: (40, 30)})


def shortcuts(colour: np.ndarray, bright: np.ndarray, *names: str, sign: float = 0.9) -> Found:
    properties = (
        Property("colour", "in colour", "grey", True, colour),
        Property("brightness", "brighter", "darker", False, bright),
    )
    return Found((Relied("m", "joy", names),), properties, (link("colour", 0.9), link("brightness", sign)))


def test_images_without_a_property_are_those_on_the_others_side(made):
    colour = np.zeros(80)
    colour[40:60] = 1.0  # twenty of joy are in colour, all of them found
    bright = np.linspace(0.0, 1.0, 80)  # all of joy are brighter than anger
    (rows,) = faces_without_cue(made, shortcuts(colour, bright, "colour"), (), made.models[0]).values()
    assert rows.tolist() == list(range(60, 80))
    # Of joy nothing is as dark as the median of anger; where joy is the darker emotion all of it is bright enough.
    assert faces_without_cue(made, shortcuts(colour, bright, "brightness"), (), made.models[0]) == {}
    dark = shortcuts(colour, bright, "brightness", sign=0.1)
    assert len(faces_without_cue(made, dark, (), made.models[0])[2]) == 40
    # What is not known of an image is not without the property.
    unknown = np.where(np.arange(80) < 70, np.nan, 0.0)
    assert faces_without_cue(made, shortcuts(unknown, bright, "colour"), (), made.models[0]) == {}


def test_too_few_images_too_low_recall_and_backgrounds_leave_nothing(made):
    bright, colour = np.zeros(80), np.ones(80)
    colour[40:45] = 0.0
    assert faces_without_cue(made, shortcuts(colour, bright, "colour"), (), made.models[0]) == {}  # five are too few
    colour[:] = 1.0
    colour[62:80] = 0.0  # eighteen, of which the model finds eight: 44 %, but not above chance by its interval
    assert faces_without_cue(made, shortcuts(colour, bright, "colour"), (), made.models[0]) == {}
    colour[40:80] = 0.0
    found = shortcuts(colour, bright, "colour")
    assert len(faces_without_cue(made, found, (), made.models[0])[2]) == 40
    wall = BackgroundFinding("m", "joy", "uses it", False, "", 2.0, None, ("brightness",), (0.9,))
    assert faces_without_cue(made, found, (wall,), made.models[0]) == {}
    assert len(faces_without_cue(made, found, (replace(wall, model="other"),), made.models[0])) == 1


def swaps(receivers: range, emotions: tuple[int, ...], regions: tuple[str, ...]) -> tuple[pd.DataFrame, np.ndarray]:
    """Each receiver once with a donor of its own emotion and once with one of another."""
    rows = [
        (emotion, receiver, (receiver + 1) % 80, donor, region, "matched")
        for emotion in emotions
        for region in regions
        for receiver in receivers
        for donor in (emotion, 2 - emotion)
    ]
    columns = ["emotion", "receiver", "donor", "donor_emotion", "region", "kind"]
    return pd.DataFrame(rows, columns=columns), np.zeros((len(rows), len(CLASSES)), np.float32)


def test_what_is_kept_of_a_model_is_what_it_was_measured_on(made):
    """Joy is predicted from colour: its faces are swapped again between those in grey, its backgrounds are not."""
    colour = np.zeros(80)
    colour[40:60] = 1.0
    found = shortcuts(colour, np.zeros(80), "colour")
    measures = SimpleNamespace(plain=SimpleNamespace(swap=np.full((4, 8), np.nan)))
    attention = SimpleNamespace(verdicts=(), measures=(measures,))
    first = swaps(range(40, 48), (0, 2), TRANSPLANTED)
    clean = swaps(range(62, 69), (2,), TRANSPLANTED[:-1])
    clean[1][:] = 1.0
    found_there = judge_importance(made, attention, {"m": first}, found, 0, {"m": clean})
    (kept,) = found_there.swaps.values()
    mouth, behind, other = (kept.places(*place) for place in ((2, "mouth"), (2, "background"), (0, "mouth")))
    assert set(kept.design["receiver"].iloc[mouth]) == set(range(62, 69)) and (kept.logits[mouth] == 1).all()
    assert set(kept.design["receiver"].iloc[behind]) == set(range(40, 48)) and (kept.logits[behind] == 0).all()
    assert set(kept.design["receiver"].iloc[other]) == set(range(40, 48))
    joy = found_there.region("m", "joy", "mouth")
    assert joy is not None and joy.without_cue and joy.receivers == 7 == len(mouth) // 2
