"""A user's own regions and landmarks win over detection; what cannot be used is one line."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from reportgen.analysis import read_analysis
from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.commands.build import build
from reportgen.config import Config, Preprocessing
from reportgen.errors import DataError
from reportgen.explain.face_finder import FaceFinder, view_of
from reportgen.faces.align import canonical_points
from reportgen.faces.regions import REGIONS, fractions_on_grids

GRID = CellGrid.even(4, 4)
PIXELS = np.full((64, 64, 3), 128, np.uint8)
LABELS = {0: "background", 1: "mouth", 2: "eyes+brows"}


def finder(frame, **settings):
    return FaceFinder(Config.model_validate(settings), frame, [GRID])


def quarters():
    labels = np.zeros((8, 8), np.uint8)
    labels[:4, :4] = 1
    labels[4:, 4:] = 2
    return labels


def test_a_label_image_wins_over_everything(tmp_path):
    Image.fromarray(quarters()).save(tmp_path / "a.png")
    frame = pd.DataFrame({"path": ["images/a.jpg", "images/b.jpg"]})
    faces = finder(frame, region_masks={"folder": tmp_path, "labels": LABELS}, regions="template")
    face = faces.find(0, PIXELS)
    masks = dict(zip(REGIONS, face.masks[GRID], strict=True))
    assert face.regions_from == "mask"
    assert masks["mouth"].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert masks["eyes+brows"].sum() == 4
    assert masks["face"].sum() == 8
    assert masks["background"].sum() == 8
    # The other image has no label image: its regions come from where they would have come from.
    assert faces.find(1, PIXELS).regions_from == "template"


def test_landmarks_in_a_column_win_over_detection():
    points = canonical_points() * 0.5 + 0.25
    frame = pd.DataFrame({"path": ["a.jpg", "b.jpg"], "mesh": [json.dumps(points.tolist()), None]})
    faces = finder(frame, columns={"landmarks": "mesh"}, regions="template")
    face = faces.find(0, PIXELS)
    assert face.regions_from == "given"
    np.testing.assert_allclose(face.landmarks.points, points, atol=1e-6)
    np.testing.assert_allclose(face.masks[GRID], fractions_on_grids(points, [GRID])[0], atol=1e-5)
    assert faces.find(1, PIXELS).regions_from == "template"


def test_what_cannot_be_used_is_one_line(tmp_path):
    frame = pd.DataFrame({"path": ["a.jpg"], "mesh": ["here"]})
    with pytest.raises(DataError, match=r"a.jpg: landmarks are not a list of numbers"):
        finder(frame, columns={"landmarks": "mesh"}).find(0, PIXELS)
    with pytest.raises(DataError, match="no column 'points'; found path, mesh"):
        finder(frame, columns={"landmarks": "points"})
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"a.png: cannot be read as a label image"):
        finder(frame, region_masks={"folder": tmp_path, "labels": LABELS}, regions="template").find(0, PIXELS)
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"a.png: found mode RGB"):
        finder(frame, region_masks={"folder": tmp_path, "labels": LABELS}, regions="template").find(0, PIXELS)
    Image.fromarray(np.full((4, 4), 9, np.uint8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="found the label 9"):
        finder(frame, region_masks={"folder": tmp_path, "labels": LABELS}, regions="template").find(0, PIXELS)


def test_own_masks_reach_the_records_and_no_regions_means_none(notebook, tmp_path):
    (tmp_path / "masks").mkdir()
    for image in (notebook / "images").iterdir():
        Image.fromarray(quarters()).save(tmp_path / "masks" / f"{image.stem}.png")
    models = {"Custom CNN": {"checkpoint": notebook / "custom_cnn_best.pth"}}
    common = {"data": notebook / "processed_data.pkl", "models": models, "regions": "template", "experiments": "off"}
    masks = {"folder": tmp_path / "masks", "labels": LABELS}
    result = build(Config.model_validate({**common, "output": tmp_path / "own", "region_masks": masks}))
    analysis = read_analysis(result.analysis)
    assert set(analysis.faces.regions_from) == {"mask"}
    share = analysis.models[0].masks.mean(axis=(0, 2, 3))
    np.testing.assert_allclose(share[REGIONS.index("face")], 0.5, atol=1e-6)
    result = build(Config.model_validate({**common, "output": tmp_path / "none", "regions": "none"}))
    analysis = read_analysis(result.analysis)
    assert analysis.faces is None
    assert analysis.models[0].masks is None
    # What is told without regions is still told: nothing else is.
    tables = {one.stem for one in (result.analysis / "tables").glob("*.parquet")}
    assert tables and not tables & {"actions", "claims", "emotion_regions", "maps", "statistics", "use", "verdicts"}


def test_models_whose_cells_see_elsewhere_have_fractions_of_their_own() -> None:
    moved = CellGrid(CellAxis(4, 0.5 / 64, 16 / 64), CellAxis(4, 0.5 / 64, 16 / 64))
    settings = Config.model_validate({"regions": "template"})
    face = FaceFinder(settings, pd.DataFrame({"path": ["a.png"]}), [GRID, moved, GRID]).find(0, PIXELS)
    masks = face.masks
    assert set(masks) == {GRID, moved}
    np.testing.assert_array_equal(masks[moved], fractions_on_grids(face.landmarks.points, [moved])[0])
    assert np.abs(masks[moved] - masks[GRID]).max() > 0.2


@pytest.mark.parametrize("own", [False, True])
def test_a_model_that_sees_the_middle_has_the_fractions_of_the_middle(tmp_path, own: bool) -> None:
    """6 x 6 cells of the middle 192 of 256 pixels are the inner ones of 8 x 8."""
    cut, whole = CellGrid.even(6, 6), CellGrid.even(8, 8)
    spec = Preprocessing(width=192, height=192, resize="shortest edge", resize_to=256)
    Image.fromarray(quarters()).save(tmp_path / "a.png")
    settings = {"region_masks": {"folder": tmp_path, "labels": LABELS}} if own else {}
    config = Config.model_validate({"regions": "template", **settings})
    views = [view_of(cut, spec), view_of(whole, Preprocessing())]
    masks = FaceFinder(config, pd.DataFrame({"path": ["a.png"]}), views).find(0, PIXELS).masks
    np.testing.assert_allclose(masks[cut, spec], masks[whole][:, 1:7, 1:7], atol=1e-4)
    assert cut.within(spec.window(640, 640)).rows.centres.tolist() == whole.rows.centres[1:7].tolist()
