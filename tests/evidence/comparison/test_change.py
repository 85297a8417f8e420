"""What changed between two analyses: worked by hand, and found where it was put."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose

from reportgen.analysis import AnalysisPredictions, ModelPredictions, ModelRecords
from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.errors import DataError
from reportgen.evidence.comparison.change import heat_change, prediction_change
from reportgen.evidence.comparison.matching import match_images, match_models
from reportgen.faces.regions import REGIONS

CLASSES = ("anger", "fear", "joy")


def model(name, predicted, sure=3.0):
    logits = np.zeros((len(predicted), len(CLASSES)), np.float32)
    logits[np.arange(len(predicted)), predicted] = sure
    return ModelPredictions(name, name, {}, logits)


def test_predictions_worked_by_hand():
    #              fixed  fixed  broken moved  stays  stays wrong  unlabelled
    labels = np.array([0, 0, 1, 1, 2, 2, -1])
    before = np.array([1, 2, 1, 0, 2, 0, 0])
    after = np.array([0, 0, 2, 2, 2, 0, 1])
    found = prediction_change("M", model("m", before), model("m", after), labels, CLASSES, 0)
    assert found.changed == 5
    assert found.fixed.tolist() == [0, 1]
    assert found.broken.tolist() == [2]
    assert found.moved.tolist() == [3]
    c = found.comparison
    assert (c.n, c.only_a, c.only_b, c.both, c.neither) == (6, 2, 1, 1, 2)
    assert_allclose(c.difference.value, 1 / 6)
    assert (found.before.accuracy.value, found.after.accuracy.value) == (2 / 6, 3 / 6)
    assert [(r.emotion, r.n, r.only_a, r.only_b) for r in found.recalls] == [
        ("anger", 2, 2, 0), ("fear", 2, 0, 1), ("joy", 2, 0, 0)]  # fmt: skip
    assert [(f.truth, f.before, f.after, f.count) for f in found.flows] == [
        ("anger", "fear", "anger", 1), ("anger", "joy", "anger", 1),
        ("fear", "anger", "joy", 1), ("fear", "fear", "joy", 1)]  # fmt: skip


def test_the_surest_comes_first():
    labels, before, after = np.zeros(3, int), np.ones(3, int), np.zeros(3, int)
    old, new = model("m", before), model("m", after)
    new.logits[:, 0] = [1.0, 3.0, 2.0]
    assert prediction_change("M", old, new, labels, CLASSES, 0).fixed.tolist() == [1, 2, 0]


def test_a_clear_improvement_of_one_emotion_is_decided_and_only_that():
    labels = np.repeat([0, 1, 2], 40)
    before = np.where(np.arange(120) % 2, labels, (labels + 1) % 3)
    after = np.where(labels == 1, labels, before)
    found = prediction_change("M", model("m", before), model("m", after), labels, CLASSES, 0)
    assert [r.decided for r in found.recalls] == [False, True, False]
    assert found.comparison.decided


def records(maps, grid, masks):
    n = len(maps)
    return ModelRecords("m", "m", {}, np.zeros((n, len(CLASSES)), np.float32), maps.astype(np.float32), masks=masks)


def scene(n, grid, seed):
    """Maps of every class drawn anywhere on a face of bands, and the masks."""
    masks = np.zeros((n, len(REGIONS), grid, grid), np.float32)
    bands = ("background", "forehead", "eyes+brows", "nose", "mouth", "cheeks+jaw", "background")
    for row in range(grid):
        name = bands[row * 7 // grid]
        masks[:, REGIONS.index(name), row] = 1
        if name != "background":
            masks[:, REGIONS.index("face"), row] = 1
    rng = np.random.default_rng(seed)
    return rng.uniform(0.5, 1.0, (n, len(CLASSES), grid, grid)), masks


def test_heat_that_was_moved_is_found_where_it_went_and_nowhere_else():
    labels = np.repeat([0, 1, 2], 30)
    maps, masks = scene(90, 7, 0)
    moved = maps + np.random.default_rng(2).normal(0, 0.02, maps.shape)
    eyes, mouth = 2, 4  # rows of the bands
    moved[labels == 1, 1, eyes] *= 0.3
    moved[labels == 1, 1, mouth] *= 1.7
    found = heat_change(records(maps, 7, masks), records(moved, 7, masks), labels, CLASSES, None, 0)
    decided = {(m.emotion, m.region): np.sign(m.difference.value) for m in found.regions if m.decided}
    assert decided[("fear", "eyes+brows")] == -1
    assert decided[("fear", "mouth")] == 1
    assert {emotion for emotion, _ in decided} == {"fear"}
    assert found.n == 90
    apart = dict(found.moved)
    assert apart["fear"].low > apart["anger"].high
    # Half the summed difference of the two distributions, image by image.
    one, two = (m[30:60, 1] / m[30:60, 1].sum(axis=(1, 2), keepdims=True) for m in (maps, moved))
    assert_allclose(apart["fear"].value, (0.5 * np.abs(one - two).sum(axis=(1, 2))).mean(), rtol=1e-6)


def test_the_same_heat_on_a_finer_grid_has_not_moved():
    labels = np.repeat([0, 1, 2], 10)
    maps, masks = scene(30, 7, 3)
    finer = np.repeat(np.repeat(maps, 2, axis=2), 2, axis=3)
    _, fine_masks = scene(30, 14, 3)
    found = heat_change(records(finer, 14, fine_masks), records(maps, 7, masks), labels, CLASSES, None, 0)
    assert all(abs(m.difference.value) < 1e-9 and not m.decided for m in found.regions)
    assert all(estimate.value < 1e-6 for _, estimate in found.moved)


def test_nothing_moves_by_chance_more_often_than_five_in_a_hundred():
    labels = np.repeat([0, 1, 2], 12)
    false = 0
    for seed in range(100):
        one, masks = scene(36, 7, 2 * seed)
        two, _ = scene(36, 7, 2 * seed + 1)
        found = heat_change(records(one, 7, masks), records(two, 7, masks), labels, CLASSES, None, seed)
        false += any(move.decided for move in found.regions)
    assert false <= 10  # 5 expected; more than 10 has a chance of .01


def test_null_maps_and_unlabelled_images_count_nowhere():
    labels = np.array([0, 0, 1, 1, -1, 2])
    maps, masks = scene(6, 7, 0)
    maps[0, 0] = -1
    found = heat_change(records(maps, 7, masks), records(maps, 7, masks), labels, CLASSES, None, 0)
    assert (found.n, found.null_maps) == (4, 1)
    assert not any(move.decided for move in found.regions)


def analysis(tmp_path, rows, names=("M",), classes=CLASSES):
    images = pd.DataFrame(rows, columns=["path", "sha256", "label"])
    models = tuple(model(name, np.zeros(len(rows), int)) for name in names)
    return AnalysisPredictions(tmp_path, {"classes": list(classes)}, images, images, models)


def test_images_are_matched_by_content_and_copies_by_path(tmp_path):
    one = analysis(tmp_path, [("a", "1", 0), ("b", "2", 1), ("c", "2", 1), ("d", "4", 2)])
    two = analysis(tmp_path, [("z/d", "4", 1), ("c", "2", 1), ("new", "9", 0), ("b", "2", 1)])
    found = match_images(one, two)
    assert found.before.tolist() == [1, 2, 3]
    assert found.after.tolist() == [3, 1, 0]
    assert found.relabelled.tolist() == [False, False, True]
    assert (found.only_before, found.only_after) == (1, 1)


def test_what_has_nothing_in_common_is_refused(tmp_path):
    one = analysis(tmp_path, [("a", "1", 0)])
    with pytest.raises(DataError, match="no image is in both"):
        match_images(one, analysis(tmp_path, [("a", "2", 0)]))
    with pytest.raises(DataError, match="classes differ"):
        match_images(one, analysis(tmp_path, [("a", "1", 0)], classes=("anger", "joy", "fear")))


def test_models_are_matched_by_given_pairs_then_by_name_then_as_the_only_ones(tmp_path):
    def named(*names):
        return analysis(tmp_path, [("a", "1", 0)], names)

    assert match_models(named("A", "B"), named("B", "C", "A")) == ((0, 2), (1, 0))
    assert match_models(named("old"), named("new")) == ((0, 0),)
    assert match_models(named("A", "B"), named("B", "C"), {"A": "C"}) == ((0, 1),)
    with pytest.raises(DataError, match="--pair OLD=NEW"):
        match_models(named("A", "B"), named("C", "D"))
    with pytest.raises(DataError, match="--pair A=X"):
        match_models(named("A"), named("A"), {"A": "X"})


def test_an_older_analysis_that_does_not_say_where_cells_see_has_not_moved() -> None:
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(3), 10)
    masks = np.zeros((30, len(REGIONS), 7, 7), np.float32)
    maps = rng.random((30, 3, 7, 7)).astype(np.float32)
    old = records(maps, 7, masks)
    new = replace(old, info={"cell_centres": CellGrid(CellAxis(7, 0.5 / 224, 1 / 7), CellAxis.even(7)).record})
    for before, after in ((old, new), (new, old)):
        found = heat_change(before, after, labels, CLASSES, None, 0)
        assert [estimate.value for _, estimate in found.moved] == [0, 0, 0]
    elsewhere = replace(old, info={"cell_centres": CellGrid.even(7, 7).record})
    assert heat_change(elsewhere, new, labels, CLASSES, None, 0).moved[0][1].value > 0.05
