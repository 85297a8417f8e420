from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose
from PIL import Image

from reportgen.analysis import FaceRecords, ModelRecords
from reportgen.faces.align import canonical_points, to_canonical
from reportgen.site.pictures.examples import PictureStyle
from reportgen.site.pictures.mean_maps import MeanMap, aligned_means, draw_mean_maps, face_frames, plain_mean
from reportgen.site.sections.mean_maps import mean_note


def test_every_image_counts_alike_and_blank_maps_are_left_out() -> None:
    maps = np.zeros((3, 1, 2), dtype=np.float32)
    maps[0, 0] = [100, 0]
    maps[1, 0] = [1, 3]
    maps[2, 0] = [-1, -1]
    mean, used = plain_mean(maps)
    assert used == 2
    assert_allclose(mean, [[(1 + 0.25) / 2, 0.75 / 2]])


def test_nothing_but_blank_maps() -> None:
    assert plain_mean(np.full((4, 7, 7), -1, dtype=np.float32)) == (None, 0)


def _shifted(dx: float, dy: float) -> tuple[np.ndarray, np.ndarray]:
    """An 8 x 8 map with one hot cell on the face, and the face's affine, both moved by whole cells."""
    points = canonical_points() * 0.5 + np.array([dx, dy]) / 8 + 0.125
    cells = np.zeros((8, 8), dtype=np.float32)
    cells[3 + int(dy), 2 + int(dx)] = 5.0
    return cells, to_canonical(points)


def test_faces_in_different_places_are_brought_onto_each_other() -> None:
    moved = [_shifted(0, 0), _shifted(1, 2), _shifted(2, 1)]
    maps = np.stack([cells for cells, _ in moved])
    affines = np.stack([affine for _, affine in moved])
    none = np.zeros(3, bool)
    together = aligned_means(maps, affines, none, np.array([True, False, False]))
    alone = aligned_means(maps[:1], affines[:1], none[:1], np.array([True]))
    assert (together["all"][1], together["correct"][1], together["wrong"][1]) == (3, 1, 2)
    both = np.isfinite(together["all"][0]) & np.isfinite(alone["all"][0])
    assert both.mean() > 0.9
    # The float32 landmarks and the margins each image covers leave a little; an unaligned mean is three cells wide.
    assert_allclose(together["all"][0][both], alone["all"][0][both], atol=1e-3)
    assert_allclose(together["correct"][0], alone["correct"][0])
    # The hot cell's centre is at (2.5, 3.5) / 8 of the image; one cell is a quarter of the frame's width.
    y, x = np.unravel_index(np.nanargmax(together["all"][0]), (56, 56))
    centre = affines[0][:, :2] @ [2.5 / 8, 3.5 / 8] + affines[0][:, 2]
    assert_allclose([(x + 0.5) / 56, (y + 0.5) / 56], centre, atol=1 / 56)
    # All the mass in one of 64 cells: 64 times average heat at its centre, less what the raster misses of the peak.
    assert 55 < np.nanmax(together["all"][0]) <= 64


def test_blank_maps_and_faces_without_landmarks_do_not_count() -> None:
    cells, affine = _shifted(0, 0)
    maps = np.stack([cells, cells, -cells, cells])
    affines = np.stack([affine, np.full((2, 3), np.nan), affine, affine])
    found = aligned_means(maps, affines, np.array([False, False, False, True]), np.ones(4, bool))
    assert found["all"][1] == found["correct"][1] == 1
    assert found["wrong"] == (None, 0)


def _records(source: tuple[str, ...]) -> FaceRecords:
    n = len(source)
    points = np.repeat(canonical_points()[None], n, axis=0)
    return FaceRecords(points, np.ones(n, np.float32), source, source, np.full((n, 52), np.nan, np.float32))


def test_templates_are_left_out_and_said_so() -> None:
    frames = face_frames(_records(("detector", "template", "whole")))
    assert frames is not None
    assert frames.used.tolist() == [True, False, True]
    assert frames.left_out == 1
    assert frames.reach(0, 8).all()
    assert face_frames(_records(("template", "template"))) is None
    assert face_frames(None) is None


def test_points_on_one_line_are_no_face() -> None:
    records = _records(("detector", "detector"))
    records.points[1] = np.linspace(0, 1, 478)[:, None]
    frames = face_frames(records)
    assert frames is not None and frames.used.tolist() == [True, False]


def test_three_images_do_not_set_the_scale_for_fifty() -> None:
    labels = np.array([0] * 12 + [1] * 3)
    maps = np.ones((15, 2, 4, 4), dtype=np.float32)
    maps[12:, 1] = 0
    maps[12:, 1, 0, 0] = 9.0
    logits = np.eye(2, dtype=np.float32)[labels]
    model = ModelRecords("M", "m", {}, logits, maps)
    faces = {label: np.full((8, 8, 3), 100, dtype=np.uint8) for label in (0, 1)}
    saved: dict[str, bytes] = {}
    drawn = draw_mean_maps(model, labels, faces, PictureStyle(), saved.__setitem__)
    mean = drawn[0, "all"]
    assert mean.picture is not None and mean.n == 12
    # Even attention is the strongest of the means that count: it takes the hottest colour instead of nearly none.
    with Image.open(io.BytesIO(saved[mean.picture.path])) as image:
        red, _, blue = np.asarray(image)[96, 96]
    assert red > 200 and red > blue


@pytest.mark.parametrize(
    ("mean", "few", "note"),
    [
        (MeanMap(30, 0, None), False, "n = 30"),
        (MeanMap(1030, 1, None, 4), False, "n = 1,030; 1 blank and 4 without landmarks left out"),
        (MeanMap(3, 0, None), True, "n = 3, too few for a mean"),
        (MeanMap(0, 2, None), False, "none left: 2 blank"),
        (MeanMap(0, 0, None), False, "no such image"),
    ],
)
def test_a_mean_says_what_it_rests_on(mean: MeanMap, few: bool, note: str) -> None:
    assert (mean.few, mean_note(mean)) == (few, note)
