"""How properties of the photo go with emotions: known effects, chance, persons, and what is left out."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, norm

from reportgen.analysis import FaceRecords
from reportgen.evidence.shortcuts.properties import (
    MIN_AUC_DISTANCE,
    Property,
    associations,
    auc_interval,
    photo_properties,
)
from reportgen.evidence.stats.clustered import clusters
from reportgen.faces.align import canonical_points

CLASSES = ("anger", "disgust", "fear")


def table(n, **columns):
    base = {
        "width": np.full(n, 100), "height": np.full(n, 100), "format": ["JPEG"] * n, "jpeg_quality": np.full(n, 90.0),
        "sharpness": np.full(n, 50.0), "luminance": np.full(n, 0.5), "contrast": np.full(n, 0.2),
        "colourfulness": np.zeros(n), "red_green": np.zeros(n), "yellow_blue": np.zeros(n),
    }  # fmt: skip
    return pd.DataFrame({**base, **columns})


def alone(n):
    return clusters(None, n)


def test_a_set_of_like_photos_has_no_property():
    assert [item.name for item in photo_properties(table(6)) if item.varies] == []


def test_properties_are_read_from_the_photos():
    images = table(
        3, colourfulness=[0, 0.004, 0.2], width=[100, 50, 400], height=[100, 200, 100], format=["JPEG", "PNG", "JPEG"],
        jpeg_quality=[90, np.nan, 75],
    )  # fmt: skip
    by = {item.name: item.value.tolist() for item in photo_properties(images) if item.varies}
    assert by["colour"] == [0, 0, 1]
    assert by["JPEG file"] == [1, 0, 1]
    assert by["size"] == [100, 100, 200]
    assert by["aspect"] == [1, 0.25, 4]


def test_a_cast_is_that_of_photos_in_colour():
    images = table(4, colourfulness=[0, 0.2, 0.2, 0.2], red_green=[0, 0.1, 0.2, -0.1])
    by = {item.name: item.value for item in photo_properties(images) if item.varies}
    np.testing.assert_array_equal(by["red cast"], [np.nan, 0.1, 0.2, -0.1])
    assert "yellow cast" not in by


def test_kinds_of_file_names_tell_sources_apart():
    rare = ["set/Ann_Lee_0001.jpg"] * 12 + ["im04711.png"] * 30
    (kind,) = [item for item in photo_properties(table(42, path=rare)) if item.name.startswith("file name")]
    assert kind.name == "file name like word_number" and kind.binary and not kind.scored
    assert kind.value.tolist() == [1.0] * 12 + [0.0] * 30
    three = rare + ["a.jpg"] * 11
    kinds = {item.name: item.value.sum() for item in photo_properties(table(53, path=three)) if item.binary}
    assert kinds["file name like wordnumber"] == 30 and kinds["file name like word"] == 11
    # A person's name of two words or three, and the emotion's, make no difference; nor does what is rare.
    alike = ["Jo_Anne_Lee_1.jpg", "Bo_22.jpg", "sad_3.jpg"] * 4
    assert not [item for item in photo_properties(table(12, path=alike)) if item.name.startswith("file name")]
    few = ["x.jpg"] * 9 + ["1.jpg"] * 30
    assert not [item for item in photo_properties(table(39, path=few)) if item.name.startswith("file name")]


def test_where_the_face_lies_and_what_surrounds_it_are_properties_where_measured():
    points = np.stack([canonical_points(), canonical_points() * 0.5, canonical_points()])
    source = ("detector", "detector", "template")
    around = {"background_detail": np.array([3, 4, np.nan], np.float32)}
    blank = np.zeros((3, 52), np.float32)
    faces = FaceRecords(points, np.ones(3, np.float32), source, source, blank, surroundings=around)
    by = {item.name: item for item in photo_properties(table(3, noise=[1.0, 2.0, 3.0]), faces)}
    size = by["face size"].value
    assert size[1] == pytest.approx(size[0] / 2) and np.isnan(size[2]) and by["face size"].varies
    np.testing.assert_array_equal(by["background detail"].value, [3, 4, np.nan])
    assert {item.name for item in by.values() if not item.scored} == {"head tilt", "head turn", "head nod"}
    assert by["noise"].value.tolist() == [1, 2, 3]
    assert "face detail" not in by and not {"noise", "face size"} & {item.name for item in photo_properties(table(3))}


def test_the_effect_is_the_share_of_pairs():
    """Two of anger against three others: 4 of 6 pairs and one tie, so (4 + .5) / 6."""
    item = Property("size", "larger", "smaller", False, np.array([3.0, 5, 1, 3, 2]))
    (first, *_) = associations([item], np.array([0, 0, 1, 1, 2]), CLASSES, alone(5))
    assert first.auc.value == pytest.approx((1 + 0.5 + 1 + 3) / 6)
    assert first.answer == "insufficient evidence"
    assert (first.typical, first.elsewhere) == (4, 2)


def test_a_property_that_predicts_a_label_is_found_and_no_other():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [60, 30, 60])
    coloured = np.where(labels == 1, rng.random(150) < 0.9, rng.random(150) < 0.07)
    items = [
        Property("colour", "in colour", "grey", True, coloured.astype(float)),
        Property("sharpness", "sharper", "softer", False, rng.normal(size=150)),
    ]
    found = {(link.name, link.emotion): link for link in associations(items, labels, CLASSES, alone(150))}
    assert found["colour", "disgust"].answer == "yes"
    assert found["colour", "disgust"].sign == 1
    assert found["colour", "disgust"].typical == pytest.approx(coloured[labels == 1].mean())
    assert all(link.answer != "yes" for (name, _), link in found.items() if name == "sharpness")


def test_an_effect_has_to_be_more_than_small():
    """Beyond doubt with thousands of photos, and still too small to be called one."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 3000)
    item = Property("size", "larger", "smaller", False, rng.normal(0.25 * labels))
    found = associations([item], labels, CLASSES, alone(6000))
    assert all(link.p < 1e-6 and link.answer == "no" for link in found)


def test_the_least_effect_is_half_a_standard_deviation():
    assert norm.cdf(0.5 / np.sqrt(2)) - 0.5 == pytest.approx(MIN_AUC_DISTANCE, abs=0.003)


def test_many_photos_of_few_persons_are_no_evidence():
    rng = np.random.default_rng(2)
    labels = np.repeat([0, 1], 60)
    persons = np.array([f"{label}-{i % 3}" for i, label in enumerate(labels)], dtype=object)
    item = Property("size", "larger", "smaller", False, 5.0 * labels + rng.normal(size=120))
    known = associations([item], labels, CLASSES, clusters(persons, 120))
    assert known[0].auc.n == 3
    assert known[0].answer != "yes"
    assert associations([item], labels, CLASSES, alone(120))[0].answer == "yes"


def test_a_rate_that_is_the_same_for_all_goes_with_no_emotion():
    """Twenty persons with two photos of anger and twelve others each, one photo in fourteen grey."""
    rng = np.random.default_rng(7)
    labels = np.tile(np.repeat([0, 1], [2, 12]), 20)
    persons = np.repeat([f"p{k}" for k in range(20)], 14).astype(object)
    for _ in range(20):
        coloured = rng.random(280) < 13 / 14
        item = Property("colour", "in colour", "grey", True, coloured.astype(float))
        found = associations([item], labels, CLASSES, clusters(persons, 280))
        assert found[0].auc.value == pytest.approx(
            0.5 + (coloured[labels == 0].mean() - coloured[labels == 1].mean()) / 2
        )
        assert all(link.answer != "yes" for link in found)


def test_without_persons_the_test_is_mann_and_whitneys():
    rng = np.random.default_rng(8)
    labels, value = np.repeat([0, 1], [14, 30]), rng.integers(0, 6, 44).astype(float)
    found = associations([Property("size", "larger", "smaller", False, value)], labels, CLASSES, alone(44))
    expected = mannwhitneyu(value[:14], value[14:], method="asymptotic", use_continuity=False).pvalue
    assert found[0].p == pytest.approx(min(1.0, 2 * expected))


def test_unlabelled_photos_are_left_out():
    item = Property("size", "larger", "smaller", False, np.array([1.0, 2, 3, 1000]))
    found = associations([item], np.array([0, 1, 1, -1]), CLASSES, alone(4))
    assert found[0].elsewhere == 2.5
    assert len(found) == 2


@pytest.mark.parametrize(("auc", "m", "n"), [(1.0, 10, 50), (0.0, 10, 50), (0.5, 30, 30), (0.9, 5, 500)])
def test_intervals_of_the_effect_are_open_and_inside(auc, m, n):
    low, high = auc_interval(auc, m, n)
    assert 0 <= low <= auc <= high <= 1
    assert high - low > 0.02


@pytest.mark.parametrize(("shift", "m", "n"), [(0.0, 15, 200), (0.8, 15, 200), (1.6, 40, 100), (2.2, 12, 300)])
def test_intervals_of_the_effect_hold_the_truth(shift, m, n):
    """Ninety-five in a hundred, give or take what 1,000 draws leave open."""
    rng = np.random.default_rng(3)
    truth = norm.cdf(shift / np.sqrt(2))
    draws, held = 1000, 0
    for _ in range(draws):
        a, b = rng.normal(shift, 1, m), np.sort(rng.normal(0, 1, n))
        low, high = auc_interval(float(np.searchsorted(b, a).mean() / n), m, n)
        held += low <= truth <= high
    assert held / draws >= 0.93
