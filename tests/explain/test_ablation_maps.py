"""Maps by hiding places: worked by hand, and of a network that answers to one place only."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

from reportgen.config import Preprocessing
from reportgen.errors import BuildError
from reportgen.explain.ablation_maps import GRID, AblationExplainer, fill_cell, log_odds
from reportgen.explain.explainer import Question
from reportgen.models.registry import LoadedModel

SIZE = 28  # four pixels per cell
SPEC = Preprocessing(width=SIZE, height=SIZE, mean=(0.0,), std=(1.0,))
MASKS = np.zeros((0, *GRID), np.float32)


class Place(nn.Module):
    """The logit of class 1 is ten times the mean brightness of one cell, the others' are zero."""

    def __init__(self, row: int, column: int, gain: float = 10.0) -> None:
        super().__init__()
        self.rows, self.columns = (slice(4 * place, 4 * place + 4) for place in (row, column))
        self.gain = gain

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.gain * x[:, :, self.rows, self.columns].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(seen), seen, torch.zeros_like(seen)], dim=1)


def explained(
    module: nn.Module, *questions: Question, order: tuple[int, ...] = (0, 1, 2)
) -> tuple[npt.NDArray[np.float32], ...]:
    model = LoadedModel(module, "ONNX", "", 3, SPEC)
    with AblationExplainer(model, order) as explainer:
        found = explainer.explain(questions)
    assert found.null_mass.shape == (len(questions), 0) and np.isnan(found.peak_changed).all()
    return found.logits, found.maps


def bright(row: int, column: int, around: int = 40) -> npt.NDArray[np.uint8]:
    image = np.full((SIZE, SIZE, 3), around, np.uint8)
    image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 255
    return image


@pytest.mark.parametrize("place", [(0, 0), (2, 5), (6, 3), (6, 6)])
def test_only_the_place_that_a_network_answers_to_is_hot(place: tuple[int, int]) -> None:
    """The cell is 1 bright and 40/255 when filled from around: its drop in log-odds is worked by hand."""
    logits, maps = explained(Place(*place), Question(0, -1, bright(*place), MASKS))
    drop = 10 * (1 - 40 / 255)  # of the logit; the others' logarithm of two stays
    expected = np.zeros((3, *GRID))
    expected[1][place] = drop
    others = math.log(1 + math.exp(10)) - math.log(1 + math.exp(10 - drop))
    expected[0][place] = expected[2][place] = -others
    assert logits[0] == pytest.approx([0, 10, 0], abs=1e-4)
    assert np.allclose(maps[0], expected, atol=1e-3)


def test_classes_are_in_the_order_of_the_report_and_images_without_a_map_cost_one_pass() -> None:
    passes = []

    class Counted(Place):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            passes.append(len(x))
            return super().forward(x)

    mapped, bare = Question(0, -1, bright(1, 1), MASKS), Question(0, -1, bright(1, 1), MASKS, mapped=False)
    logits, maps = explained(Counted(1, 1), bare, mapped, bare, order=(1, 0, 2))
    assert np.allclose(logits, [[10, 0, 0]] * 3, atol=1e-4) and sum(passes) == 3 + GRID[0] * GRID[1]
    assert not maps[0].any() and not maps[2].any() and maps[1, 0].argmax() == 8


def test_a_network_that_does_not_look_has_an_empty_map() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    _, maps = explained(Place(0, 0, gain=0.0), Question(0, -1, noise, MASKS))
    assert not maps.any()


def test_a_hidden_cell_continues_its_surroundings() -> None:
    """On a picture that is one colour, or changes evenly, nothing is seen of the hiding; a mark is gone."""
    for plain in (
        np.full((SIZE, SIZE, 3), 77, np.uint8),
        np.tile(np.arange(SIZE, dtype=np.uint8) * 5, (SIZE, 1))[..., None],
    ):
        marked = plain.copy()
        marked[9:11, 9:11] = 255
        filled = fill_cell(marked, slice(8, 12), slice(8, 12))
        assert np.abs(filled.astype(int) - plain).max() <= 6
        outside = np.ones((SIZE, SIZE), bool)
        outside[8:12, 8:12] = False
        assert np.array_equal(filled[outside], marked[outside])


def test_corners_are_filled_from_the_two_sides_that_they_have() -> None:
    image = np.full((SIZE, SIZE, 1), 10, np.uint8)
    image[:4, :4] = 200
    assert (fill_cell(image, slice(0, 4), slice(0, 4)) == 10).all()


def test_log_odds_are_each_class_against_all_others() -> None:
    found = log_odds(np.log(np.array([[0.5, 0.25, 0.25], [0.8, 0.1, 0.1]])))
    assert found == pytest.approx(np.log([[1, 1 / 3, 1 / 3], [4, 1 / 9, 1 / 9]]))
    assert log_odds(np.array([-1.0, 1.0])) == pytest.approx([-2, 2])
    assert np.isfinite(log_odds(np.array([900.0, 0.0, -900.0]))).all()


def test_numbers_that_are_none_end_the_build() -> None:
    with pytest.raises(BuildError, match="NaN or infinity"):
        explained(Place(0, 0, gain=math.nan), Question(0, -1, bright(0, 0), MASKS))
