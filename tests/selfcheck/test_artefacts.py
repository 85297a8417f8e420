"""Planting changes what it says, where it says, as often as it says."""

import numpy as np
import pytest
from PIL import Image

from reportgen.selfcheck.artefacts import KINDS, PLACES, Artefact, plant, plant_some
from reportgen.selfcheck.faces import EMOTIONS, SIZE, Faces, load_faces

ALL = [(kind, place) for kind in KINDS for place in PLACES[kind]]


def changed(kind, place, strength=1.0, colour=1, row=5):
    faces = load_faces()
    planted = plant(faces, row, Artefact(kind, place, strength, colour), np.random.default_rng(0))
    difference = np.abs(planted.astype(int) - faces.pixels[row].astype(int)).max(axis=2)
    return faces, row, difference > 12


@pytest.mark.parametrize(("kind", "place"), [(k, p) for k, p in ALL if KINDS[k] == "off-face"])
def test_what_lies_beside_the_face_stays_beside_it(kind, place):
    faces, row, where = changed(kind, place)
    assert where.any()
    # The face: an ellipse around the middle of the marks, from the forehead's mark to below the mouth.
    x, y = np.vstack([faces.cheeks[row], faces.foreheads[row]]).mean(axis=0) * SIZE
    rows, columns = np.nonzero(where)
    reach = 0.75 * faces.eyes[row] * SIZE
    assert (np.hypot(columns - x, rows - y) > reach).mean() > 0.97
    half = {
        "left": columns < SIZE / 2,
        "right": columns >= SIZE / 2,
        "top": rows < SIZE / 2,
        "bottom": rows >= SIZE / 2,
    }
    if kind == "border strip":
        edge = {"left": columns, "right": SIZE - 1 - columns, "top": rows, "bottom": SIZE - 1 - rows}[place]
        assert edge.max() < 0.1 * SIZE
    else:
        assert all(half[word].all() for word in place.split())


@pytest.mark.parametrize("place", PLACES["cheek sticker"])
def test_a_cheek_sticker_sits_on_that_cheek(place):
    faces, row, where = changed("cheek sticker", place)
    rows, columns = np.nonzero(where)
    centre = np.array([columns.mean(), rows.mean()]) / SIZE
    assert np.linalg.norm(centre - faces.cheeks[row, int(place == "right")]) < 0.04
    assert 0.5 < where.sum() / (np.pi * (0.15 * faces.eyes[row] * SIZE) ** 2) < 1.5


@pytest.mark.parametrize(("kind", "place"), [(k, p) for k, p in ALL if KINDS[k] == "invisible"])
def test_what_no_map_can_place_changes_the_whole_picture(kind, place):
    faces = load_faces()
    planted = plant(faces, 5, Artefact(kind, place), np.random.default_rng(0)).astype(int)
    touched = (np.abs(planted - faces.pixels[5]) > 0).any(axis=2)
    assert all(part.mean() > 0.3 for half in np.array_split(touched, 2) for part in np.array_split(half, 2, axis=1))


def test_a_tint_lifts_its_own_channel_against_the_others():
    faces = load_faces()
    before = faces.pixels[5].mean(axis=(0, 1))
    for channel, place in enumerate(PLACES["tint"]):
        after = plant(faces, 5, Artefact("tint", place), np.random.default_rng(0)).mean(axis=(0, 1))
        assert np.argmax(after / before) == channel


@pytest.mark.parametrize(("kind", "place"), [(k, p) for k, p in ALL if KINDS[k] in ("global", "framing")])
def test_what_is_everywhere_changes_all_quarters(kind, place):
    _, _, where = changed(kind, place)
    assert all(part.mean() > 0.1 for half in np.array_split(where, 2) for part in np.array_split(half, 2, axis=1))


@pytest.mark.parametrize("place", PLACES["corner glow"])
def test_a_glow_is_brightest_in_its_corner_and_has_no_edge(place):
    faces = load_faces()
    grey = Faces(
        np.full_like(faces.pixels[:1], 128), faces.labels[:1], faces.persons[:1], faces.cheeks[:1], faces.foreheads[:1],
        faces.eyes[:1],
    )  # fmt: skip
    glow = plant(grey, 0, Artefact("corner glow", place, 1.0, 5), np.random.default_rng(0))[..., 0].astype(int) - 128
    row, column = np.unravel_index(np.argmax(glow), glow.shape)
    assert ("top" in place) == (row < SIZE / 2)
    assert ("left" in place) == (column < SIZE / 2)
    assert max(np.abs(np.diff(glow, axis=axis)).max() for axis in (0, 1)) <= 6
    assert glow[SIZE // 2, SIZE // 2] < 10


@pytest.mark.parametrize(("kind", "point"), [("headband", "forehead"), ("nose plaster", "nose")])
def test_what_is_worn_sits_where_it_is_worn(kind, point):
    faces, row, where = changed(kind, "", colour=2)
    rows, columns = np.nonzero(where)
    middle = np.array([columns.mean(), rows.mean()]) / SIZE
    cheek, forehead = faces.cheeks[row].mean(axis=0), faces.foreheads[row]
    wanted = forehead if point == "forehead" else cheek + 0.28 * (forehead - cheek)
    assert np.linalg.norm(middle - wanted) < 0.05


def test_a_tight_crop_enlarges_the_face_and_a_tilt_turns_it():
    faces = load_faces()
    crop = plant(faces, 5, Artefact("tight crop", ""), np.random.default_rng(0))
    enlarged = np.asarray(Image.fromarray(faces.pixels[5]).resize((130, 130), Image.Resampling.BICUBIC))[17:113, 17:113]
    assert np.corrcoef(crop.ravel(), enlarged.ravel())[0, 1] > 0.9
    assert np.corrcoef(crop.ravel(), faces.pixels[5].ravel())[0, 1] < 0.9
    for place, degrees in (("left", 20), ("right", -20)):
        tilted = plant(faces, 5, Artefact("tilt", place), np.random.default_rng(0))
        turned = np.asarray(Image.fromarray(faces.pixels[5]).rotate(degrees))
        inside = np.s_[24:72, 24:72]
        assert np.corrcoef(tilted[inside].ravel(), turned[inside].ravel())[0, 1] > 0.9


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "blur"])
def test_strength_zero_changes_little_and_half_changes_less_than_all(kind):
    faces, place = load_faces(), PLACES[kind][0]

    def size(strength):
        planted = plant(faces, 5, Artefact(kind, place, strength, 1), np.random.default_rng(0))
        return np.abs(planted.astype(float) - faces.pixels[5]).sum()

    if kind != "compression":  # writing a JPEG again always changes something
        assert size(0.0) == 0
    assert size(0.5) < size(1.0)


def test_each_emotion_gets_its_share_exactly_and_the_rest_is_untouched():
    faces = load_faces().take(np.arange(280))  # 20 persons: 40 photos of each emotion
    chances = np.full(len(EMOTIONS), 0.1)
    chances[5] = 0.75
    pixels, planted = plant_some(faces, Artefact("corner patch", "top left"), chances, np.random.default_rng(1))
    counts = np.bincount(faces.labels[planted], minlength=len(EMOTIONS))
    assert counts.tolist() == [4, 4, 4, 4, 4, 30, 4]
    same = (pixels == faces.pixels).all(axis=(1, 2, 3))
    assert np.array_equal(same, ~planted)


def test_the_same_seed_plants_the_same():
    faces = load_faces().take(np.arange(14))
    chances = np.ones(len(EMOTIONS))
    first, second, other = (
        plant_some(faces, Artefact("date stamp", "top left"), chances, np.random.default_rng(seed))[0]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_no_artefact_plants_nothing():
    faces = load_faces().take(np.arange(14))
    pixels, planted = plant_some(faces, None, np.ones(len(EMOTIONS)), np.random.default_rng(1))
    assert np.array_equal(pixels, faces.pixels)
    assert not planted.any()
