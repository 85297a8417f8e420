from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reportgen.commands.face_sheet import draw, draw_angles, main
from reportgen.faces.head_pose import mean_face, rotation_of
from reportgen.faces.landmarks import Landmarks, template


def test_outlines_are_drawn_where_the_regions_are() -> None:
    face = template(100, 50)
    tile = np.asarray(draw(np.zeros((100, 50, 3), np.uint8), face, 200)).astype(int)
    assert tile.shape == (200, 200, 3)
    lit = tile.max(axis=2) > 60

    def near(x: float, y: float) -> bool:
        return bool(lit[int(y) - 8 : int(y) + 8, int(x) - 8 : int(x) + 8].any())

    assert all(near(x, y) for x, y in face.points[[61, 291, 2, 234, 105]] * 200)  # mouth, nose, oval, brow
    assert not any(near(x, y) for x, y in face.points[[50, 280, 151]] * 200)  # cheeks, forehead


def test_axes_turn_with_the_head() -> None:
    turned = rotation_of(30.0, 0.0, 0.0)
    flat = (mean_face() @ turned.T)[:, :2] * (1, -1)
    points = ((flat - flat.min(axis=0)) / np.ptp(flat, axis=0).max() * 0.6 + 0.2).astype(np.float32)
    tile = np.asarray(draw_angles(np.zeros((90, 90, 3), np.uint8), Landmarks(points, 1.0, "given", None), 200))
    nose = points[4] * 200
    blue = np.argwhere((tile[..., 2] > 150) & (tile[..., 0] < 140) & (tile[..., 1] < 180))[:, ::-1]
    # A tile is drawn at twice its size.
    far = blue[np.linalg.norm(blue - nose, axis=1).argmax()]
    assert np.allclose(far - nose, (0.7 * 200 / 2 * np.sin(np.radians(30)), 0), atol=4)


def test_the_command_draws_images_at_random(tmp_path: Path) -> None:
    for index in range(5):
        Image.new("RGB", (30 + index, 40), (50 + index * 40, 0, 0)).save(tmp_path / f"{index}.png")

    def reds(name: str, *options: str) -> set[int]:
        out = tmp_path / name
        assert main([str(tmp_path), "--out", str(out), *options]) == 0
        with Image.open(out) as page:
            assert page.size == (1600, 200)
            found = {page.getpixel((200 * column + 100, 8))[0] for column in range(8)}  # type: ignore[index]
        out.unlink()
        return found - {0}

    assert reds("all.png") == {50, 90, 130, 170, 210}
    draws = [reds("some.png", "--n", "2", "--seed", str(seed)) for seed in range(6)]
    assert all(len(draw) == 2 for draw in draws) and len({tuple(sorted(draw)) for draw in draws}) > 1
    assert draws[0] == reds("again.png", "--n", "2", "--seed", "0")


def test_a_folder_without_images_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "x.png")]) == 2
    assert "found no images" in capsys.readouterr().err


def test_an_unreadable_image_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    assert main([str(tmp_path), "--out", str(tmp_path / "x.png")]) == 2
    assert "broken.png" in capsys.readouterr().err


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (30, 40)).save(tmp_path / "a.png")
    assert main([str(tmp_path), "--out", str(tmp_path / "missing" / "x.png")]) == 1
    assert "cannot be written" in capsys.readouterr().err
