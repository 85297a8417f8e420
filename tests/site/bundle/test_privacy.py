"""A protected report gives away no pixel and no name: shown by what it depends on, and by searching every byte."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reportgen.config import Config
from reportgen.evidence.shortcuts.causes import PhotoSource
from reportgen.faces.align import canonical_points
from reportgen.progress import SilentProgress
from reportgen.site.bundle.privacy import mosaic, protect, tile_size
from reportgen.site.pictures.landmark_sketch import landmark_sketch
from reportgen.site.publish import Published, publish
from reportgen.site.report import DataNote, Report

PERSON = "Ada Lovelace"


def test_a_mosaic_by_hand() -> None:
    pixels = np.zeros((3, 4, 3), dtype=np.uint8)
    pixels[0, 0] = (8, 4, 255)
    pixels[2, 3] = (10, 20, 30)
    made = mosaic(pixels, 2)
    assert (made[:2, :2] == (2, 1, 64)).all()
    assert (made[2:, 2:] == (5, 10, 15)).all()  # the last row of tiles is one pixel high
    assert not made[:2, 2:].any() and not made[2:, :2].any()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_a_mosaic_knows_nothing_but_the_means_of_its_tiles(height: int, width: int, side: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    shuffled = pixels.copy()
    for top in range(0, height, side):
        for left in range(0, width, side):
            tile = shuffled[top : top + side, left : left + side]
            tile[...] = rng.permutation(tile.reshape(-1, 3)).reshape(tile.shape)
    made = mosaic(pixels, side)
    assert (made == mosaic(shuffled, side)).all()
    assert (made == mosaic(made, side)).all()
    assert made.shape == pixels.shape


def test_tiles_are_an_eighth_of_the_face_and_never_finer_than_a_sixteenth_of_the_picture() -> None:
    points = np.full((478, 2), 0.5)
    points[0, 0], points[1, 0] = 0.25, 0.75
    assert tile_size(350, 320, points) == 22  # a sixteenth of 350: an eighth of 160 would be 20
    points[0, 0], points[1, 0] = 0.1, 0.9
    assert tile_size(350, 320, points) == 32
    assert tile_size(100, 80, None) == 10
    assert tile_size(1, 1, None) == 1


def test_a_face_of_lines_has_two_tones_and_a_mouth_where_the_points_are() -> None:
    points = canonical_points()
    made = landmark_sketch(points, 200, 200)
    assert (made[..., 0] == made[..., 1]).all() and (made[..., 0] == made[..., 2]).all()
    assert made.min() == 74 and made.max() > 180
    x, y = points[61] * 200  # a corner of the mouth
    assert made[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].max() > 150
    moved = points.copy()
    moved[:, 1] += 0.1
    assert (landmark_sketch(moved, 200, 200) != made).any()


@pytest.fixture(scope="module")
def told(make_report: Callable[..., Report]) -> Report:
    """A report with a person's name wherever a report can hold one."""
    made = make_report(measured=True, shortcuts="shown", path=lambda row: f"/home/zebulon/{PERSON} {row:04d}.jpg")
    analysis = made.analysis
    images = analysis.images.assign(
        person=PERSON,
        perceptual_hash=[f"cafebabe{row:08x}" for row in range(len(analysis.images))],
        comment=f"taken by {PERSON}",
    )
    shortcuts, source = made.shortcuts, PhotoSource("picture size", ("50 x 40",), 26, 0)
    assert shortcuts is not None
    problems = analysis.problems.assign(
        path=f"/home/zebulon/{PERSON} broken.png", message=f"{PERSON} broken.png is no image; see {PERSON}.csv"
    )
    manifest = {
        **analysis.manifest,
        "data": {"source": "lovelace_patients.csv"},
        "notes": ["lovelace_patients.csv has no column of persons"],
    }
    models = tuple(
        replace(model, info={**model.info, "file": "lovelace.pth", "notes": ["lovelace.pth has no epoch"]})
        for model in analysis.models
    )
    return replace(
        made,
        analysis=replace(analysis, images=images, problems=problems, manifest=manifest, models=models),
        shortcuts=replace(shortcuts, causes=tuple(replace(cause, source=source) for cause in shortcuts.causes)),
        trained_on=np.arange(len(analysis.images)) % 2.0,
        data_notes=(DataNote("Left out", f"1 of 41: {PERSON} broken.png.", (f"{PERSON} broken.png",), serious=True),),
        command="reportgen build --data lovelace_patients.csv --model 'ResNet18=lovelace.pth'",
    )


def _publish(report: Report, folder: Path, **settings: Any) -> Published:
    return publish(report, folder, Config(**settings), SilentProgress())


def _contents(published: Published) -> dict[str, bytes]:
    """Every file that leaves the house: of the site, and of what was packed."""
    found = {
        path.relative_to(published.site).as_posix(): path.read_bytes()
        for path in sorted(published.site.rglob("*"))
        if path.is_file()
    }
    if published.zip is not None:
        with zipfile.ZipFile(published.zip) as archive:
            found |= {f"zip/{name}": archive.read(name) for name in archive.namelist()}
    return found


def _secrets(report: Report) -> list[str]:
    images = report.analysis.images
    words = ["lovelace", "zebulon", "taken by", "cafebabe"]
    return [*words, *images["image_id"], *(digest[:10] for digest in images["sha256"])]


@pytest.fixture(scope="module", params=["blur", "outline"])
def private(request: pytest.FixtureRequest, told: Report, tmp_path_factory: pytest.TempPathFactory) -> Published:
    return _publish(told, tmp_path_factory.mktemp(request.param), privacy=request.param)


def test_no_name_no_hash_and_no_column_of_the_users_is_told(told: Report, private: Published) -> None:
    contents = _contents(private)
    assert len(contents) > 100
    for secret in _secrets(told):
        for name, content in contents.items():
            assert secret.lower() not in name.lower(), name
            assert secret.lower().encode() not in content.lower(), f"{name} tells {secret}"


def test_the_search_would_have_found_them(told: Report, tmp_path: Path) -> None:
    contents = b"".join(_contents(_publish(told, tmp_path, zip=False)).values()).lower()
    secrets = ["lovelace", "taken by", *told.analysis.images["image_id"]]
    assert all(secret.encode() in contents for secret in secrets)


def _with_pictures(report: Report, load: Callable[[int], np.ndarray]) -> Report:
    return replace(report, load_image=load)


def test_an_outlined_report_does_not_depend_on_a_single_pixel(told: Report, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    first = _publish(told, tmp_path / "a", privacy="outline")
    second = _publish(_with_pictures(told, lambda row: noise), tmp_path / "b", privacy="outline")
    assert _contents(first) == _contents(second)


def test_a_blurred_report_depends_on_the_mosaics_alone(told: Report, tmp_path: Path) -> None:
    faces = told.analysis.faces
    assert faces is not None

    def coarse(row: int) -> np.ndarray:
        pixels = told.load_image(row)
        points = None if faces.source[row] == "template" else faces.points[row]
        return mosaic(pixels, tile_size(pixels.shape[0], pixels.shape[1], points))

    first = _publish(told, tmp_path / "a", privacy="blur")
    second = _publish(_with_pictures(told, coarse), tmp_path / "b", privacy="blur")
    assert _contents(first) == _contents(second)


def test_every_picture_that_was_drawn_of_a_photo_is_among_those_that_are_searched(
    told: Report, private: Published
) -> None:
    """Photos with and without a cue, swapped backgrounds and regions, and strips of photos are there, covered."""
    drawn = " ".join(_contents(private))
    for kind in ("-unchanged-", "-grey-", "-grey-added-", "transplant-background-", "-cue-both-", "transplant-0"):
        assert kind in drawn, kind
    pages = {name: (private.site / name).read_text(encoding="utf-8") for name in ("shortcuts.html", "index.html")}
    assert "strip-photos" in pages["shortcuts.html"] and "data-before-after" in pages["index.html"]
    assert "data-player" in (private.site / "models/custom-cnn.html").read_text(encoding="utf-8")


def test_a_mean_face_is_drawn_even_where_pictures_are_mosaics(told: Report, tmp_path: Path) -> None:
    first = _publish(told, tmp_path / "a", privacy="blur", zip=False)
    bright = np.full((60, 50, 3), 255, dtype=np.uint8)
    second = _publish(_with_pictures(told, lambda row: bright), tmp_path / "b", privacy="blur", zip=False)
    means = [{n: c for n, c in _contents(p).items() if "/mean-" in n} for p in (first, second)]
    assert len(means[0]) >= 4
    assert means[0] == means[1]


def test_protecting_a_plain_report_over_an_open_one_takes_no_picture_over(told: Report, tmp_path: Path) -> None:
    _publish(told, tmp_path / "a", zip=False)
    over = _publish(told, tmp_path / "a", zip=False, privacy="blur")
    fresh = _publish(told, tmp_path / "b", zip=False, privacy="blur")
    assert _contents(over) == _contents(fresh)


def test_numbers_stay_what_they_were(told: Report) -> None:
    assert protect(told, "none") is told
    made = protect(told, "outline")
    assert made.scores == told.scores
    assert made.mined.images == told.mined.images
    assert made.attention is not None and told.attention is not None
    before, after = told.attention.tables["statistics"], made.attention.tables["statistics"]
    assert after["share"].equals(before["share"])
    ids = dict(zip(told.analysis.images["image_id"], made.analysis.images["image_id"], strict=True))
    assert [ids[old] for old in before["image_id"]] == after["image_id"].tolist()
    assert made.command == "reportgen build --data (name withheld) --model 'ResNet18=(name withheld)'"


def test_a_model_named_like_a_file_keeps_its_name(make_report: Callable[..., Report], tmp_path: Path) -> None:
    made = protect(make_report(measured=True, models=("v1.pth", "v2.pth")), "outline")
    assert [score.name for score in made.scores] == [model.name for model in made.analysis.models]
    site = _publish(made, tmp_path).site
    assert "v1.pth" in (site / "index.html").read_text(encoding="utf-8")
