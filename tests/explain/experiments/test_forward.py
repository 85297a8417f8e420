"""Pictures are shown once: what a model saw in the pass, or earlier in a build, it is not asked again."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from reportgen.config import ModelConfig, Preprocessing
from reportgen.explain.experiments.experiment import PictureJob, Pictures, picture_digest
from reportgen.explain.experiments.forward import Featured, Forward, run_jobs
from reportgen.explain.tuning import Tuning
from reportgen.models.architectures.custom_cnn import CustomCNN
from reportgen.models.preprocessing import resize
from reportgen.models.registry import build_model

CPU = torch.device("cpu")


class Folder:
    """What `Pictures` reads of a test set: image files by number."""

    def __init__(self, folder: Path, *pictures: np.ndarray) -> None:
        self._folder = folder
        for number, pixels in enumerate(pictures):
            Image.fromarray(pixels).save(folder / f"{number}.png")

    def read_bytes(self, row: int) -> bytes:
        return (self._folder / f"{row}.png").read_bytes()


class Means(Forward):
    """A model that answers with a picture's mean, and notes what it was shown."""

    def __init__(self, passed: dict[int, float] | None = None) -> None:
        self.shown: list[int] = []
        self._from_passed, self._answered = passed or {}, {}

    def _from_pass(self, row: int, original: np.ndarray, picture: np.ndarray) -> np.ndarray | None:
        return np.array([self._from_passed[row]], np.float32) if row in self._from_passed else None

    def logits(self, pictures: list[np.ndarray]) -> np.ndarray:
        self.shown += [int(picture.mean()) for picture in pictures]
        return np.array([[picture.mean()] for picture in pictures], np.float32)


def flat(value: int, side: int = 8) -> np.ndarray:
    return np.full((side, side, 3), value, np.uint8)


def job(*values: int) -> PictureJob:
    return PictureJob(len(values), lambda _: [flat(value) for value in values])


def test_pictures_that_are_equal_are_shown_once_and_answered_in_order(tmp_path: Path) -> None:
    first, second = Means(), Means()
    pictures = Pictures(Folder(tmp_path), [], 8)
    told: list[int] = []
    found = run_jobs({"a": first}, [job(3, 5, 3), job(5, 7)], pictures, 1, told.append)
    assert found["a"][:, 0].tolist() == [3, 5, 3, 5, 7]
    assert first.shown == [3, 5, 7]
    assert told == [3, 2]
    # Another experiment of the same build; a model that comes later has seen nothing.
    found = run_jobs({"a": first, "b": second}, [job(7, 9)], pictures, 1, told.append)
    assert found["a"][:, 0].tolist() == found["b"][:, 0].tolist() == [7, 9]
    assert (first.shown, second.shown) == ([3, 5, 7, 9], [7, 9])


def test_an_unchanged_image_has_the_answer_of_the_pass(tmp_path: Path) -> None:
    pictures = Pictures(Folder(tmp_path, flat(3), flat(5)), [0, 1], 8)
    model = Means({1: 50.0})
    unchanged = PictureJob(3, lambda read: [read[0], read[1], flat(9)])
    found = run_jobs({"a": model}, [unchanged], pictures, 1, lambda _: None)
    assert found["a"][:, 0].tolist() == [3, 50, 9]
    assert model.shown == [3, 9]


def test_digests_tell_pixels_and_shapes_apart() -> None:
    one = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert picture_digest(one) == picture_digest(one[:, ::-1][:, ::-1])
    assert len({picture_digest(picture) for picture in (one, one[::-1], one.reshape(2, 8, 3))}) == 3


@pytest.mark.parametrize(
    ("side", "precision", "is_known"), [(48, "float32", True), (32, "float32", False), (48, "bf16", False)]
)
def test_the_pass_is_asked_only_if_it_saw_the_same_pixels_in_the_same_precision(
    tmp_path: Path, side: int, precision: str, is_known: bool
) -> None:
    original = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    spec = Preprocessing(width=48, height=48)
    model = build_model(
        "m", CustomCNN().eval().state_dict(), ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec)
    )
    picture = Pictures(Folder(tmp_path, original), [0], side)[0]
    expected = model.module(
        (torch.tensor(resize(original, spec) / 255.0).permute(2, 0, 1) - torch.tensor(spec.mean)[:, None, None])
        .div(torch.tensor(spec.std)[:, None, None])
        .float()[None]
    )
    passed = expected.detach().numpy()
    forward = Forward(model, range(7), CPU, Tuning(4, precision), passed)
    known = forward._from_pass(0, original, picture)
    assert (known is not None) == is_known
    if known is not None:
        assert np.allclose(known, forward.logits([picture])[0], atol=1e-5)


def test_features_come_with_the_logits_that_the_last_layer_makes_of_them(tmp_path: Path) -> None:
    original = np.random.default_rng(1).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    spec = Preprocessing(width=48, height=48)
    network = CustomCNN().eval()
    model = build_model("m", network.state_dict(), ModelConfig(checkpoint=tmp_path / "m", preprocessing=spec))
    last = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
    width = last.in_features
    order = [6, 5, 4, 3, 2, 1, 0]
    passed, features = np.full((1, 7), 3.0, np.float32), np.full((1, width), 2.0, np.float32)
    forward = Forward(model, order, CPU, Tuning(2, "float32"), passed, features)
    pictures = Pictures(Folder(tmp_path, original), [0], 48)
    shown = [pictures[0], 255 - pictures[0], flat(9, 48), flat(90, 48)]
    found = run_jobs({"a": Featured(forward)}, [PictureJob(4, lambda _: shown)], pictures, 1, lambda _: None)["a"]
    assert found.shape == (4, 7 + width)
    assert (found[0] == np.concatenate([passed[0], features[0]])).all()  # as in the pass, not shown again
    weights, bias = last.weight.detach().numpy()[order], last.bias.detach().numpy()[order]
    assert np.allclose(found[1:, 7:] @ weights.T + bias, found[1:, :7], atol=1e-4)
    assert np.ptp(found[1:, 7:], axis=0).max() > 0
    # What comes without features later is known already.
    bare = run_jobs({"a": forward}, [PictureJob(4, lambda _: shown)], pictures, 1, lambda _: None)["a"]
    assert np.array_equal(bare, found[:, :7])
