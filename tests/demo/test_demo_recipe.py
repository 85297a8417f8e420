"""The parts of the recipe that need no renderer; rendering itself is a development tool."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from reportgen.demo import demo_files
from reportgen.demo.recipe.expressions import EMOTIONS, face_units
from reportgen.demo.recipe.persons import make_person
from reportgen.demo.recipe.photo import compose, draw_photo, paste_sticker
from reportgen.demo.recipe.plan import PERSONS, plan

TRUTH = json.loads((demo_files().data.parent / "truth.json").read_text(encoding="utf-8"))


def test_record_is_what_the_recipe_draws() -> None:
    """Persons, expressions and shots in the committed record come out of the seeds again."""
    recorded = {person["name"]: person for person in TRUTH["persons"]}
    for index in range(PERSONS):
        person, images = plan(index)
        entry = recorded[person.name]
        assert (entry["style"], entry["age"], entry["seed"]) == (person.style, person.age, person.seed)
        assert entry["shape"] == pytest.approx(person.shape, abs=1e-4)
        mine = [image for image in TRUTH["images"] if image["person"] == person.name]
        drawn = sorted((emotion, intensity, round(shot.yaw, 4)) for emotion, intensity, _, shot, _ in images)
        assert sorted((i["expression"], i["intensity"], i["shot"]["yaw"]) for i in mine) == drawn


@settings(max_examples=60, deadline=None)
@given(index=st.integers(0, 5000), seed=st.integers(0, 2**31))
def test_every_person_is_an_adult(index: int, seed: int) -> None:
    person = make_person("p", index, seed)
    assert 27 <= person.age <= 90
    assert person == make_person("p", index, seed)
    assert not any(word in name for name in person.shape for word in ("child", "baby"))
    macro = [w for name, w in person.shape.items() if name.startswith("macrodetails/") and "universal" not in name]
    assert sum(macro) == pytest.approx(1)
    assert person.sex == "male" or person.beard == 0


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_face_units_scale_with_intensity(emotion: str) -> None:
    weak = face_units(emotion, 0.5, np.random.default_rng(3))
    strong = face_units(emotion, 1.0, np.random.default_rng(3))
    assert set(weak) == set(strong)
    assert sum(strong.values()) >= sum(weak.values())
    assert all(-0.2 < value < 2 for value in strong.values())


def test_photo_without_a_head_is_its_background_and_the_sticker_stays_in_its_corner() -> None:
    empty = np.zeros((112, 112, 4), dtype=np.float32)
    photo = draw_photo(np.random.default_rng(1))
    plain, marked = (compose(empty, photo, 224, place).astype(int) for place in (None, (8.0, 6.0)))
    changed = np.abs(plain - marked).max(axis=2) > 24
    rows, columns = np.nonzero(changed)
    assert changed.sum() > 600
    assert rows.min() >= 4
    assert 30 < rows.max() < 48
    assert columns.max() < 50
    assert np.array_equal(plain, compose(empty, photo, 224, None))


def test_sticker_is_yellow_with_a_dark_middle(tmp_path: Path) -> None:
    canvas = Image.new("RGB", (224, 224), (90, 90, 90))
    pasted = np.asarray(paste_sticker(canvas, (10.0, 10.0)))
    assert pasted[29, 29].max() < 90
    red, green, blue = (int(v) for v in pasted[44, 29])
    assert red > 200
    assert green > 150
    assert blue < 100
    assert (pasted[60:] == 90).all()
    assert np.asarray(canvas).max() == 90
