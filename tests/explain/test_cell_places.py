"""Places planted into pictures are found again where they are: by the regions' shares and in the drawn map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from reportgen.cell_grid import CellGrid
from reportgen.config import ModelConfig, Preprocessing
from reportgen.evidence.attention.map_statistics import areas, describe
from reportgen.explain.explainer import Explainer, Question
from reportgen.faces.regions import REGIONS, fractions_of_map
from reportgen.models.registry import build_model
from reportgen.site.pictures.overlays import upsample

SIDE = 224
SPEC = Preprocessing(width=SIDE, height=SIDE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
EVEN = CellGrid.even(7, 7)
MOUTH = REGIONS.index("mouth")
# A network that answers to brightness: five 3 x 3 convolutions that smooth and halve, as the stages of a ResNet do.
NETWORK = """
import torch
from torch import nn


def bright():
    smooth = torch.tensor([1.0, 2.0, 1.0]) / 4
    layers = []
    for stage in range(5):
        conv = nn.Conv2d(1 if stage else 3, 1, 3, 2, 1, bias=False)
        conv.weight.data[:] = smooth[:, None] * smooth
        layers += [conv, nn.ReLU()]
    head = nn.Linear(1, 2, bias=False)
    head.weight.data[:] = torch.tensor([[1.0], [-1.0]])
    return nn.Sequential(nn.Sequential(*layers), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)
"""


def squares() -> list[tuple[int, int]]:
    """Upper left corners of squares of 32 x 32 pixels: in the four corners of the picture, and twelve inside."""
    corners = [(y, x) for y in (0, SIDE - 32) for x in (0, SIDE - 32)]
    rng = np.random.default_rng(0)
    return [*corners, *(tuple(place) for place in rng.integers(48, 112, (12, 2)).tolist())]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[CellGrid, np.ndarray]:
    """Where the cells of the network see, and its map of each square."""
    folder: Path = tmp_path_factory.mktemp("network")
    (folder / "bright_network.py").write_text(NETWORK)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        import bright_network  # type: ignore[import-not-found]

        net: nn.Module = bright_network.bright()
        config = ModelConfig(
            checkpoint=folder / "m.pth", factory="bright_network:bright", target_layer="0", preprocessing=SPEC
        )
        model = build_model("m", net.state_dict(), config)
    questions = []
    with Explainer(model, range(2), "gradcam", torch.device("cpu")) as explainer:
        for y, x in squares():
            picture = np.zeros((SIDE, SIDE, 3), np.uint8)
            picture[y : y + 32, x : x + 32] = 255
            questions.append(Question(0, 0, picture, np.zeros((len(REGIONS), *explainer.grid.shape), np.float32)))
        return explainer.grid, explainer.explain(questions).maps[:, 0]


def shares(maps: np.ndarray, grid: CellGrid) -> tuple[np.ndarray, np.ndarray]:
    """(n, R) shares and areas, where the user's label image says that the square is a mouth."""
    labels = np.full((len(maps), SIDE, SIDE), REGIONS.index("background"), np.uint8)
    for row, (y, x) in enumerate(squares()):
        labels[row, y : y + 32, x : x + 32] = MOUTH
    masks = np.stack([fractions_of_map(image, grid) for image in labels])
    return describe(maps, masks, grid=grid).share, areas(masks)


def test_the_heat_is_drawn_on_the_square(found: tuple[CellGrid, np.ndarray]) -> None:
    grid, maps = found
    assert grid.offset == pytest.approx((-15.5 / 32, -15.5 / 32))
    pixels = np.arange(SIDE) + 0.5
    for (y, x), heat, usual in zip(
        squares()[4:], upsample(maps, SIDE, SIDE, grid)[4:], upsample(maps, SIDE, SIDE, EVEN)[4:], strict=True
    ):
        for drawn, off in ((heat, 0.0), (usual, 15.5)):
            centre = drawn.sum(axis=1) @ pixels / drawn.sum(), drawn.sum(axis=0) @ pixels / drawn.sum()
            assert centre == pytest.approx((y + 16 + off, x + 16 + off), abs=1.5)


def test_the_square_is_enriched_where_it_is(found: tuple[CellGrid, np.ndarray]) -> None:
    grid, maps = found
    right, usual = (share[:, MOUTH] / area[:, MOUTH] for share, area in (shares(maps, g) for g in (grid, EVEN)))
    # In the corners the share is the same either way: the cells at the edge have more or less of the picture.
    assert right[:4].min() > 10
    assert (right[:4] > 0.95 * usual[:4]).all()
    # Inside, half of the heat would count for what lies below and to the right of the square.
    assert right[4:].mean() > 1.6 * usual[4:].mean()
    assert (right[4:] > 0.9 * usual[4:]).all()
