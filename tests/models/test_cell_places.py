"""Measured places of cells against the arithmetic of receptive fields."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from reportgen.cell_grid import CellAxis, CellGrid
from reportgen.config import ModelConfig, Preprocessing
from reportgen.models.cell_places import axis_of_centres, exact_stride, measure_cells
from reportgen.models.layouts import CHANNELS_FIRST
from reportgen.models.registry import build_model


def arithmetic(layers: list[tuple[int, int, int]], size: int) -> tuple[int, float, float]:
    """Cells, centre of the first in pixels from the edge, and pixels to the next, after (kernel, stride, padding) each.

    Araujo, Norris and Sim, Computing receptive fields of convolutional neural networks, Distill 2019.
    """
    first, jump = 0.5, 1
    for kernel, stride, padding in layers:
        first += ((kernel - 1) / 2 - padding) * jump
        jump *= stride
        size = (size + 2 * padding - kernel) // stride + 1
    return size, first, float(jump)


def network(rng: np.random.Generator, height: int, width: int) -> tuple[nn.Module, list[tuple[int, int, int]]]:
    """Convolutions and poolings with random kernels, strides and paddings, until a map of at least 4 x 4 is left."""
    layers, modules, channels = [], [], 3
    for _ in range(12):
        kind = rng.choice(["conv", "max", "mean"], p=[0.7, 0.15, 0.15])
        kernel, stride = int(rng.integers(1, 6)), int(rng.integers(1, 4))
        padding = int(rng.integers(0, kernel // 2 + 1))
        smallest = min(arithmetic([*layers, (kernel, stride, padding)], side)[0] for side in (height, width))
        if smallest < 4 or kernel < stride:
            continue
        layers.append((kernel, stride, padding))
        if kind == "conv":
            modules += [nn.Conv2d(channels, 6, kernel, stride, padding), nn.BatchNorm2d(6), nn.ReLU()]
            channels = 6
        else:
            modules.append((nn.MaxPool2d if kind == "max" else nn.AvgPool2d)(kernel, stride, padding))
    return nn.Sequential(*modules), layers


def measured(net: nn.Module, height: int, width: int, layer: str = "body") -> CellGrid | None:
    whole = nn.Sequential()
    whole.add_module("body", net)
    return measure_cells(whole.eval().requires_grad_(False), layer, CHANNELS_FIRST, torch.zeros(1, 3, height, width))


@pytest.mark.parametrize("seed", range(40))
def test_the_measurement_is_what_arithmetic_gives(seed: int) -> None:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    height, width = int(rng.integers(48, 97)), int(rng.integers(48, 97))
    net, layers = network(rng, height, width)
    grid = measured(net, height, width)
    expected = []
    for size in (height, width):
        count, first, step = arithmetic(layers, size)
        expected.append(CellAxis(count, first / size, step / size))
    if not all(axis.fits for axis in expected):
        assert grid is None  # padded so much that the outermost cells see nothing of the picture
        return
    assert grid is not None
    for axis, known in zip((grid.rows, grid.columns), expected, strict=True):
        assert axis.count == known.count
        assert (axis.first, axis.step) == pytest.approx((known.first, known.step))


class Same(nn.Conv2d):
    """A convolution padded as TensorFlow does it: what is odd of the padding goes behind."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pad = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pad += [total // 2, total - total // 2]
        return nn.functional.conv2d(nn.functional.pad(x, pad), self.weight, self.bias, self.stride)


def strided(kind: type[nn.Conv2d], stages: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for k in range(stages):
        extra = {} if kind is Same else {"padding": 1}
        layers += [kind(8 if k else 3, 8, 3, 2, **extra), nn.BatchNorm2d(8), nn.ReLU6()]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(("kind", "first"), [(nn.Conv2d, 0.5), (Same, 31.5)])
def test_paddings_move_the_cells_up_or_down_by_half_a_cell(kind: type[nn.Conv2d], first: float) -> None:
    torch.manual_seed(0)
    grid = measured(strided(kind, 5), 160, 224)
    assert grid == CellGrid(CellAxis(5, first / 160, 32 / 160), CellAxis(7, first / 224, 32 / 224))


def test_strides_that_cut_patches_leave_the_cells_where_they_are() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.GroupNorm(1, 16), nn.Conv2d(16, 8, 2, 2), nn.GELU())
    assert measured(net, 64, 96) == CellGrid.even(8, 12)


def test_the_measurement_depends_on_neither_weights_nor_threads() -> None:
    found = set()
    for seed, threads in ((0, 1), (1, 2), (2, 1)):
        torch.manual_seed(seed)
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        net = strided(nn.Conv2d, 4)
        nn.init.uniform_(net[1].running_mean, -3, 3)
        nn.init.normal_(net[4].weight)
        found.add(measured(net, 96, 96))
        torch.set_num_threads(before)
    assert found == {CellGrid(CellAxis(6, 0.5 / 96, 16 / 96), CellAxis(6, 0.5 / 96, 16 / 96))}


def test_a_forward_without_gradients_is_not_clear() -> None:
    class Frozen(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.last = nn.Conv2d(3, 4, 4, 4), nn.Conv2d(4, 4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            with torch.no_grad():
                x = self.stem(x)
            return self.last(x)

    assert measured(Frozen(), 32, 32) is None


def test_weights_and_hooks_are_as_before() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(strided(nn.Conv2d, 2), nn.MaxPool2d(2))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert measured(net, 32, 32) is not None
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(module._forward_hooks for module in net.modules())


def test_a_factory_s_network_is_measured_and_what_is_not_clear_is_said(tmp_path, monkeypatch) -> None:
    (tmp_path / "geometry_factory.py").write_text(
        "import torch\nfrom torch import nn\n\n\nclass Net(nn.Module):\n"
        "    def __init__(self, blind=False):\n        super().__init__()\n        self.blind = blind\n"
        "        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU(),\n"
        "                                  nn.Conv2d(4, 4, 3, 2, 1))\n        self.last = nn.Conv2d(4, 4, 1)\n"
        "        self.head = nn.Linear(4, 3)\n"
        "    def forward(self, x):\n        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.blind):\n"
        "            x = self.body(x)\n        return self.head(self.last(x).mean((2, 3)))\n\n\n"
        "def blind():\n    return Net(True)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import geometry_factory  # type: ignore[import-not-found]

    torch.manual_seed(0)
    state = geometry_factory.Net().state_dict()
    settings = {"checkpoint": tmp_path / "m.pth", "preprocessing": Preprocessing(width=48, height=32)}
    seen = build_model("m", state, ModelConfig(factory="geometry_factory:Net", **settings))
    assert seen.cells == CellGrid(CellAxis(8, 0.5 / 32, 4 / 32), CellAxis(12, 0.5 / 48, 4 / 48))
    assert not seen.notes
    blind = build_model("m", state, ModelConfig(factory="geometry_factory:blind", **settings))
    assert blind.cells is None
    assert any("could not be measured" in note for note in blind.notes)


@pytest.mark.parametrize(
    ("centres", "expected"),
    [
        # Two measurements each of cells 2 and 3 of 7, 224 pixels.
        ([80.0, 80.0, 112.0, 112.0], CellAxis.even(7)),
        ([64.5, 64.5, 96.5, 96.5], CellAxis(7, 0.5 / 224, 32 / 224)),
        ([95.5, 95.5, 127.5, 127.5], CellAxis(7, 31.5 / 224, 32 / 224)),
        ([78.5, 78.5, 110.5, 110.5], CellAxis(7, 14.5 / 224, 32 / 224)),
        # With noise: the usual place that is near.
        ([79.0, 81.4, 111.2, 114.0], CellAxis.even(7)),
        ([63.0, 67.0, 95.0, 99.0], CellAxis(7, 0.5 / 224, 32 / 224)),
        # With noise between the usual places, without any distance between cells, without a gradient.
        ([70.0, 74.0, 102.0, 107.0], None),
        ([111.0, 111.0, 113.0, 113.0], None),
        ([float("nan")] * 4, None),
    ],
)
def test_lattice_of_measurements(centres: list[float], expected: CellAxis | None) -> None:
    found = axis_of_centres([2, 2, 3, 3], centres, 7, 224)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found.count == 7
        np.testing.assert_allclose([found.first, found.step], [expected.first, expected.step])


def test_strides_without_noise_are_whole_numbers_and_serve_both_axes() -> None:
    assert exact_stride([2, 3, 2, 3], [28.5, 46.5, 28.5, 46.5]) == 18
    assert exact_stride([2, 3, 2, 3], [28.5, 46.5, 28.9, 46.5]) is None
    assert exact_stride([2, 3, 2, 3], [28.5, 44.9, 28.5, 44.9]) is None
    # The picture's edge cuts off what cell 1 of 5 sees, so 13.2 pixels are measured where there are 18.
    found = axis_of_centres([1, 1, 2, 2], [15.3, 15.3, 28.5, 28.5], 5, 67, 18)
    assert found is not None
    assert (found.first * 67, found.step * 67) == pytest.approx((-7.5, 18))
    assert axis_of_centres([1, 1, 2, 2], [15.3, 15.3, 28.5, 28.5], 5, 67) != found
