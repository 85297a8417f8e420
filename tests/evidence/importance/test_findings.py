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
from reportgen.evidence.importance.contamination import contaminations
from reportgen.evidence.importance.findings import (
    faces_without_cue,
    judge_importance,
    rarely_predicted,
    untestable_faces,
)
from reportgen.evidence.shortcuts.components import Component, ComponentFindings, ComponentTest
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


def without(made: Analysis, found: Found, backgrounds: tuple[BackgroundFinding, ...] = (),
            components: ComponentFindings | None = None) -> dict[int, np.ndarray]:  # fmt: skip
    """Of the only model, the images without what was proved."""
    return faces_without_cue(made, found, contaminations(CLASSES, found, backgrounds, components, None), made.models[0])


def test_images_without_a_property_are_those_on_the_others_side(made):
    colour = np.zeros(80)
    colour[40:60] = 1.0  # twenty of joy are in colour, all of them found
    bright = np.linspace(0.0, 1.0, 80)  # all of joy are brighter than anger
    (rows,) = without(made, shortcuts(colour, bright, "colour")).values()
    assert rows.tolist() == list(range(60, 80))
    # Of joy nothing is as dark as the median of anger; where joy is the darker emotion all of it is bright enough.
    assert without(made, shortcuts(colour, bright, "brightness")) == {}
    dark = shortcuts(colour, bright, "brightness", sign=0.1)
    assert len(without(made, dark)[2]) == 40
    # What is not known of an image is not without the property.
    unknown = np.where(np.arange(80) < 70, np.nan, 0.0)
    assert without(made, shortcuts(unknown, bright, "colour")) == {}


def test_too_few_images_too_low_recall_and_backgrounds_leave_nothing(made):
    bright, colour = np.zeros(80), np.ones(80)
    colour[40:45] = 0.0
    assert without(made, shortcuts(colour, bright, "colour")) == {}  # five are too few
    colour[:] = 1.0
    colour[62:80] = 0.0  # eighteen, of which the model finds eight: 44 %, but not above chance by its interval
    assert without(made, shortcuts(colour, bright, "colour")) == {}
    colour[40:80] = 0.0
    found = shortcuts(colour, bright, "colour")
    assert len(without(made, found)[2]) == 40
    wall = BackgroundFinding("m", "joy", "uses it", False, "", 2.0, None, ("brightness",), (0.9,))
    assert without(made, found, (wall,)) == {}
    assert len(without(made, found, (replace(wall, model="other"),))) == 1


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
    found_there = judge_importance(made, attention, {"m": first}, found, None, None, 0, {"m": clean})
    (kept,) = found_there.swaps.values()
    mouth, behind, other = (kept.places(*place) for place in ((2, "mouth"), (2, "background"), (0, "mouth")))
    assert set(kept.design["receiver"].iloc[mouth]) == set(range(62, 69)) and (kept.logits[mouth] == 1).all()
    assert set(kept.design["receiver"].iloc[behind]) == set(range(40, 48)) and (kept.logits[behind] == 0).all()
    assert set(kept.design["receiver"].iloc[other]) == set(range(40, 48))
    joy = found_there.region("m", "joy", "mouth")
    assert joy is not None and joy.without_cue and joy.receivers == 7 == len(mouth) // 2


NOTHING = Found((), (), ())


def hidden(name: str = "m", answer: str = "yes", *, shared: bool = False) -> Component:
    """A component of joy: its contribution is twice the second feature, and raises the logit by 4 in the top photos."""
    test = ComponentTest(9, 6, 1, Estimate(0.5, 0.2, 0.8, 9), 30, 14, 20, 2, Estimate(0.6, 0.4, 0.8, 30, 14), 0.0,
                         0.03, 0.001, answer)  # type: ignore[arg-type] # fmt: skip
    direction = np.array([0.0, 2.0], np.float32)
    return Component(name, 2, 1, shared, 4.0, direction, (), (), (), Estimate(0.9, 0.8, 1.0, 40), 0.5, test=test)


def of(*components: Component) -> ComponentFindings:
    return ComponentFindings(components, (), {})


def seen(made: Analysis, joy: list[float], anger: list[float]) -> Analysis:
    """The second feature of forty photos each: the given values in turn."""
    second = np.resize(joy, 40), np.resize(anger, 40)
    features = np.stack([np.linspace(5, -5, 80), np.concatenate(second[::-1])], axis=1).astype(np.float32)
    return replace(made, models=(replace(made.models[0], features=features),))


def test_what_is_proved_of_each_kind_is_known_by_model_and_emotion():
    wall = BackgroundFinding("m", "joy", "uses it", False, "", 2.0, None, ("brightness",), (0.9,))
    found = shortcuts(np.zeros(80), np.zeros(80), "colour")
    known = contaminations(
        CLASSES,
        found,
        (wall, replace(wall, emotion="fear", state="looks only")),
        of(hidden(), hidden("other"), replace(hidden("other", "undetermined"), emotion=1)),
        None,
    )
    assert set(known) == {("m", "joy"), ("other", "joy")}
    assert known["m", "joy"].backgrounds == (wall,) and known["m", "joy"].shortcuts == found.found
    assert [len(one.components) for one in known.values()] == [1, 1] and not known["other", "joy"].shortcuts
    assert contaminations(CLASSES, None, (), None, None) == {}


def test_images_with_little_of_a_component(made):
    # Joy contributes 8, 0, 0 or 0 in turn (mean 2, a top photo has 2 + 4 / 2), anger 0 or 2: on average 1.
    component = of(hidden())
    lacks = [row for row in range(40, 80) if row % 4]
    halves = seen(made, [4, 0, 0, 0], [0, 1])
    assert without(halves, NOTHING, (), component)[2].tolist() == lacks
    # Where the others' photos have more of it than the top photos, those are still not without it.
    assert without(seen(made, [4, 0, 0, 0], [9]), NOTHING, (), component)[2].tolist() == lacks
    # Where all of them have less, no photo of joy is like them.
    assert without(seen(made, [4, 0, 0, 0], [-1]), NOTHING, (), component) == {}
    # What is not proved bars nothing; what all of joy shares, or was not recorded, leaves nothing.
    assert without(halves, NOTHING, (), of(hidden(answer="undetermined"))) == {}
    assert without(halves, NOTHING, (), of(hidden(shared=True))) == {}
    assert without(made, NOTHING, (), component) == {}
    # One component among several that leaves nothing decides, and so does a background beside it.
    assert without(halves, NOTHING, (), of(hidden(), hidden(shared=True))) == {}
    wall = BackgroundFinding("m", "joy", "uses it", False, "", 2.0, None, ("brightness",), (0.9,))
    assert without(halves, NOTHING, (wall,), component) == {}


def test_what_lacks_the_component_lacks_the_property_too(made):
    colour = np.zeros(80)
    colour[60:80] = 1.0
    both = without(seen(made, [4, 0, 0, 0], [0, 1]), shortcuts(colour, np.zeros(80), "colour"), (), of(hidden()))
    assert both[2].tolist() == [row for row in range(40, 60) if row % 4]


def test_too_few_are_found_without_the_component(made):
    # The model finds rows 40 to 69. All but the last twelve have the component; of these it finds two.
    joy = [4.0] * 28 + [0.0] * 12
    assert without(seen(made, joy, [0]), NOTHING, (), of(hidden())) == {}
    assert without(seen(made, [0.0] * 12 + [4.0] * 28, [0]), NOTHING, (), of(hidden()))[2].tolist() == [*range(40, 52)]


def test_no_part_of_the_face_is_important_where_a_component_is_proved(made):
    """Each face of joy loses two log-odds with another's mouth, and one with it among those that lack the component."""
    measures = SimpleNamespace(plain=SimpleNamespace(swap=np.full((4, 8), np.nan)))
    attention, told = SimpleNamespace(verdicts=(), measures=(measures,)), {}
    first, clean = swaps(range(40, 60), (0, 2), TRANSPLANTED), swaps(range(61, 80), (2,), TRANSPLANTED[:-1])
    for (design, logits), lost in ((first, 2.0), (clean, 1.0)):
        rng = np.random.default_rng(0)
        logits[:] = rng.normal(0, 0.05, logits.shape)
        logits[:, 2] += 3 - lost * ((design["region"] == "mouth") & (design["donor_emotion"] == 0)).to_numpy()
    seen_in = seen(made, [4, 0, 0, 0], [0, 1])
    for name, components, again in (
        ("none", None, {}),
        ("open", of(hidden(answer="undetermined")), {}),
        ("other", of(hidden("other")), {}),
        ("proved", of(hidden()), {}),
        ("clean", of(hidden()), {"m": clean}),
        ("shared", of(hidden(shared=True)), {"m": clean}),
    ):
        found = judge_importance(seen_in, attention, {"m": first}, NOTHING, components, None, 0, again)
        mouth = found.region("m", "joy", "mouth")
        told[name] = mouth.answer, mouth.barrier, mouth.without_cue, round(np.nan_to_num(mouth.drop))
        nose = found.region("m", "joy", "nose")
        assert nose.answer == ("cannot be tested" if mouth.barrier else "no")
        assert (found.region("m", "anger", "mouth").barrier, found.region("m", "joy", "background").barrier) == ("", "")
    assert told == {
        **dict.fromkeys(("none", "open", "other"), ("yes", "", False, 2)),
        **dict.fromkeys(("proved", "shared"), ("cannot be tested", "shortcut", False, 0)),
        "clean": ("yes", "", True, 1),
    }


def test_leaving_out_the_faces_that_no_model_is_tested_on_changes_no_answer(made):
    """Of forty images of anger the first model finds nine and the second none; of joy the first alone finds any."""
    (first,) = made.models
    logits = first.logits.copy()
    logits[9:40] = np.eye(4, dtype=np.float32)[1]
    blind = np.broadcast_to(np.eye(4, dtype=np.float32)[3], logits.shape)
    both = replace(made, models=(replace(first, logits=logits), replace(first, slug="n", name="n", logits=blind)))
    assert [sorted(rarely_predicted(both, model)) for model in both.models] == [[0], [0, 2]]
    measures = SimpleNamespace(plain=SimpleNamespace(swap=np.full((4, 8), np.nan)))
    attention = SimpleNamespace(verdicts=(), measures=(measures, measures))
    design = pd.concat([swaps(range(8), (0,), TRANSPLANTED)[0], swaps(range(40, 48), (2,), TRANSPLANTED)[0]])
    answers = np.random.default_rng(0).normal(size=(len(design), 4)).astype(np.float32)
    coloured = shortcuts(np.zeros(80), np.zeros(80), "colour")
    for found, components, idle, tested in (
        (NOTHING, None, (0,), {("m", "joy")}),
        (NOTHING, of(hidden("n")), (0,), {("m", "joy")}),  # the second model's cue, the first still to be tested
        (coloured, None, (0, 2), set()),
        (NOTHING, of(hidden()), (0, 2), set()),
    ):
        assert untestable_faces(both, contaminations(CLASSES, found, (), components, None)) == idle
        kept = ~(design["emotion"].isin(idle) & (design["region"] != "background")).to_numpy()
        whole, fewer = (
            judge_importance(both, attention, dict.fromkeys("mn", said), found, components, None, 0)
            for said in ((design, answers), (design[kept], answers[kept]))
        )
        for what in ("regions", "rivals", "backgrounds", "grades"):
            assert repr(getattr(whole, what)) == repr(getattr(fewer, what))  # NaN is NaN
        assert {(u.model, u.emotion) for u in fewer.regions if u.region == "mouth" and u.tested} == tested
