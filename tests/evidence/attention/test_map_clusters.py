"""Groups of heatmaps: planted ones are found and named, none are made up."""

import numpy as np
import pytest

from reportgen.analysis import FaceRecords, ModelRecords
from reportgen.evidence.attention.map_clusters import MIN_MAPS, choose_k, cluster_maps, neighbour_affinity
from reportgen.faces.align import canonical_points, face_affines
from reportgen.faces.regions import REGIONS

GRID = 7
CLASSES = ("anger", "sadness")


@pytest.fixture
def model(face_masks):
    """A model whose maps of class 0 lie where `places` says: "mouth", "background" or anywhere, each with noise."""

    def make(places, right=None, seed=0):
        rng = np.random.default_rng(seed)
        n = len(places)
        masks = face_masks(n, 1, GRID)
        maps = rng.uniform(0, 0.15, (n, 2, GRID, GRID))
        for i, place in enumerate(places):
            if place == "corner":
                maps[i, 0, :2, :2] += 2
            elif place != "anywhere":
                maps[i, 0] += 2 * masks[i, REGIONS.index(place)]
            else:
                maps[i, 0] = rng.gamma(0.5, 1, (GRID, GRID))
        logits = np.zeros((n, 2), np.float32)
        logits[:, 0] = np.where(np.ones(n, bool) if right is None else right, 1, -1)
        return ModelRecords("Net", "net", {}, logits, maps.astype(np.float32), masks=masks)

    return make


def same_frame(n):
    return np.tile(np.array([[1.0, 0, 0], [0, 1, 0]]), (n, 1, 1))


def clusters_of(model, n, **more):
    blank = more.get("blank", np.zeros(n, bool))
    return cluster_maps(model, np.zeros(n, dtype=np.int64), CLASSES, same_frame(n), blank, 0)


def test_two_clusters_are_separated_and_named(model):
    places = ["mouth"] * 26 + ["eyes+brows"] * 14
    right = np.array([True] * 26 + [False] * 14)
    found = clusters_of(model(places, right), 40)
    assert [(c.region, c.count, c.of, c.number) for c in found] == [("mouth", 26, 2, 1), ("eyes+brows", 14, 2, 2)]
    assert [c.accuracy.value for c in found] == [1, 0]
    assert sorted(found[0].rows) == list(range(26))
    assert not any(c.suspect for c in found)
    assert found[0].enrichment[2] > 2
    assert found[0].share == pytest.approx(0.65)


def test_a_small_group_on_the_background_is_suspect(model):
    found = clusters_of(model(["mouth"] * 30 + ["corner"] * 10), 40)
    assert [(c.region, c.suspect, c.count) for c in found] == [("mouth", False, 30), ("background", True, 10)]
    assert found[1].background > 0.5


def test_a_way_of_looking_that_most_images_share_is_not_small(model):
    found = clusters_of(model(["corner"] * 30 + ["mouth"] * 10), 40)
    assert [(c.region, c.suspect) for c in found] == [("background", False), ("mouth", False)]


def test_three_groups_are_three(model):
    found = clusters_of(model(["mouth"] * 15 + ["eyes+brows"] * 15 + ["corner"] * 15), 45)
    assert {(c.region, c.count) for c in found} == {("mouth", 15), ("eyes+brows", 15), ("background", 15)}


def test_maps_that_are_alike_form_no_groups(model):
    (only,) = clusters_of(model(["mouth"] * 40), 40)
    assert (only.of, only.count, only.region, only.suspect) == (1, 40, "mouth", False)


def test_groups_with_the_same_warmest_place_are_named_by_what_sets_them_apart(model):
    made = model(["mouth"] * 40)
    made.maps[:12, 0, :2, :2] += 1.2  # a corner beside the mouth
    found = clusters_of(made, 40)
    assert [(c.region, c.count) for c in found] == [("mouth", 28), ("mouth", 12)]
    assert found[1].second == "background" and found[0].second is not None


def test_faces_are_laid_over_each_other_first(model, face_masks):
    """One corner of the image, two places of the face: photos of which half show the face moved by a third."""
    made = model(["corner"] * 40)
    affines = same_frame(40)
    affines[20:, :, 2] = 0.35
    moved = cluster_maps(made, np.zeros(40, np.int64), CLASSES, affines, np.zeros(40, bool), 0)
    assert sorted(c.count for c in moved) == [20, 20]
    assert len(clusters_of(made, 40)) == 1


def test_few_null_unaligned_and_unlabelled_maps(model):
    n = MIN_MAPS
    made = model(["mouth"] * n)
    assert clusters_of(made, n)
    blank = np.zeros(n, bool)
    blank[0] = True
    assert clusters_of(made, n, blank=blank) == ()
    lost = same_frame(n)
    lost[3] = np.nan
    assert cluster_maps(made, np.zeros(n, np.int64), CLASSES, lost, np.zeros(n, bool), 0) == ()
    unlabelled = np.zeros(n, np.int64)
    unlabelled[5] = -1
    assert cluster_maps(made, unlabelled, CLASSES, same_frame(n), np.zeros(n, bool), 0) == ()


def test_the_same_seed_gives_the_same_groups_and_a_large_emotion_is_sampled(model):
    made = model(["mouth"] * 200 + ["corner"] * 100)
    one, two = clusters_of(made, 300), clusters_of(made, 300)
    assert one == two
    assert one[0].total == 240


def test_the_number_of_groups_is_that_of_separate_clouds():
    rng = np.random.default_rng(3)
    for k in (2, 3, 4):
        centres = 6 * rng.normal(size=(k, 5))
        cloud = np.concatenate([rng.normal(c, 0.5, (25, 5)) for c in centres])
        assert choose_k(neighbour_affinity(cloud)) == k


def test_a_template_face_has_no_frame():
    points = np.repeat(canonical_points()[None], 3, axis=0)
    points[2] = 0.5
    faces = FaceRecords(
        points, np.ones(3, np.float32), ("detector", "template", "given"), (), np.zeros((3, 52), np.float32)
    )
    affines = face_affines(faces.points, faces.source)
    np.testing.assert_allclose(affines[0], [[1, 0, 0], [0, 1, 0]], atol=1e-6)
    assert np.isnan(affines[1:]).all()
