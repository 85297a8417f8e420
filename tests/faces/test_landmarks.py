from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest
from PIL import Image

from reportgen.errors import BuildError, DataError
from reportgen.faces import interpreter, landmarks
from reportgen.faces.align import canonical_points
from reportgen.faces.interpreter import SHA256, Network, data_file
from reportgen.faces.landmarks import ACTIONS, Landmarker, template
from reportgen.faces.warp import Square, cut, transform


@dataclass
class Scripted:
    """Stands in for a network: gives its answers in turn and keeps what it was asked."""

    answers: list[list[np.ndarray]]
    asked: list[np.ndarray] = field(default_factory=list)

    def __call__(self, values: np.ndarray) -> list[np.ndarray]:
        self.asked.append(values)
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def mesh_answer(presence: float, points: np.ndarray | None = None) -> list[np.ndarray]:
    """What the mesh says: points in pixels of its 256 x 256 input."""
    flat = np.zeros((478, 3), np.float32)
    # The median face drawn so large that the square around it is the square it was seen in.
    face = canonical_points()
    low, high = face.min(axis=0), face.max(axis=0)
    flat[:, :2] = ((face - (low + high) / 2) / (high - low).max() / 1.5 + 0.5) * 256 if points is None else points
    return [
        flat.reshape(1, 1, 1, -1),
        np.array([[[[logit(presence)]]]], np.float32),
        np.zeros((1, 1), np.float32),
    ]


def detector_answer(*faces: tuple[int, float]) -> list[np.ndarray]:
    """What the detector says when anchors see a face of a quarter of its input around themselves."""
    boxes, scores = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -50, np.float32)
    for anchor, score in faces:
        boxes[0, anchor, 2:4] = 32
        boxes[0, anchor, 4:8] = [-8, 0, 8, 0]  # the eyes, level
        scores[0, anchor, 0] = logit(score)
    return [boxes, scores]


def scripted(detector: list[np.ndarray], *mesh: list[np.ndarray]) -> Landmarker:
    found = Landmarker()
    found._detector = Scripted([detector])  # type: ignore[assignment]
    found._mesh = Scripted(list(mesh))  # type: ignore[assignment]
    return found


GREY = np.full((100, 200, 3), 128, np.uint8)
CENTRE = 2 * (16 * 8 + 8)  # an anchor of the 16 x 16 grid at (8.5, 8.5) cells


def test_shipped_files_are_those_of_the_list() -> None:
    shipped = {path.name for path in interpreter._DATA.iterdir()} - {"README.md"}
    assert shipped == set(SHA256)
    readme = (interpreter._DATA / "README.md").read_text(encoding="utf-8")
    for name, digest in SHA256.items():
        assert data_file(name)
        assert f"`{name}`" in readme and digest in readme


def test_a_damaged_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setitem(SHA256, "face_detector.tflite", "0" * 64)
    with pytest.raises(BuildError, match=r"sha256 is b4578f35940bf5a1\.\.\., expected 0000"):
        Network("face_detector.tflite")
    monkeypatch.setattr(interpreter, "_DATA", tmp_path)
    with pytest.raises(BuildError, match="cannot be read"):
        data_file("face_detector.tflite")


def test_action_names_fit_the_network() -> None:
    assert len(ACTIONS) == len(set(ACTIONS)) == 52
    assert len(landmarks._ACTION_POINTS) == len(set(landmarks._ACTION_POINTS)) == 146
    assert Network("face_blendshapes.tflite").shape == (1, 146, 2)


def test_nothing_is_written_to_the_terminal() -> None:
    program = (
        "import os, numpy as np\n"
        "from reportgen.faces.landmarks import Landmarker\n"
        "Landmarker().locate(np.zeros((40, 40, 3), np.uint8))\n"
        "os.write(2, b'still open')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"" and done.stderr == b"still open"


def test_other_lines_pass_while_the_greeting_is_kept_back(capfd: pytest.CaptureFixture[str]) -> None:
    import os

    with interpreter._quiet_creation():
        os.write(2, interpreter._CHATTER + b" for CPU.\na real warning\n")
    assert capfd.readouterr().err == "a real warning\n"


def test_noise_and_flat_pictures_get_the_template(landmarker: Landmarker) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3)).astype(np.uint8)
    for picture in (noise, np.zeros((350, 350, 3), np.uint8), np.full((1, 1, 3), 200, np.uint8)):
        found = landmarker.locate(picture)
        assert found.source == "template"
        assert found.presence < 0.5 and found.actions is None
        np.testing.assert_array_equal(found.points, canonical_points())


def test_fer2013_pictures_get_their_own_template() -> None:
    np.testing.assert_array_equal(template(48, 48).points, canonical_points("fer2013"))
    np.testing.assert_array_equal(template(48, 50).points, canonical_points("photo"))
    assert not np.array_equal(canonical_points("fer2013"), canonical_points("photo"))


def test_a_template_is_a_copy() -> None:
    template(10, 10).points[:] = 0
    assert template(10, 10).points.max() > 0


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros(5, np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3)),
        np.zeros((0, 5, 3), np.uint8),
    ],
)
def test_only_rgb_and_grey_are_accepted(landmarker: Landmarker, picture: np.ndarray) -> None:
    with pytest.raises(DataError, match="expected uint8"):
        landmarker.locate(picture)


def test_points_go_back_from_the_networks_square_to_the_image() -> None:
    # A 100 x 200 picture is padded to a square of 1.5 x 200 = 300; the anchor's face is a quarter of that
    # wide (75), centred half a cell (300 / 32) right of and below the middle; its square is 1.6 times that.
    low_left = np.full((478, 2), [0.0, 256.0])
    found = scripted(detector_answer((CENTRE, 0.9)), mesh_answer(0.8, low_left)).locate(GREY)
    x, y = 100 + 300 / 32, 50 + 300 / 32
    assert found.source == "detector" and found.presence == pytest.approx(0.8)
    np.testing.assert_allclose(found.points[0], [(x - 60) / 200, (y + 60) / 100], atol=1e-5)


def test_overlapping_detections_are_averaged_by_score_and_others_ignored() -> None:
    # The neighbouring anchor is one cell to the right (IoU 6/10); the far one is elsewhere and less sure.
    answers = detector_answer((CENTRE, 0.9), (CENTRE + 2, 0.6), (0, 0.7))
    landmarker = scripted(answers, mesh_answer(0.9))
    square = landmarker._detect(Image.fromarray(GREY))
    assert square is not None
    assert square.x == pytest.approx(100 + 300 / 32 + 300 / 16 * 0.6 / 1.5)
    assert square.y == pytest.approx(50 + 300 / 32)
    assert square.side == pytest.approx(75 * 1.6) and square.rotation == pytest.approx(0, abs=1e-9)


def test_tilted_eyes_turn_the_square() -> None:
    answers = detector_answer((CENTRE, 0.9))
    answers[0][0, CENTRE, 4:8] = [-8, -8, 8, 8]
    square = scripted(answers, mesh_answer(0.9))._detect(Image.fromarray(GREY))
    assert square is not None and square.rotation == pytest.approx(np.pi / 4)


def test_the_whole_crop_is_tried_when_nothing_is_detected() -> None:
    landmarker = scripted(detector_answer(), mesh_answer(0.7))
    assert landmarker.locate(GREY).source == "whole"
    assert len(landmarker._mesh.asked) == 1  # type: ignore[attr-defined]


def test_the_whole_crop_is_tried_when_the_mesh_denies_the_detection() -> None:
    landmarker = scripted(detector_answer((CENTRE, 0.9)), mesh_answer(0.01), mesh_answer(0.7))
    found = landmarker.locate(GREY)
    assert found.source == "whole" and found.presence == pytest.approx(0.7)


def test_the_template_keeps_the_best_score_of_the_failed_tries() -> None:
    found = scripted(detector_answer((CENTRE, 0.9)), mesh_answer(0.04), mesh_answer(0.3)).locate(GREY)
    assert found.source == "template" and found.presence == pytest.approx(0.3)


def off_centre() -> np.ndarray:
    return mesh_answer(0.9)[0].reshape(478, 3)[:, :2] + 64


def test_a_badly_placed_square_gets_a_second_look() -> None:
    landmarker = scripted(detector_answer((CENTRE, 0.9)), mesh_answer(0.9, off_centre()), mesh_answer(0.95))
    assert landmarker.locate(GREY).presence == pytest.approx(0.95)
    assert len(landmarker._mesh.asked) == 2  # type: ignore[attr-defined]


def test_a_second_look_that_is_clearly_worse_is_dropped() -> None:
    landmarker = scripted(detector_answer((CENTRE, 0.9)), mesh_answer(0.9, off_centre()), mesh_answer(0.5))
    assert landmarker.locate(GREY).presence == pytest.approx(0.9)


def test_the_whole_crop_gets_at_most_two_more_looks() -> None:
    landmarker = scripted(detector_answer(), mesh_answer(0.9, off_centre()))
    landmarker.locate(GREY)
    assert len(landmarker._mesh.asked) == 3  # type: ignore[attr-defined]


def test_grey_and_colour_take_the_same_path() -> None:
    ramp = np.tile(np.arange(60, dtype=np.uint8)[None, :, None] * 4, (50, 1, 3))
    square = Square(33, 21, 40, 0.3)
    grey, colour = cut(Image.fromarray(ramp[..., 0]), square, 32), cut(Image.fromarray(ramp), square, 32)
    assert grey.ndim == 2 and colour.ndim == 3
    np.testing.assert_array_equal(np.repeat(grey[..., None], 3, axis=2), colour)


def test_a_cut_without_scaling_copies_pixels_and_blackens_the_outside() -> None:
    picture = np.random.default_rng(1).integers(1, 256, (8, 8, 3)).astype(np.uint8)
    found = cut(Image.fromarray(picture), Square(4, 4, 12), 12)
    np.testing.assert_array_equal(found[2:10, 2:10], picture)
    assert found[:2].max() == 0 and found[:, 10:].max() == 0


def test_a_quarter_turn_is_exact() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    # The cut-out's right is the picture's down. Pillow drops the fraction of a grey level.
    found = cut(Image.fromarray(picture), Square(3, 3, 6, np.pi / 2), 6)
    assert np.abs(found.astype(int) - np.rot90(picture, 1)).max() <= 1


def test_strong_reduction_averages_instead_of_skipping_pixels() -> None:
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 200
    small = np.asarray(transform(Image.fromarray(stripes), np.array([[8.0, 0, 0], [0, 8.0, 0]]), 8, 8))
    np.testing.assert_array_equal(small, 100)


@pytest.mark.real
def test_faces_are_found_the_same_way_every_time_and_in_every_thread(
    landmarker: Landmarker, photos: list[np.ndarray]
) -> None:
    alone = [landmarker.locate(photo) for photo in photos]
    assert np.mean([found.source != "template" for found in alone]) >= 0.97

    def half(which: int) -> list[landmarks.Landmarks]:
        own = Landmarker()
        return [own.locate(photo) for photo in photos[which::2]]

    with ThreadPoolExecutor(2) as pool:
        shared = list(pool.map(landmarker.locate, photos))
        even, odd = pool.map(half, (0, 1))
    for one, other, own in zip(alone, shared, [x for pair in zip(even, odd, strict=True) for x in pair], strict=True):
        np.testing.assert_array_equal(one.points, other.points)
        np.testing.assert_array_equal(one.points, own.points)
        assert one.presence == own.presence and one.source == own.source


@pytest.mark.real
def test_points_follow_the_face(landmarker: Landmarker, photos: list[np.ndarray]) -> None:
    # Mirrored pictures give mirrored points (right and left eye corner, mouth corner and brow change places),
    # and larger ones the same fractions.
    swap = [(33, 263), (61, 291), (105, 334), (4, 4), (152, 152)]
    distances = []
    for photo in photos[:20]:
        found = landmarker.locate(photo)
        mirrored = landmarker.locate(np.ascontiguousarray(photo[:, ::-1]))
        larger = landmarker.locate(np.repeat(np.repeat(photo, 3, axis=0), 3, axis=1))
        for right, left in swap:
            distances.append(
                np.abs(found.points[right] - [1 - mirrored.points[left, 0], mirrored.points[left, 1]]).max()
            )
            distances.append(np.abs(found.points[right] - larger.points[right]).max())
    assert np.median(distances) < 0.01 and np.quantile(distances, 0.95) < 0.05


@pytest.mark.real
def test_actions_tell_smiles_and_open_mouths(landmarker: Landmarker, photos: list[np.ndarray]) -> None:
    # Against plain geometry: a wide mouth with raised corners, and the gap between the lips.
    smile, gap, wide, opened = [], [], [], []
    for photo in photos:
        found = landmarker.locate(photo)
        if found.actions is None:
            continue
        height, width = photo.shape[:2]
        p = found.points * (width, height)
        eyes = np.linalg.norm(p[263] - p[33])
        wide.append(np.linalg.norm(p[291] - p[61]) / eyes)
        opened.append(np.linalg.norm(p[14] - p[13]) / eyes)
        smile.append(found.actions[[ACTIONS.index("mouthSmileLeft"), ACTIONS.index("mouthSmileRight")]].mean())
        gap.append(found.actions[ACTIONS.index("jawOpen")])
        assert found.actions.min() >= 0 and found.actions.max() <= 1
    assert np.corrcoef(smile, wide)[0, 1] > 0.5
    assert np.corrcoef(gap, opened)[0, 1] > 0.5
